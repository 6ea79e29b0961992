"""The table of docs/architecture.md, "What holds": one test a row, with one process and with three."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
from pycrdt import Doc, Text, XmlFragment, XmlText
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from realtime import client, wire
from tests.guarantees.fleet import Fleet, aside
from tests.guarantees.writers import (
    WAIT_SECONDS,
    all_durable,
    all_see,
    eventually,
    join_all,
    marks_of,
    refusal_of,
    write,
)
from tests.interop.peers import NodeClients, until
from tests.running import Installation

pytestmark = pytest.mark.anyio

# Four of these fill what may wait for the database; one fits a frame.
_QUARTER_OF_WHAT_MAY_WAIT_BYTES = 8_380_000
_LARGEST_FRAME_BYTES = 64 * 1024 * 1024
_BEFORE_ALL_ARE_ASKED_ABOUT_SECONDS = 10


async def test_an_acknowledged_edit_survives_kill_9_of_everything(
    fleet: Fleet, clients: NodeClients, doomed_clients: NodeClients
) -> None:
    document = fleet.create_document("Begun.")
    writers = await join_all(fleet, doomed_clients, document, "doomed")
    for number in range(40):
        await write(writers[number % len(writers)], f"m{number}.")
    await until(lambda: len(doomed_clients.durable) >= 10, seconds=WAIT_SECONDS)
    await aside(fleet.kill_everything)
    # The browsers die, too: the acknowledgement is all that is left of what they wrote.
    await doomed_clients.kill()
    promised = list(doomed_clients.durable)
    await aside(fleet.start)
    await all_see(await join_all(fleet, clients, document, "newcomer"), promised)


async def test_an_edit_that_others_see_is_in_the_log(fleet: Fleet, clients: NodeClients) -> None:
    document = fleet.create_document("Begun.")
    writers = await join_all(fleet, clients, document, "writer")
    readers = await join_all(fleet, clients, document, "reader")
    for number in range(12):
        mark = f"m{number}."
        await write(writers[number % len(writers)], mark)

        async def is_seen(mark: str = mark) -> bool:
            return any([mark in await marks_of(reader) for reader in readers])

        await eventually(is_seen, f"{mark} is not seen")
        assert mark in await fleet.logged(document)


async def test_an_edit_seen_while_postgres_was_slow_comes_back_with_whoever_saw_it(
    fleet: Fleet, clients: NodeClients, doomed_clients: NodeClients
) -> None:
    document = fleet.create_document("Begun.")
    writers = await join_all(fleet, doomed_clients, document, "writer")
    readers = await join_all(fleet, clients, document, "reader")
    marks = [f"m{number}." for number in range(len(fleet))]
    with fleet.stores.postgres_held():
        for writer, reader, mark in zip(writers, readers, marks, strict=True):
            await write(writer, mark)
            # In its own process: the others hear of what is committed.
            await all_see([reader], [mark])
        assert doomed_clients.durable == []
        await doomed_clients.kill()
        await aside(fleet.kill_everything)
    await aside(fleet.start)
    await all_see(readers, marks)
    await _is_logged_once(fleet, document, marks)


async def test_without_redis_editing_and_saving_go_on(fleet: Fleet, clients: NodeClients) -> None:
    document = fleet.create_document("Begun.")
    writers = await join_all(fleet, clients, document, "writer")
    await aside(fleet.stores.kill_redis)
    newcomers = await join_all(fleet, clients, document, "newcomer")
    marks = [f"m{number}." for number in range(len(fleet))]
    for writer, newcomer, mark in zip(writers, newcomers, marks, strict=True):
        await write(writer, mark)
        await all_see([newcomer], [mark])
    await all_durable(clients, marks)
    await aside(fleet.start)
    await all_see([*writers, *newcomers], marks)
    await _is_logged_once(fleet, document, marks)


async def test_without_postgres_edits_flow_until_memory_is_full(fleet: Fleet, clients: NodeClients) -> None:
    document, full = fleet.create_document("Begun."), fleet.create_document()
    writers = await join_all(fleet, clients, document, "writer")
    readers = await join_all(fleet, clients, document, "reader")
    marks = [f"m{number}." for number in range(len(fleet))]
    async with AsyncExitStack() as stack:
        last = len(fleet) - 1
        filler = await stack.enter_async_context(_joined(fleet, last, full))
        refused = await stack.enter_async_context(_joined(fleet, last, full))
        await aside(fleet.stores.kill_postgres)
        for writer, reader, mark in zip(writers, readers, marks, strict=True):
            await write(writer, mark)
            await all_see([reader], [mark])
        await _everybody_is_refused(fleet, clients, document, "4500")
        for letter in "abcd":
            _append(filler.doc, letter * _QUARTER_OF_WHAT_MAY_WAIT_BYTES)
            await _ends_with(refused, letter)
        _append(refused.doc, "e" * 100_000)
        assert await _closing_of(refused) == 4503
        assert filler.closed is None
        assert clients.durable == []
        await aside(fleet.start)
        await all_durable(clients, marks)
        await all_see([*writers, *readers], marks)
        # What was refused is still with whoever wrote it, and is taken now.
        async with _joined(fleet, last, full, doc=refused.doc):
            await _ends_with(filler, "e")
    await _is_logged_once(fleet, document, marks)


async def test_a_document_that_cannot_be_loaded_is_refused(fleet: Fleet, clients: NodeClients) -> None:
    document = fleet.create_document("Begun.")
    [row] = await fleet.query("SELECT data FROM document_updates WHERE document_id = $1", UUID(document))
    harm = "UPDATE document_updates SET data = $2 WHERE document_id = $1"
    await fleet.query(harm, UUID(document), row["data"][: len(row["data"]) // 2])
    await _everybody_is_refused(fleet, clients, document, "4500")
    await fleet.query(harm, UUID(document), row["data"])
    await all_see(await join_all(fleet, clients, document, "later"), ["Begun."])


async def test_a_peer_that_does_not_read_gets_one_difference(fleet: Fleet) -> None:
    document = fleet.create_document()
    async with _joined(fleet, 0, document) as writer, _raw(fleet, len(fleet) - 1, document) as stuck:
        await stuck.send(wire.sync_step_1(b"\x00"))
        doc: Doc[Any] = Doc()
        while not (await _take(stuck, doc))[1]:
            pass
        written = 0
        async with _joined(fleet, len(fleet) - 1, document) as reader:
            for number in range(80):
                # Each takes the place of the one before, so that the difference is one of them.
                text = writer.doc.get("bulk", type=Text)
                with writer.doc.transaction():
                    text.clear()
                    text += f"{number:03}" * 70_000
                written += 210_000
                await _ends_with(reader, f"{number:03}")
        read, differences = 0, 0
        while not _bulk(doc).startswith("079"):
            length, is_difference = await _take(stuck, doc)
            read += length
            differences += is_difference
        assert _bulk(doc) == "079" * 70_000
        assert differences > 0
        assert read < written / 2


async def test_an_edit_that_the_server_makes_is_seen_by_everybody_once(fleet: Fleet, clients: NodeClients) -> None:
    document = fleet.create_document("Begun.")
    peers = await join_all(fleet, clients, document, "peer")
    marks = ["Begun."]
    for number, peer in enumerate(peers):
        await write(peer, f"m{number}.")
        marks.append(f"m{number}.")
        await all_see(peers, marks)
        marks.append(f"s{number}.")
        await aside(fleet.replace, number, document, " ".join(marks))
        await all_see(peers, marks)
    await _is_logged_once(fleet, document, marks)


async def test_a_client_with_another_lineage_is_refused_and_keeps_its_text(fleet: Fleet, clients: NodeClients) -> None:
    document = fleet.create_document("Begun.")
    peers = await join_all(fleet, clients, document, "peer")
    for number, process in enumerate(fleet.processes):
        doc: Doc[Any] = Doc()
        _append(doc, "mine")
        url = f"{process.socket_address}/collab/{document}?epoch={uuid4()}"
        async with client.join(url, token=fleet.token, doc=doc, wait=False) as stranger:
            assert await _closing_of(stranger) == 4409
        assert _bulk(doc) == "mine"
        mine = f"{fleet.token};epoch={uuid4()}"
        refused = await clients.open(
            f"stranger-{number}", dialect="hocuspocus", address=process.socket_address, document=document, token=mine
        )
        assert (await refusal_of(refused)).startswith("4409")
    # A lineage that ends while people write: from then on nobody's edit is taken, anywhere.
    [stored] = await fleet.query(
        "UPDATE lineages SET epoch = $2 WHERE document_id = $1 RETURNING seq", UUID(document), uuid4()
    )
    for number, peer in enumerate(peers):
        await write(peer, f"late{number}.")
        assert (await refusal_of(peer)).startswith("4409")
        assert (await marks_of(peer))[f"late{number}."] == 1
    assert clients.durable == []
    [now] = await fleet.query("SELECT seq FROM lineages WHERE document_id = $1", UUID(document))
    assert now["seq"] == stored["seq"]


async def test_a_role_that_is_taken_away_bites_at_once_in_every_process(fleet: Fleet, clients: NodeClients) -> None:
    document = fleet.create_document("Begun.")
    owners = await join_all(fleet, clients, document, "owner")
    email = f"jon-{uuid4()}@example.org"
    await aside(fleet.processes[0].create_user, email, "Jon")
    token = await aside(fleet.processes[0].create_token, email)
    with fleet.api() as api:
        api.put(f"/api/v1/documents/{document}/sharing", json={"reach": "people"}).raise_for_status()
        named = api.post(f"/api/v1/documents/{document}/collaborators", json={"email": email, "role": "editor"})
        named.raise_for_status()
        place = f"/api/v1/documents/{document}/collaborators/{named.json()['collaborator']['person']['id']}"
        async with AsyncExitStack() as stack:
            seats = [await stack.enter_async_context(_seat(process, document, token)) for process in fleet.processes]
            for seat in seats:
                assert await _scope(seat) == wire.authenticated("read-write")
            api.put(place, json={"role": "viewer"}).raise_for_status()
            # Told of it unasked, long before everybody is asked about anyway.
            async with asyncio.timeout(_BEFORE_ALL_ARE_ASKED_ABOUT_SECONDS):
                for seat in seats:
                    assert await _scope(seat) == wire.authenticated("readonly")
            late: Doc[Any] = Doc()
            _append(late, "late")
            for number, seat in enumerate(seats):
                await seat.send(wire.routing_prefix(document) + wire.sync_update(late.get_update()))
                with pytest.raises(ConnectionClosed):
                    await _scope(seat)
                assert seat.close_code == 4403
                await write(owners[number], f"m{number}.")
        api.delete(place).raise_for_status()
    await all_see(owners, [f"m{number}." for number in range(len(fleet))])
    assert "late" not in await fleet.logged(document)
    async with _seat(fleet.processes[-1], document, token) as seat:
        assert b"4404" in await _scope(seat)


async def test_a_reviewer_suggests_and_changes_nothing(fleet: Fleet, clients: NodeClients) -> None:
    document = fleet.create_document("Begun.")
    owners = await join_all(fleet, clients, document, "owner")
    email = f"rita-{uuid4()}@example.org"
    await aside(fleet.processes[0].create_user, email, "Rita")
    token = await aside(fleet.processes[0].create_token, email)
    with fleet.api() as api:
        api.put(f"/api/v1/documents/{document}/sharing", json={"reach": "people"}).raise_for_status()
        named = api.post(f"/api/v1/documents/{document}/collaborators", json={"email": email, "role": "reviewer"})
        whose = {"id": "s1", "by": named.raise_for_status().json()["collaborator"]["person"]["id"], "at": 1}
        for number, process in enumerate(fleet.processes):
            url = f"{process.socket_address}/collab/{document}"
            async with client.join(url, token=token) as reviewer:
                _first_text(reviewer.doc).insert(0, f"s{number}. ", {"insertion": whose})
                await all_see(owners, [f"s{number}."])
                _first_text(reviewer.doc).insert(0, "forbidden")
                assert await _closing_of(reviewer) == 4405
            # Nor in disguise, nor by the way.
            disguises: list[dict[str, Any]] = [{"insertion": whose | {"by": str(uuid4())}}, {"bold": {}}]
            for change in disguises:
                async with client.join(url, token=token) as reviewer:
                    _first_text(reviewer.doc).insert(3, "forbidden", change)
                    assert await _closing_of(reviewer) == 4405
            await write(owners[number], f"m{number}.")
        await all_see(owners, [f"m{number}." for number in range(len(fleet))])
        logged = await fleet.logged(document)
        assert "forbidden" not in logged and "s0." in logged
        read = api.get(f"/api/v1/documents/{document}/content", params={"format": "text"}).raise_for_status().text
        assert "Begun." in read and "s0." not in read


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\xff\xff",
        wire.sync_update(b"\x01\x02\x03"),
        wire.sync_update(b"\xff" * 40),
        b"\x00\x02\xff\xff\xff\xff\x7f",
    ],
    ids=["nothing", "no message", "no update", "noise", "too short"],
)
async def test_a_hostile_frame_ends_its_sender_alone(fleet: Fleet, clients: NodeClients, frame: bytes) -> None:
    document = fleet.create_document("Begun.")
    peers = await join_all(fleet, clients, document, "peer")
    for number, peer in enumerate(peers):
        async with _raw(fleet, number, document) as hostile:
            await hostile.send(wire.sync_step_1(b"\x00"))
            await hostile.recv()
            await hostile.send(frame)
            with pytest.raises(ConnectionClosed):
                async with asyncio.timeout(WAIT_SECONDS):
                    while True:
                        await hostile.recv()
            assert hostile.close_code in {4400, 4415}
        await write(peer, f"m{number}.")
    await all_see(peers, [f"m{number}." for number in range(len(fleet))])
    assert [(await peer.status())["closings"] for peer in peers] == [[]] * len(fleet)


def _bulk(doc: "Doc[Any]") -> str:
    return str(doc.get("bulk", type=Text))


def _first_text(doc: "Doc[Any]") -> XmlText:
    text = doc.get("default", type=XmlFragment).children[0].children[0]
    assert isinstance(text, XmlText)
    return text


def _append(doc: "Doc[Any]", words: str) -> None:
    text = doc.get("bulk", type=Text)
    text += words


async def _ends_with(peer: client.Client, end: str) -> None:
    """Wait until the end of a client's text is this."""
    await peer.wait_for(lambda doc: _bulk(doc).endswith(end), seconds=WAIT_SECONDS)


