"""Installing Hocuspocus for a benchmark: exact versions, into a directory that git ignores, at the first run."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from tests.bench.generator import NODE
from tests.bench.subjects import ROOT, Hocuspocus

DIRECTORY = ROOT / ".bench"
_HERE = Path(__file__).parent
_MANIFEST, _LOCK = "package.json", "package-lock.json"
_INSTALL_SECONDS = 180


class NoPeer(Exception):
    """There is none to compare with; the message says why."""


def install_hocuspocus(directory: Path, core: int | None) -> Hocuspocus:
    """Hocuspocus, installed if it is not yet; its documents lie in `directory`. Raises NoPeer."""
    packages = DIRECTORY / "hocuspocus"
    lock = (_HERE / _LOCK).read_bytes()
    done = packages / "installed.json"
    if not done.exists() or done.read_bytes() != lock:
        _install(packages)
        done.write_bytes(lock)
    version = json.loads((_HERE / _MANIFEST).read_text("utf-8"))["dependencies"]["@hocuspocus/server"]
    return Hocuspocus(NODE, packages, version, directory, core)


def _install(packages: Path) -> None:
    packages.mkdir(parents=True, exist_ok=True)
    for name in (_MANIFEST, _LOCK):
        shutil.copyfile(_HERE / name, packages / name)
    npm = NODE.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    # No scripts of packages run: nothing here needs to be compiled.
    command = [str(NODE), str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
    try:
        finished = subprocess.run(
            command,
            cwd=packages,
            env=os.environ | {"PATH": f"{NODE.parent}{os.pathsep}{os.environ.get('PATH', '')}"},
            capture_output=True,
            text=True,
            timeout=_INSTALL_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoPeer(f"npm did not install Hocuspocus: {error}") from error
    if finished.returncode != 0:
        reason = next((line for line in finished.stderr.splitlines() if "npm error" in line), finished.stderr[-200:])
        raise NoPeer(f"npm did not install Hocuspocus: {reason.strip()}")
