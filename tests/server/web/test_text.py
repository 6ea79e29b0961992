import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.web.text import clean_line, has_ink


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Ada \t Lovelace\r\n", "Ada Lovelace"),
        ("Ada\x00Lovelace", "AdaLovelace"),
        ("Ada\x1b[31m", "Ada[31m"),
        # A right-to-left override would show the rest of the line backwards.
        ("Ada\u202egnp.exe", "Adagnp.exe"),
        ("\u2066Ada\u2069\u200f", "Ada"),
        ("👩‍🚀 Sally", "👩‍🚀 Sally"),
        ("שרה", "שרה"),
        ("Zoe\u0308", "Zoë"),
        ("line\u2028break", "line break"),
        ("lone \ud800 surrogate", "lone surrogate"),
    ],
)
def test_a_line_keeps_words_and_loses_what_would_disturb_others(typed: str, kept: str) -> None:
    assert clean_line(typed) == kept


@given(st.text())
def test_a_cleaned_line_is_clean_and_fits_the_database(typed: str) -> None:
    line = clean_line(typed)
    assert clean_line(line) == line
    assert "\0" not in line
    assert "\n" not in line
    line.encode("utf-8")


@pytest.mark.parametrize("typed", ["", " ", "\u200b", "\u200d", "\u3164", "\u2800", "\u00ad", "\u0301"])
def test_what_nobody_can_see_has_no_ink(typed: str) -> None:
    assert not has_ink(typed)


@pytest.mark.parametrize("typed", ["a", "1", "👩‍🚀", "ש", ".", "é"])
def test_what_people_see_has_ink(typed: str) -> None:
    assert has_ink(typed)
