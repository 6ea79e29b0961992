"""Print what fan-out, many documents and a cold open cost on this machine."""

import asyncio
import statistics

from tests.bench.load import Typing, open_cold
from tests.bench.server import Running, running

_ROUNDS = 3
_WORDS = "The quick brown fox jumps over the lazy dog, and nobody minds. "


async def main() -> None:
    """Run each workload a few times and print medians."""
    async with running() as server:
        print(f"{'workload':<44}{'p50 ms':>9}{'p99 ms':>9}{'CPU us/delivery':>18}{'delivered':>12}")
        await typing(server, "one document, 10 people, 10 edits/s each", documents=1, clients=10, rate=10)
        await typing(server, "one document, 50 people, 4 edits/s each", documents=1, clients=50, rate=4)
        await typing(server, "100 documents, 3 people, 1 edit/s each", documents=100, clients=3, rate=1)
        await opening(server, "cold open, 300 KB of text", clients=1)
        await opening(server, "cold open, 300 KB of text, 20 people at once", clients=20)


async def typing(server: Running, name: str, *, documents: int, clients: int, rate: float) -> None:
    """Measure typing: latency from the scheduled time of an edit to each other person's socket."""
    rows = []
    for _ in range(_ROUNDS):
        made = [await server.create_document() for _ in range(documents)]
        before = server.cpu_seconds()
        load = Typing(server.socket_address, server.token, clients=clients, rate=rate, seconds=4)
        result = await load.run(made)
        cost = (server.cpu_seconds() - before) / max(1, result.delivered) * 1e6
        rows.append((result.percentile(0.5), result.percentile(0.99), cost, result.delivered / result.expected))
    p50, p99, cost, share = (statistics.median(column) for column in zip(*rows, strict=True))
    print(f"{name:<44}{p50:>9.2f}{p99:>9.2f}{cost:>18.1f}{share:>11.1%}")


async def opening(server: Running, name: str, *, clients: int) -> None:
    """Measure opening a document that is in no process's memory."""
    paragraph = _WORDS * 20
    medians, slowest = [], []
    for _ in range(_ROUNDS):
        document = await server.create_document("\n\n".join([paragraph] * 240))
        await asyncio.sleep(2)
        times = await open_cold(server.socket_address, server.token, document, clients=clients)
        medians.append(statistics.median(times) * 1000)
        slowest.append(times[-1] * 1000)
    print(f"{name:<44}{statistics.median(medians):>9.2f}{statistics.median(slowest):>9.2f}{'':>18}{'':>12}")


if __name__ == "__main__":
    asyncio.run(main())
