"""Spreadsheets (CSV) as people bring them, read into rows. It does no I/O.

Excel, Numbers and Google Sheets write CSV each their way: with or without a byte order mark, with commas, or with
semicolons where a comma is in numbers, and dates as the person's country writes them. What can be found out is found
out; a date that could be two days is refused.
"""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final

from server.errors import Invalid, TooLarge
from server.publishing.planning.sheets import COLUMNS, MOST_OPTIONS, OPTION, YES, bare

MAX_BYTES: Final = 1024 * 1024
MAX_ROWS: Final = 1000
MAX_CELL_CHARACTERS: Final = 4000
MAX_COLUMNS: Final = 80
# Besides those of the export: a day by itself, and what makes a row known again.
_MORE: Final = frozenset({"date", "key"})
_KNOWN: Final = frozenset(COLUMNS) | _MORE
_DELIMITERS: Final = (",", ";", "\t")
# Excel's own first line, which says what stands between cells.
_SAYS: Final = re.compile(r'^"?sep=(.)"?[;,\t]*$', re.IGNORECASE)
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_CLOCK: Final = re.compile(r"\d{2}:\d{2}(?::\d{2})?")
_MOMENT: Final = re.compile(r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2}(?:\.0+)?)?)")
_OFFSET: Final = re.compile(r".*\d(?:Z|[+-]\d{2}:?\d{2})$", re.IGNORECASE)
_ISO_ONLY: Final = (
    "Write times as 2030-06-01T09:00. Other ways to write a date mean different days in different countries, and "
    "spreadsheets change dates to them unasked: give the column the format Text before you fill it."
)


@dataclass(frozen=True, slots=True)
class Row:
    """A row by the number that the spreadsheet shows for it. `fault`: why it cannot be read."""

    number: int
    cells: Mapping[str, str]
    fault: str = ""

    def cell(self, column: str) -> str:
        """Return what stands there, without spaces around it; empty for nothing."""
        return self.cells.get(column, "")

    @property
    def options(self) -> dict[str, str]:
        """What the channel asks for besides, by name."""
        return {
            name.removeprefix(OPTION): value for name, value in self.cells.items() if name.startswith(OPTION) and value
        }


@dataclass(frozen=True, slots=True)
class Spreadsheet:
    """What was read. `ignored`: columns that nothing is known of."""

    rows: Sequence[Row]
    ignored: Sequence[str]


class Unclear(Exception):
    """A cell that cannot be taken; says why, for a person."""

    def __init__(self, column: str, sentence: str) -> None:
        super().__init__(sentence)
        self.column = column
        self.sentence = sentence


