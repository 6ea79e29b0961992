"""Passwords: what is accepted, and how they are kept (Argon2id, through passlib)."""

import unicodedata
from collections.abc import Callable
from functools import cache
from typing import Final, TypeVar

import anyio
from anyio import CapacityLimiter, to_thread
from passlib.context import CryptContext

from server.errors import Unavailable

MIN_CHARACTERS: Final = 10
MAX_CHARACTERS: Final = 256
_MIN_DISTINCT = 4
_WAIT_SECONDS = 15
# Each hash takes 64 MiB and a core for a tenth of a second; more at once would starve the editors on this machine.
_AT_ONCE = 2
_limiter = CapacityLimiter(_AT_ONCE)

# RFC 9106, section 4, second recommended option. A change here rehashes each password at its next use.
_context = CryptContext(
    schemes=["argon2"],
    argon2__type="ID",
    argon2__memory_cost=65536,
    argon2__time_cost=3,
    argon2__parallelism=4,
)

_Result = TypeVar("_Result")

_COMMON_CORES = frozenset(
    {
        *("password", "passwort", "motdepasse", "contrasena", "parola", "senha", "qwerty", "qwertz", "azerty"),
        *("qwertyuiop", "asdfghjkl", "zxcvbnm", "qazwsx", "qazwsxedc", "letmein", "welcome", "iloveyou", "monkey"),
        *("dragon", "sunshine", "princess", "football", "baseball", "superman", "batman", "trustno", "changeme"),
        *("administrator", "admin", "root", "secret", "default", "master", "whatever", "computer", "internet"),
        *("abc", "abcd", "abcde", "abcdef", "pass", "passw0rd", "p@ssword", "p@ssw0rd", "pa$$word", "test", "login"),
        *("hello", "starwars", "pokemon", "michael", "jordan", "shadow", "freedom", "quillroom", "user", "guest"),
    }
)
_ROWS = (
    "01234567890123456789",
    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1q2w3e4r5t6y7u8i9o0p",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
)


def normalise(password: str) -> str:
    """Return the one form of a password that keyboards may spell in several (NFKC)."""
    return unicodedata.normalize("NFKC", password)


def fault(password: str, *, personal: tuple[str, ...] = ()) -> str | None:
    """Return a sentence about why `password` is refused, or None.

    `personal` are words that others know of this person: the e-mail address, the name. No mix of letters, digits and
    signs is asked for: that makes passwords predictable and forgotten (NIST SP 800-63B, 3.1.1).
    """
    password = normalise(password)
    if len(password) < MIN_CHARACTERS:
        return f"Use at least {MIN_CHARACTERS} characters. A few words in a row are easy to remember."
    if len(password) > MAX_CHARACTERS:
        return f"Use at most {MAX_CHARACTERS} characters."
    if "\0" in password:
        return "Leave out the invisible characters."
    if _is_obvious(password.casefold(), personal):
        return "Others would try this one first. Choose a few words that belong together only for you."
    return None


async def hash_password(password: str) -> str:
    """Hash in a thread. Raises Unavailable if too many others are being hashed."""
    return await _in_thread(lambda: str(_context.hash(normalise(password))))


async def verify(password: str, password_hash: str | None) -> tuple[bool, str | None]:
    """Check a password. Returns whether it is right and, if its hash should be replaced, the new hash.

    Without a hash (no such account) the same work is done and the answer is no, so that the time tells nothing.
    """
    password = normalise(password)
    if len(password) > MAX_CHARACTERS:
        return False, None
    right, fresh = await _in_thread(lambda: _verify(password, password_hash))
    return (right, fresh) if password_hash else (False, None)


def _verify(password: str, password_hash: str | None) -> tuple[bool, str | None]:
    # Asked for in every case: the first sign-in of a process would otherwise tell by its time that nobody was found.
    nobodys = _nobodys_hash()
    right, fresh = _context.verify_and_update(password, password_hash or nobodys)
    return bool(right), fresh


async def _in_thread(work: Callable[[], _Result]) -> _Result:
    try:
        with anyio.fail_after(_WAIT_SECONDS):
            return await to_thread.run_sync(work, limiter=_limiter)
    except TimeoutError as error:
        raise Unavailable("Too many people are signing in at this moment. Try again in a few seconds.") from error


@cache
def _nobodys_hash() -> str:
    return str(_context.hash("nobody has this password"))


def _is_obvious(password: str, personal: tuple[str, ...]) -> bool:
    if len(set(password)) < _MIN_DISTINCT:
        return True
    core = password.strip("0123456789!?.,;:-_#*+$%&/()=@ ")
    if core in _COMMON_CORES or _repeats(password) or any(_runs_along(password, row) for row in _ROWS):
        return True
    words = {word for text in personal for word in _words(text.casefold())}
    return core in words or password in words


def _runs_along(password: str, row: str) -> bool:
    return password in row or password in row[::-1]


def _repeats(password: str) -> bool:
    """Whether the password is one short piece again and again: `abcabcabcabc`."""
    return any(
        len(password) % size == 0 and password == password[:size] * (len(password) // size)
        for size in range(1, min(6, len(password) // 2) + 1)
    )


def _words(text: str) -> set[str]:
    parts = text.replace("@", " ").replace(".", " ").split()
    return {text, text.replace(" ", ""), text.partition("@")[0], *parts}
