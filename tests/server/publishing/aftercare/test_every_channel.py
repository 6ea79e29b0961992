"""Changing and taking down with every channel and its server: whatever is lost, wherever a worker dies, it is done."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession

from server.db import Sessions, transaction
from server.publishing.aftercare.carrying import carry_out_due
from server.publishing.aftercare.models import Change, Deed, Standing
from server.publishing.channel import Replaying
from server.publishing.models import Publication
from server.publishing.posts import pack
from tests.server.publishing.elsewhere.running import Fault
from tests.server.publishing.printer import RUNS, Printer, dying, open_printer, times
from tests.server.publishing.subjects import SUBJECTS
from tests.server.publishing.subjects.subject import a_whole_post

DEEDS = list(Deed)


@pytest.fixture(params=sorted(SUBJECTS))
async def printer(request: pytest.FixtureRequest, sessions: Sessions, redis: Redis) -> AsyncIterator[Printer]:
    async with open_printer(request.param, sessions, redis) as opened:
        yield opened


@pytest.mark.parametrize("deed", DEEDS)
async def test_whatever_call_of_a_change_breaks_off_it_is_made(printer: Printer, deed: Deed) -> None:
    _require(printer, deed)
    calls = await _count_calls(printer, deed)
    for fault in (Fault.ANSWER_LOST, Fault.NOT_TAKEN, Fault.BUSY):
        for number in range(calls):
            text = f"Fox {fault} {number}"
            published = await printer.out(text)
            asked = await _ask(printer, published, deed, f"Red {text}")
            printer.subject.place.breaks(fault, after=number)

            await _carry(printer, asked)

            printer.subject.place.faults.clear()
            _judge(printer, deed, text)


@pytest.mark.parametrize("deed", DEEDS)
async def test_wherever_a_worker_dies_in_a_change_it_is_made(printer: Printer, deed: Deed) -> None:
    _require(printer, deed)
    calls = await _count_calls(printer, deed)
    for after in (False, True):
        for number in range(calls):
            text = f"Fox {'after' if after else 'before'} {number}"
            published = await printer.out(text)
            asked = await _ask(printer, published, deed, f"Red {text}")
            with dying(printer, number, after=after):
                await carry_out_due(printer.workshop, _tell)

            await _carry(printer, asked)

            _judge(printer, deed, text)


def _require(printer: Printer, deed: Deed) -> None:
    channel = printer.subject.channel
    can = {
        Deed.UPDATE: channel.capabilities.updates,
        Deed.TAKE_DOWN: channel.capabilities.deletes,
        Deed.REPLAY: isinstance(channel, Replaying),
    }
    if not can[deed]:
        pytest.skip("This channel does not do that.")


async def _ask(printer: Printer, published: UUID, deed: Deed, text: str) -> UUID:
    updates = deed is Deed.UPDATE
    change = Change(
        publication_id=published,
        deed=deed.value,
        post=pack(printer.frozen(text)) if updates else None,
        content_hash=b"\x01" * 32 if updates else None,
        next_at=printer.now,
        created_at=printer.now,
    )
    async with transaction(printer.workshop.sessions) as db:
        db.add(change)
    return change.id


async def _carry(printer: Printer, asked: UUID) -> None:
    """Let workers come and go, and time pass, until the change is made."""
    for _ in range(RUNS):
        await carry_out_due(printer.workshop, _tell)
        async with printer.workshop.sessions() as db:
            change = await db.get_one(Change, asked)
        if change.state == Standing.DONE:
            return
        assert change.state == Standing.WAITING, f"{change.problem} {change.evidence}"
        printer.wait_until(max(change.next_at, change.lease_until or change.next_at) + timedelta(seconds=1))
    raise AssertionError(f"still {change.state} after {RUNS} runs: {change.problem} {change.evidence}")


async def _tell(db: AsyncSession, publication: Publication, change: Change) -> None:
    """Nobody is there."""


async def _count_calls(printer: Printer, deed: Deed) -> int:
    published = await printer.out("Counted fox")
    asked = await _ask(printer, published, deed, "Red counted fox")
    before = len(printer.subject.place.calls)
    await _carry(printer, asked)
    return len(printer.subject.place.calls) - before


def _judge(printer: Printer, deed: Deed, text: str) -> None:
    """See that what is meant to be there is there once, and nothing else: the new text, the old one, or none."""
    subject = printer.subject
    for word in ("Red ", ""):
        whole = a_whole_post(subject, f"{word}{text}")
        wanted = 1 if deed is (Deed.UPDATE if word else Deed.REPLAY) else 0
        for part in (whole.text, *whole.replies):
            # The new text ends as the old one does.
            found = times(subject, part) - (0 if word else times(subject, f"Red {part}"))
            assert found == wanted, f"{part}: {subject.seen()}"
