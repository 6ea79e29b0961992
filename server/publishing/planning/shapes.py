"""What the API says about publications."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, NaiveDatetime, StringConstraints

from server.publishing import posts
from server.publishing.channel import Problem
from server.publishing.models import Attempt
from server.publishing.planning.planning import Draft, Entry, Page, Seen
from server.publishing.planning.repeating import Reach
from server.publishing.planning.scheduling import Finding, Planned, When
from server.publishing.posts import Additions
from server.publishing.states import State
from server.publishing.wall_time import Kind, Moment
from server.publishing.words import attempt_sentence
from server.web.operations import Answer, BodyInput, Instant, QueryInput

MAX_OPTIONS = 40

Words = Annotated[str, StringConstraints(max_length=2000)]


class PublicationsQuery(QueryInput):
    """Which publications to list. Times are instants; `until` itself is not part of it."""

    since: Instant | None = Field(default=None, description="Only what is due at this moment or later.")
    until: Instant | None = Field(default=None, description="Only what is due before this moment.")
    state: State | None = None
    account_id: UUID | None = None
    document_id: UUID | None = None
    tag: str | None = Field(default=None, max_length=100, description="Without `#`; in capital or small letters.")
    limit: int = Field(default=50, ge=1, le=100, description="How many publications to return at most.")
    cursor: str | None = Field(default=None, max_length=200, description="`next_cursor` of the page before this one.")


class WallTime(BodyInput):
    """A time as the clock on a wall shows it."""

    wall_time: NaiveDatetime = Field(strict=False, description="Without a zone: `2026-12-01T09:00:00`.")
    zone: str = Field(max_length=64, description="The IANA name of a time zone: `Europe/Paris`.")
    later: bool = Field(default=False, description="Of a time that comes twice, as clocks go back: the second.")

    def when(self) -> When:
        """Return it as plans say it."""
        return When(self.wall_time, self.zone, later=self.later)


class Besides(BodyInput):
    """What a post has besides the text of the document. What is left out, the account's own text says, if any."""

    link: Words | None = Field(
        default=None, description="Where the whole text is to be read; an empty one is none at all."
    )
    tags: list[Words] | None = Field(default=None, max_length=100, description="With or without a leading `#`.")
    options: dict[str, Words] = Field(
        default_factory=dict, max_length=MAX_OPTIONS, description="What the channel's `options` ask for, by name."
    )

    def additions(self) -> Additions:
        """Return it as posts have it."""
        return Additions(self.link, None if self.tags is None else tuple(self.tags), self.options)


class SlotWish(BodyInput):
    """A slot of the account in place of a time."""

    slot: Literal["next"] = Field(description="The next one that is free. Nobody else gets it.")


class NewPublication(Besides):
    """A document to publish on an account."""

    document_id: UUID
    account_id: UUID
    time: WallTime | None = Field(default=None, description="Without it, and without `when`: now.")
    when: SlotWish | None = Field(default=None, description="In place of a `time`.")


class PublicationChange(BodyInput):
    """What to change; what is left out stays."""

    time: WallTime | None = None
    content: Besides | None = Field(
        default=None, description="Send what is approved now, with these additions; null leaves the post as it is."
    )
    reach: Reach = Field(
        default=Reach.ONE,
        strict=False,
        description="How much of a series: this one, or it and those `later`, which move by as many days.",
    )


class CancelQuery(QueryInput):
    """How much of a series."""

    reach: Reach = Field(default=Reach.ONE, description="This one, or it and those `later` in its series.")


class FindingSaid(BodyInput):
    """What a person found out about a publication whose outcome is unknown."""

    finding: Finding = Field(strict=False)
    link: Words | None = Field(default=None, description="With `live`: where it is.")


class ProblemSeen(Answer):
    """Something that the channel would refuse (`blocks`), or that is likely a mistake."""

    where: str
    sentence: str
    blocks: bool

    @classmethod
    def of(cls, problem: Problem) -> Self:
        """Describe a problem."""
        return cls(where=problem.where, sentence=problem.sentence, blocks=problem.blocks)


class MomentSeen(Answer):
    """What a wall time means."""

    at: datetime
    wall_time: datetime = Field(description="What the clock really shows then.")
    kind: Kind
    rule: str = Field(description="How a time that the clock jumps over, or shows twice, was settled; else empty.")

    @classmethod
    def of(cls, moment: Moment) -> Self:
        """Describe a moment."""
        return cls(at=moment.at, wall_time=moment.wall, kind=moment.kind, rule=moment.rule)


