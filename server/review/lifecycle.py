"""Taking documents through review: submitting, deciding, withdrawing, and what may go out.

All of it holds the document's standing until the transaction ends, so that two who decide at once come one after the
other. Nothing here commits: what was done, its notices and its entry in the ledger are one transaction. Give
`Done.noted` to `noting.tell` after the commit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import User
from server.audit import ledger
from server.audit.ledger import By
from server.documents import lifecycle as documents
from server.documents.access import DocumentActor, DocumentVerb
from server.documents.models import Document, ReviewGuest, utc_now
from server.errors import Conflict, Forbidden, Invalid, NotFound
from server.review import content, reviewers, states, steps, telling, workflows
from server.review.content import Frozen
from server.review.models import MAX_COMMENT_CHARACTERS, Decision, Review, ReviewState, Standing, Verdict
from server.review.reviewers import Person
from server.review.states import Event, Publication, Status
from server.review.steps import Progress
from server.workspaces.models import Role

_DONE: Final = {
    Verdict.APPROVE: "approved",
    Verdict.CHANGES: "requested changes in",
    Verdict.HOLD: "put a hold on",
    Verdict.RELEASE: "released",
}


class NotYourTurn(Forbidden):
    """Somebody else decides now."""

    sentence = "Others decide at this step. You see above who they are."


class OtherContent(Conflict):
    """What the person looked at is not what is to be decided any more."""

    sentence = "The document was submitted anew meanwhile. Reload, and look at what is to be decided now."


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a deed: the document, where it stands, and who has news of it.

    `has_let_out`: somebody's access ended with it, which is to be spread.
    """

    document: Document
    status: Status
    noted: frozenset[UUID]
    has_let_out: bool = False


@dataclass(frozen=True, slots=True)
class Approved:
    """What may go out: exactly this content, of this revision."""

    hash: bytes
    revision_id: UUID | None
    revision_number: int
    frozen: Frozen


@dataclass(frozen=True, slots=True)
class Under:
    """A review with how far it is. `people`: who may decide about the document, by id; `now`: the step that is on."""

    review: Review
    progress: Sequence[Progress]
    people: Mapping[UUID, Person]

    @property
    def now(self) -> Progress | None:
        """The step that is decided now; None if all agreed or it is over."""
        place = steps.current(self.progress) if self.review.state == ReviewState.OPEN else None
        return self.progress[place] if place is not None else None

    @property
    def is_decidable(self) -> bool:
        """Whether anything can be said about it: it is open, or what it approved may still be taken back."""
        return self.review.state in {ReviewState.OPEN, ReviewState.APPROVED}

    def may_decide(self, user_id: UUID) -> bool:
        """Whether it is this person's turn, once or again."""
        step = self.now
        if step is None or user_id not in self.people:
            return False
        return user_id in step.reviewers or (self.review.escalated_at is not None and user_id == step.step.escalate_to)

    def may_say(self, user_id: UUID) -> bool:
        """Whether this person may say anything about it: while it is open at their turn, afterwards as a reviewer.

        Who was one can take an approval back, and hold what is approved.
        """
        if self.review.state == ReviewState.OPEN:
            return self.may_decide(user_id)
        return user_id in self.people and any(
            user_id in each.reviewers or user_id in each.approved_by for each in self.progress
        )


async def request(
    db: AsyncSession, user: User, document_id: UUID, *, workflow_id: UUID | None = None, note: str = ""
) -> Done:
    """Submit what the document says now, for the first time or again. What was approved of the same content counts.

    Raises NotFound, Forbidden, Invalid, Conflict if just this is under review already.
    """
    document, _ = await documents.find(db, user, document_id, DocumentVerb.EDIT)
    _refuse_trashed(document)
    note = _comment(note, "note")
    way = await workflows.find(db, document.workspace_id, workflow_id)
    its_steps = _json(with_guests(way.steps, await reviewers.guests_able(db, document_id)))
    standing = await _hold(db, document_id)
    status = states.after(Status(standing.status), Event.REQUEST)
    frozen = await content.freeze(db, document_id, by=user.id)
    # A title that was written a moment ago is not in the list yet, and what is said of it now is said for good.
    await db.refresh(document, ["title"])
    before = await open_review(db, document_id)
    if before is not None:
        if before.hash == frozen.hash and before.workflow == way.name and before.steps == its_steps:
            raise Conflict("Exactly this is under review already.")
        before.state, before.ended_at = ReviewState.REPLACED.value, utc_now()
        await db.flush()
    review = Review(
        document_id=document_id,
        workspace_id=document.workspace_id,
        workflow=way.name,
        steps=its_steps,
        own_content=way.own_content,
        hash=frozen.hash,
        requested_by=user.id,
        note=note,
    )
    db.add(review)
    await db.flush()
    standing.status, standing.review_id = status.value, review.id
    under = await look(db, document, review)
    await _write_down(
        db,
        document,
        By(user.id, user.name),
        "review.requested",
        f"{user.name} sent {_signed(frozen)} for review.",
        data={"hash": frozen.hash.hex(), "revision": frozen.revision_number, "workflow": way.name, "note": note},
    )
    noted = await _move_on(db, document, standing, under, frozen=frozen, by=By(user.id, user.name))
    return Done(document, Status(standing.status), noted)


