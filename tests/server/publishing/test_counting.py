"""Texts are counted as the channels count them; the meter in the browser is held to the same file."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.publishing.channel import Counting
from server.publishing.counting import ADDRESS_CHARACTERS, addresses, count

_TEXTS: list[dict[str, Any]] = json.loads((Path(__file__).parents[2] / "contracts" / "counting.json").read_bytes())


@pytest.mark.parametrize("text", _TEXTS, ids=lambda text: text["name"])
def test_a_text_counts_as_the_contract_says(text: dict[str, Any]) -> None:
    assert {counting.value: count(text["text"], counting) for counting in Counting} == {
        counting.value: text[counting.value] for counting in Counting
    }
    assert len(text["text"].encode()) == text["bytes"]


@given(st.text(max_size=80), st.text(max_size=80))
def test_no_text_is_too_strange_to_be_counted(before: str, after: str) -> None:
    text = f"{before} https://example.com/a/page?with=a&query#part {after}"

    assert 0 < count(text, Counting.GRAPHEMES) <= count(text, Counting.CODE_POINTS)
    assert count(text, Counting.MASTODON) <= len(text) + ADDRESS_CHARACTERS * text.lower().count("http")
    for start, end in addresses(text):
        assert text[start:end].lower().startswith("http")


def test_a_long_text_made_to_be_slow_is_counted_at_once() -> None:
    for hostile in (
        "https://" + "a." * 50_000,
        "https://a.example/" + "(" * 50_000,
        "@" + "a-" * 50_000,
        "@a" * 50_000,
    ):
        assert count(hostile, Counting.MASTODON) > 0


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("Read https://example.com/page.", "https://example.com/page"),
        ("(see https://example.com/page)", "https://example.com/page"),
        ("https://en.wikipedia.org/wiki/Fox_(animal), too", "https://en.wikipedia.org/wiki/Fox_(animal)"),
        ("https://example.com/?q=(a)", "https://example.com/?q=(a"),
        ("https://example.com?", "https://example.com"),
        ("<https://example.com/a>", "https://example.com/a"),
    ],
)
def test_an_address_ends_where_its_sentence_goes_on(text: str, address: str) -> None:
    [(start, end)] = addresses(text)

    assert text[start:end] == address
