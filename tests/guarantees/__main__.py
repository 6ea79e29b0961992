"""`make chaos`: every fault again and again, under load, with three processes; says what was lost and what doubled.

Everything listens on this machine only, and ends with it. It takes three minutes, and is given up after ten.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.guarantees.faults import FAULTS, Fault
from tests.guarantees.fleet import Fleet, running
from tests.guarantees.load import Load, Outcome, loaded
from tests.interop.peers import node_clients

PROCESSES = 3
DOCUMENTS = 4
# Shorter and longer than what it takes to notice that a connection hangs.
FAULT_SECONDS = (1.0, 5.0, 10.0)
BEFORE_SECONDS = 1.5
LIMIT_SECONDS = 600


async def main(seed: int) -> int:
    """Run all rounds. Returns the exit code."""
    chance = random.Random(seed)
    outcomes: list[Outcome] = []
    print(f"{PROCESSES} processes, {DOCUMENTS} documents, {PROCESSES * DOCUMENTS * 3} people writing; seed {seed}")
    print(f"{'fault':26}{'lasting':>9}{'written':>9}{'promised':>10}{'lost':>6}{'doubled':>9}{'agreed after':>14}")
    with tempfile.TemporaryDirectory(prefix="qr-", dir="/tmp") as directory:
        with running(Path(directory), PROCESSES) as fleet:
            for seconds in FAULT_SECONDS:
                async with node_clients() as clients:
                    load = loaded(fleet, clients, documents=DOCUMENTS, seed=chance.randrange(10**6))
                    async with load as crowds:
                        for name, fault in FAULTS.items():
                            outcome = await _strike(fleet, crowds, fault, seconds)
                            _print(name, seconds, outcome)
                            outcomes.append(outcome)
    lost, doubled = sum(each.lost for each in outcomes), sum(each.doubled for each in outcomes)
    complaints = [complaint for each in outcomes for complaint in each.complaints]
    print(f"\nslowest agreement {max(each.seconds for each in outcomes):.2f} s")
    print(f"lost = {lost}, doubled = {doubled}")
    for complaint in complaints[:20]:
        print(complaint, file=sys.stderr)
    return 1 if complaints else 0


async def _strike(fleet: Fleet, load: Load, fault: Fault, seconds: float) -> Outcome:
    async with load.typing():
        await asyncio.sleep(BEFORE_SECONDS)
        async with fault(fleet):
            await asyncio.sleep(seconds)
        ended = time.monotonic()
    return await load.settle(ended)


def _print(name: str, seconds: float, outcome: Outcome) -> None:
    print(
        f"{name:26}{seconds:>7.0f} s{outcome.written:>9}{outcome.acknowledged:>10}{outcome.lost:>6}{outcome.doubled:>9}"
        f"{outcome.seconds:>12.2f} s",
        flush=True,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.guarantees", description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    raise SystemExit(asyncio.run(asyncio.wait_for(main(parser.parse_args().seed), LIMIT_SECONDS)))