async def decide(
    db: AsyncSession, user: User, document_id: UUID, verdict: Verdict, *, signed: bytes, comment: str = ""
) -> Done:
    """Say something about exactly one content, which `signed` is the hash of; a hold is released whatever is decided.

    It is what is under review, or approved last; changes can be asked for in what was approved before, too.
    Raises NotFound, Forbidden, NotYourTurn, OtherContent, Invalid naming `comment`, Conflict.
    """
    if verdict is Verdict.RELEASE:
        return await release(db, user, document_id, comment=comment)
    document, actor = await documents.find(db, user, document_id, DocumentVerb.DECIDE)
    _refuse_trashed(document)
    if actor.only is not None and verdict not in {Verdict.APPROVE, Verdict.CHANGES}:
        raise Forbidden("You can approve this, or ask for changes.")
    comment = _comment(comment, "comment")
    if verdict is Verdict.CHANGES and not comment:
        raise Invalid({"comment": "Say what should be changed."})
    standing = await _hold(db, document_id)
    earlier = await approved_before(db, standing, signed) if verdict is Verdict.CHANGES else None
    if earlier is not None:
        return await _take_back(db, user, document, standing, await look(db, document, earlier), comment=comment)
    under = await _under_decision(db, document, standing, signed)
    review = under.review
    _refuse(under, standing, verdict, user.id)
    place = steps.current(under.progress)
    now = utc_now()
    key = steps.keys([each.step for each in under.progress])[place if place is not None else -1]
    db.add(
        Decision(
            review_id=review.id,
            document_id=document_id,
            hash=signed,
            step=key,
            user_id=user.id,
            verdict=verdict.value,
            comment=comment,
            at=now,
        )
    )
    if verdict is Verdict.CHANGES:
        _object(standing, review, user.id, now)
    if verdict is Verdict.HOLD:
        standing.held_by, standing.held_at, standing.held_note = user.id, now, comment
    guest = await db.get(ReviewGuest, user.id, with_for_update=True) if verdict is Verdict.APPROVE else None
    if guest is not None:
        guest.approved_at, guest.approved_hash = now, signed
    await db.flush()
    by = By(user.id, user.name)
    frozen = await content.find(db, document_id, signed)
    assert frozen is not None, "a review is of a frozen content"  # noqa: S101 - for the type
    said = f"{user.name} {_DONE[verdict]} {_signed(frozen)}"
    data = {"hash": signed.hex(), "revision": frozen.revision_number, "step": key, "comment": comment}
    sentence = f"{said}: {comment}" if comment else f"{said}."
    await _write_down(db, document, by, f"review.{verdict.value}", sentence, data=data)
    noted = await telling.decided(db, document, review, verdict, by=user, comment=comment)
    if verdict is Verdict.APPROVE:
        noted |= await _move_on(db, document, standing, await look(db, document, review), frozen=frozen, by=by)
    return Done(document, Status(standing.status), noted, has_let_out=guest is not None and guest.is_done)


