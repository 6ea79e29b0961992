import time

import anyio
import pytest
from passlib.context import CryptContext

from server.accounts import passwords

RIGHT = "seven green lanterns"


@pytest.mark.parametrize(
    "password",
    [
        *("", "short", "123456789", "x" * 257, "aaaaaaaaaaaa", "1234567890", "0987654321", "abcdefghijkl"),
        *("qwertyuiop", "password123", "Password2026!", "P@ssw0rd!!", "letmein12345", "iloveyou!!", "quillroom2026"),
        *("abcabcabcabc", "1q2w3e4r5t", "administrator", "null\0byte\0here", "Passwort123"),
    ],
)
def test_the_most_obvious_are_refused_with_a_sentence(password: str) -> None:
    sentence = passwords.fault(password)
    assert sentence
    assert sentence.endswith(".")


@pytest.mark.parametrize(
    "password", ["ada.lovelace", "ada.lovelace@example.org", "Lovelace1815", "AdaLovelace!", "ada lovelace"]
)
def test_so_is_what_everybody_knows_of_the_person(password: str) -> None:
    assert passwords.fault(password, personal=("ada.lovelace@example.org", "Ada Lovelace"))


@pytest.mark.parametrize(
    "password",
    [
        RIGHT,
        "x7#kQ9!mZ2",
        "correct horse battery staple",
        "пароль из многих слов",
        "🦊🦉🐢🦀🐝🦋🐙🦭🐧🦔",
        "w" * 126 + "xyz" + "v" * 127,
    ],
)
def test_everything_else_passes_without_rules_of_composition(password: str) -> None:
    assert passwords.fault(password) is None


async def test_only_the_right_password_opens() -> None:
    password_hash = await passwords.hash_password(RIGHT)
    assert password_hash.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert RIGHT not in password_hash
    assert await passwords.verify(RIGHT, password_hash) == (True, None)
    for wrong in (RIGHT + " ", RIGHT.upper(), "", "\0", "x" * 100_000):
        assert (await passwords.verify(wrong, password_hash))[0] is False


async def test_equal_passwords_have_different_hashes() -> None:
    assert await passwords.hash_password(RIGHT) != await passwords.hash_password(RIGHT)


async def test_two_spellings_of_one_letter_are_one_password() -> None:
    password_hash = await passwords.hash_password("Zoe\u0308 went to the sea")
    assert (await passwords.verify("Zoë went to the sea", password_hash))[0]


async def test_a_weaker_hash_is_replaced_at_its_next_use() -> None:
    weak = CryptContext(schemes=["argon2"], argon2__time_cost=1, argon2__memory_cost=64).hash(RIGHT)
    right, fresh = await passwords.verify(RIGHT, weak)
    assert right
    assert fresh is not None
    assert await passwords.verify(RIGHT, fresh) == (True, None)
    assert await passwords.verify("wrong", weak) == (False, None)


async def test_an_unknown_person_costs_the_same_work() -> None:
    password_hash = await passwords.hash_password(RIGHT)
    await passwords.verify(RIGHT, None)

    async def took(stored: str | None) -> float:
        began = time.perf_counter()
        assert await passwords.verify("wrong", stored) == (False, None)
        return time.perf_counter() - began

    # The least of several: other work on this machine only ever adds.
    known = min([await took(password_hash) for _ in range(5)])
    unknown = min([await took(None) for _ in range(5)])
    assert 0.4 < unknown / known < 2.5


async def test_hashing_leaves_the_loop_free() -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await anyio.sleep(0)
            ticks += 1

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(tick)
        await passwords.hash_password(RIGHT)
        tasks.cancel_scope.cancel()
    assert ticks > 10
