"""How long the publisher waits before it tries again, and when it stops."""

import random
from datetime import timedelta
from typing import Final

# After the first failure, the second, ...; then always the last.
WAITS: Final = tuple(timedelta(seconds=seconds) for seconds in (15, 30, 60, 120, 300, 600, 1200, 1800))
# Failures in a row after which a person decides whether it still should go: about a day, most of it at the last wait.
MOST_TRIES: Final = 50
QUOTA_WAIT: Final = timedelta(hours=1)
# What a channel may ask to wait at once; it may ask again.
LONGEST_WAIT: Final = timedelta(hours=6)
# Until people let it go.
LOOK_AGAIN: Final = timedelta(minutes=1)
# A list there may not show yet what was posted a moment ago.
LOOK_AFTER: Final = timedelta(seconds=10)


def wait_after(tries: int, *, asked_seconds: float | None = None, chance: random.Random | None = None) -> timedelta:
    """Return how long to wait after so many failures in a row (1 or more).

    At least what the channel asked for; up to a quarter more or less, so that what failed together does not come back
    together.
    """
    usual = WAITS[min(tries, len(WAITS)) - 1]
    spread = (chance or random).uniform(0.75, 1.25)
    asked = timedelta(seconds=max(0.0, asked_seconds or 0.0))
    return min(max(usual * spread, asked), LONGEST_WAIT)
