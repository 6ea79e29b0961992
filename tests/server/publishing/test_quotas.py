"""Sums of quotas agree with counting by hand."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from server.publishing.quotas import LONGEST, QUOTAS, Quota, free_at, quotas_of

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_a_sandbox_has_the_quotas_of_what_it_plays() -> None:
    assert quotas_of("sandbox", {"plays": "mastodon"}) == QUOTAS["mastodon"]
    assert quotas_of("sandbox", {"plays": "any"}) == ()
    assert quotas_of("webhook", {}) == ()
    assert [each.words for each in QUOTAS["bluesky"]] == ["1,666 posts an hour", "11,666 posts a day"]
    assert all(each.within <= LONGEST for quotas in QUOTAS.values() for each in quotas)


@given(minutes=st.lists(st.integers(0, 119), max_size=20), most=st.integers(1, 6), posts=st.integers(1, 8))
def test_it_is_free_when_nothing_stands_against_it_and_not_a_minute_before(
    minutes: list[int], most: int, posts: int
) -> None:
    quota, at = Quota(most, HOUR), NOON + 2 * HOUR
    sent = sorted(NOON + timedelta(minutes=each) for each in minutes)

    def fits(when: datetime) -> bool:
        return sum(each > when - HOUR for each in sent) + min(posts, most) <= most

    free = free_at(quota, sent, at, posts)
    assert free >= at
    assert fits(free)
    assert free == at or not fits(free - timedelta(minutes=1))
