"""Guests of a review: inviting somebody without an account to one document, changing how long it works, taking it back.

A guest is a user of their own, who is nobody anywhere but at this document (`server.documents.access`), so that their
comments, suggestions and decisions bear a name and are kept like everybody's. Nothing here commits; whatever ends or
widens access is spread afterwards by `documents.lifecycle.spread_access`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts import guest_keys, people
from server.accounts.models import GuestKeyKind, User
from server.audit import ledger
from server.audit.ledger import By
from server.documents import lifecycle as documents
from server.documents.access import DocumentVerb, count_change, guest_works
from server.documents.models import Document, ReviewGuest, utc_now
from server.errors import Conflict, DomainError, Forbidden, Invalid, NotFound
from server.notifications.words import UNTITLED
from server.review import lifecycle, telling
from server.web.times import day_words
from server.workspaces import access
from server.workspaces.access import Verb

# More nobody oversees, and every one of them is a way in.
MAX_GUESTS: Final = 30
INVITED_BY_ONE_IN_A_DAY: Final = 50
USUAL_DAYS: Final = 14
MAX_DAYS: Final = 366
MAX_NAME_CHARACTERS: Final = 72
MAX_NOTE_CHARACTERS: Final = 500
# Spaces without width, and such, that make a name look like another; the joiners some scripts need.
_INVISIBLE: Final = re.compile("[\u00ad\u034f\u115f\u1160\u180e\u200b\u2060-\u2064\u2800\u3164\ufeff\uffa0]")
# One write a minute, not one a click.
_USE_NOTED_EVERY: Final = timedelta(minutes=1)


class GuestLinkOver(DomainError):
    """A guest's link has expired, was taken back, is done, or never was one."""

    sentence = "This link is over, or was taken back."


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Whom to invite, and to what. Everybody may read; `approve` is to decide, where a step is for guests."""

    name: str
    email: str | None
    note: str = ""
    comment: bool = True
    suggest: bool = True
    approve: bool = True
    expires_at: datetime | None = None
    ends_when_approved: bool = True
    reads_after: bool = True


@dataclass(frozen=True, slots=True)
class Invited:
    """A guest who was invited; `secret` is that of their link, known only now. `is_mailed`: a letter goes out, too."""

    document: Document
    guest: ReviewGuest
    secret: str
    is_mailed: bool


@dataclass(frozen=True, slots=True)
class Listed:
    """A guest as whoever invites sees them. `state`: open, expired, done or revoked."""

    guest: ReviewGuest
    invited_by: str
    state: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A guest at their document, whether they may still come in or not."""

    guest: ReviewGuest
    document: Document
    invited_by: str
    state: str

    @property
    def may_come_in(self) -> bool:
        """Whether the link works."""
        return self.state == "open"

    @property
    def may_read_on(self) -> bool:
        """Whether they can read what they approved, and nothing else."""
        return self.state == "done" and self.guest.reads_after


async def invite(db: AsyncSession, user: User, document_id: UUID, wish: Wish) -> Invited:
    """Invite somebody to the review of a document. Raises NotFound, Forbidden, Invalid, Conflict."""
    document = await _at(db, user, document_id)
    name, email = _name(wish.name), _email(wish.email)
    if len(wish.note) > MAX_NOTE_CHARACTERS:
        raise Invalid({"note": f"Use at most {MAX_NOTE_CHARACTERS} characters."})
    expires_at = _until(wish.expires_at or utc_now() + timedelta(days=USUAL_DAYS))
    await _refuse_too_many(db, user, document_id)
    behind = await guest_keys.create(db, name)
    guest = ReviewGuest(
        user_id=behind.id,
        document_id=document_id,
        name=name,
        email=email,
        note=wish.note.replace("\0", "").strip(),
        may_comment=wish.comment,
        may_suggest=wish.suggest,
        may_approve=wish.approve,
        expires_at=expires_at,
        ends_when_approved=wish.approve and wish.ends_when_approved,
        reads_after=wish.reads_after,
        invited_by=user.id,
    )
    db.add(guest)
    await db.flush()
    secret = await guest_keys.issue(db, behind.id, GuestKeyKind.LINK)
    if wish.approve:
        await lifecycle.ask_guests(db, document)
    subject = f"{user.name} asks you to {'review' if wish.approve else 'look at'} “{document.title or UNTITLED}”"
    is_mailed = await telling.write_to_guests(
        db, document, [behind.id], subject=subject, text=guest.note, deed="invited"
    )
    await _write_down(
        db,
        document,
        user,
        guest,
        kind="guest.invited",
        deed=f"invited {behind.name} to the review of “{document.title or UNTITLED}”, until {_day(expires_at)}.",
    )
    return Invited(document, guest, secret, is_mailed)


