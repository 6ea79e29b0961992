"""The calendar as other programs read it (iCalendar, RFC 5545): at a secret address that a person makes for themselves.

Whoever has the address sees what the person sees, and nothing else; so only its digest is kept, it stands in no log,
and it ends with the membership.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from icalendar import Calendar, Event, vDuration
from sqlalchemy import ColumnElement, and_, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import User
from server.accounts.secret import digest, new_secret
from server.documents.models import utc_now
from server.publishing.bulk.models import CalendarFeed
from server.publishing.planning import planning
from server.publishing.planning.planning import Entry, Wanted
from server.publishing.states import State
from server.publishing.words import STATE_WORDS
from server.web.text import clean_line
from server.workspaces.access import Actor, Verb, require
from server.workspaces.models import Member, Role, Workspace

PREFIX: Final = "qrc_"
BEFORE: Final = timedelta(days=30)
AHEAD: Final = timedelta(days=180)
MOST_EVENTS: Final = 2000
# Calendar programs draw what takes no time as an hour, or not at all.
LASTS: Final = timedelta(minutes=15)
ASK_AGAIN: Final = timedelta(minutes=30)
USE_NOTED_EVERY: Final = timedelta(hours=1)
# Counts what `write` writes: a program that has an older one must get it anew.
_EDITION: Final = 1
_STATUS: Final = {State.CANCELLED: "CANCELLED", State.FAILED: "TENTATIVE", State.UNKNOWN: "TENTATIVE"}
# What a calendar shows of these is more than their name.
_SAID_FIRST: Final = frozenset(_STATUS)


@dataclass(frozen=True, slots=True)
class Reader:
    """Whose calendar is read, and of which workspace."""

    actor: Actor
    workspace: str


async def make(db: AsyncSession, actor: Actor) -> str:
    """Make a person's address, or another one in place of the one they had. Returns its secret, which is not kept."""
    require(actor, Verb.VIEW, actor)
    await end(db, actor)
    secret = new_secret(PREFIX)
    db.add(CalendarFeed(workspace_id=actor.workspace_id, user_id=actor.user_id, token_hash=digest(secret)))
    await db.flush()
    return secret


async def end(db: AsyncSession, actor: Actor) -> None:
    """Let a person's address lead nowhere. One that they have not stays so."""
    require(actor, Verb.VIEW, actor)
    await db.execute(delete(CalendarFeed).where(_of(actor)))


async def find(db: AsyncSession, actor: Actor) -> CalendarFeed | None:
    """Return a person's feed of the workspace."""
    require(actor, Verb.VIEW, actor)
    found: CalendarFeed | None = await db.scalar(select(CalendarFeed).where(_of(actor)))
    return found


async def reader(db: AsyncSession, secret: str) -> Reader | None:
    """Return whose calendar an address is, in the role of this moment; None if it leads nowhere."""
    if not secret.startswith(PREFIX):
        return None
    row = (
        await db.execute(
            select(Member, col(Workspace.name))
            .join(
                CalendarFeed,
                (col(CalendarFeed.workspace_id) == col(Member.workspace_id))
                & (col(CalendarFeed.user_id) == col(Member.user_id)),
            )
            .join(User, col(User.id) == col(Member.user_id))
            .join(Workspace, col(Workspace.id) == col(Member.workspace_id))
            .where(col(CalendarFeed.token_hash) == digest(secret), col(User.disabled_at).is_(None))
        )
    ).one_or_none()
    if row is None:
        return None
    member, name = row
    return Reader(Actor(member.user_id, member.workspace_id, Role(member.role)), name)


async def note_use(db: AsyncSession, actor: Actor, now: datetime | None = None) -> None:
    """Note that a calendar program has asked, at most once an hour."""
    now = now or utc_now()
    last = col(CalendarFeed.last_used_at)
    await db.execute(
        update(CalendarFeed)
        .where(_of(actor), or_(last.is_(None), last <= now - USE_NOTED_EVERY))
        .values(last_used_at=now)
    )


async def entries(db: AsyncSession, actor: Actor, now: datetime | None = None) -> Sequence[Entry]:
    """Return what the calendar holds: what the person sees from a month ago to half a year ahead."""
    now = now or utc_now()
    page = await planning.listed(db, actor, Wanted(since=now - BEFORE, until=now + AHEAD), limit=MOST_EVENTS)
    return page.entries


def etag_of(found: Sequence[Entry], name: str, public_url: str) -> str:
    """Return what stands for all that `write` would write."""
    return sha256(repr((_EDITION, name, public_url, *found)).encode()).hexdigest()[:32]


def write(found: Sequence[Entry], name: str, public_url: str) -> bytes:
    """Return publications as a calendar. It takes about a millisecond for each."""
    made = Calendar()
    made.add("prodid", "-//Quillroom//Publications//EN")
    made.add("version", "2.0")
    made.add("method", "PUBLISH")
    title = clean_line(f"{name} · Publications")
    made.add("name", title)
    made.add("x-wr-calname", title)
    made.add("refresh-interval", vDuration(ASK_AGAIN), parameters={"VALUE": "DURATION"})
    made.add("x-published-ttl", vDuration(ASK_AGAIN))
    for entry in found:
        made.add_component(_event(entry, public_url))
    written: bytes = made.to_ical()
    return written


def _event(entry: Entry, public_url: str) -> Event:
    words = STATE_WORDS[entry.state]
    name = f"{entry.name} · {entry.account_name}" if entry.account_name else entry.name
    address = f"{public_url}/publications/{entry.id}"
    said = [f"{words}.", entry.problem if entry.state in _SAID_FIRST else "", entry.words, entry.url or "", address]
    made = Event()
    made.add("uid", f"urn:uuid:{entry.id}")
    # When it was made, not when it is read: the same calendar shall be the same bytes.
    made.add("dtstamp", entry.created_at)
    made.add("dtstart", entry.due_at)
    made.add("duration", LASTS)
    made.add("sequence", entry.version)
    made.add("status", _STATUS.get(entry.state, "CONFIRMED"))
    made.add("summary", clean_line(f"{words}: {name}" if entry.state in _SAID_FIRST else name))
    made.add("description", "\n".join(clean_line(each) for each in said if each))
    made.add("url", address)
    if entry.tags:
        made.add("categories", [clean_line(tag) for tag in entry.tags])
    # Nobody is busy because a post goes out.
    made.add("transp", "TRANSPARENT")
    return made


def _of(actor: Actor) -> ColumnElement[bool]:
    return and_(col(CalendarFeed.workspace_id) == actor.workspace_id, col(CalendarFeed.user_id) == actor.user_id)