def decode(content: bytes) -> str:
    """Return the text of a file. Raises TooLarge, Invalid for the field `file`."""
    if len(content) > MAX_BYTES:
        raise TooLarge("A file may have 1 MB. Split it, and import one part after the other.")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _no("This file is in UTF-16. Save it as “CSV UTF-8”, and try again.")
    if content.startswith(b"PK\x03\x04"):
        raise _no("This is a workbook, not CSV. In your spreadsheet choose “Save as” or “Download”, and “CSV UTF-8”.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _no("This file is not in UTF-8. Save it as “CSV UTF-8”, and try again.") from None
    if "\0" in text:
        raise _no("This is not a CSV file.")
    return text


def read(text: str) -> Spreadsheet:
    """Read a spreadsheet. Raises Invalid for the field `file` where nothing of it can be used."""
    lines, skipped, delimiter = _delimited(text.removeprefix("\ufeff"))
    try:
        # Excel lets a line end stand in a quoted cell; so does the module.
        records = list(csv.reader(io.StringIO(lines, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise _no(f"This file cannot be read as CSV: {error}. Look for a quotation mark that is not closed.") from error
    if not any(any(cell.strip() for cell in record) for record in records):
        raise _no("This file is empty.")
    first = next(place for place, record in enumerate(records) if any(cell.strip() for cell in record))
    header = [_column(cell) for cell in records[first]]
    _check(header)
    rows = [
        _row(number, header, record)
        for number, record in enumerate(records[first + 1 :], start=first + skipped + 2)
        if any(cell.strip() for cell in record)
    ]
    if not rows:
        raise _no("This file has names of columns, and no row below them.")
    if len(rows) > MAX_ROWS:
        raise _no(f"This file has {len(rows)} rows; {MAX_ROWS} can be imported at once. Split it.")
    return Spreadsheet(rows, [name for name in header if name and not _is_known(name)])


def wall_time(row: Row) -> datetime:
    """Return the time that a row says (naive). Raises Unclear."""
    said = row.cell("time")
    day = row.cell("date")
    if day and not _DAY.fullmatch(day):
        raise Unclear("date", f"“{_short(day)}” is no day that is the same everywhere. {_ISO_ONLY}")
    if day and not said:
        raise Unclear("time", "Give the time of day, too: 09:00.")
    if not said:
        raise Unclear("time", "Give the time at which it goes out: 2030-06-01T09:00.")
    try:
        if day:
            if not _CLOCK.fullmatch(said):
                raise Unclear("time", f"“{_short(said)}” is no time of day. Beside a date, write 09:00.")
            return datetime.combine(date.fromisoformat(day), time.fromisoformat(said))
        found = _MOMENT.fullmatch(said)
        if found:
            return datetime.combine(date.fromisoformat(found[1]), time.fromisoformat(found[2][:8]))
    except ValueError:
        raise Unclear("date" if day else "time", f"“{_short(f'{day} {said}'.strip())}” does not exist.") from None
    if _DAY.fullmatch(said):
        raise Unclear("time", "Give the time of day, too: 2030-06-01T09:00.")
    if _OFFSET.fullmatch(said) and _MOMENT.match(said):
        raise Unclear("time", "Write the time as the clock shows it, without an offset, and its place in “zone”.")
    raise Unclear("time", f"“{_short(said)}” is no time that is the same everywhere. {_ISO_ONLY}")


def is_later(row: Row) -> bool:
    """Whether of a time that comes twice the second is meant. Raises Unclear."""
    said = row.cell("later").casefold()
    if said not in {"", "no", YES}:
        raise Unclear("later", f"Write “{YES}”, or nothing.")
    return said == YES


def _delimited(text: str) -> tuple[str, int, str]:
    """Return the text from its header on, how many lines were before it, and what stands between cells."""
    first, _, rest = text.partition("\n")
    said = _SAYS.match(first.strip("\r"))
    if said and said[1] in _DELIMITERS:
        return rest, 1, said[1]
    # The header decides: only the right one makes known names of it.
    header = next((line for line in text.splitlines() if line.strip()), "")

    def known(delimiter: str) -> int:
        try:
            record = next(csv.reader([header], delimiter=delimiter), [])
        except csv.Error:
            # A cell that is too long. What is wrong with it is said once it is read.
            return 0
        return sum(_is_known(_column(cell)) for cell in record)

    return text, 0, max(_DELIMITERS, key=known)


def _check(header: Sequence[str]) -> None:
    if len(header) > MAX_COLUMNS or sum(name.startswith(OPTION) for name in header) > MOST_OPTIONS:
        raise _no(f"This file has more columns than are taken: {MAX_COLUMNS}, and {MOST_OPTIONS} for options.")
    twice = next((name for name in header if name and header.count(name) > 1), None)
    if twice is not None:
        raise _no(f"Two columns are called “{_short(twice)}”. Rename or remove one.")
    missing = [
        words
        for names, words in (
            ({"time"}, "time"),
            ({"account", "account_id"}, "account"),
            ({"document", "document_id"}, "document"),
        )
        if names.isdisjoint(header)
    ]
    if missing:
        raise _no(
            f"The first line must name the columns, and does not name: {', '.join(missing)}. "
            "Start from the template, or from an export of the calendar."
        )


def _row(number: int, header: Sequence[str], record: Sequence[str]) -> Row:
    values = [bare(cell.strip()).strip() for cell in record]
    named = {name: value for name, value in zip(header, values, strict=False) if name}
    if any(values[len(header) :]):
        fault = "This row has more cells than the first one has names. Is a text with a comma not in quotation marks?"
        return Row(number, named, fault)
    if any(len(value) > MAX_CELL_CHARACTERS for value in values):
        return Row(number, {}, f"A cell of this row has more than {MAX_CELL_CHARACTERS:,} characters.")
    return Row(number, named)


def _column(cell: str) -> str:
    name = bare(cell.strip()).strip()
    folded = name.casefold()
    return f"{OPTION}{name[len(OPTION) :].strip()}" if folded.startswith(OPTION) else folded.replace(" ", "_")


def _is_known(name: str) -> bool:
    return name in _KNOWN or (name.startswith(OPTION) and len(name) > len(OPTION))


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39]}…"


def _no(sentence: str) -> Invalid:
    return Invalid({"file": sentence}, sentence)
