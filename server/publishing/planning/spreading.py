"""Several approved documents over the next free slots of accounts: shown first, then planned, all or nothing."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import case, exists, select, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.documents.access import shared_with
from server.documents.models import Document, utc_now
from server.errors import Conflict, Invalid
from server.publishing.accounts import accounts
from server.publishing.channel import Problem
from server.publishing.models import ChannelAccount, Publication
from server.publishing.planning import planning
from server.publishing.planning.planning import Means, NextSlot, Wish
from server.publishing.planning.scheduling import FURTHEST, Planned
from server.publishing.rules import timetables
from server.publishing.rules.slots import Slot
from server.publishing.states import OPEN, State
from server.review.models import Standing
from server.workspaces.access import Actor, Verb, require

MOST_DOCUMENTS: Final = 40
MOST_ACCOUNTS: Final = 20
MOST_LISTED: Final = 60
_ON_ITS_WAY: Final = sorted({*OPEN, State.UNKNOWN, State.PUBLISHED})


class Otherwise(Conflict):
    """What would be planned now is not what was shown."""

    sentence = "Something changed since this was shown: a slot was taken, or a text approved anew. Look at it again."


@dataclass(frozen=True, slots=True)
class Candidate:
    """A document that is approved. `is_used`: what is approved of it is planned, or out, somewhere already."""

    id: UUID
    title: str
    approved_at: datetime | None
    is_used: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A document on an account: when it would go out, and what stands against it."""

    document_id: UUID
    title: str
    account_id: UUID
    account_name: str
    slot: Slot
    problems: Sequence[Problem]
    content_hash: bytes

    @property
    def blocks(self) -> bool:
        """Whether it cannot be planned."""
        return any(each.blocks for each in self.problems)


@dataclass(frozen=True, slots=True)
class Spread:
    """What would be planned, in the order of the documents. `shown` names exactly this."""

    rows: Sequence[Row]
    shown: str

    @property
    def blocks(self) -> bool:
        """Whether something must be mended, or left out, first."""
        return any(each.blocks for each in self.rows)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which documents, in order, on which accounts, in slots after when; None: from now on."""

    documents: Sequence[UUID]
    accounts: Sequence[UUID]
    after: datetime | None = field(default=None)


async def candidates(db: AsyncSession, actor: Actor, *, used: bool = False) -> Sequence[Candidate]:
    """Return the documents that could be planned, those that were approved first first.

    `used`: those as well that are planned or out as they are approved, after the others, the newest first.
    """
    require(actor, Verb.PUBLISH, actor)
    on_its_way = exists().where(
        col(Publication.document_id) == col(Document.id),
        col(Publication.state).in_(_ON_ITS_WAY),
        col(Publication.content_hash) == col(Standing.approved_hash),
    )
    found = await db.execute(
        select(col(Document.id), col(Document.title), col(Standing.approved_at), on_its_way.label("is_used"))
        .join(Standing, col(Standing.document_id) == col(Document.id))
        .where(
            col(Document.workspace_id) == actor.workspace_id,
            col(Document.trashed_at).is_(None),
            shared_with(actor).is_not(None),
            col(Standing.approved_hash).is_not(None),
            col(Standing.held_at).is_(None),
            ~on_its_way if not used else true(),
        )
        .order_by(
            on_its_way,
            case((on_its_way, None), else_=col(Standing.approved_at)),
            col(Standing.approved_at).desc(),
            col(Document.id),
        )
        .limit(MOST_LISTED)
    )
    return [Candidate(*row) for row in found]


async def rehearse(db: AsyncSession, actor: Actor, means: Means, choice: Choice, *, hold: bool = False) -> Spread:
    """Return what would be planned where and when. Raises Invalid, NotFound, NothingFree, NotApproved.

    `hold`: nobody else takes a slot of these accounts until the transaction ends.
    """
    known = await _known(db, actor, choice)
    now = utc_now()
    after = max(now, choice.after or now)
    if after > now + FURTHEST:
        raise Invalid({"after": "This is more than five years from now."})
    table = await timetables.read(db, actor.workspace_id, sorted(known), now, hold=hold)
    slots = {each: table.next(each, after, count=len(choice.documents)) for each in choice.accounts}
    rows: list[Row] = []
    for number, document_id in enumerate(choice.documents):
        content = await planning.approved_content(db, actor, means, document_id)
        for account_id in choice.accounts:
            wish = Wish(document_id, account_id, NextSlot(choice.after))
            problems: Sequence[Problem]
            try:
                problems = (await planning.draft(db, actor, means, content, wish, table=table)).problems
            except Invalid as error:
                problems = [Problem(where, sentence) for where, sentence in error.fields.items()]
            slot = slots[account_id][number]
            name = known[account_id].name
            rows.append(Row(document_id, content.title, account_id, name, slot, problems, content.content_hash))
    return Spread(rows, _name(rows))


async def carry_out(db: AsyncSession, actor: Actor, means: Means, choice: Choice, shown: str) -> list[Planned]:
    """Plan exactly what was shown, or nothing. Raises as `rehearse` and `planning.plan` do, and Otherwise."""
    spread = await rehearse(db, actor, means, choice, hold=True)
    if spread.shown != shown:
        raise Otherwise
    return [
        await planning.plan(db, actor, means, Wish(row.document_id, row.account_id, NextSlot(choice.after)))
        for row in spread.rows
    ]


async def _known(db: AsyncSession, actor: Actor, choice: Choice) -> dict[UUID, ChannelAccount]:
    require(actor, Verb.PUBLISH, actor)
    errors: dict[str, str] = {}
    if not choice.documents:
        errors["documents"] = "Choose at least one document."
    elif len(choice.documents) > MOST_DOCUMENTS:
        errors["documents"] = f"Choose at most {MOST_DOCUMENTS} documents at once."
    if not choice.accounts:
        errors["accounts"] = "Choose at least one account."
    elif len(choice.accounts) > MOST_ACCOUNTS:
        errors["accounts"] = f"Choose at most {MOST_ACCOUNTS} accounts at once."
    if len(set(choice.documents)) < len(choice.documents) or len(set(choice.accounts)) < len(choice.accounts):
        errors["documents"] = "Name each document and each account once."
    if errors:
        raise Invalid(errors)
    here = {each.account.id: each.account for each in await accounts.listed(db, actor)}
    if any(each not in here for each in choice.accounts):
        raise Invalid({"accounts": "There is no such account here. Connect it first."})
    return {each: here[each] for each in choice.accounts}


def _name(rows: Sequence[Row]) -> str:
    """Return what names these rows: the same only for the same texts at the same times."""
    said = "\n".join(
        f"{row.document_id} {row.account_id} {row.slot.at.isoformat()} {row.content_hash.hex()}" for row in rows
    )
    return hashlib.sha256(said.encode()).hexdigest()