async def listed(db: AsyncSession, user: User, document_id: UUID) -> Sequence[Listed]:
    """Return the guests of a document, the newest first. Raises NotFound, Forbidden."""
    await documents.find(db, user, document_id, DocumentVerb.SHARE)
    rows = await db.execute(
        select(ReviewGuest, col(User.name))
        .outerjoin(User, col(User.id) == col(ReviewGuest.invited_by))
        .where(col(ReviewGuest.document_id) == document_id)
        .order_by(col(ReviewGuest.revoked_at).is_not(None), col(ReviewGuest.invited_at).desc())
        .limit(2 * MAX_GUESTS)
    )
    now = utc_now()
    return [Listed(guest, name or "Somebody", state_of(guest, now)) for guest, name in rows]


async def extend(db: AsyncSession, user: User, document_id: UUID, guest_id: UUID, expires_at: datetime) -> ReviewGuest:
    """Let a guest's link work until another time; one that is over works again. Raises NotFound, Forbidden, Invalid."""
    document = await _at(db, user, document_id)
    guest = await _guest(db, document_id, guest_id)
    if state_of(guest, utc_now()) != "open":
        await _refuse_too_many(db, user, document_id)
    guest.expires_at = _until(expires_at)
    if guest.is_done:
        # What they decided stands; they are let in for what comes next.
        guest.approved_at = guest.approved_hash = None
    await count_change(db, document_id)
    if guest.may_approve:
        await lifecycle.ask_guests(db, document)
    sentence = f"let the link of {guest.name}{guest_keys.SUFFIX} work until {_day(guest.expires_at)}."
    await _write_down(db, document, user, guest, kind="guest.extended", deed=sentence)
    return guest


async def new_link(db: AsyncSession, user: User, document_id: UUID, guest_id: UUID) -> tuple[ReviewGuest, str]:
    """Make one more link for a guest whose first one was lost. Raises NotFound, Forbidden, Conflict."""
    document = await _at(db, user, document_id)
    guest = await _guest(db, document_id, guest_id)
    if state_of(guest, utc_now()) != "open":
        raise Conflict("This link is over. Choose until when it shall work first.")
    sentence = f"made a new link for {guest.name}{guest_keys.SUFFIX}."
    await _write_down(db, document, user, guest, kind="guest.linked", deed=sentence)
    return guest, await guest_keys.issue(db, guest_id, GuestKeyKind.LINK)


async def revoke(db: AsyncSession, user: User, document_id: UUID, guest_id: UUID) -> Document:
    """Take a guest's link back, for good. Raises NotFound, Forbidden."""
    document, _ = await documents.find(db, user, document_id, DocumentVerb.SHARE)
    guest = await _guest(db, document_id, guest_id)
    guest.revoked_at = utc_now()
    await count_change(db, document_id)
    sentence = f"took back the link of {guest.name}{guest_keys.SUFFIX} to “{document.title or UNTITLED}”."
    await _write_down(db, document, user, guest, kind="guest.revoked", deed=sentence)
    return document


async def by_link(db: AsyncSession, secret: str) -> Opened:
    """Return whose link it is. Raises GuestLinkOver if it never was one."""
    behind = await guest_keys.find(db, secret, GuestKeyKind.LINK)
    if behind is None:
        raise GuestLinkOver
    return await opened(db, behind)


async def opened(db: AsyncSession, behind: User, document_id: UUID | None = None) -> Opened:
    """Return a guest at their document. Raises GuestLinkOver, also for a guest of another document."""
    row = (
        await db.execute(
            select(ReviewGuest, Document, col(User.name))
            .join(Document, col(Document.id) == col(ReviewGuest.document_id))
            .outerjoin(User, col(User.id) == col(ReviewGuest.invited_by))
            .where(col(ReviewGuest.user_id) == behind.id, col(Document.trashed_at).is_(None))
        )
    ).one_or_none()
    if row is None or (document_id is not None and row[1].id != document_id):
        raise GuestLinkOver
    guest, document, invited_by = row
    return Opened(guest, document, invited_by or "Whoever sent it", state_of(guest, utc_now()))


async def begin(db: AsyncSession, behind: User, document_id: UUID, name: str) -> None:
    """Note that a guest came in for the first time, under the name that they say. Raises GuestLinkOver, Invalid.

    Once: what they say and decide later must stay said by whom it was. A second time changes nothing.
    """
    found = await opened(db, behind, document_id)
    if not found.may_come_in:
        raise GuestLinkOver
    # Two tabs may come in at once.
    guest = await db.get_one(ReviewGuest, behind.id, with_for_update=True, populate_existing=True)
    if guest.opened_at is not None:
        return
    name = _name(name)
    await _refuse_taken(db, guest, name)
    invited_as, guest.name = guest.name, name
    shown = f"{name}{guest_keys.SUFFIX}"
    await db.execute(update(User).where(col(User.id) == behind.id).values(name=shown))
    guest.opened_at = guest.last_used_at = utc_now()
    await db.flush()
    as_whom = f", who was invited as “{invited_as}”," if name != invited_as else ""
    await ledger.append(
        db,
        found.document.workspace_id,
        By(behind.id, shown),
        kind="guest.opened",
        sentence=f"{shown}{as_whom} opened the link to “{found.document.title or UNTITLED}” for the first time.",
        document_id=document_id,
        data={"guest": str(behind.id), "name": name, "invited_as": invited_as, "email": guest.email},
    )


