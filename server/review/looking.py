"""What people see of a review: where the document stands, whose turn it is, what they may do, and what changed."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from markupsafe import Markup
from prosemirror.model import Node
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import User
from server.documents import freezing, ydoc
from server.documents.access import DocumentActor, DocumentVerb, can
from server.documents.models import Document
from server.documents.schema import schema
from server.review import content, lifecycle, states, workflows
from server.review.content import Frozen
from server.review.lifecycle import Under
from server.review.models import Decision, Review, ReviewState, Standing, Verdict
from server.review.overlays import Fact, Text, compared
from server.review.reviewers import Person
from server.review.states import Status
from server.review.steps import Rule
from server.review.workflows import Way
from server.revisions.comparing import Block, Comparison, Kind, compare
from server.revisions.writing import Hands, write_block
from server.workspaces.models import Role

# Of a longer text that is compared, only what is otherwise is drawn, with a little around it.
MOST_BLOCKS: Final = 300
AROUND: Final = 2
# A page of so many blocks, with those of all accounts, is still drawn at once: a second or two in a thread.
MOST_DRAWN: Final = 5_000
# More texts for accounts than these nobody compares in one sitting; those where something changed are among them.
MOST_ACCOUNTS: Final = 30


@dataclass(frozen=True, slots=True)
class Pill:
    """Where a document stands, in a few words. `changed`: it says something else than what was approved."""

    status: Status = Status.DRAFT
    changed: bool = False
    held: bool = False

    @property
    def words(self) -> str:
        """What is shown."""
        if self.held:
            return "On hold"
        if self.changed:
            return "Changed since approval"
        return states.WORDS[self.status]


@dataclass(frozen=True, slots=True)
class Mark:
    """One person at a step: what they said last about this content, if anything."""

    person: Person
    approved: bool


@dataclass(frozen=True, slots=True)
class Stage:
    """A step as it is shown. `state`: done, now, later, or changes where they were requested and it ended."""

    name: str
    state: str
    approvals: int
    needed: int
    people: tuple[Mark, ...]
    due_at: datetime | None
    is_for_guests: bool


@dataclass(frozen=True, slots=True)
class Said:
    """A decision as it is shown."""

    user_id: UUID | None
    name: str
    verdict: Verdict
    comment: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """All of it, for one person at one document.

    `subject`: what is decided about, or was. `wished`: what somebody asked to be changed before it.
    """

    pill: Pill
    review: Review | None
    asked_by: str
    stages: Sequence[Stage]
    said: Sequence[Said]
    subject: Frozen | None
    base: Frozen | None
    base_words: str
    wished: Said | None
    has_changed: bool
    held_by: str
    held_note: str
    may_request: bool
    may_decide: bool
    may_approve: bool
    may_withdraw: bool
    may_release: bool
    ways: Sequence[Way]

    @property
    def waits_for_guest(self) -> bool:
        """Whether the step that is on is for guests, and none is invited who may approve."""
        return any(stage.state == "now" and not stage.people and stage.is_for_guests for stage in self.stages)

    @property
    def can_nobody_decide(self) -> bool:
        """Whether the step that is on has no reviewers."""
        return any(stage.state == "now" and not stage.people for stage in self.stages)


@dataclass(frozen=True, slots=True)
class Passage:
    """A block of a text; `kind` says what happened to it. Or, of a long text, so many that are as before: `skipped`."""

    html: Markup
    kind: Kind
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Difference:
    """What is otherwise in one text than in another. `blocks`: how many; a title counts as one.

    `left_out`: how many blocks of it are too many to be drawn; no change is ever among those that are skipped.
    """

    old_title: str
    new_title: str
    passages: Sequence[Passage]
    blocks: int
    left_out: int
    overlays: Sequence[OverlaySeen] = ()
    further_accounts: int = 0

    @property
    def is_cut(self) -> bool:
        """Whether something of it is not shown, here or on an account."""
        return self.left_out > 0 or any(post.left_out for each in self.overlays for post in each.posts)

    @property
    def accounts(self) -> int:
        """On how many accounts something else goes out."""
        return sum(each.changes > 0 for each in self.overlays)


@dataclass(frozen=True, slots=True)
class OverlaySeen:
    """What goes out on an account that has a text of its own. `posts`: the text, then the further posts.

    `name`: of the account; `named` puts it in.
    """

    account: str
    posts: Sequence[Difference]
    facts: Sequence[Fact]
    changes: int
    name: str = "An account that is gone"


async def pills(db: AsyncSession, document_ids: Collection[UUID]) -> Mapping[UUID, Pill]:
    """Return where documents stand, by id; those that are not among them are drafts."""
    rows = await db.execute(
        select(Standing, col(Document.content_hash))
        .join(Document, col(Document.id) == col(Standing.document_id))
        .where(col(Standing.document_id).in_(document_ids))
    )
    return {standing.document_id: _pill(standing, signed) for standing, signed in rows}


async def see(db: AsyncSession, user: User, document: Document, actor: DocumentActor) -> Seen:
    """Return what somebody who may decide or edit sees."""
    # Whatever this session has read before was perhaps before a deed of its own.
    await db.refresh(document, ["content_hash"])
    standing = await db.get(Standing, document.id, populate_existing=True) or _draft(document.id)
    review = await db.get(Review, standing.review_id) if standing.review_id is not None else None
    under = await lifecycle.look(db, document, review) if review is not None else None
    subject = await content.find(db, document.id, review.hash) if review is not None else None
    decisions = await _decisions(db, document.id)
    base, base_words = await _base(db, standing, subject, decisions, user.id, has_own_eyes_only=actor.only is not None)
    is_live = document.trashed_at is None
    may_edit = is_live and can(actor, DocumentVerb.EDIT, document)
    status = Status(standing.status)
    may_say = is_live and under is not None and under.is_decidable and under.may_say(user.id)
    is_held = standing.held_at is not None
    has_changed = subject is not None and document.content_hash not in {None, subject.hash}
    names = {user_id: name or "Somebody" for user_id, name, _ in decisions if user_id is not None}
    may_submit = status in {Status.DRAFT, Status.CHANGES_REQUESTED} or has_changed
    return Seen(
        pill=_pill(standing, document.content_hash),
        review=review,
        asked_by=await _name(db, review.requested_by) if review is not None else "",
        stages=_stages(under, names) if under is not None else (),
        said=[
            Said(each.user_id, name or "Somebody", Verdict(each.verdict), each.comment, each.at)
            for _, name, each in decisions
            if review is not None
            and each.review_id == review.id
            # A hold that was released holds nothing; why it was put is in the activity.
            and (is_held or each.verdict != Verdict.HOLD.value)
        ],
        subject=subject,
        base=base,
        base_words=base_words,
        wished=_wished(decisions, subject),
        has_changed=has_changed,
        held_by=await _name(db, standing.held_by) if is_held else "",
        held_note=standing.held_note,
        may_request=may_edit and may_submit,
        may_decide=may_say,
        may_approve=may_say and not is_held and under is not None and under.may_decide(user.id),
        may_withdraw=may_edit and status in {Status.IN_REVIEW, Status.CHANGES_REQUESTED},
        may_release=is_live and lifecycle.may_release(actor, standing, under),
        ways=await workflows.listed(db, document.workspace_id) if may_edit else (),
    )


async def difference(old: Frozen, new: Frozen | bytes) -> Difference:
    """Compare a content with another, or with a document's state as it is now."""
    return await asyncio.to_thread(_difference, old, new)


