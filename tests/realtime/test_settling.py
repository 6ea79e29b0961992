"""How documents share the time for what is derived from them."""

import pytest

from realtime.settling import rest_after


@pytest.mark.parametrize(("worked", "rest"), [(0.0, 0.0), (0.01, 0.04), (0.25, 1.0), (5.0, 2.0), (120.0, 2.0)])
def test_the_others_rest_for_what_one_has_cost_but_never_long(worked: float, rest: float) -> None:
    assert rest_after(worked) == pytest.approx(rest)
