"""Writing notices down, in the transaction of what they tell of, and nudging whoever waits for them afterwards.

    noted = await note(db, Notice(kind=Kind.MENTION, to=[ben.id], ...))
    await db.commit()
    await tell(events, queue, noted)

The rows are the truth: without `tell` bells show the news when they next look, and mail goes with the next sweep.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import Uuid, case, delete, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import User, UserKind, utc_now
from server.events import Events
from server.notifications.models import (
    MAX_TEXT_CHARACTERS,
    MAX_TITLE_CHARACTERS,
    Attention,
    DocumentAttention,
    HowMail,
    Kind,
    Letter,
    Mail,
    MailChoice,
    MailState,
    PersonalNotice,
)
from server.queue import Queue
from server.web.text import clean_line
from server.workspaces.models import Invitation

EVENT: Final = "notices"
DELIVERY: Final = "deliver_mail"
# Whoever reads the news in the page within this time gets no mail about it; what else happens in the document meanwhile
# goes with it.
MAIL_DELAY: Final = timedelta(minutes=2)
# Mails in a day: as many as a team of a new workspace needs, and as many as somebody bears who never asked for them.
INVITATIONS_BY_ONE: Final = 100
INVITATIONS_TO_ONE: Final = 5
LETTERS_TO_GUEST_IN_A_DAY: Final = 10
# Mails about news to one person: what comes past that waits for the end of the hour, and is one mail together. However
# busy a team is, or whatever somebody does to annoy, nobody's mailbox is flooded from here.
MAILS_IN_AN_HOUR: Final = 20
# What a muted document no longer says; of these a mention still comes to the bell, by no mail.
_TALK: Final = frozenset({Kind.MENTION, Kind.REPLY, Kind.RESOLUTION, Kind.REOPENING, Kind.PROPOSAL, Kind.DECISION})


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A piece of news, for everybody in `to`.

    `actor_id` caused it and is never told. `title` names the document (or the workspace). `quote` is the document's
    text it is about, `text` what was said; both are cut to a thousand characters. `path` leads to it in the page and
    begins with a slash. Equal `dedupe_key`s reach a person once, however often they are noted: name the deed, as in
    `comment:<id>`.
    """

    kind: Kind
    to: Collection[UUID]
    workspace_id: UUID
    actor_id: UUID | None
    title: str
    path: str
    dedupe_key: str
    document_id: UUID | None = None
    thread_id: UUID | None = None
    quote: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class _Wish:
    """How one person wants this piece of news."""

    by_mail: bool = False
    by_digest: bool = False


async def note(db: AsyncSession, notice: Notice, *, now: datetime | None = None) -> frozenset[UUID]:
    """Write the news for each person, and the mails about it. Returns for whom it is new; give that to `tell`.

    A mail that waits takes what comes meanwhile along: of the same document, or of what is in none.

    The caller has checked that they may see what it tells of. Who has muted the document, is disabled or gone is left
    out. Raises ValueError for a path that leads out of the site.
    """
    if not notice.path.startswith("/") or notice.path.startswith("//"):
        raise ValueError(notice.path)
    now = now or utc_now()
    wishes = await _wishes(db, notice)
    if not wishes:
        return frozenset()
    rows = [
        {
            "id": uuid4(),
            "user_id": user_id,
            "workspace_id": notice.workspace_id,
            "kind": notice.kind.value,
            "actor_id": notice.actor_id,
            "document_id": notice.document_id,
            "thread_id": notice.thread_id,
            "title": clean_line(notice.title)[:MAX_TITLE_CHARACTERS],
            "quote": _cut(notice.quote),
            "text": _cut(notice.text),
            "path": notice.path,
            "dedupe_key": notice.dedupe_key,
            "by_digest": wish.by_digest,
            "mail_id": uuid4() if wish.by_mail else None,
            "created_at": now,
        }
        for user_id, wish in wishes.items()
    ]
    written = (
        await db.execute(
            insert(PersonalNotice)
            .values(rows)
            .on_conflict_do_nothing(index_elements=["user_id", "dedupe_key"])
            .returning(col(PersonalNotice.id), col(PersonalNotice.user_id), col(PersonalNotice.mail_id))
        )
    ).all()
    mailed = {user_id: (notice_id, mail_id) for notice_id, user_id, mail_id in written if mail_id is not None}
    joined = {
        mailed.pop(user_id)[1]: literal(waiting_id, Uuid)
        for user_id, waiting_id in (await _waiting(db, mailed, notice.document_id)).items()
    }
    for user_id, mail_id in (await _gathering(db, await _crowded(db, mailed, now), now)).items():
        joined[mailed.pop(user_id)[1]] = literal(mail_id, Uuid)
    if joined:
        mail_of = col(PersonalNotice.mail_id)
        await db.execute(update(PersonalNotice).where(mail_of.in_(joined)).values(mail_id=case(joined, value=mail_of)))
    db.add_all(
        Mail(
            id=mail_id,
            letter=Letter.NOTICE.value,
            user_id=user_id,
            dedupe_key=f"notice:{notice_id}",
            due_at=now + MAIL_DELAY,
            created_at=now,
        )
        for user_id, (notice_id, mail_id) in mailed.items()
    )
    await db.flush()
    return frozenset(user_id for _, user_id, _ in written)


