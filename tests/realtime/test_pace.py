"""A token bucket spends what it has, owes what it has not, and is paid back by time alone."""

from realtime.pace import Allowance


def test_a_burst_passes_and_a_debt_is_paid_back_at_the_rate() -> None:
    allowance = Allowance(rate=10, burst=100, now=0)
    assert allowance.spend(100, now=0) == 0
    assert allowance.spend(50, now=0) == 5
    assert allowance.spend(10, now=5) == 1
    assert allowance.spend(0, now=6) == 0


def test_time_never_gives_more_than_a_burst() -> None:
    allowance = Allowance(rate=10, burst=100, now=0)
    assert allowance.spend(101, now=1000) == 0.1
