"""The texts that links show: made once for all readers, every few seconds at most, and no more kept than fit."""

from uuid import UUID, uuid4

import anyio
import pytest

from server.documents import content, reading, ydoc
from server.documents.reading import EVERY_SECONDS, Readings


class Paper:
    """A document that counts how often it is read."""

    def __init__(self, words: str = "First.") -> None:
        self.id = uuid4()
        self.reads = 0
        self.say(words)

    def say(self, words: str) -> None:
        """Have other words in it, in a block of their own."""
        self.state = ydoc.seed("Title", content.parse(words, content.Source.MARKDOWN))

    async def read(self, document_id: UUID) -> bytes:
        """Return its state, after a moment in which others come."""
        assert document_id == self.id
        self.reads += 1
        await anyio.sleep(0)
        return self.state


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


async def test_a_hundred_readers_cost_one_reading_while_nothing_changes() -> None:
    readings, paper = Readings(), Paper()
    async with anyio.create_task_group() as readers:
        for _ in range(100):
            readers.start_soon(readings.of, paper.id, 1, paper.read)
    assert paper.reads == 1


async def test_what_is_written_fast_is_read_every_few_seconds_and_shown_in_the_end() -> None:
    clock, paper = Clock(), Paper()
    readings = Readings(clock=clock)
    first = await readings.of(paper.id, 1, paper.read)
    paper.say("Second.")
    for step in range(1, 11):
        clock.now = step * EVERY_SECONDS / 11
        assert await readings.of(paper.id, 1 + step, paper.read) == first
    assert paper.reads == 1
    # Who cannot wait so long says so.
    assert "Second." in (await readings.of(paper.id, 11, paper.read, within_seconds=0.5)).html
    clock.now += EVERY_SECONDS
    # The log went on, the words did not: it is the same version.
    second = await readings.of(paper.id, 12, paper.read)
    clock.now += EVERY_SECONDS
    assert (await readings.of(paper.id, 13, paper.read)).version == second.version != first.version


async def test_no_more_is_kept_than_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_TEXTS", 3)
    readings = Readings()
    papers = [Paper() for _ in range(5)]
    for paper in papers:
        await readings.of(paper.id, 1, paper.read)
    for paper in papers[2:]:
        await readings.of(paper.id, 1, paper.read)
    assert [paper.reads for paper in papers] == [1] * 5
    await readings.of(papers[0].id, 1, papers[0].read)
    assert papers[0].reads == 2
    monkeypatch.setattr(reading, "MAX_CHARACTERS", 1)
    # One that is larger than all is still shown.
    assert (await readings.of(papers[1].id, 1, papers[1].read)).title == "Title"