def drawn(frozen: Frozen) -> Difference:
    """Return a content as it is, without any change."""
    return _difference(frozen, frozen)


def named(difference: Difference, names: Mapping[str, str]) -> Difference:
    """Return a difference with the names of its accounts, by id."""
    overlays = [replace(each, name=names.get(each.account, each.name)) for each in difference.overlays]
    return replace(difference, overlays=overlays)


def _difference(old: Frozen, new: Frozen | bytes) -> Difference:
    words = new if isinstance(new, Frozen) else freezing.read(ydoc.load(new))
    before, after = (Text(each.title, each.body, each.variants) for each in (old, words))
    text = compare(old.node, Node.from_json(schema, after.body), old_title=before.title, new_title=after.title)
    found, further = compared(before, after, most=MOST_ACCOUNTS)
    # Of what is compared with itself all is to be read.
    whole = new is old
    shown = _drawn(text, whole=whole, most=MOST_DRAWN)
    room = MOST_DRAWN - len(shown.passages)
    overlays = []
    for each in found:
        posts = []
        for post in each.posts:
            posts.append(_drawn(post, whole=whole, most=room))
            room -= len(posts[-1].passages)
        overlays.append(OverlaySeen(each.account, posts, each.facts, each.changes))
    return replace(shown, overlays=overlays, further_accounts=further)


def _drawn(found: Comparison, *, whole: bool, most: int) -> Difference:
    """Draw a text: `whole`, or of a long one what is otherwise with a little around it; at most so many blocks."""
    hands = Hands()
    passages: list[Passage] = []
    left_out = 0
    for block, skipped in _worth_showing(found.blocks, whole=whole):
        if len(passages) >= most:
            left_out += skipped or 1
        elif block is None:
            passages.append(Passage(Markup(), Kind.SAME, skipped))
        else:
            passages.append(Passage(write_block(block, hands)[0], block.kind))
    changed = sum(block.kind is not Kind.SAME for block in found.blocks)
    return Difference(
        found.old_title, found.new_title, passages, changed + (found.old_title != found.new_title), left_out
    )