async def release(db: AsyncSession, user: User, document_id: UUID, *, comment: str = "") -> Done:
    """End a hold. Nothing else does: not a new review, nor taking the document out of one.

    Raises NotFound, Forbidden, NotYourTurn, Invalid naming `comment`, Conflict.
    """
    document, actor = await documents.find(db, user, document_id, DocumentVerb.VIEW)
    _refuse_trashed(document)
    comment = _comment(comment, "comment")
    standing = await _hold(db, document_id)
    if standing.held_at is None:
        raise Conflict("It is not on hold any more.")
    review = await db.get(Review, standing.review_id) if standing.review_id is not None else None
    under = await look(db, document, review) if review is not None else None
    if not may_release(actor, standing, under):
        raise NotYourTurn("Whoever holds it, who decides now, or an admin releases it.")
    _release(standing)
    data: dict[str, object] = {"comment": comment}
    if review is not None:
        data["hash"] = review.hash.hex()
        key = steps.keys([steps.from_json(each) for each in review.steps])[review.step]
        db.add(
            Decision(
                review_id=review.id,
                document_id=document_id,
                hash=review.hash,
                step=key,
                user_id=user.id,
                verdict=Verdict.RELEASE.value,
                comment=comment,
            )
        )
    await db.flush()
    by = By(user.id, user.name)
    said = f"{user.name} {_DONE[Verdict.RELEASE]} “{_title(document)}”"
    await _write_down(db, document, by, "review.release", f"{said}: {comment}" if comment else f"{said}.", data=data)
    noted = frozenset[UUID]()
    if review is not None:
        noted = await telling.decided(db, document, review, Verdict.RELEASE, by=user, comment=comment)
    return Done(document, Status(standing.status), noted)


def _object(standing: Standing, review: Review, by: UUID, now: datetime) -> None:
    standing.status = states.after(Status(standing.status), Event.REQUEST_CHANGES).value
    if standing.approved_hash == review.hash:
        # It is the approval itself that is taken back. A hold of the same person has nothing to hold then.
        standing.approved_hash = standing.approved_at = None
        if standing.held_by == by:
            _release(standing)
    review.state, review.ended_at = ReviewState.CHANGES.value, now


async def approved_before(db: AsyncSession, standing: Standing, signed: bytes) -> Review | None:
    """Return the review in which a content was approved, if another one came after it: it may be planned still."""
    current = await db.get(Review, standing.review_id) if standing.review_id is not None else None
    if current is not None and current.hash == signed:
        return None
    found: Review | None = await db.scalar(
        select(Review)
        .where(
            col(Review.document_id) == standing.document_id,
            col(Review.hash) == signed,
            col(Review.state).in_([ReviewState.APPROVED.value, ReviewState.CHANGES.value]),
        )
        .order_by(col(Review.ended_at).desc(), col(Review.id))
        .limit(1)
        .execution_options(populate_existing=True)
    )
    return found if found is not None and found.state == ReviewState.APPROVED else None


async def may_take_back(db: AsyncSession, user: User, document_id: UUID, signed: bytes) -> bool:
    """Whether somebody may take the approval of a content back, be it the last one that was approved or not."""
    try:
        document, actor = await documents.find(db, user, document_id, DocumentVerb.DECIDE)
    except (NotFound, Forbidden):
        return False
    standing = await db.get(Standing, document_id)
    if standing is None or actor.only is not None:
        return False
    review = await approved_before(db, standing, signed)
    if review is None and standing.review_id is not None:
        last = await db.get(Review, standing.review_id)
        review = last if last is not None and (last.hash, last.state) == (signed, ReviewState.APPROVED) else None
    return review is not None and (await look(db, document, review)).may_say(user.id)


async def _take_back(
    db: AsyncSession, user: User, document: Document, standing: Standing, under: Under, *, comment: str
) -> Done:
    """Take back the approval of a content that another one followed: it goes out no more. Raises NotYourTurn."""
    review = under.review
    if not under.may_say(user.id):
        raise NotYourTurn
    key = steps.keys([each.step for each in under.progress])[-1]
    now = utc_now()
    db.add(
        Decision(
            review_id=review.id,
            document_id=document.id,
            hash=review.hash,
            step=key,
            user_id=user.id,
            verdict=Verdict.CHANGES.value,
            comment=comment,
            at=now,
        )
    )
    review.state, review.ended_at = ReviewState.CHANGES.value, now
    if standing.approved_hash == review.hash:
        standing.approved_hash = standing.approved_at = None
    await db.flush()
    frozen = await content.find(db, document.id, review.hash)
    assert frozen is not None, "a review is of a frozen content"  # noqa: S101 - for the type
    data = {"hash": review.hash.hex(), "revision": frozen.revision_number, "step": key, "comment": comment}
    sentence = f"{user.name} {_DONE[Verdict.CHANGES]} {_signed(frozen)}: {comment}"
    by = By(user.id, user.name)
    await _write_down(db, document, by, f"review.{Verdict.CHANGES.value}", sentence, data=data)
    noted = await telling.decided(db, document, review, Verdict.CHANGES, by=user, comment=comment)
    return Done(document, Status(standing.status), noted)


def may_release(actor: DocumentActor, standing: Standing, under: Under | None) -> bool:
    """Whether somebody may end the hold: who holds it, who decides about the document now, or an admin."""
    if standing.held_at is None or actor.user_id is None or actor.only is not None:
        return False
    is_theirs = standing.held_by == actor.user_id or actor.workspace_role is Role.ADMIN
    return is_theirs or (under is not None and under.is_decidable and under.may_say(actor.user_id))


