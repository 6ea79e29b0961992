"""Each deed with a publication, and how each ended, stands in the ledger."""

from datetime import timedelta

import pytest
from redis.asyncio import Redis
from sqlalchemy import select
from sqlmodel import col

from server.audit import ledger
from server.audit.models import LedgerEntry, WaitingEntry
from server.db import Sessions, transaction
from server.publishing import recording
from server.publishing.models import ChannelAccount, Publication
from server.publishing.planning import scheduling
from server.publishing.planning.scheduling import Finding, When
from server.publishing.posts import FrozenPost
from server.publishing.states import State
from tests.server.publishing.press import NOON, Press, open_press

LATER = (NOON + timedelta(hours=1)).replace(tzinfo=None)


@pytest.fixture
async def press(sessions: Sessions, redis: Redis) -> Press:
    return await open_press(sessions, redis)


async def _planned(press: Press) -> Publication:
    async with transaction(press.sessions) as db:
        planned = await scheduling.plan(
            db,
            press.scheduler,
            press.workshop.channels["board"],
            await db.get_one(ChannelAccount, press.account_id),
            document_id=await press.document(db),
            revision_id=None,
            content_hash=bytes(32),
            post=FrozenPost("", "It {jumps}", "<p>It {jumps}</p>"),
            when=When(LATER, "UTC"),
            now=press.clock(),
        )
    return planned.publication


async def test_what_people_do_is_noted_with_it_and_then_chained(press: Press) -> None:
    publication = await _planned(press)
    async with transaction(press.sessions) as db:
        by, channel, now = press.scheduler, press.workshop.channels["board"], press.clock()
        when = When(LATER + timedelta(days=1), "UTC")
        await scheduling.move(db, by, publication.id, when, version=None, now=now)
        post, signed = FrozenPost("", "It ran", "<p>It ran</p>", tags=("fox{}",), options={"slug": "a"}), b"\x01" * 32
        await scheduling.change(
            db,
            by,
            channel,
            publication.id,
            post=post,
            content_hash=signed,
            revision_id=None,
            version=None,
            now=now,
        )
        await scheduling.cancel(db, by, publication.id, now=now)
        # A second time nothing is done.
        await scheduling.cancel(db, by, publication.id, now=now)
        await scheduling.try_again(db, by, publication.id, now=now)
        row = await db.get_one(Publication, publication.id)
        row.state, row.called_at = State.UNKNOWN.value, now
        await scheduling.settle_unknown(db, by, publication.id, Finding.LIVE, now=now)
    assert await ledger.chain_waiting(press.sessions) == 7
    async with press.sessions() as db:
        # The first says who began the workspace.
        _, *entries = await db.scalars(select(LedgerEntry).order_by(col(LedgerEntry.number)))
        (chain,) = await ledger.verify(db)
    name = entries[0].actor_name
    assert [each.sentence for each in entries] == [
        f"{name} planned “The fox” for Board, 21 November 2026, 13:00 UTC.",
        f"{name} moved “The fox” for Board to 22 November 2026, 13:00 UTC.",
        f"{name} changed what “The fox” sends to Board. With it goes #fox{{}}, slug: a.",
        f"{name} cancelled “The fox” for Board.",
        f"{name} sent “The fox” to Board again.",
        f"{name} found “The fox” on Board.",
    ]
    assert {each.document_id for each in entries} == {publication.document_id}
    assert [each.data["hash"] for each in entries[1:3]] == ["00" * 32, "01" * 32]
    assert (entries[2].data["tags"], entries[2].data["options"]) == (["fox{}"], {"slug": "a"})
    assert chain.broken_at is None


async def test_how_it_ended_is_the_publishers_word_whatever_a_channel_writes(press: Press) -> None:
    planned = await press.plan("It {jumps}")
    async with transaction(press.sessions) as db:
        publication = await db.get_one(Publication, planned)
        publication.problem = "The board said {0} {by}."
        for state in State:
            await recording.ended(db, publication, state)
    async with press.sessions() as db:
        _, *noted = await db.scalars(select(WaitingEntry).order_by(col(WaitingEntry.id)))
    assert [(each.actor_id, each.actor_name, each.sentence) for each in noted] == [
        (None, "Quillroom", "“It {jumps}” went out on Board."),
        (None, "Quillroom", "“It {jumps}” did not go out on Board. The board said {0} {by}."),
        (None, "Quillroom", "Nobody knows whether “It {jumps}” is on Board. The board said {0} {by}."),
    ]
