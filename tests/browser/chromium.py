"""Sees to it that there is a Chromium for the tests of this directory: `python -m tests.browser.chromium`.

Installs one where that is allowed: root gets the system's package, others get Playwright's in their own cache. Never
fails; without a browser the tests say for themselves that they were left out, and CI refuses that.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import sync_playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
INSTALL_LIMIT_SECONDS = 600
ANSWER_LIMIT_SECONDS = 30


def find() -> str | None:
    """The browser that works: the system's, or Playwright's own."""
    return next(filter(_answers, _candidates()), None)


def _candidates() -> Iterator[str]:
    yield from filter(None, map(shutil.which, PROGRAMS))
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    if Path(own).exists():
        yield own


def _answers(program: str) -> bool:
    # Ubuntu's package is a stub that only says where to get the real one.
    try:
        asked = [program, "--version"]
        return subprocess.run(asked, capture_output=True, timeout=ANSWER_LIMIT_SECONDS, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _ways() -> Iterator[list[list[str]]]:
    root = os.geteuid() == 0
    if root and (apt := shutil.which("apt-get")):
        yield [[apt, "update", "-qq"], [apt, "install", "-y", "-qq", "--no-install-recommends", "chromium"]]
    own = [sys.executable, "-m", "playwright", "install", "chromium"]
    # Only root can install the system's libraries that it needs; elsewhere they are often there.
    yield [[*own, "--with-deps"]] if root and shutil.which("apt-get") else [own]


def _try(commands: list[list[str]]) -> None:
    for command in commands:
        print(f"+ {' '.join(command)}", flush=True)
        try:
            done = subprocess.run(
                command,
                check=False,
                timeout=INSTALL_LIMIT_SECONDS,
                stdin=subprocess.DEVNULL,
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            print(error)
            return
        if done.returncode != 0:
            return


def main() -> None:
    """Find a browser, or install one, and say which."""
    found = find()
    for commands in () if found else _ways():
        print("No Chromium was found for the browser tests; installing one.", flush=True)
        _try(commands)
        if found := find():
            break
    print(f"Browser tests use {found}." if found else "There is no Chromium: browser tests will be left out.")


if __name__ == "__main__":
    main()
