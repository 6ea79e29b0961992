"""Notices are written with what they tell of, once, for those who want them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import anyio
import pytest
from redis.asyncio import Redis
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts import people
from server.accounts.models import User
from server.events import Event, Events
from server.notifications.models import (
    Attention,
    DocumentAttention,
    HowMail,
    Kind,
    Mail,
    MailChoice,
    MailState,
    PersonalNotice,
)
from server.notifications.noting import MAIL_DELAY, Notice, followers, invite_by_mail, note, take_back, tell
from server.queue import create_queue
from server.workspaces import invitations
from server.workspaces.models import Role, Workspace
from tests.factories import actor, make_member, make_user, make_workspace

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@dataclass
class Team:
    ada: User
    ben: User
    workspace: Workspace


@pytest.fixture
async def team(db: AsyncSession) -> Team:
    ada = await make_user(db, name="Ada Lovelace")
    workspace = await make_workspace(db, ada)
    return Team(ada, await make_member(db, workspace, name="Ben"), workspace)


def mention(team: Team, *to: UUID, key: str = "comment:1", document_id: UUID | None = None) -> Notice:
    return Notice(
        kind=Kind.MENTION,
        to=to,
        workspace_id=team.workspace.id,
        actor_id=team.ada.id,
        document_id=document_id or uuid4(),
        thread_id=uuid4(),
        title="The\nplan",
        quote="the first paragraph",
        text="@Ben, is this right?",
        path="/documents/1#comment-1",
        dedupe_key=key,
    )


async def _notices(db: AsyncSession) -> Sequence[PersonalNotice]:
    return (await db.scalars(select(PersonalNotice).order_by(col(PersonalNotice.created_at)))).all()


async def _mails(db: AsyncSession) -> Sequence[Mail]:
    return (await db.scalars(select(Mail))).all()


async def test_a_notice_is_written_for_each_person_but_the_one_who_caused_it(db: AsyncSession, team: Team) -> None:
    cy = await make_member(db, team.workspace, name="Cy")
    gone = await make_member(db, team.workspace, name="Gone")
    await people.disable(db, gone.id)
    noted = await note(db, mention(team, team.ada.id, team.ben.id, cy.id, gone.id, uuid4()), now=NOW)
    await db.commit()
    assert noted == {team.ben.id, cy.id}
    rows = await _notices(db)
    assert {row.user_id for row in rows} == noted
    assert {(row.title, row.quote, row.text) for row in rows} == {
        ("The plan", "the first paragraph", "@Ben, is this right?")
    }
    # Each has a mail of their own, which waits for them to read it in the page first.
    mails = await _mails(db)
    assert {mail.id for mail in mails} == {row.mail_id for row in rows}
    assert {(mail.state, mail.due_at) for mail in mails} == {(MailState.WAITING, NOW + MAIL_DELAY)}


async def test_the_same_deed_is_told_once(db: AsyncSession, team: Team) -> None:
    assert await note(db, mention(team, team.ben.id)) == {team.ben.id}
    assert await note(db, mention(team, team.ben.id)) == frozenset()
    assert await note(db, mention(team, team.ben.id, key="comment:2")) == {team.ben.id}
    await db.commit()
    assert (len(await _notices(db)), len(await _mails(db))) == (2, 2)


async def test_news_of_no_document_goes_with_the_mail_that_waits(db: AsyncSession, team: Team) -> None:
    for number in range(3):
        notice = replace(mention(team, team.ben.id, key=f"place:{number}"), document_id=None, kind=Kind.ROLE)
        assert await note(db, notice, now=NOW) == {team.ben.id}
    await note(db, mention(team, team.ben.id, key="comment:1"), now=NOW)
    await db.commit()
    assert len({row.mail_id for row in await _notices(db)}) == len(await _mails(db)) == 2


async def test_what_nobody_was_told_yet_can_be_taken_back(db: AsyncSession, team: Team) -> None:
    document_id = uuid4()
    for key in ("place:1:first", "place:11:other"):
        await note(db, mention(team, team.ben.id, key=key, document_id=document_id), now=NOW)
    assert await take_back(db, team.ada.id, "place:1:") is None
    assert await take_back(db, team.ben.id, "place:1:") == "place:1:first"
    # The mail tells of something else, too; without that it goes.
    assert len(await _mails(db)) == 1
    assert await take_back(db, team.ben.id, "place:11:") == "place:11:other"
    assert not await _mails(db)
    # What was mailed is known, although it still rings in the bell, and what was read stays.
    await note(db, mention(team, team.ben.id, key="place:1:mailed"), now=NOW)
    await db.execute(update(Mail).values(state=MailState.SENT.value))
    assert await take_back(db, team.ben.id, "place:1:") is None
    assert not await _notices(db)
    await note(db, mention(team, team.ben.id, key="place:1:read"), now=NOW)
    await db.execute(update(PersonalNotice).values(read_at=NOW))
    assert await take_back(db, team.ben.id, "place:1:") is None
    assert len(await _notices(db)) == 1


async def test_what_is_rolled_back_was_never_told(db: AsyncSession, team: Team) -> None:
    await db.commit()
    await note(db, mention(team, team.ben.id))
    await db.rollback()
    assert not await _notices(db)
    assert not await _mails(db)


@pytest.mark.parametrize(
    ("how", "kinds", "mails", "by_digest"),
    [
        (HowMail.AT_ONCE, ["mention"], 1, False),
        (HowMail.AT_ONCE, ["reply"], 0, False),
        (HowMail.DAILY, ["mention"], 0, True),
        (HowMail.DAILY, ["reply"], 0, False),
        (HowMail.NEVER, ["mention"], 0, False),
    ],
)
async def test_mail_comes_as_the_person_chose(
    db: AsyncSession, team: Team, how: HowMail, kinds: list[str], mails: int, *, by_digest: bool
) -> None:
    db.add(MailChoice(user_id=team.ben.id, how=how.value, kinds=kinds))
    await note(db, mention(team, team.ben.id))
    await db.commit()
    assert [row.by_digest for row in await _notices(db)] == [by_digest]
    assert len(await _mails(db)) == mails


async def test_a_muted_document_is_silent_but_for_mentions_and_access(db: AsyncSession, team: Team) -> None:
    document_id = uuid4()
    db.add(DocumentAttention(user_id=team.ben.id, document_id=document_id, attention=Attention.MUTED.value))
    for number, kind in enumerate(Kind):
        await note(db, replace(mention(team, team.ben.id, key=str(number), document_id=document_id), kind=kind))
    await db.commit()
    rows = await _notices(db)
    talk = {Kind.REPLY, Kind.RESOLUTION, Kind.REOPENING, Kind.PROPOSAL, Kind.DECISION}
    assert {row.kind for row in rows} == set(Kind) - talk
    assert {row.kind for row in rows if row.mail_id is None} == {Kind.MENTION}


async def test_followers_are_those_who_said_so(db: AsyncSession, team: Team) -> None:
    document_id = uuid4()
    db.add(DocumentAttention(user_id=team.ben.id, document_id=document_id, attention=Attention.FOLLOWING.value))
    db.add(DocumentAttention(user_id=team.ada.id, document_id=document_id, attention=Attention.MUTED.value))
    await db.flush()
    assert await followers(db, document_id) == [team.ben.id]
    assert await followers(db, uuid4()) == []


async def test_long_words_are_cut_and_control_characters_go(db: AsyncSession, team: Team) -> None:
    await note(db, replace(mention(team, team.ben.id), quote="one\x00\n\u202etwo", text="x" * 5000))
    (row,) = await _notices(db)
    assert row.quote == "one\ntwo"
    assert len(row.text) == 1000


@pytest.mark.parametrize("path", ["https://elsewhere.example", "//elsewhere.example", "documents"])
async def test_a_path_stays_on_this_site(db: AsyncSession, team: Team, path: str) -> None:
    with pytest.raises(ValueError, match=path):
        await note(db, replace(mention(team, team.ben.id), path=path))


async def test_an_unknown_workspace_is_refused_by_the_database(db: AsyncSession, team: Team) -> None:
    with pytest.raises(IntegrityError):
        await note(db, replace(mention(team, team.ben.id), workspace_id=uuid4()))


async def test_an_invitation_is_mailed_once_and_its_secret_stands_nowhere(db: AsyncSession, team: Team) -> None:
    invitation, secret = await invitations.create(db, actor(team.ada, team.workspace, Role.ADMIN), team.workspace.id)
    await invite_by_mail(db, invitation, now=NOW)
    assert not await _mails(db)
    invitation.email = "new@example.org"
    for _ in range(2):
        await invite_by_mail(db, invitation, title="The plan", text="Come and see", now=NOW)
    (mail,) = await _mails(db)
    assert (mail.address, mail.invitation_id, mail.due_at) == ("new@example.org", invitation.id, NOW)
    assert secret not in repr(mail.model_dump())


async def test_whoever_it_is_for_hears_of_it_and_nobody_else(redis: Redis, redis_url: str, team: Team) -> None:
    queue = create_queue(redis_url)
    async with (
        Events(redis) as events,
        events.subscribe(team.workspace.id, team.ada.id) as ada,
        events.subscribe(team.workspace.id, team.ben.id) as ben,
    ):
        await tell(events, queue, [team.ben.id])
        await events.publish(team.workspace.id, "documents", {})
        with anyio.fail_after(10):
            assert [await anext(ben), await anext(ben)] == [Event(name="notices"), Event(name="documents")]
            assert await anext(ada) == Event(name="documents")
    await queue.close()
