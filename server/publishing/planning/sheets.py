"""Publications as rows of a spreadsheet (CSV)."""

import csv
import io
from collections.abc import Iterable
from typing import Final

from server.publishing.planning.planning import Entry

COLUMNS: Final = (
    "id",
    "state",
    "time",
    "zone",
    "due_at",
    "account",
    "channel",
    "document",
    "document_id",
    "title",
    "words",
    "link",
    "problem",
)
# What spreadsheets take for a formula, also behind a tab or a line end.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def write(entries: Iterable[Entry]) -> str:
    """Return publications as CSV with a line of names, quoted as RFC 4180 says."""
    written = io.StringIO()
    rows = csv.writer(written)
    rows.writerow(COLUMNS)
    for entry in entries:
        cells = (
            str(entry.id),
            entry.state.value,
            entry.wall_time.isoformat(timespec="minutes"),
            entry.zone,
            entry.due_at.isoformat(),
            entry.account_name or "",
            entry.channel or "",
            entry.document_title or "",
            str(entry.document_id or ""),
            entry.title,
            entry.words,
            entry.url or "",
            entry.problem,
        )
        rows.writerow([_harmless(cell) for cell in cells])
    return written.getvalue()


def _harmless(cell: str) -> str:
    """Return a cell that no spreadsheet computes: people's words must not run on somebody else's machine."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