async def ask_guests(db: AsyncSession, document: Document) -> None:
    """Let the review that is under way, if any, wait for the guests who may approve, after everybody else."""
    await _hold(db, document.id)
    review = await open_review(db, document.id)
    if review is None:
        return
    before = [steps.from_json(each) for each in review.steps]
    review.steps = _json(with_guests(before, await reviewers.guests_able(db, document.id)))
    await db.flush()


def with_guests(of_way: Sequence[steps.Step], guests: Mapping[UUID, Person]) -> Sequence[steps.Step]:
    """Return the steps, and one more if guests are to approve and none of the steps is for them."""
    if not guests or any(each.guests for each in of_way):
        return of_way
    return [*of_way, steps.OF_GUESTS]


async def withdraw(db: AsyncSession, user: User, document_id: UUID) -> Done:
    """Take the document out of review. What was approved before still is. Raises NotFound, Forbidden, Conflict."""
    document, _ = await documents.find(db, user, document_id, DocumentVerb.EDIT)
    standing = await _hold(db, document_id)
    event = Event.WITHDRAW if standing.approved_hash is None else Event.RESUME
    standing.status = states.after(Status(standing.status), event).value
    review = await open_review(db, document_id)
    if review is not None:
        review.state, review.ended_at = ReviewState.WITHDRAWN.value, utc_now()
    if standing.approved_hash is not None:
        standing.review_id = await _approving(db, document_id, standing.approved_hash)
    _settle(standing)
    await db.flush()
    by = By(user.id, user.name)
    sentence = f"{user.name} took “{_title(document)}” out of review."
    await _write_down(db, document, by, "review.withdrawn", sentence, data={})
    return Done(document, Status(standing.status), frozenset())


async def approved(db: AsyncSession, document_id: UUID) -> Approved | None:
    """Return what may go out of a document now: None if nothing is approved, or somebody holds it.

    A later edit changes nothing about it. Raises content.Altered if it is not what was signed.
    """
    standing = await db.get(Standing, document_id, populate_existing=True)
    if standing is None or standing.approved_hash is None or standing.held_at is not None:
        return None
    frozen = await content.find(db, document_id, standing.approved_hash)
    if frozen is None:
        return None
    return Approved(frozen.hash, frozen.revision_id, frozen.revision_number, frozen)


async def note_publication(db: AsyncSession, document_id: UUID, publication: Publication | None) -> Status:
    """Note what publishing says of a document: planned, out, or neither. Twice is as once."""
    standing = await _hold(db, document_id)
    standing.publication = publication.value if publication is not None else None
    _settle(standing)
    await db.flush()
    return Status(standing.status)


def due_at(review: Review, hours: int) -> datetime:
    """Return the deadline of the step that is on."""
    return review.step_since + timedelta(hours=hours)


async def open_review(db: AsyncSession, document_id: UUID) -> Review | None:
    """Return the review that is under way."""
    found: Review | None = await db.scalar(
        select(Review).where(col(Review.document_id) == document_id, col(Review.state) == ReviewState.OPEN.value)
    )
    return found


async def look(db: AsyncSession, document: Document, review: Review) -> Under:
    """Return how far a review is, at this moment."""
    people = await reviewers.able(db, document)
    of_review = [steps.from_json(each) for each in review.steps]
    named = reviewers.of_steps(of_review, people, asked_by=review.requested_by, own_content=review.own_content)
    found = steps.progress(of_review, named, await _approvals(db, review.document_id, review.hash))
    return Under(review, found, people)


async def _approvals(db: AsyncSession, document_id: UUID, signed: bytes) -> dict[str, list[UUID]]:
    """Return who approves this content, by the step: since somebody last asked for changes of this very content.

    What others said before does not outweigh an objection: the same text, sent again, is decided about anew.
    """
    rows = await db.execute(
        select(col(Decision.step), col(Decision.user_id), col(Decision.verdict))
        .where(
            col(Decision.document_id) == document_id,
            col(Decision.hash) == signed,
            col(Decision.verdict).in_([Verdict.APPROVE.value, Verdict.CHANGES.value]),
        )
        .order_by(col(Decision.at), col(Decision.id))
    )
    found: dict[str, list[UUID]] = {}
    for key, user_id, verdict in rows:
        if verdict == Verdict.CHANGES:
            found.clear()
        elif user_id is not None and user_id not in found.setdefault(key, []):
            found[key].append(user_id)
    return found


