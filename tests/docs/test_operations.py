"""The commands that docs/operations.md prints are run as they stand there."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.generate import DOCS
from tests.running import Installation, create_document, read_text

PAGE = (DOCS / "operations.md").read_text(encoding="utf-8")
LIMIT_SECONDS = 60

pytestmark = pytest.mark.timeout(240)


def _commands(heading: str) -> list[str]:
    """The `sh` blocks under a heading."""
    section = PAGE.split(f"{heading}\n", 1)[1]
    section = re.split(r"^#{2,3} ", section, maxsplit=1, flags=re.MULTILINE)[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


@pytest.fixture
def place(short_dir: Path) -> Iterator[Path]:
    """A directory like a checkout: with `.venv`, and `data` when an installation has run."""
    directory = short_dir / "backup"
    directory.mkdir()
    (directory / ".venv").symlink_to(sys.prefix)
    yield directory


def _run(place: Path, commands: list[str]) -> None:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(commands)],
        cwd=place,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_backup_of_private_servers_comes_back(place: Path) -> None:
    back_up, restore = _commands("## Back up"), _commands("### Restore")
    assert (len(back_up), len(restore)) == (2, 1)
    first, second = Installation(place), Installation(place)
    second.settings["QUILLROOM_DATA_DIR"] = str(place / "restored")
    try:
        first.start()
        first.create_user("ada@example.org", "Ada")
        token = first.create_token("ada@example.org")
        with first.client(token) as api:
            document_id = create_document(api, title="Kept", content="In the backup.")
        (place / "data" / "assets" / "probe").write_bytes(b"a picture")
        _run(place, back_up)
        first.stop()

        second.start()
        _run(place, [back_up[0].splitlines()[0], *restore])
        second.stop()
        second.start()
        with second.client(token) as api:
            assert "In the backup." in read_text(api, document_id)
        assert (place / "restored" / "assets" / "probe").read_bytes() == b"a picture"
    finally:
        first.stop()
        second.stop()


def test_services_start_commands_that_exist() -> None:
    units = re.findall(r"```ini\n(.*?)```", PAGE, re.DOTALL)
    assert len(units) == 2
    scripts = tomllib.loads((DOCS.parent / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
    for unit in units:
        start = re.search(r"^ExecStart=\S+/\.venv/bin/(\S+) (serve|worker)\b", unit, re.MULTILINE)
        assert start is not None
        assert start[1] in scripts
