"""What the API says about what comes after publishing."""

from collections.abc import Sequence
from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import Field

from server.publishing.aftercare.models import Change, Deed, Figures, Look, Standing
from server.web.operations import Answer, BodyInput


class UpdateWish(BodyInput):
    """Which content the update is meant to bring."""

    content_hash: str | None = Field(
        default=None,
        pattern="^[0-9a-f]{64}$",
        description="Of what you looked at: if something else is approved by now, nothing happens (409).",
    )


class ChangeSeen(Answer):
    """What was asked for of a published post, and what became of it."""

    id: UUID
    publication_id: UUID
    deed: Deed
    state: Standing = Field(description="`waiting` until its channel has done it; `failed` needs a person.")
    content_hash: str | None = Field(description="Of an update: SHA-256 of what it brings, in hexadecimal.")
    in_doubt: bool = Field(description="Whether some of it may be carried out, although no answer said so.")
    problem: str = Field(description="What is wrong, for a person; empty while nothing is.")
    evidence: str
    created_at: datetime
    next_at: datetime = Field(description="While it waits: when it is tried next.")
    ended_at: datetime | None

    @classmethod
    def of(cls, change: Change) -> Self:
        """Describe a change."""
        return cls(
            id=change.id,
            publication_id=change.publication_id,
            deed=Deed(change.deed),
            state=Standing(change.state),
            content_hash=change.content_hash.hex() if change.content_hash is not None else None,
            in_doubt=change.called_at is not None,
            problem=change.problem,
            evidence=change.evidence,
            created_at=change.created_at,
            next_at=change.next_at,
            ended_at=change.ended_at,
        )


class FiguresSeen(Answer):
    """What a channel told at a moment. Null: it does not tell."""

    taken_at: datetime
    views: int | None
    likes: int | None
    replies: int | None
    shares: int | None

    @classmethod
    def of(cls, figures: Figures) -> Self:
        """Describe them."""
        return cls(
            taken_at=figures.taken_at,
            views=figures.views,
            likes=figures.likes,
            replies=figures.replies,
            shares=figures.shares,
        )


class FaringSeen(Answer):
    """How a publication fares."""

    figures: list[FiguresSeen] = Field(description="Oldest first.")
    changed_at: datetime | None = Field(description="When a newer text took the place of what was published.")
    taken_down_at: datetime | None
    gone_since: datetime | None = Field(description="Since when its channel shows it no longer, for its own reasons.")
    change: ChangeSeen | None = Field(description="What was last asked for.")
    looked_at: datetime | None
    next_look_at: datetime | None = Field(description="Null: it is looked at only if somebody asks.")
    problem: str = Field(description="Why it is gone, or could not be looked at; empty while all is well.")

    @classmethod
    def telling(
        cls,
        figures: Sequence[Figures],
        look: Look | None,
        change: Change | None,
        *,
        times: tuple[datetime | None, datetime | None, datetime | None],
    ) -> Self:
        """Describe it. `times`: when it was changed, taken down, and found gone."""
        changed_at, taken_down_at, gone_since = times
        return cls(
            figures=[FiguresSeen.of(each) for each in figures],
            changed_at=changed_at,
            taken_down_at=taken_down_at,
            gone_since=gone_since,
            change=ChangeSeen.of(change) if change is not None else None,
            looked_at=look.looked_at if look is not None else None,
            next_look_at=look.next_at if look is not None else None,
            problem=look.sentence if look is not None else "",
        )
