"""An ordinary user runs the same program, with servers of their own name and no permission changed."""

import os
import pwd
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.running import ROOT, Installation, create_document, read_text

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.skipif(os.geteuid() != 0, reason="all the other tests run as an ordinary user already"),
]


@pytest.fixture
def nobody() -> int:
    """An account that is on every system and may do nothing."""
    account = pwd.getpwnam("nobody").pw_uid
    try:
        subprocess.run(
            [sys.executable, "-c", "import server.cli"],
            cwd=ROOT,
            user=account,
            group=account,
            extra_groups=[],
            check=True,
            capture_output=True,
            timeout=60,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"`nobody` cannot run this Python or read this checkout ({type(error).__name__})")
    return account


@pytest.fixture
def installation(nobody: int) -> Iterator[Installation]:
    # Not under a directory of root's, which `nobody` could not enter.
    with tempfile.TemporaryDirectory(prefix="qr-", dir="/tmp") as directory:
        os.chown(directory, nobody, nobody)
        installation = Installation(Path(directory), account=nobody)
        yield installation
        installation.stop()


def test_an_ordinary_user_needs_no_other_account_and_loses_nothing_to_a_kill(
    installation: Installation, nobody: int
) -> None:
    above = {folder: folder.stat().st_mode for folder in installation.directory.parents}
    installation.start()
    installation.create_user("ada@example.org", "Ada")
    token = installation.create_token("ada@example.org")
    owners = {process.uids().effective for process in installation._family()}
    assert owners == {nobody}
    assert {psutil.Process(process.pid).name() for process in installation._family()} >= {"postgres", "redis-server"}
    with installation.client(token) as api:
        document_id = create_document(api, title="Kept", content="Every letter.")
        installation.kill(everything=True)
        installation.start()
        assert "Every letter." in read_text(api, document_id)
    assert stat.S_IMODE(installation.data_dir.stat().st_mode) == 0o700
    assert {folder: folder.stat().st_mode for folder in installation.directory.parents} == above
