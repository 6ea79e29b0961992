"""The documentation says what the code does, and its links lead somewhere."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from server.cli import app
from server.settings import Settings
from tests.docs.generate import DOCS, pages

ROOT = DOCS.parent
PAGES = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")])


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.name)
def test_generated_pages_are_current(path: Path) -> None:
    assert _read(path) == pages()[path], "run `make docs`"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", _read(path)):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        file, _, anchor = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        if not there.exists() or (anchor and anchor not in _anchors(there)):
            broken.append(target)
    assert broken == []


def _anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", _read(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads(_read(ROOT / "pyproject.toml"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[\[<>=!; ]", each)[0] for each in wanted}
    package = json.loads(_read(ROOT / "static" / "package.json"))
    names |= {*package["dependencies"], *package["devDependencies"]}
    page = _read(DOCS / "dependencies.md")
    missing = {name for name in names if name not in page and not name.startswith("@tiptap/")}
    assert missing == set()


def test_every_pinned_library_is_pinned_by_hash_and_no_index_is_named() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        text = _read(ROOT / name)
        assert "://" not in text
        pins = re.split(r"^(?=[a-zA-Z])", text, flags=re.MULTILINE)[1:]
        assert len(pins) > 50
        for pin in pins:
            assert re.match(r"[\w.-]+==\S+", pin), pin
            assert "--hash=sha256:" in pin, pin


def test_every_dependency_is_pinned() -> None:
    project = tomllib.loads(_read(ROOT / "pyproject.toml"))["project"]
    for name, wanted in (
        ("requirements.txt", project["dependencies"]),
        ("requirements-dev.txt", project["optional-dependencies"]["dev"]),
    ):
        pinned = {_plain(pin) for pin in re.findall(r"^([\w.-]+)==", _read(ROOT / name), re.MULTILINE)}
        assert {_plain(re.split(r"[\[<>=!; ]", each)[0]) for each in wanted} <= pinned


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_job_is_explained() -> None:
    source = _read(ROOT / "server" / "worker.py")
    jobs = set(re.findall(r"^async def ([a-z_]+)\(ctx", source, re.MULTILINE))
    assert len(jobs) >= 3
    page = _read(DOCS / "operations.md")
    assert {job for job in jobs if f"`{job}`" not in page} == set()


def test_settings_and_commands_that_pages_name_exist() -> None:
    variables = {f"QUILLROOM_{name.upper()}" for name in Settings.model_fields}
    commands = {command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands}
    commands |= {group.name or "" for group in app.registered_groups}
    for path in PAGES:
        text = _read(path)
        assert set(re.findall(r"QUILLROOM_[A-Z_]+[A-Z]", text)) <= variables, path.name
        assert set(re.findall(r"(?:`|bin/)quillroom ([a-z]+)", text)) <= commands, path.name


def test_every_close_code_is_in_the_table_with_whether_to_come_back() -> None:
    from realtime import close

    table = _read(DOCS / "protocol.md").split("## Close codes\n", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| (\d{4}) \| (\S+) \| (yes|no) \| (.+) \|$", table, re.MULTILINE)
    told = [(int(code), name, back == "yes", meaning) for code, name, back, meaning in rows]
    # Where a reason ends with a window for the return, the page explains the window once, above the table.
    known = [(each.code, each.name, each.come_back, each.reason.partition(" retry-after")[0]) for each in close.ALL]
    assert told == known