async def invite_by_mail(
    db: AsyncSession, invitation: Invitation, *, title: str = "", text: str = "", now: datetime | None = None
) -> bool:
    """Let the link of an invitation be sent to its `email`; it is due at once. Nudge by `tell` after the commit.

    The mail carries a secret of its own, made when it is sent. `title` names the document it leads to, if any; `text`
    is what the one who invites says. One that has been renewed goes out once more, in place of a mail that still waits.
    Returns False, and sends nothing, for an invitation to nobody, and past the limits of a day: nobody shall mail the
    world from here, or one address again and again.
    """
    now = now or utc_now()
    if invitation.email is None or await _invites_too_much(db, invitation, now):
        return False
    dedupe_key = f"invitation:{invitation.id}:{invitation.token_hash[:8].hex()}"
    await db.execute(
        update(Mail)
        .where(
            col(Mail.invitation_id) == invitation.id,
            col(Mail.state) == MailState.WAITING.value,
            col(Mail.dedupe_key) != dedupe_key,
        )
        .values(state=MailState.DROPPED.value, ended_at=now, problem="It goes out anew.")
    )
    mail = Mail(
        letter=Letter.INVITATION.value,
        address=invitation.email,
        invitation_id=invitation.id,
        title=clean_line(title)[:MAX_TITLE_CHARACTERS],
        text=_cut(text),
        dedupe_key=dedupe_key,
        due_at=now,
        created_at=now,
    )
    await db.execute(insert(Mail).values(mail.model_dump()).on_conflict_do_nothing(index_elements=["dedupe_key"]))
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestLetter:
    """A letter to somebody without an account, with a link to the document that they were asked to look at.

    `dedupe_key` names the deed: the same one is told once.
    """

    guest_id: UUID
    document_id: UUID
    address: str
    subject: str
    text: str
    dedupe_key: str


async def write_to_guest(db: AsyncSession, letter: GuestLetter, *, now: datetime | None = None) -> bool:
    """Let a letter be sent, which makes the secret of its link itself. Nudge by `tell` after the commit.

    Returns False, and sends nothing, past the limit of a day for one address.
    """
    now = now or utc_now()
    sent = select(func.count()).where(
        col(Mail.address) == letter.address,
        col(Mail.letter) == Letter.GUEST.value,
        col(Mail.created_at) > now - timedelta(days=1),
    )
    if (await db.scalar(sent) or 0) >= LETTERS_TO_GUEST_IN_A_DAY:
        return False
    mail = Mail(
        letter=Letter.GUEST.value,
        address=letter.address,
        guest_id=letter.guest_id,
        document_id=letter.document_id,
        title=clean_line(letter.subject)[:MAX_TITLE_CHARACTERS],
        text=_cut(letter.text),
        dedupe_key=letter.dedupe_key,
        due_at=now,
        created_at=now,
    )
    await db.execute(insert(Mail).values(mail.model_dump()).on_conflict_do_nothing(index_elements=["dedupe_key"]))
    return True


