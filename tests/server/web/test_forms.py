from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import StringConstraints

from server.errors import Invalid
from server.web.forms import Form, Line, fields_of


class TitleForm(Form):
    title: Annotated[Line, StringConstraints(min_length=1, max_length=20)]


def fault(fields: dict[str, str]) -> str:
    with pytest.raises(Invalid) as caught:
        TitleForm.parse(fields)
    return caught.value.fields["title"]


def test_faults_are_sentences_for_people() -> None:
    assert fault({}) == "Fill this in."
    assert fault({"title": "   "}) == "Fill this in."
    assert fault({"title": "\u202e\0"}) == "Fill this in."
    assert fault({"title": "x" * 21}) == "Use at most 20 characters."


def test_a_field_of_a_newer_or_older_page_is_ignored() -> None:
    assert TitleForm.parse({"title": "A", "colour": "red"}).title == "A"


@pytest.mark.parametrize("body", [b"title=%ff%fe", b"\xff=1", b"&".join([b"a=1"] * 200)])
def test_what_is_no_form_of_ours_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid):
        fields_of(body)


@given(st.binary(max_size=2000))
def test_any_bytes_are_a_form_or_refused(body: bytes) -> None:
    try:
        fields = fields_of(body)
    except Invalid:
        return
    assert all(isinstance(value, str) for value in fields.values())
