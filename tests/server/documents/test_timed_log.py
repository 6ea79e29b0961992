"""Commits and loads are counted, and warned of with the document when they are slow."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY

from realtime.memory import MemoryLog
from realtime.ports import Append, DocumentId, LogUnavailable
from server.documents.live.figures import TimedLog
from server.slow import SlowLog
from tests.realtime.documents import Author, seed


class Away(MemoryLog):
    async def append(self, entries: Sequence[Append]) -> list[int | None]:
        raise LogUnavailable


def _count(name: str) -> float:
    return REGISTRY.get_sample_value(f"quillroom_{name}_seconds_count") or 0.0


async def test_what_is_slow_is_told_with_its_document(told: list[MutableMapping[str, object]]) -> None:
    inner, start = MemoryLog(), seed()
    one, other = (DocumentId(str(uuid4())) for _ in range(2))
    epochs = {document_id: inner.create(document_id, start) for document_id in (one, other)}
    log = TimedLog(inner, SlowLog(1e-9))
    commits, loads = _count("commit"), _count("load")
    update = Author(start).write("more")
    assert await log.append([Append(each, epochs[each], update) for each in (one, other)]) == [2, 2]
    assert await log.load(one) == await inner.load(one)
    assert await log.since(one, 1) == await inner.since(one, 1)
    assert [(line["kind"], line["document_id"]) for line in told] == [("commit", one), ("load", one)]
    assert told[0]["documents"] == 2
    assert _count("commit") == commits + 1
    assert _count("load") == loads + 2


async def test_a_commit_that_fails_is_timed_too() -> None:
    commits = _count("commit")
    with pytest.raises(LogUnavailable):
        await TimedLog(Away(), SlowLog(0)).append([])
    assert _count("commit") == commits + 1