class PublicationChecked(Answer):
    """What would go out, and what stands against it."""

    title: str
    text: str
    html: str
    pictures: int
    problems: list[ProblemSeen]
    moment: MomentSeen | None

    @classmethod
    def of(cls, draft: Draft) -> Self:
        """Describe a draft."""
        return cls(
            title=draft.post.title,
            text=draft.post.text,
            html=draft.post.html,
            pictures=len(draft.post.pictures),
            problems=[ProblemSeen.of(each) for each in draft.problems],
            moment=MomentSeen.of(draft.moment) if draft.moment is not None else None,
        )


class PublicationSeen(Answer):
    """A publication without its text."""

    id: UUID
    state: State
    document_id: UUID | None
    document_title: str | None
    account_id: UUID | None
    account_name: str | None
    channel: str | None
    title: str = Field(description="Of the post; empty where the channel has none.")
    words: str = Field(description="The first of its text.")
    wall_time: datetime
    zone: str
    due_at: datetime = Field(description="The instant that `wall_time` in `zone` means.")
    version: int = Field(description="Counts what people changed; `If-Match` takes it.")
    movable: bool = Field(description="Whether it can still be moved, changed and cancelled.")
    url: str | None = Field(description="Where people see it.")
    problem: str = Field(description="What is wrong, for a person; empty while nothing is.")
    published_at: datetime | None
    changed_at: datetime | None = Field(description="When a newer text took the place of what was published.")
    taken_down_at: datetime | None = Field(description="When it was taken down; it stays `published`.")
    gone_since: datetime | None = Field(description="Since when its channel shows it no longer, for its own reasons.")
    series_id: UUID | None = Field(description="Of the series that it was planned with; null if it was planned alone.")

    @classmethod
    def of(cls, entry: Entry) -> Self:
        """Describe a publication."""
        return cls(**_shared(entry))


class PublicationList(Answer):
    """One page of a list, by time."""

    publications: list[PublicationSeen]
    next_cursor: str | None = Field(description="Asks for the next page; null on the last one.")

    @classmethod
    def of(cls, page: Page) -> Self:
        """Describe a page."""
        return cls(publications=[PublicationSeen.of(each) for each in page.entries], next_cursor=page.next_cursor)


class AttemptSeen(Answer):
    """One call to the channel and how it ended."""

    call: str
    begun_at: datetime
    ended_at: datetime | None
    outcome: str | None
    sentence: str = Field(description="What happened, for a person.")

    @classmethod
    def of(cls, attempt: Attempt) -> Self:
        """Describe an attempt."""
        return cls(
            call=attempt.call,
            begun_at=attempt.begun_at,
            ended_at=attempt.ended_at,
            outcome=attempt.outcome,
            sentence=attempt_sentence(attempt),
        )


class PublicationRead(PublicationSeen):
    """A publication with all that is known of it."""

    text: str
    html: str
    link: str | None
    tags: list[str]
    options: dict[str, str]
    content_hash: str = Field(description="SHA-256 of what was approved, in hexadecimal.")
    revision_id: UUID | None
    evidence: str = Field(description="What was seen on the channel, where the outcome is in doubt.")
    planned_by: str | None
    attempts: list[AttemptSeen]
    warnings: list[ProblemSeen] = Field(description="What does not stop it, but is likely a mistake.")
    moment: MomentSeen | None = Field(description="After planning and moving: what the time means.")

    @classmethod
    def telling(cls, seen: Seen, planned: Planned | None = None) -> Self:
        """Describe a publication, and what was said as it was planned or moved."""
        post = posts.unpack(seen.publication.post)
        warnings: Sequence[Problem] = planned.warnings if planned is not None else ()
        return cls(
            **_shared(seen.entry),
            text=post.text,
            html=post.html,
            link=post.link,
            tags=list(post.tags),
            options=dict(post.options or {}),
            content_hash=seen.publication.content_hash.hex(),
            revision_id=seen.publication.revision_id,
            evidence=seen.publication.evidence,
            planned_by=seen.planned_by,
            attempts=[AttemptSeen.of(each) for each in seen.attempts],
            warnings=[ProblemSeen.of(each) for each in warnings],
            moment=MomentSeen.of(planned.moment) if planned is not None else None,
        )


def _shared(entry: Entry) -> Mapping[str, object]:
    return {
        "id": entry.id,
        "state": entry.state,
        "document_id": entry.document_id,
        "document_title": entry.document_title,
        "account_id": entry.account_id,
        "account_name": entry.account_name,
        "channel": entry.channel,
        "title": entry.title,
        "words": entry.words,
        "wall_time": entry.wall_time,
        "zone": entry.zone,
        "due_at": entry.due_at,
        "version": entry.version,
        "movable": entry.is_movable,
        "url": entry.url,
        "problem": entry.problem,
        "published_at": entry.published_at,
        "changed_at": entry.changed_at,
        "taken_down_at": entry.taken_down_at,
        "gone_since": entry.gone_since,
        "series_id": entry.series_id,
    }
