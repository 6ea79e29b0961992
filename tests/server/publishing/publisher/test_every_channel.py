"""The publisher with every channel and its server: whatever is lost, wherever a worker dies, nothing is there twice."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from server.db import Sessions
from server.publishing.models import Publication
from server.publishing.publisher.delivering import publish_due
from server.publishing.states import State
from tests.server.publishing.elsewhere.running import Fault
from tests.server.publishing.printer import Printer, dying, open_printer, times
from tests.server.publishing.subjects import SUBJECTS
from tests.server.publishing.subjects.subject import a_whole_post


@pytest.fixture(params=sorted(SUBJECTS))
async def printer(request: pytest.FixtureRequest, sessions: Sessions, redis: Redis) -> AsyncIterator[Printer]:
    async with open_printer(request.param, sessions, redis) as opened:
        yield opened


async def test_whatever_answer_is_lost_nothing_is_there_twice(printer: Printer) -> None:
    calls = await _count_calls(printer)
    for number in range(calls):
        text = f"Fox {number}"
        planned = await printer.plan(text)
        printer.subject.place.breaks(Fault.ANSWER_LOST, after=number)

        row = await printer.run(planned)

        printer.subject.place.faults.clear()
        _judge(printer, row, text)


async def test_wherever_a_worker_dies_nothing_is_there_twice(printer: Printer) -> None:
    calls = await _count_calls(printer)
    for after in (False, True):
        for number in range(calls):
            text = f"Fox {'after' if after else 'before'} {number}"
            planned = await printer.plan(text)
            with dying(printer, number, after=after):
                await publish_due(printer.workshop)

            row = await printer.run(planned)

            _judge(printer, row, text)


def _judge(printer: Printer, row: Publication, text: str) -> None:
    """See that all parts are there once; or, where the channel cannot tell, at most once and a person is asked."""
    subject = printer.subject
    whole = a_whole_post(subject, text)
    seen = [times(subject, part) for part in (whole.text, *whole.replies)]
    if row.state == State.PUBLISHED:
        assert seen == [1] * len(seen), text
        assert row.remote_id
    else:
        assert row.state == State.UNKNOWN, f"{text}: {row.state} {row.problem} {row.evidence}"
        assert not subject.decides, f"{text}: {row.problem} {row.evidence}"
        assert max(seen) <= 1, text


async def _count_calls(printer: Printer) -> int:
    before = len(printer.subject.place.calls)
    row = await printer.run(await printer.plan("Counted fox"))
    assert row.state == State.PUBLISHED, f"{row.problem} {row.evidence}"
    return len(printer.subject.place.calls) - before
