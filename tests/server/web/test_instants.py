"""Moments that programs name."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from server.web.operations import Instant, QueryInput


class Asked(QueryInput):
    at: Instant


def test_a_moment_is_one_wherever_it_is_named() -> None:
    assert Asked(at="2026-11-22T01:00:00+01:00").at == datetime(2026, 11, 22, tzinfo=UTC)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-11-22T00:00:00"])
def test_a_moment_that_no_clock_shows_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        Asked(at=text)