async def tell(events: Events, queue: Queue, noted: Collection[UUID] = ()) -> None:
    """Let open pages of these people look again, and a worker look for mail that is due. Call it after the commit."""
    for user_id in noted:
        await events.publish_to(user_id, EVENT, {})
    await queue.enqueue(DELIVERY)


async def forget(db: AsyncSession, *, document_id: UUID, deeds: Sequence[str]) -> frozenset[UUID]:
    """Take back what was noted in a document about deeds whose keys begin so, and with it mail not sent yet.

    Returns whose notices these were; give that to `tell`, so that their bells look again.
    """
    key = col(PersonalNotice.dedupe_key)
    gone = await db.scalars(
        delete(PersonalNotice)
        .where(
            col(PersonalNotice.document_id) == document_id,
            or_(*[key.startswith(deed, autoescape=True) for deed in deeds]),
        )
        .returning(col(PersonalNotice.user_id))
    )
    return frozenset(gone)


async def take_back(db: AsyncSession, user_id: UUID, deed: str) -> str | None:
    """Take back what a person has not read yet of a deed whose keys begin so, and a mail that waits to tell only of it.

    Returns the key of what nobody was told: not read, and not mailed. None: they know, or there was nothing.
    """
    key = col(PersonalNotice.dedupe_key)
    gone = (
        await db.execute(
            delete(PersonalNotice)
            .where(
                col(PersonalNotice.user_id) == user_id,
                col(PersonalNotice.read_at).is_(None),
                key.startswith(deed, autoescape=True),
            )
            .returning(key, col(PersonalNotice.mail_id))
        )
    ).all()
    unsent = col(Mail.id).in_([mail_id for _, mail_id in gone if mail_id is not None]) & (
        col(Mail.state) == MailState.WAITING.value
    )
    waiting = set(await db.scalars(select(col(Mail.id)).where(unsent).with_for_update()))
    told_of_more = select(col(PersonalNotice.id)).where(col(PersonalNotice.mail_id) == col(Mail.id)).exists()
    await db.execute(delete(Mail).where(unsent, ~told_of_more).execution_options(synchronize_session=False))
    return next((each for each, mail_id in gone if mail_id is None or mail_id in waiting), None)


async def followers(db: AsyncSession, document_id: UUID) -> Sequence[UUID]:
    """Return who follows the document. The caller leaves out those who may not see it any more."""
    return (
        await db.scalars(
            select(col(DocumentAttention.user_id)).where(
                col(DocumentAttention.document_id) == document_id,
                col(DocumentAttention.attention) == Attention.FOLLOWING.value,
            )
        )
    ).all()


async def _invites_too_much(db: AsyncSession, invitation: Invitation, now: datetime) -> bool:
    of_today = (
        select(
            func.count().filter(col(Invitation.created_by) == invitation.created_by),
            func.count().filter(col(Mail.address) == invitation.email),
        )
        .select_from(Mail)
        .join(Invitation, col(Invitation.id) == col(Mail.invitation_id))
        .where(
            col(Mail.created_at) > now - timedelta(days=1),
            (col(Invitation.created_by) == invitation.created_by) | (col(Mail.address) == invitation.email),
        )
    )
    by_one, to_one = (await db.execute(of_today)).one()
    return bool(by_one >= INVITATIONS_BY_ONE or to_one >= INVITATIONS_TO_ONE)


async def _waiting(db: AsyncSession, people: Collection[UUID], document_id: UUID | None) -> dict[UUID, UUID]:
    """Return the mails about the document that wait to be sent to these people, by person. More news can go with them.

    Without a document: about what is in none, as roles in a workspace or at a collection.
    They are held until the transaction ends: a worker passes them over meanwhile, and finds the news in them after.
    """
    if not people:
        return {}
    about = col(PersonalNotice.document_id)
    rows = await db.execute(
        select(col(Mail.user_id), col(Mail.id))
        .where(
            col(Mail.user_id).in_(people),
            col(Mail.letter) == Letter.NOTICE.value,
            col(Mail.state) == MailState.WAITING.value,
            select(col(PersonalNotice.id))
            .where(
                col(PersonalNotice.mail_id) == col(Mail.id),
                about.is_(None) if document_id is None else about == document_id,
            )
            .exists(),
        )
        .with_for_update(skip_locked=True)
    )
    return {user_id: mail_id for user_id, mail_id in rows if user_id is not None}


