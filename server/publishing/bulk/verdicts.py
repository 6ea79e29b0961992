"""What becomes of the rows of a spreadsheet, as values: shown, kept, and compared with what would become of them."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self
from uuid import UUID


class Fate(StrEnum):
    """What becomes of a row."""

    PLANNED = "planned"
    MOVED = "moved"  # it names a publication that is planned already, and another time
    SKIPPED = "skipped"  # it is planned already, or out
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to say of a row, and of which column of it; empty for all of it."""

    column: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a row, and why. `proof` stands for all that it is about; `at` is the instant in UTC."""

    number: int
    fate: Fate
    document: str = ""
    document_id: UUID | None = None
    account: str = ""
    time: str = ""
    zone: str = ""
    at: datetime | None = None
    remarks: tuple[Remark, ...] = ()
    publication_id: UUID | None = None
    proof: str = ""

    @property
    def warns(self) -> bool:
        """Whether it is done, and something is to be said of it."""
        return self.fate in {Fate.PLANNED, Fate.MOVED} and bool(self.remarks)

    def to_json(self) -> dict[str, Any]:
        """Return it as the database keeps it."""
        return {
            "number": self.number,
            "fate": self.fate.value,
            "document": self.document,
            "document_id": str(self.document_id) if self.document_id else None,
            "account": self.account,
            "time": self.time,
            "zone": self.zone,
            "at": self.at.isoformat() if self.at else None,
            "remarks": [[each.column, each.sentence] for each in self.remarks],
            "publication_id": str(self.publication_id) if self.publication_id else None,
            "proof": self.proof,
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(
            **{
                **kept,
                "fate": Fate(kept["fate"]),
                "document_id": UUID(kept["document_id"]) if kept["document_id"] else None,
                "at": datetime.fromisoformat(kept["at"]) if kept["at"] else None,
                "remarks": tuple(Remark(*each) for each in kept["remarks"]),
                "publication_id": UUID(kept["publication_id"]) if kept["publication_id"] else None,
            }
        )


def digest(verdicts: Sequence[Verdict]) -> str:
    """Return what stands for all of the verdicts together."""
    return proof_of([[each.number, each.proof] for each in verdicts])


def count(verdicts: Sequence[Verdict]) -> dict[Fate, int]:
    """Return how many rows there are of each fate."""
    return {fate: sum(each.fate is fate for each in verdicts) for fate in Fate}


def proof_of(about: Sequence[Any]) -> str:
    """Return the digest of values as JSON, in hexadecimal."""
    return hashlib.sha256(json.dumps(about, sort_keys=True, default=str).encode()).hexdigest()