async def _approving(db: AsyncSession, document_id: UUID, signed: bytes) -> UUID | None:
    """Return the review that approved a content."""
    found: UUID | None = await db.scalar(
        select(col(Review.id))
        .where(
            col(Review.document_id) == document_id,
            col(Review.hash) == signed,
            col(Review.state) == ReviewState.APPROVED.value,
        )
        .order_by(col(Review.ended_at).desc())
        .limit(1)
    )
    return found


async def _move_on(
    db: AsyncSession, document: Document, standing: Standing, under: Under, *, frozen: Frozen, by: By
) -> frozenset[UUID]:
    """Go to the step that is to be decided, and tell those who decide there; or find that all agreed."""
    review = under.review
    place = steps.current(under.progress)
    if place is not None:
        if place != review.step:
            review.step, review.step_since = place, utc_now()
            review.reminded_at = review.escalated_at = None
        await db.flush()
        return await telling.asked(db, document, review, under.progress[place].waits_for)
    now = utc_now()
    review.state, review.ended_at = ReviewState.APPROVED.value, now
    standing.approved_hash, standing.approved_at = review.hash, now
    standing.status = states.after(Status(standing.status), Event.APPROVE).value
    _settle(standing)
    await content.mark_approved(db, frozen)
    await db.flush()
    await _write_down(
        db,
        document,
        by,
        "review.approved",
        f"{_signed(frozen)} is approved.",
        data={"hash": review.hash.hex(), "revision": frozen.revision_number, "workflow": review.workflow},
    )
    return await telling.approved(db, document, review, by.id)


async def _under_decision(db: AsyncSession, document: Document, standing: Standing, signed: bytes) -> Under:
    """Return the review that somebody decides about. Raises Conflict, OtherContent."""
    # Read anew: whoever held the document before may have decided since the asker looked.
    review = (
        await db.get(Review, standing.review_id, populate_existing=True) if standing.review_id is not None else None
    )
    if review is None or review.state not in {ReviewState.OPEN, ReviewState.APPROVED}:
        raise Conflict("There is nothing to decide: no review is under way.")
    if review.hash != signed:
        raise OtherContent
    return await look(db, document, review)


def _refuse(under: Under, standing: Standing, verdict: Verdict, user_id: UUID) -> None:
    """Raise NotYourTurn or Conflict if somebody cannot say this now."""
    if not under.may_say(user_id):
        raise NotYourTurn
    if verdict is Verdict.APPROVE and under.review.state != ReviewState.OPEN:
        raise Conflict("It is approved already.")
    if verdict is Verdict.APPROVE and standing.held_at is not None:
        raise Conflict("It is on hold. Release it first.")


async def _hold(db: AsyncSession, document_id: UUID) -> Standing:
    """Return where a document stands, locked until the transaction ends."""
    await db.execute(
        insert(Standing)
        .values(document_id=document_id, status=Status.DRAFT.value, held_note="")
        .on_conflict_do_nothing()
    )
    held = select(Standing).where(col(Standing.document_id) == document_id).with_for_update()
    return (await db.scalars(held.execution_options(populate_existing=True))).one()


async def _write_down(
    db: AsyncSession, document: Document, by: By, kind: str, sentence: str, *, data: Mapping[str, object]
) -> None:
    await ledger.append(db, document.workspace_id, by, kind=kind, sentence=sentence, document_id=document.id, data=data)


def _settle(standing: Standing) -> None:
    publication = Publication(standing.publication) if standing.publication is not None else None
    standing.status = states.settled(Status(standing.status), publication).value


def _release(standing: Standing) -> None:
    standing.held_by = standing.held_at = None
    standing.held_note = ""


def _json(found: Sequence[steps.Step]) -> list[dict[str, object]]:
    return [steps.to_json(each) for each in found]


def _comment(text: str, field: str) -> str:
    text = text.replace("\0", "").strip()
    if len(text) > MAX_COMMENT_CHARACTERS:
        raise Invalid({field: f"Use at most {MAX_COMMENT_CHARACTERS} characters."})
    return text


def _signed(frozen: Frozen) -> str:
    """Return what a decision is about, by the title that it had then: somebody may have given it another since."""
    return f"“{frozen.title or 'Untitled'}” (version {frozen.revision_number})"


def _title(document: Document) -> str:
    return document.title or "Untitled"


def _refuse_trashed(document: Document) -> None:
    if document.trashed_at is not None:
        raise Conflict("The document is in the trash. Restore it first.")