async def _crowded(db: AsyncSession, people: Collection[UUID], now: datetime) -> Sequence[UUID]:
    """Return who of these people, each of whom has just got one mail more, has more in this hour than anybody shall."""
    if not people:
        return ()
    mails = func.count(col(PersonalNotice.mail_id).distinct())
    return (
        await db.scalars(
            select(col(PersonalNotice.user_id))
            .where(col(PersonalNotice.user_id).in_(people), col(PersonalNotice.created_at) > now - timedelta(hours=1))
            .group_by(col(PersonalNotice.user_id))
            .having(mails > MAILS_IN_AN_HOUR)
        )
    ).all()


async def _gathering(db: AsyncSession, people: Collection[UUID], now: datetime) -> dict[UUID, UUID]:
    """Return the mails that gather what these people hear until the hour is over, by person."""
    if not people:
        return {}
    hour = now.replace(minute=0, second=0, microsecond=0)
    rows = [
        Mail(
            letter=Letter.DIGEST.value,
            user_id=user_id,
            dedupe_key=f"hour:{user_id}:{hour.isoformat()}",
            # Not on the hour: whoever notes something in its last moment shall still find it waiting.
            due_at=hour + timedelta(hours=1) + MAIL_DELAY,
            created_at=now,
        ).model_dump()
        for user_id in people
    ]
    waiting = (
        insert(Mail)
        .values(rows)
        # Changes nothing, and holds the row: a worker passes it over until the news is in it.
        .on_conflict_do_update(
            index_elements=["dedupe_key"],
            set_={"due_at": col(Mail.due_at)},
            where=col(Mail.state) == MailState.WAITING.value,
        )
        .returning(col(Mail.user_id), col(Mail.id))
    )
    return {user_id: mail_id for user_id, mail_id in await db.execute(waiting) if user_id is not None}


async def _wishes(db: AsyncSession, notice: Notice) -> dict[UUID, _Wish]:
    """Return who is to be told, and how, with one question."""
    to = set(notice.to) - {notice.actor_id}
    if not to:
        return {}
    rows = await db.execute(
        select(col(User.id), col(MailChoice.how), col(MailChoice.kinds), col(DocumentAttention.attention))
        .outerjoin(MailChoice, col(MailChoice.user_id) == col(User.id))
        .outerjoin(
            DocumentAttention,
            (col(DocumentAttention.user_id) == col(User.id))
            & (col(DocumentAttention.document_id) == notice.document_id),
        )
        # A guest has no bell, and hears by letters of their own.
        .where(col(User.id).in_(to), col(User.disabled_at).is_(None), col(User.kind) == UserKind.PERSON.value)
    )
    wishes: dict[UUID, _Wish] = {}
    for user_id, how, kinds, attention in rows:
        muted = attention == Attention.MUTED.value and notice.kind in _TALK
        if muted and notice.kind is not Kind.MENTION:
            continue
        chosen_as = Kind.RESOLUTION if notice.kind is Kind.REOPENING else notice.kind
        wanted = not muted and (kinds is None or chosen_as.value in kinds)
        wishes[user_id] = _Wish(
            by_mail=wanted and HowMail(how or HowMail.AT_ONCE) is HowMail.AT_ONCE,
            by_digest=wanted and how == HowMail.DAILY.value,
        )
    return wishes


def _cut(text: str) -> str:
    """Return the text without control characters, its lines kept, at most as long as is stored."""
    lines = [clean_line(line) for line in text[: 4 * MAX_TEXT_CHARACTERS].splitlines()]
    whole = "\n".join(lines).strip()
    return whole if len(whole) <= MAX_TEXT_CHARACTERS else whole[: MAX_TEXT_CHARACTERS - 1].rstrip() + "…"