def _worth_showing(blocks: Sequence[Block], *, whole: bool) -> Iterator[tuple[Block | None, int]]:
    """Yield each block to be shown, and in place of many in a row that are as before, how many they are."""
    if whole or len(blocks) <= MOST_BLOCKS:
        yield from ((block, 0) for block in blocks)
        return
    changed = [number for number, block in enumerate(blocks) if block.kind is not Kind.SAME]
    near = {each for number in changed for each in range(number - AROUND, number + AROUND + 1)}
    skipped = 0
    for number, block in enumerate(blocks):
        if number not in near:
            skipped += 1
            continue
        if skipped:
            yield None, skipped
            skipped = 0
        yield block, 0
    if skipped:
        yield None, skipped


def _pill(standing: Standing, signed: bytes | None) -> Pill:
    status = Status(standing.status)
    goes_out = status in {Status.APPROVED, Status.SCHEDULED, Status.PUBLISHED}
    changed = goes_out and standing.approved_hash is not None and signed not in {None, standing.approved_hash}
    return Pill(status, changed=changed, held=standing.held_at is not None)


def _draft(document_id: UUID) -> Standing:
    return Standing(document_id=document_id, status=Status.DRAFT.value, held_note="")


def _stages(under: Under, names: Mapping[UUID, str]) -> list[Stage]:
    found = []
    now = under.now
    is_over = under.review.state not in {ReviewState.OPEN, ReviewState.APPROVED}
    asked_at = under.review.step if under.review.state == ReviewState.CHANGES else None
    for place, each in enumerate(under.progress):
        is_now = each is now
        state = "done" if each.is_done and not is_now else "now" if is_now and not is_over else "later"
        everybody = [*each.approved_by, *sorted(each.waits_for, key=lambda id_: _called(under, names, id_))]
        # Of a step for anybody those who have not decided are not worth a list.
        shown = everybody if each.step.people or len(everybody) <= 6 or each.step.rule is Rule.ALL else everybody[:6]
        marks = [
            Mark(under.people.get(user_id) or _gone(user_id, names), user_id in each.approved_by) for user_id in shown
        ]
        hours = each.step.hours
        found.append(
            Stage(
                name=each.step.name,
                state="changes" if place == asked_at else state,
                approvals=len(each.approved_by),
                needed=each.needed,
                people=tuple(marks),
                due_at=lifecycle.due_at(under.review, hours) if is_now and hours is not None else None,
                is_for_guests=each.step.guests,
            )
        )
    return found


def _called(under: Under, names: Mapping[UUID, str], user_id: UUID) -> str:
    person = under.people.get(user_id)
    return person.name if person is not None else names.get(user_id, "")


def _gone(user_id: UUID, names: Mapping[UUID, str]) -> Person:
    # They decided when they could.
    return Person(user_id, names.get(user_id, "Somebody"), 0, Role.GUEST)


async def _decisions(db: AsyncSession, document_id: UUID) -> list[tuple[UUID | None, str | None, Decision]]:
    rows = await db.execute(
        select(Decision, col(User.name))
        .outerjoin(User, col(User.id) == col(Decision.user_id))
        .where(col(Decision.document_id) == document_id)
        .order_by(col(Decision.at), col(Decision.id))
    )
    return [(each.user_id, name, each) for each, name in rows]


async def _base(
    db: AsyncSession,
    standing: Standing,
    subject: Frozen | None,
    decisions: Sequence[tuple[UUID | None, str | None, Decision]],
    user_id: UUID,
    *,
    has_own_eyes_only: bool,
) -> tuple[Frozen | None, str]:
    """Return what somebody saw before this: what they decided about last, or else what was approved, or decided.

    `has_own_eyes_only`: they know nothing of what others decided about.
    """
    if subject is None:
        return None, ""
    others = [each for _, _, each in decisions if each.hash != subject.hash]
    own = [each for each in others if each.user_id == user_id]
    if own:
        has_decided = any(each.user_id == user_id and each.hash == subject.hash for _, _, each in decisions)
        words = "what you decided about before" if has_decided else "your last decision"
        return await content.find(db, standing.document_id, own[-1].hash), words
    if has_own_eyes_only:
        return None, ""
    if standing.approved_hash not in {None, subject.hash} and standing.approved_hash is not None:
        return await content.find(db, standing.document_id, standing.approved_hash), "the approval"
    if others:
        return await content.find(db, standing.document_id, others[-1].hash), "the last decision"
    return None, ""


def _wished(decisions: Sequence[tuple[UUID | None, str | None, Decision]], subject: Frozen | None) -> Said | None:
    """Return what was asked for of the text before this one, as far as it was the last word about that."""
    before = [each for each in decisions if subject is not None and each[2].hash != subject.hash]
    if not before or before[-1][2].verdict != Verdict.CHANGES:
        return None
    _, name, last = before[-1]
    return Said(last.user_id, name or "Somebody", Verdict.CHANGES, last.comment, last.at)


async def _name(db: AsyncSession, user_id: UUID | None) -> str:
    if user_id is None:
        return "Somebody"
    return await db.scalar(select(col(User.name)).where(col(User.id) == user_id)) or "Somebody"
