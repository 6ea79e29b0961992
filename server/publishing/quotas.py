"""How many posts channels take from one account in a while, as far as they say. Facts and sums, no I/O.

What a channel only tells when it is asked (Reddit's subreddits, a WordPress host's own limits) stands nowhere here: its
answer decides. Sources: docs.bsky.app/docs/advanced-guides/rate-limits (points an account, three for a new post), and
Mastodon's config/initializers and app/lib/rate_limiter (statuses an account).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Quota:
    """So many posts, replies among them, in a span that moves along with the time."""

    posts: int
    within: timedelta

    @property
    def words(self) -> str:
        """It in words: "300 posts in 3 hours"."""
        hours = int(self.within.total_seconds()) // 3600
        span = {1: "an hour", 24: "a day"}.get(hours, f"in {hours} hours")
        return f"{self.posts:,} posts {span}"


# Bluesky counts points: 5,000 an hour and 35,000 a day, and a post costs three.
_POINTS_A_POST: Final = 3
QUOTAS: Final[Mapping[str, tuple[Quota, ...]]] = MappingProxyType(
    {
        "bluesky": (
            Quota(5_000 // _POINTS_A_POST, timedelta(hours=1)),
            Quota(35_000 // _POINTS_A_POST, timedelta(days=1)),
        ),
        "mastodon": (Quota(300, timedelta(hours=3)),),
    }
)
# What was sent before is past all quotas.
LONGEST: Final = timedelta(days=1)


def quotas_of(channel: str, facts: Mapping[str, object]) -> tuple[Quota, ...]:
    """Return the quotas of an account by the kind of its channel; a sandbox has those of the channel it plays."""
    return QUOTAS.get(str(facts.get("plays", "")) if channel == "sandbox" else channel, ())


def free_at(quota: Quota, sent: Sequence[datetime], at: datetime, posts: int = 1) -> datetime:
    """Return when so many posts fit in, not before `at`. `sent`: when each post went out, in order of time.

    More posts at once than the quota has never fit; they are let in when nothing else counts.
    """
    within = [each for each in sent if each > at - quota.within and each <= at]
    over = len(within) + min(posts, quota.posts) - quota.posts
    return at if over <= 0 else within[over - 1] + quota.within
