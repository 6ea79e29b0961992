"""People: making an account, finding it by its e-mail address, changing what it says and its password."""

from datetime import datetime
from uuid import UUID

import email_validator
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts import passwords, sessions
from server.accounts.models import MAX_EMAIL_CHARACTERS, MAX_NAME_CHARACTERS, PRESENCE_COLOURS, User, UserKind, utc_now
from server.errors import Conflict, Invalid, NotFound
from server.web.text import clean_line, has_ink

# A studio on a private network may well have addresses at `.local` or `.internal`.
email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()

EMAIL_TAKEN = "There is an account with this e-mail address already. Sign in with it instead."


def clean_email(text: str) -> str:
    """Return the one spelling of an e-mail address (lower case, NFC). Raises ValueError with a sentence."""
    text = clean_line(text)
    if len(text) > MAX_EMAIL_CHARACTERS:
        message = f"Use at most {MAX_EMAIL_CHARACTERS} characters."
        raise ValueError(message)
    try:
        checked = email_validator.validate_email(text, check_deliverability=False, globally_deliverable=False)
    except email_validator.EmailNotValidError as error:
        message = "This does not look like an e-mail address."
        raise ValueError(message) from error
    return checked.normalized.lower()


def clean_name(text: str) -> str:
    """Return a name as it is shown. Raises ValueError with a sentence."""
    name = clean_line(text)
    if not has_ink(name):
        message = "Enter a name that others can see."
        raise ValueError(message)
    if len(name) > MAX_NAME_CHARACTERS:
        message = f"Use at most {MAX_NAME_CHARACTERS} characters."
        raise ValueError(message)
    return name


async def hash_new_password(password: str, *, email: str, name: str) -> str:
    """Check and hash a password that replaces none, or one that nobody knows. Raises Invalid."""
    if sentence := passwords.fault(password, personal=(email, name)):
        raise Invalid({"password": sentence})
    return await passwords.hash_password(password)


async def create(db: AsyncSession, *, email: str, name: str, password_hash: str) -> User:
    """Add a person. `email` and `name` are cleaned here. Raises Invalid, also when the address has an account."""
    try:
        email, name = clean_email(email), clean_name(name)
    except ValueError as error:
        raise Invalid(sentence=str(error)) from error
    people = await db.scalar(select(func.count()).select_from(User))
    user = User(email=email, name=name, password_hash=password_hash, colour=(people or 0) % PRESENCE_COLOURS)
    try:
        async with db.begin_nested():
            db.add(user)
    except IntegrityError as error:
        raise Invalid({"email": EMAIL_TAKEN}) from error
    return user


async def find_by_email(db: AsyncSession, email: str) -> User | None:
    """Return the person with this address, disabled ones too, but no guest. `email` is cleaned already."""
    found: User | None = await db.scalar(
        select(User).where(col(User.email) == email, col(User.kind) == UserKind.PERSON.value)
    )
    return found


async def exist(db: AsyncSession) -> bool:
    """Whether there is any account."""
    return bool(await db.scalar(select(select(col(User.id)).exists())))


async def describe(db: AsyncSession, user_id: UUID, *, name: str, colour: int) -> None:
    """Give a person another name or colour. Raises Invalid, NotFound."""
    try:
        name = clean_name(name)
    except ValueError as error:
        raise Invalid({"name": str(error)}) from error
    if not 0 <= colour < PRESENCE_COLOURS:
        raise Invalid({"colour": "Choose one of the colours."})
    changed = await db.scalar(
        update(User).where(col(User.id) == user_id).values(name=name, colour=colour).returning(col(User.id))
    )
    if changed is None:
        raise NotFound


async def change_password(db: AsyncSession, user: User, *, old: str, new: str, session_id: UUID) -> int:
    """Replace a person's password and end all their sessions but `session_id`. Returns how many ended.

    Raises Invalid, naming `old_password` or `new_password`; Conflict if it was changed at the same moment.
    """
    right, _ = await passwords.verify(old, user.password_hash)
    if not right:
        raise Invalid({"old_password": "This is not your password."})
    if passwords.normalise(new) == passwords.normalise(old):
        raise Invalid({"new_password": "This is the password you have. Choose another."})
    if sentence := passwords.fault(new, personal=(user.email, user.name)):
        raise Invalid({"new_password": sentence})
    fresh = await passwords.hash_password(new)
    # Only over the hash that was checked: of two changes at once by the same old password, one must not be lost.
    changed = await db.scalar(
        update(User)
        .where(col(User.id) == user.id, col(User.password_hash) == user.password_hash)
        .values(password_hash=fresh)
        .returning(col(User.id))
    )
    if changed is None:
        raise Conflict
    return await sessions.end_others(db, user.id, session_id)


async def reset_password(db: AsyncSession, email: str, new: str) -> User:
    """Replace the password of somebody who forgot it, and end all their sessions. For operators: nothing is asked.

    `email` is cleaned already. API tokens stay. Raises Invalid, naming `email` or `password`.
    """
    user = await find_by_email(db, email)
    if user is None:
        raise Invalid({"email": f"Nobody has the address {email}."})
    if user.disabled_at is not None:
        raise Invalid({"email": f"The account {email} is disabled. No password opens it."})
    user.password_hash = await hash_new_password(new, email=user.email, name=user.name)
    await sessions.end_all(db, user.id)
    return user


async def disable(db: AsyncSession, user_id: UUID, *, now: datetime | None = None) -> None:
    """Shut a person out: no sign-in, no token, and every session ends. Raises NotFound."""
    changed = await db.scalar(
        update(User).where(col(User.id) == user_id).values(disabled_at=now or utc_now()).returning(col(User.id))
    )
    if changed is None:
        raise NotFound
    await sessions.end_all(db, user_id)