async def _closing_of(peer: client.Client) -> int | None:
    """Wait until the server sends a client away. Returns the close code."""
    await until(lambda: peer.closed is not None, seconds=WAIT_SECONDS)
    return peer.closed


@asynccontextmanager
async def _seat(process: Installation, document: str, token: str) -> AsyncIterator[ClientConnection]:
    """A Hocuspocus client's socket that has sent its token."""
    async with connect(f"{process.socket_address}/collab", compression=None) as socket:
        signing_in = bytes((2, 0)) + wire.write_var_string(token) + wire.write_var_string("4.8.0")
        await socket.send(wire.routing_prefix(document) + signing_in)
        yield socket


async def _scope(seat: ClientConnection) -> bytes:
    """Wait for a message about what a client may do. Returns it without its routing key."""
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            _, at = wire.read_var_string(message := await seat.recv(decode=False), 0, longest_bytes=256)
            if message[at] == wire.MessageType.AUTH:
                return message[at:]


@asynccontextmanager
async def _joined(
    fleet: Fleet, number: int, document: str, *, doc: "Doc[Any] | None" = None
) -> AsyncIterator[client.Client]:
    url = f"{fleet.processes[number].socket_address}/collab/{document}"
    async with client.join(url, token=fleet.token, doc=doc) as joined:
        yield joined


