import pytest

from server.assets.ranges import Span, Unsatisfiable, has_already, span


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("bytes=0-0", Span(0, 1)),
        ("bytes=2-5", Span(2, 6)),
        ("bytes=2-", Span(2, 10)),
        ("bytes=-3", Span(7, 10)),
        ("bytes=-99", Span(0, 10)),
        ("bytes=8-99", Span(8, 10)),
        ("Bytes = 2 - 5", Span(2, 6)),
        # What cannot be read is ignored, as the standard says.
        ("bytes=5-2", None),
        ("bytes=-", None),
        ("bytes=a-b", None),
        ("bytes=0-1,4-5", None),
        ("pages=1-2", None),
        ("bytes=" + "9" * 5000 + "-", None),
    ],
)
def test_the_span_that_is_asked_for(header: str | None, expected: Span | None) -> None:
    assert span(header, size_bytes=10) == expected


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=99-100", "bytes=-0"])
def test_a_span_behind_the_end_cannot_be_had(header: str) -> None:
    with pytest.raises(Unsatisfiable):
        span(header, size_bytes=10)


@pytest.mark.parametrize(
    ("header", "expected"),
    [(None, False), ('"a"', True), ('W/"a"', True), ('"b", "a"', True), ("*", True), ('"b"', False), ("a", False)],
)
def test_a_copy_that_is_the_same(header: str | None, *, expected: bool) -> None:
    assert has_already(header, '"a"') is expected
