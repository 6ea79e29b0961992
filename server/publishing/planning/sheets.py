"""Publications as rows of a spreadsheet (CSV). What is written here can be brought back (server.publishing.bulk)."""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from server.errors import Invalid
from server.publishing.planning.planning import Entry
from server.publishing.wall_time import moment

COLUMNS: Final = (
    "id",
    "state",
    "time",
    "zone",
    "later",
    "account",
    "account_id",
    "channel",
    "document",
    "document_id",
    "link",
    "tags",
    "due_at",
    "title",
    "words",
    "url",
    "problem",
)
# What a channel asks for besides, a column each.
OPTION: Final = "option."
MOST_OPTIONS: Final = 40
YES: Final = "yes"
_SHIELD: Final = "'"
_SPACE: Final = ("\t", "\r", "\n")
# What spreadsheets take for a formula: at the beginning, or where one that expects semicolons or tabs, as in half of
# Europe, believes that a cell begins; quotation marks do not help there.
_FORMULA: Final = re.compile(r"((?:\A|[;\t\r\n]) *)('*[=+\-@])")
_SHIELDED: Final = re.compile(r"((?:\A|[;\t\r\n]) *)'('*[=+\-@])")


def write(entries: Sequence[Entry]) -> str:
    """Return publications as CSV with a line of names, quoted as RFC 4180 says."""
    options = sorted({name for entry in entries for name in entry.options})[:MOST_OPTIONS]
    return to_csv([*COLUMNS, *(f"{OPTION}{name}" for name in options)], map(cells, entries))


def cells(entry: Entry) -> dict[str, str]:
    """Return what stands in the columns of a publication."""
    return {
        "id": str(entry.id),
        "state": entry.state.value,
        "time": entry.wall_time.isoformat(timespec="seconds" if entry.wall_time.second else "minutes"),
        "zone": entry.zone,
        "later": YES if is_later(entry) else "",
        "account": entry.account_name or "",
        "account_id": str(entry.account_id or ""),
        "channel": entry.channel or "",
        "document": entry.document_title or "",
        "document_id": str(entry.document_id or ""),
        "link": entry.link or "",
        "tags": ", ".join(entry.tags),
        "due_at": entry.due_at.isoformat(),
        "title": entry.title,
        "words": entry.words,
        "url": entry.url or "",
        "problem": entry.problem,
        **{f"{OPTION}{name}": value for name, value in entry.options.items()},
    }


def is_later(entry: Entry) -> bool:
    """Whether its time comes twice, and it is the second."""
    try:
        return moment(entry.wall_time, entry.zone).at < entry.due_at
    except Invalid:  # of a zone that is known no longer
        return False


def to_csv(columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> str:
    """Return rows as CSV that no spreadsheet computes: people's words must not run on somebody else's machine."""
    written = io.StringIO()
    into = csv.writer(written)
    into.writerow(columns)
    for row in rows:
        into.writerow([harmless(row.get(column, "")) for column in columns])
    return written.getvalue()


def harmless(cell: str) -> str:
    """Return a cell that no spreadsheet computes. What is shielded already gets a further shield; so it comes back."""
    shielded = _FORMULA.sub(r"\1'\2", cell)
    return f"{_SHIELD}{shielded}" if cell.lstrip(_SHIELD).startswith(_SPACE) else shielded


def bare(cell: str) -> str:
    """Return a cell as it was before `harmless`."""
    began = cell.startswith(_SHIELD) and cell.lstrip(_SHIELD).startswith(_SPACE)
    return _SHIELDED.sub(r"\1\2", cell[1:] if began else cell)
