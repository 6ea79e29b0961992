"""What the API says about queues, series and documents that fill slots."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Self
from uuid import UUID

from pydantic import Field

from server.publishing.planning.planning import Entry
from server.publishing.planning.repeating import Repeat, Unit
from server.publishing.planning.shapes import Besides, ProblemSeen, PublicationSeen, WallTime
from server.publishing.planning.spreading import MOST_ACCOUNTS, MOST_DOCUMENTS, Choice, Row, Spread
from server.web.operations import Answer, BodyInput, Instant


class QueueSeen(Answer):
    """What waits in the slots of an account, by time."""

    publications: list[PublicationSeen]

    @classmethod
    def of(cls, entries: Sequence[Entry]) -> Self:
        """Describe a queue."""
        return cls(publications=[PublicationSeen.of(each) for each in entries])


class PlaceSaid(BodyInput):
    """Where in its queue a publication is to stand."""

    publication_id: UUID = Field(strict=False)
    place: int = Field(ge=0, le=10_000, description="0 for the first.")


class RepeatSaid(BodyInput):
    """How often and how long."""

    every: int = Field(default=1, description="So many days, weeks or months apart.")
    unit: Unit = Field(strict=False)
    count: int | None = Field(default=None, description="How often, the first included; or `until`.")
    until: date | None = Field(default=None, strict=False, description="The last day on which one may go out.")

    def repeat(self) -> Repeat:
        """Return it as series are planned."""
        return Repeat(self.every, self.unit, self.count, self.until)


class NewSeries(Besides):
    """A document to publish on an account again and again."""

    document_id: UUID = Field(strict=False)
    account_id: UUID = Field(strict=False)
    time: WallTime = Field(description="Of the first one. The others follow at the same time by the clock.")
    repeat: RepeatSaid


class SeriesPlanned(Answer):
    """A series that was planned, by time."""

    series_id: UUID
    publications: list[PublicationSeen]
    warnings: list[ProblemSeen] = Field(description="What does not stop them, each once.")


class NewSpread(BodyInput):
    """Approved documents to put into the next free slots of accounts, in this order."""

    document_ids: list[UUID] = Field(strict=False, max_length=MOST_DOCUMENTS)
    account_ids: list[UUID] = Field(strict=False, max_length=MOST_ACCOUNTS)
    after: Instant | None = Field(default=None, description="Only slots after this moment; now if left out.")
    shown: str | None = Field(
        default=None,
        max_length=64,
        description="Without it nothing is planned. `shown` of the answer to that plans exactly this, or answers 409.",
    )

    def choice(self) -> Choice:
        """Return it as documents are spread."""
        return Choice(self.document_ids, self.account_ids, self.after)


class SpreadRow(Answer):
    """A document on an account, and the slot that it gets."""

    document_id: UUID
    title: str
    account_id: UUID
    account_name: str
    at: datetime
    wall_time: datetime
    zone: str
    problems: list[ProblemSeen]

    @classmethod
    def of(cls, row: Row) -> Self:
        """Describe a row."""
        return cls(
            document_id=row.document_id,
            title=row.title,
            account_id=row.account_id,
            account_name=row.account_name,
            at=row.slot.at,
            wall_time=row.slot.moment.wall,
            zone=row.slot.zone,
            problems=[ProblemSeen.of(each) for each in row.problems],
        )


class SpreadSeen(Answer):
    """What would be planned, or was."""

    rows: list[SpreadRow]
    shown: str = Field(description="Names exactly these rows.")
    planned: list[UUID] = Field(description="The publications; empty as long as nothing was planned.")

    @classmethod
    def of(cls, spread: Spread, planned: Sequence[UUID] = ()) -> Self:
        """Describe it."""
        return cls(rows=[SpreadRow.of(each) for each in spread.rows], shown=spread.shown, planned=list(planned))
