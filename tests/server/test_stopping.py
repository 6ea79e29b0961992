"""A web process that does not end by itself is ended, and takes along what it has started."""

import signal
import subprocess
import sys

import pytest

from tests.running import ROOT

PROGRAM = """
import asyncio, contextlib, sys, time
import uvicorn
from starlette.applications import Starlette
from server.stopping import Ending

@contextlib.asynccontextmanager
async def lifespan(app):
    print("up", flush=True)
    yield
    if sys.argv[1] == "blocked":
        time.sleep(600)
    if sys.argv[1] == "waits":
        await asyncio.Event().wait()

ending = Ending(lambda: print("cleaned up", flush=True), limit_seconds=0.2)
with ending.until_here():
    uvicorn.run(ending.watch(Starlette(lifespan=lifespan)), port=0, log_config=None, lifespan="on")
time.sleep(0.5)
print("ended by itself", flush=True)
"""


@pytest.mark.parametrize(
    ("end", "code", "said"),
    [
        ("waits", 1, ["cleaned up"]),
        ("blocked", 1, ["cleaned up"]),
        # What comes after the web's end is not counted.
        ("at once", 0, ["ended by itself"]),
    ],
)
def test_a_web_process_ends_within_its_limit(end: str, code: int, said: list[str]) -> None:
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, end], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "up\n"
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    lines = output.splitlines()
    assert [line for line in lines if "process" not in line] == said
    assert ("the web process did not end" in output) == bool(code)
    assert process.returncode == code
