"""Which core does what, and what a process and its children have used."""

import os
import platform
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class Cores:
    """The core of the server under test, and of the load generator; None: wherever the system puts them."""

    server: int | None
    generator: int | None

    @property
    def words(self) -> str:
        """How they are placed, as a sentence."""
        if self.server is None:
            return "Server and generator share all cores: this system lets nobody choose, or has only one."
        return f"The server runs on core {self.server} alone, the generator on core {self.generator}."


def choose_cores() -> Cores:
    """A core for each, where the system can hold processes to one."""
    if not hasattr(os, "sched_getaffinity"):
        return Cores(None, None)
    available = sorted(os.sched_getaffinity(0))
    return Cores(available[0], available[1]) if len(available) > 1 else Cores(None, None)


@contextmanager
def held_to(core: int | None) -> Iterator[None]:
    """Processes started in this block run on `core` alone, with all their threads and children."""
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def allow_many_sockets() -> None:
    """Raise the limit on open files as far as it goes, also for what is started from here."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@dataclass(frozen=True, slots=True)
class Usage:
    """Processor time used so far, memory in use."""

    cpu_seconds: float
    rss_bytes: int


def usage(pids: Sequence[int]) -> Usage:
    """What these processes and their children have used, together."""
    seconds, rss = 0.0, 0
    for pid in pids:
        try:
            root = psutil.Process(pid)
            family = [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            continue
        for process in family:
            try:
                times = process.cpu_times()
                seconds += times.user + times.system
                rss += process.memory_info().rss
            except psutil.NoSuchProcess:
                continue
    return Usage(seconds, rss)


def description() -> str:
    """The machine in a line."""
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{os.cpu_count()} × {_processor()}, {memory:.0f} GiB, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}"
    )


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123 - no file of ours
            for line in lines:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    if sys.platform == "darwin":
        return subprocess.run(
            ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True, check=False
        ).stdout.strip()
    return platform.machine()
