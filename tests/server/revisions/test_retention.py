"""Old revisions become fewer, and never those that somebody asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update
from sqlmodel import col

from server.db import Sessions, transaction
from server.documents.models import utc_now
from server.revisions import attribution, recording, retention, states
from server.revisions.models import Reason, Revision, RevisionAuthor
from server.revisions.retention import ALL_FOR, HOURLY_FOR, Kept, superfluous
from tests.factories import make_team
from tests.server.revisions.writing_room import begin, text_of, write

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@given(st.lists(st.tuples(st.integers(0, 90 * 24 * 60), st.booleans()), max_size=60))
def test_what_stays_is_what_the_policy_says(ages: list[tuple[int, bool]]) -> None:
    made = sorted(ages, reverse=True)
    revisions = [Kept(uuid4(), NOW - timedelta(minutes=age), for_good) for age, for_good in made]
    gone = {each for each, _ in superfluous(revisions, NOW)}
    stays = [each for each in revisions if each.id not in gone]
    assert not [each for each in revisions if each.id in gone and (each.for_good or NOW - each.created_at <= ALL_FOR)]
    if revisions:
        assert revisions[0] in stays
        assert revisions[-1] in stays
    for old, slot in ((HOURLY_FOR, "%Y%m%d"), (ALL_FOR, "%Y%m%d%H")):
        slots = [
            (each.created_at.strftime(slot), NOW - each.created_at > HOURLY_FOR)
            for each in stays[1:]
            if NOW - each.created_at > old and not each.for_good
        ]
        assert all(slots.count(each) == 1 for each in slots)
    # Nothing disappears: whoever goes is a part of a later one, and in the end of one that stays.
    order = [each.id for each in revisions]
    assert all(order.index(one) < order.index(heir) for one, heir in superfluous(revisions, NOW))


async def test_thinned_revisions_hand_on_their_authors_and_the_others_read_as_before(sessions: Sessions) -> None:
    ada, workspace = await make_team(sessions)
    document = await begin(sessions, ada, workspace, markdown="0")
    await attribution.note(sessions, document.id, 2, writers=[ada.id], authors={})
    for number in range(1, 7):
        await write(sessions, document.id, "\n\n".join(map(str, range(number + 1))), ago=timedelta(hours=1))
        await recording.record_due(sessions)
    async with transaction(sessions) as db:
        rows = list(await db.scalars(select(Revision).order_by(col(Revision.number))))
        for row, hours in zip(rows, (80.0, 50.4, 50.3, 50.2, 50.1, 2.0, 1.0), strict=True):
            # Not across the end of an hour.
            when = utc_now().replace(minute=0) - timedelta(hours=int(hours)) + timedelta(minutes=40 - 100 * (hours % 1))
            await db.execute(update(Revision).where(col(Revision.id) == row.id).values(created_at=when))
        await db.execute(
            update(Revision).where(col(Revision.number) == 3).values(name="Kept", reason=Reason.NAMED.value)
        )
    async with transaction(sessions) as db:
        full = await retention.size_bytes(db, document.id)
    assert await retention.thin(sessions) == 2
    assert await retention.thin(sessions) == 0
    async with transaction(sessions) as db:
        left = list(await db.scalars(select(Revision).order_by(col(Revision.number))))
        assert [each.number for each in left] == [1, 3, 5, 6, 7]
        assert [text_of(states.unpack(await states.read_state(db, each))) for each in left] == [
            "\n".join(map(str, range(each.number))) for each in left
        ]
        assert [each.added for each in left] == [1, 2, 2, 1, 1]
        heirs = await db.scalars(select(RevisionAuthor).where(col(RevisionAuthor.revision_id) == left[1].id))
        assert [each.user_id for each in heirs] == [ada.id]
        assert await retention.size_bytes(db, document.id) < full
