"""Nobody writes, or shows themselves, under another person's Yjs client."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

import pytest
from pycrdt import Doc, Text

from realtime import awareness, close, wire
from realtime.audience import Peer
from realtime.awareness import Entry
from realtime.close import Refused
from realtime.hub import Hub
from realtime.memory import MemoryBus, MemoryLog
from realtime.ports import DocumentId, Rights
from realtime.room import Room
from realtime.update import read_reach
from realtime.wire import write_var_uint

from .documents import peer, seed
from .test_hub import LoopClock, create, enter
from .test_judging import Reader

pytestmark = pytest.mark.anyio

ADAS = 4242


def of(person: str, rights: Rights = Rights.WRITE) -> Peer:
    one = peer()
    one.user, one.rights = {"id": person, "name": "Ada"}, rights
    return one


def written(doc: "Doc[Any]", words: str) -> bytes:
    before = doc.get_state()
    text = doc.get("text", type=Text)
    text.insert(len(text), words)
    return doc.get_update(before)


def nothing_under(client: int, clock: int) -> bytes:
    """Structs of a client that show nothing anywhere, and take its next thousand places."""
    return b"\x01\x01" + write_var_uint(client) + write_var_uint(clock) + b"\x00" + write_var_uint(1000) + b"\x00"


def shown(client: int, clock: int = 1) -> bytes:
    return awareness.encode([Entry(client, clock, json.dumps({"user": {}})).encode()])


async def bring(running: Hub, room: Room, one: Peer, update: bytes) -> None:
    """Do what a socket does with an update that may need to be judged."""
    message = wire.Update(update, answer=False)
    (live,) = running.live_rooms

    def take(**found: object) -> None:
        running.receive(room, one, message, **found)  # type: ignore[arg-type]  # as Take has them

    async def flush() -> None:
        raise AssertionError

    await running.examining.bring(live, one, message, take, next_flush=flush, pay=lambda _: None)


async def whose(document_id: DocumentId, clients: Sequence[int]) -> Mapping[int, object]:
    return {ADAS: "ada"} if ADAS in clients else {}


async def test_who_may_only_suggest_writes_under_no_other_persons_client() -> None:
    log = MemoryLog()
    document_id = create(log, seed())
    clock, bus = LoopClock(), MemoryBus().node()
    async with Hub(log=log, bus=bus, clock=clock, node=str(uuid4()), open_judge=Reader, whose=whose) as running:
        ada, eve = of("ada"), of("eve", Rights.SUGGEST)
        room, _ = await enter(running, document_id, ada)
        await enter(running, document_id, eve)
        doc: Doc[Any] = Doc(client_id=ADAS)
        await bring(running, room, ada, written(doc, "mine"))
        stolen = nothing_under(ADAS, read_reach(doc.get_update()).ends[ADAS])

        with pytest.raises(Refused) as refused:
            await bring(running, room, eve, stolen)
        assert refused.value.close is close.SUGGESTIONS_ONLY

        # Nor of somebody whom this process has not heard of yet: the host knows who wrote it.
        room.audience.owners.of.clear()
        with pytest.raises(Refused) as refused:
            await bring(running, room, eve, stolen)
        assert refused.value.close is close.SUGGESTIONS_ONLY

        # Nor of somebody who only is here, and has not written yet.
        running.receive(room, ada, wire.AwarenessUpdate(shown(77)))
        with pytest.raises(Refused) as refused:
            await bring(running, room, eve, nothing_under(77, 0))
        assert refused.value.close is close.SUGGESTIONS_ONLY
        await bring(running, room, ada, written(doc, " again"))


async def test_who_may_write_brings_what_others_wrote_unless_they_are_here_under_it() -> None:
    log = MemoryLog()
    document_id = create(log, seed())
    async with Hub(log=log, bus=MemoryBus().node(), clock=LoopClock(), node=str(uuid4())) as running:
        ada, ben = of("ada"), of("ben")
        room, _ = await enter(running, document_id, ben)
        doc: Doc[Any] = Doc(client_id=ADAS)
        running.receive(room, ben, wire.Update(written(doc, "Ada wrote this. "), answer=False))
        room.audience.owners.of[ADAS] = "ada"
        running.receive(room, ben, wire.Update(written(doc, "And this. "), answer=False))

        await enter(running, document_id, ada)
        running.receive(room, ada, wire.AwarenessUpdate(shown(ADAS)))
        with pytest.raises(Refused) as refused:
            running.receive(room, ben, wire.Update(written(doc, "Not this."), answer=False))
        assert refused.value.close is close.TRY_LATER


async def test_nobody_takes_anothers_place_in_presence() -> None:
    log = MemoryLog()
    document_id = create(log, seed())
    async with Hub(log=log, bus=MemoryBus().node(), clock=LoopClock(), node=str(uuid4())) as running:
        ada, eve = of("ada"), of("eve", Rights.READ)
        room, _ = await enter(running, document_id, ada)
        await enter(running, document_id, eve)
        running.receive(room, ada, wire.AwarenessUpdate(shown(ADAS)))
        room.audience.presence.leave(ada)

        running.receive(room, eve, wire.AwarenessUpdate(shown(ADAS, clock=2**31)))

        assert room.audience.presence.everybody() == []
        running.receive(room, ada, wire.AwarenessUpdate(shown(ADAS, clock=2)))
        assert [entry.client for entry in room.audience.presence.everybody()] == [ADAS]


def test_what_another_process_signed_binds_as_well_and_odd_words_do_not() -> None:
    from realtime.owners import Owners

    owners = Owners()
    owners.showed_elsewhere(
        [
            Entry(1, 1, json.dumps({"user": {"id": "ada"}})),
            Entry(2, 1, "null"),
            Entry(3, 1, "[]"),
            Entry(4, 1, json.dumps({"user": 7})),
            Entry(1, 2, json.dumps({"user": {"id": "eve"}})),
        ]
    )
    assert owners.of == {1: "ada"}
