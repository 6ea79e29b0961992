"""Spreadsheets as programs write them: what stands between cells, dates, quotation marks, and what is no CSV at all."""

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import Invalid, TooLarge
from server.publishing.bulk import reading
from server.publishing.bulk.reading import MAX_BYTES, MAX_ROWS, Row, Unclear
from server.publishing.planning import sheets

HEAD = "document,account,time"


def _rows(text: str) -> list[Row]:
    return list(reading.read(text).rows)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_what_stands_between_cells_is_found_out(delimiter: str, mark: str) -> None:
    lines = [["Document", "Account", "Time", "Tags"], ["A, or; B", "Board", "2030-06-01T09:00", "x,y;z"]]
    written = io.StringIO()
    csv.writer(written, delimiter=delimiter).writerows(lines)
    [row] = _rows(reading.decode((mark + written.getvalue()).encode()))
    assert (row.number, row.cell("document"), row.cell("tags")) == (2, "A, or; B", "x,y;z")


def test_excels_own_first_line_and_empty_lines_keep_the_numbers_that_people_see() -> None:
    rows = _rows(f"sep=;\r\n{HEAD.replace(',', ';')}\r\n;;\r\n\r\nFox;Board;2030-06-01T09:00\r\n")
    assert [row.number for row in rows] == [5]
    assert [row.number for row in _rows(f'{HEAD}\n"The\nfox",Board,now\nFox,Board,now\n')] == [2, 3]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("Füchse".encode("latin-1"), "not in UTF-8"),
        ("x".encode("utf-16"), "UTF-16"),
        (b"PK\x03\x04 and so on", "workbook"),
        (b"a\0b", "not a CSV"),
    ],
)
def test_files_that_are_something_else_are_told_so(content: bytes, words: str) -> None:
    with pytest.raises(Invalid) as refused:
        reading.decode(content)
    assert words in refused.value.fields["file"]
    with pytest.raises(TooLarge):
        reading.decode(b" " * (MAX_BYTES + 1))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        (HEAD, "no row below"),
        ("document,time\nFox,now", "account"),
        (f"{HEAD},Time \nFox,Board,now,later", "called “time”"),
        (f'{HEAD}\nFox,Board,"now', "quotation mark"),
        ('"' + "x" * 200_000 + f'",{HEAD}\nFox,Board,now', "quotation mark that is not closed"),
        (f"{HEAD}\n" + "Fox,Board,now\n" * (MAX_ROWS + 1), "Split it"),
    ],
)
def test_what_cannot_be_read_says_what_to_do(text: str, words: str) -> None:
    with pytest.raises(Invalid) as refused:
        reading.read(text)
    assert words in refused.value.fields["file"]


def test_one_bad_row_is_its_own_fault() -> None:
    rows = _rows(f"{HEAD}\nFox,Board,now,and more\nFox,{'x' * 5000},now\nFox,Board,now")
    assert ["comma" in rows[0].fault, "characters" in rows[1].fault, rows[2].fault] == [True, True, ""]


@pytest.mark.parametrize(
    ("cells", "time"),
    [
        ({"time": "2030-06-01T09:00"}, "2030-06-01T09:00:00"),
        ({"time": "2030-06-01 09:00:30"}, "2030-06-01T09:00:30"),
        ({"date": "2030-06-01", "time": "09:00"}, "2030-06-01T09:00:00"),
    ],
)
def test_iso_times_are_taken(cells: dict[str, str], time: str) -> None:
    assert reading.wall_time(Row(2, cells)).isoformat() == time


@pytest.mark.parametrize(
    ("cells", "column", "words"),
    [
        # As Excel writes a date in Britain, in the United States and in Germany; Numbers; Google Sheets.
        ({"time": "01/06/2030 09:00"}, "time", "2030-06-01T09:00"),
        ({"time": "6/1/30 9:00 AM"}, "time", "different days"),
        ({"date": "01.06.2030", "time": "09:00"}, "date", "Text"),
        ({"time": "1 Jun 2030 at 09:00"}, "time", "different days"),
        ({"time": "47635.375"}, "time", "Text"),
        ({"time": "2030-06-01"}, "time", "time of day"),
        ({"date": "2030-06-01"}, "time", "time of day"),
        ({"date": "2030-06-01", "time": "9am"}, "time", "09:00"),
        ({"time": "2030-06-01T09:00Z"}, "time", "without an offset"),
        ({"time": "2030-06-01T09:00+02:00"}, "time", "without an offset"),
        ({"time": "2030-02-30T09:00"}, "time", "does not exist"),
        ({"date": "2030-06-01", "time": "24:30"}, "date", "does not exist"),
        ({}, "time", "Give the time"),
    ],
)
def test_dates_that_could_be_two_days_are_refused(cells: dict[str, str], column: str, words: str) -> None:
    with pytest.raises(Unclear) as refused:
        reading.wall_time(Row(2, cells))
    assert refused.value.column == column
    assert words in refused.value.sentence


# What a cell may hold: spaces around it are not kept, as in every spreadsheet's own import.
CELLS = st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=20).map(str.strip)


@given(st.text("a'=+-@;\t\n ,\"", max_size=12))
def test_a_cell_is_no_formula_wherever_a_spreadsheet_believes_that_it_begins(cell: str) -> None:
    shielded = sheets.harmless(cell)
    assert sheets.bare(shielded) == cell
    for row in csv.reader(io.StringIO(sheets.to_csv(["a"], [{"a": cell}]), newline="")):
        assert not any(each.startswith(("=", "+", "-", "@", "\t")) for each in row)
    for part in re.split(r"[;\t\n]", shielded):
        assert not part.lstrip(" ").startswith(("=", "+", "-", "@"))


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=5))
def test_what_is_exported_comes_back_as_it_was_and_computes_nothing(cells: list[tuple[str, str]]) -> None:
    rows = [{"document": one, "account": other, "time": "now"} for one, other in cells]
    text = sheets.to_csv(["document", "account", "time"], rows)
    back = _rows(text)
    assert [(row.cell("document"), row.cell("account")) for row in back] == cells
    assert not any(
        cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
        for row in csv.reader(io.StringIO(text, newline=""))
        for cell in row
    )
