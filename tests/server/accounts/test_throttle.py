import pytest
from redis.asyncio import Redis

from server.accounts import throttle
from server.errors import TooMany, Unavailable


async def attempt(redis: Redis, *, email: str = "ada@example.org", address: str = "192.0.2.1") -> bool:
    try:
        await throttle.count_sign_in(redis, email=email, address=address)
    except TooMany as error:
        assert 0 < error.retry_after_seconds <= 3600
        return False
    return True


async def test_a_guesser_is_stopped_and_others_are_not(redis: Redis) -> None:
    assert [await attempt(redis) for _ in range(12)] == [True] * 10 + [False] * 2
    assert await attempt(redis, address="192.0.2.2")
    assert await attempt(redis, email="bo@example.org")


async def test_trying_many_accounts_from_one_address_is_stopped(redis: Redis) -> None:
    passed = [await attempt(redis, email=f"person-{number}@example.org") for number in range(60)]
    assert passed.count(True) == throttle.SIGN_IN_ADDRESS.attempts


async def test_trying_one_account_from_many_addresses_is_stopped(redis: Redis) -> None:
    passed = [await attempt(redis, address=f"192.0.2.{number}") for number in range(110)]
    assert passed.count(True) == throttle.SIGN_IN_EMAIL.attempts


async def test_an_ipv6_customer_is_one_address(redis: Redis) -> None:
    passed = [await attempt(redis, address=f"2001:db8::{number:x}") for number in range(12)]
    assert passed.count(True) == throttle.SIGN_IN_PAIR.attempts


async def test_success_forgives_mistakes_but_not_the_address(redis: Redis) -> None:
    for _ in range(5):
        for _ in range(10):
            assert await attempt(redis)
        await throttle.forgive_sign_in(redis, email="ada@example.org", address="192.0.2.1")
    assert not await attempt(redis)


async def test_trying_on_does_not_lengthen_the_wait(redis: Redis) -> None:
    await attempt(redis)
    keys = [key async for key in redis.scan_iter(f"*{throttle.SIGN_IN_PAIR.name}*")]
    await redis.expire(keys[0], 7)
    for _ in range(15):
        await attempt(redis)
    assert 0 < await redis.ttl(keys[0]) <= 7


async def test_every_counter_ends_and_names_nobody(redis: Redis) -> None:
    await attempt(redis)
    await throttle.count_new_account(redis, address="192.0.2.1")
    keys = [key async for key in redis.scan_iter("*")]
    assert len(keys) == 4
    for key in keys:
        assert b"ada" not in key
        assert b"192.0.2" not in key
        assert 0 < await redis.ttl(key) <= 3600


async def test_without_redis_the_door_stays_shut() -> None:
    away: Redis = Redis.from_url("unix:///nowhere/redis.sock")
    with pytest.raises(Unavailable, match="Signing in is not possible for the moment"):
        await attempt(away)
    with pytest.raises(Unavailable):
        await throttle.count_new_account(away, address="192.0.2.1")
    await throttle.forgive_sign_in(away, email="ada@example.org", address="192.0.2.1")
    await away.aclose()


@pytest.mark.parametrize(
    ("address", "network"),
    [("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"), ("", "unknown"), ("testclient", "unknown")],
)
def test_networks(address: str, network: str) -> None:
    assert throttle.network_of(address) == network