async def _refuse_taken(db: AsyncSession, guest: ReviewGuest, name: str) -> None:
    """Raise Invalid if another guest of the document goes by a name that looks the same."""
    others = await db.scalars(
        select(col(ReviewGuest.name)).where(
            col(ReviewGuest.document_id) == guest.document_id,
            col(ReviewGuest.user_id) != guest.user_id,
            col(ReviewGuest.opened_at).is_not(None),
        )
    )
    if _heard(name) in {_heard(each) for each in others}:
        raise Invalid({"name": "Another guest goes by this name already. Add something, as your company."})


def note_use(guest: ReviewGuest) -> None:
    """Note that a guest is here, now and then."""
    now = utc_now()
    if guest.last_used_at is None or now - guest.last_used_at >= _USE_NOTED_EVERY:
        guest.last_used_at = now


def state_of(guest: ReviewGuest, now: datetime) -> str:
    """Return where a guest's link is: open, expired, done or revoked."""
    if guest.revoked_at is not None:
        return "revoked"
    if guest.expires_at <= now:
        return "expired"
    return "done" if guest.is_done else "open"


async def _at(db: AsyncSession, user: User, document_id: UUID) -> Document:
    document, _ = await documents.find(db, user, document_id, DocumentVerb.SHARE)
    # Whoever may let people in from outside is a member: guests of the workspace are here by somebody else's word.
    actor = await _member(db, user, document)
    access.require(actor, Verb.INVITE, document)
    if document.trashed_at is not None:
        raise Conflict("The document is in the trash. Restore it first.")
    return document


async def _member(db: AsyncSession, user: User, document: Document) -> access.Actor:
    try:
        return await access.actor_for(db, user, document.workspace_id)
    except NotFound as error:
        raise Forbidden(access.WHO_MAY[Verb.INVITE]) from error


async def _guest(db: AsyncSession, document_id: UUID, guest_id: UUID) -> ReviewGuest:
    guest = await db.get(ReviewGuest, guest_id, with_for_update=True, populate_existing=True)
    if guest is None or guest.document_id != document_id or guest.revoked_at is not None:
        raise NotFound
    return guest


async def _refuse_too_many(db: AsyncSession, user: User, document_id: UUID) -> None:
    working = select(func.count()).where(col(ReviewGuest.document_id) == document_id, guest_works(literal(utc_now())))
    if (await db.scalar(working) or 0) >= MAX_GUESTS:
        raise Conflict(f"A document has at most {MAX_GUESTS} guests at a time. Take a link back first.")
    of_today = select(func.count()).where(
        col(ReviewGuest.invited_by) == user.id, col(ReviewGuest.invited_at) > utc_now() - timedelta(days=1)
    )
    if (await db.scalar(of_today) or 0) >= INVITED_BY_ONE_IN_A_DAY:
        raise Conflict(f"You invited {INVITED_BY_ONE_IN_A_DAY} guests within a day. Go on tomorrow.")


async def _write_down(
    db: AsyncSession, document: Document, user: User, guest: ReviewGuest, *, kind: str, deed: str
) -> None:
    may = ["read", *(word for word, is_so in _may(guest) if is_so)]
    data = {
        "guest": str(guest.user_id),
        "name": guest.name,
        "email": guest.email,
        "may": may,
        "until": guest.expires_at.isoformat(),
    }
    await ledger.append(
        db,
        document.workspace_id,
        By(user.id, user.name),
        kind=kind,
        sentence=f"{user.name} {deed}",
        document_id=document.id,
        data=data,
    )


def _may(guest: ReviewGuest) -> Sequence[tuple[str, bool]]:
    return (("comment", guest.may_comment), ("suggest", guest.may_suggest), ("approve", guest.may_approve))


def _name(text: str) -> str:
    try:
        name = people.clean_name(_INVISIBLE.sub("", text).strip().removesuffix(guest_keys.SUFFIX))
    except ValueError as error:
        raise Invalid({"name": str(error)}) from error
    if len(name) > MAX_NAME_CHARACTERS:
        raise Invalid({"name": f"Use at most {MAX_NAME_CHARACTERS} characters."})
    return name


def _heard(name: str) -> str:
    """Return a name as somebody hears it: the same for those that differ in letters' shapes alone."""
    return unicodedata.normalize("NFKC", name).casefold().replace("\u200c", "").replace("\u200d", "")


def _email(text: str | None) -> str | None:
    if not text or not text.strip():
        return None
    try:
        return people.clean_email(text)
    except ValueError as error:
        raise Invalid({"email": str(error)}) from error


def _until(expires_at: datetime) -> datetime:
    now = utc_now()
    if not now < expires_at <= now + timedelta(days=MAX_DAYS):
        raise Invalid({"expires_at": "Choose a day from today on, within a year."})
    return expires_at


def _day(moment: datetime) -> str:
    return day_words(moment, utc_now())
