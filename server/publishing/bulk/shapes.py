"""What the API says about imports."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import Field

from server.publishing.bulk.reading import MAX_BYTES
from server.publishing.bulk.verdicts import Fate, Verdict, count, digest
from server.web.operations import Answer, BodyInput


class ImportWanted(BodyInput):
    """A spreadsheet to plan publications from."""

    csv: str = Field(max_length=MAX_BYTES, description="The rows, as CSV in UTF-8 with a line of names.")
    zone: str = Field(default="UTC", max_length=64, description="Of rows that name no `zone`: `Europe/Paris`.")
    dry_run: bool = Field(default=True, description="True: plan nothing, only say what would become of each row.")
    as_shown: str | None = Field(
        default=None,
        pattern="^[0-9a-f]{64}$",
        description="`shown` of a dry run: 409, and nothing is planned, if anything would be otherwise by now.",
    )


class RemarkSeen(Answer):
    """Why a row is refused or left out, or what is likely a mistake."""

    column: str = Field(description="Of the file; empty for all of the row.")
    sentence: str


class RowSeen(Answer):
    """What becomes of a row."""

    row: int = Field(description="Its number as a spreadsheet shows it; the names are row 1.")
    fate: Fate
    document: str
    document_id: UUID | None
    account: str
    time: str
    zone: str
    at: datetime | None = Field(description="The instant that `time` in `zone` means.")
    remarks: list[RemarkSeen]
    publication_id: UUID | None = Field(description="Of what was planned or moved; null in a dry run.")


class Imported(Answer):
    """What became of a spreadsheet, or would."""

    dry_run: bool
    shown: str = Field(description="Stands for all of the rows below; `as_shown` takes it.")
    planned: int
    moved: int
    skipped: int
    refused: int
    ignored_columns: list[str]
    rows: list[RowSeen]

    @classmethod
    def of(cls, verdicts: list[Verdict], ignored: list[str], *, dry_run: bool) -> Self:
        """Describe it."""
        counts = count(verdicts)
        return cls(
            dry_run=dry_run,
            shown=digest(verdicts),
            planned=counts[Fate.PLANNED],
            moved=counts[Fate.MOVED],
            skipped=counts[Fate.SKIPPED],
            refused=counts[Fate.REFUSED],
            ignored_columns=ignored,
            rows=[
                RowSeen(
                    row=each.number,
                    fate=each.fate,
                    document=each.document,
                    document_id=each.document_id,
                    account=each.account,
                    time=each.time,
                    zone=each.zone,
                    at=each.at,
                    remarks=[RemarkSeen(column=remark.column, sentence=remark.sentence) for remark in each.remarks],
                    # What a dry run planned is gone again; what it would have moved is there.
                    publication_id=None if dry_run and each.fate is Fate.PLANNED else each.publication_id,
                )
                for each in verdicts
            ],
        )