@asynccontextmanager
async def _raw(fleet: Fleet, number: int, document: str) -> AsyncIterator[ClientConnection]:
    """A connection that reads only when it is told to."""
    async with connect(
        f"{fleet.processes[number].socket_address}/collab/{document}",
        additional_headers={"Authorization": f"Bearer {fleet.token}"},
        max_size=_LARGEST_FRAME_BYTES,
        max_queue=1,
        compression=None,
    ) as socket:
        yield socket


async def _take(socket: ClientConnection, doc: "Doc[Any]") -> tuple[int, bool]:
    """Read one frame into a document. Returns its length, and whether it was a difference."""
    async with asyncio.timeout(WAIT_SECONDS):
        frame = await socket.recv(decode=False)
    match wire.decode(frame):
        case wire.Update(update, answer=answer):
            doc.apply_update(update)
            return len(frame), answer
        case _:
            return len(frame), False


async def _everybody_is_refused(fleet: Fleet, clients: NodeClients, document: str, code: str) -> None:
    """Nobody is let in to any process, and nobody is shown a document without its text."""
    for number, process in enumerate(fleet.processes):
        for dialect in ("hocuspocus", "y-websocket"):
            peer = await clients.open(
                f"refused-{dialect}-{number}",
                dialect=dialect,
                address=process.socket_address,
                document=document,
                token=fleet.token,
            )
            assert (await refusal_of(peer)).startswith(code)
            assert not (await peer.status())["synced"]
            assert (await peer.read())["blocks"] == []
            await peer.close()


async def _is_logged_once(fleet: Fleet, document: str, marks: list[str]) -> None:
    async def are_logged() -> bool:
        return set(marks) <= set((await fleet.logged(document)).split())

    await eventually(are_logged, f"not all of {marks} come into the log")
    words = (await fleet.logged(document)).split()
    assert {mark: words.count(mark) for mark in marks} == dict.fromkeys(marks, 1)
