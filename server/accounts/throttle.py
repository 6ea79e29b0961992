"""How often somebody may try to sign in, to make an account or to change a password.

Counted in Redis, for all processes together.
Without Redis nobody can sign in: a counter that forgets would let a guesser in. Who is signed in already notices
nothing, because sessions live in Postgres.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from uuid import UUID

import anyio
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from server.errors import TooMany, Unavailable

log = structlog.get_logger(__name__)

_WAIT_SECONDS = 2
_PREFIX = "quillroom:throttle:"
_IPV6_NETWORK_BITS = 64


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `attempts` in each window of `window_seconds` that begins with a first attempt."""

    name: str
    attempts: int
    window_seconds: int


# A person who mistypes is stopped late; a guesser from one address soon; a guesser with many addresses, per account.
SIGN_IN_PAIR = Limit("sign-in-pair", 10, 15 * 60)
SIGN_IN_ADDRESS = Limit("sign-in-address", 50, 15 * 60)
SIGN_IN_EMAIL = Limit("sign-in-email", 100, 60 * 60)
NEW_ACCOUNT_ADDRESS = Limit("new-account-address", 30, 60 * 60)
# Whoever sits at a browser that was left signed in could otherwise guess the password there.
PASSWORD_CHANGE = Limit("password-change", 10, 15 * 60)

# The password of a shared link: for a guesser from one address, and for many of them at one link.
LINK_PASSWORD_ADDRESS = Limit("link-password-address", 20, 15 * 60)
LINK_PASSWORD = Limit("link-password", 200, 60 * 60)

# Links to guests of a review, and names that they give themselves: nobody opens as many by hand.
GUEST_LINK_ADDRESS = Limit("guest-link-address", 50, 15 * 60)

# A person has a few calendar programs, each of which asks every few minutes at most.
CALENDAR_FEED = Limit("calendar-feed", 30, 10 * 60)
NO_CALENDAR_FEED = Limit("no-calendar-feed", 60, 60 * 60)


async def count_sign_in(redis: Redis, *, email: str, address: str) -> None:
    """Count an attempt to sign in, before the password is looked at. Raises TooMany or Unavailable."""
    network = network_of(address)
    await _count(
        redis,
        (
            (SIGN_IN_ADDRESS, network),
            (SIGN_IN_PAIR, f"{email} {network}"),
            (SIGN_IN_EMAIL, email),
        ),
    )


async def forgive_sign_in(redis: Redis, *, email: str, address: str) -> None:
    """Forget the attempts of this person from this address after a success.

    The counters of the address and of the e-mail stay: whoever owns one account could otherwise go on guessing others.
    """
    try:
        with anyio.fail_after(_WAIT_SECONDS):
            await redis.delete(_key(SIGN_IN_PAIR, f"{email} {network_of(address)}"))
    except (RedisError, OSError, TimeoutError) as error:
        # The person is in; the counter ends by itself.
        log.warning("attempts not forgotten", reason=type(error).__name__)


async def count_new_account(redis: Redis, *, address: str) -> None:
    """Count an attempt to make an account. Raises TooMany or Unavailable."""
    await _count(redis, ((NEW_ACCOUNT_ADDRESS, network_of(address)),))


async def count_password_change(redis: Redis, *, user_id: UUID) -> None:
    """Count an attempt to change a password, before the old one is looked at. Raises TooMany or Unavailable."""
    await _count(redis, ((PASSWORD_CHANGE, str(user_id)),))


async def count_link_password(redis: Redis, *, link_id: UUID, address: str) -> None:
    """Count an attempt at the password of a shared link, before it is looked at. Raises TooMany or Unavailable."""
    await _count(redis, ((LINK_PASSWORD_ADDRESS, network_of(address)), (LINK_PASSWORD, str(link_id))))


async def count_guest_link(redis: Redis, *, address: str) -> None:
    """Count an attempt to come in by a guest's link, before it is looked for. Raises TooMany or Unavailable."""
    await _count(redis, ((GUEST_LINK_ADDRESS, network_of(address)),))


async def count_calendar_feed(redis: Redis, *, user_id: UUID | None, address: str) -> None:
    """Count a question for somebody's calendar feed, or for one that is none. Raises TooMany or Unavailable."""
    await _count(
        redis,
        ((NO_CALENDAR_FEED, network_of(address)) if user_id is None else (CALENDAR_FEED, str(user_id)),),
    )


def network_of(address: str) -> str:
    """Return what counts as one sender: an IPv4 address, or the /64 that one IPv6 customer owns."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return f"{int(parsed) >> _IPV6_NETWORK_BITS:x}"
    return str(parsed)


async def _count(redis: Redis, counted: Iterable[tuple[Limit, str]]) -> None:
    for limit, subject in counted:
        attempts, ends_in_seconds = await _increment(redis, limit, subject)
        if attempts > limit.attempts:
            minutes = max(1, round(ends_in_seconds / 60))
            unit = "minute" if minutes == 1 else "minutes"
            raise TooMany(ends_in_seconds, f"Too many attempts. Try again in about {minutes} {unit}.")


async def _increment(redis: Redis, limit: Limit, subject: str) -> tuple[int, int]:
    """Return the attempts in this window, this one included, and the seconds until it ends."""
    key = _key(limit, subject)
    try:
        with anyio.fail_after(_WAIT_SECONDS):
            async with redis.pipeline(transaction=True) as pipe:
                # The window starts with the key and never grows: trying on must not lock a person out for good.
                pipe.set(key, 0, ex=limit.window_seconds, nx=True)
                pipe.incr(key)
                pipe.ttl(key)
                _, attempts, ends_in_seconds = await pipe.execute()
    except (RedisError, OSError, TimeoutError) as error:
        log.warning("sign-in refused: Redis does not answer", reason=type(error).__name__)
        raise Unavailable(
            "Signing in is not possible for the moment, because this server cannot count attempts. Try again shortly; "
            "whoever is signed in can go on writing."
        ) from error
    return int(attempts), max(1, int(ends_in_seconds))


def _key(limit: Limit, subject: str) -> str:
    # Hashed, so that Redis holds no e-mail addresses.
    return f"{_PREFIX}{limit.name}:{hashlib.sha256(subject.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"
