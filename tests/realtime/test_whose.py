"""The log is told whose an update is, if all of it is one person's."""

from collections.abc import Sequence

import pytest

from realtime import wire
from realtime.memory import MemoryLog
from realtime.ports import Append

from .documents import Author, peer, seed
from .test_hub import create, enter, hub, until

pytestmark = pytest.mark.anyio


class Noting(MemoryLog):
    """A log that keeps whose each update was said to be."""

    def __init__(self) -> None:
        super().__init__()
        self.by: list[str | None] = []

    async def append(self, entries: Sequence[Append]) -> list[int | None]:
        places = await super().append(entries)
        self.by += [entry.by for entry in entries]
        return places


async def test_one_persons_update_is_theirs_and_one_of_several_is_nobodys() -> None:
    log, start = Noting(), seed()
    document_id = create(log, start)
    async with hub(log) as running:
        ada, ben = peer(), peer()
        ben.user = {"id": "2", "name": "Ben"}
        room, _ = await enter(running, document_id, ada)
        await enter(running, document_id, ben)
        by_ada, by_ben = Author(start), Author(start)
        running.receive(room, ada, wire.Update(by_ada.write("by Ada")))
        await until(lambda: len(log.by) == 1)
        # Without a wait between them, so both come with one commit.
        running.receive(room, ada, wire.Update(by_ada.write(" again")))
        running.receive(room, ben, wire.Update(by_ben.write("by Ben")))
        await until(lambda: len(log.by) == 2)
        await running.edit(document_id, Author(room.state()).write("for Cleo"), {"id": "3", "name": "Cleo"})
        await running.edit(document_id, Author(room.state()).write("by the host"))
    assert log.by == ["1", None, "3", None]
