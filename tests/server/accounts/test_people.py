from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from server.accounts import passwords, people, sessions, tokens
from server.accounts.identity import recognise
from server.accounts.models import User
from server.accounts.people import clean_email, clean_name
from server.errors import Conflict, Invalid, NotFound
from tests.factories import PASSWORD, make_user


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" Ada@Example.ORG ", "ada@example.org"),
        ("ada@studio.local", "ada@studio.local"),
        ("ada+notes@example.org", "ada+notes@example.org"),
        ("ada@exam\u202eple.org", "ada@example.org"),
        ("ÄDA@münchen.example", "äda@münchen.example"),
    ],
)
def test_an_address_has_one_spelling(typed: str, kept: str) -> None:
    assert clean_email(typed) == kept


@pytest.mark.parametrize(
    "typed",
    ["", "ada", "ada@", "@example.org", "a b@example.org", "ada@example.org\nbcc: x@y.z", "a@b@c", "x" * 300 + "@y.z"],
)
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        clean_email(typed)


def test_names_may_be_of_any_script_but_not_of_any_length() -> None:
    assert clean_name(" שרה  👩‍🚀 ") == "שרה 👩‍🚀"
    assert clean_name("x" * 80) == "x" * 80
    for typed in ("", " ", "\u200b", "\u202e", "\0", "x" * 81):
        with pytest.raises(ValueError, match=r"\.$"):
            clean_name(typed)


async def test_one_address_one_account(db: AsyncSession) -> None:
    await make_user(db, email="ada@example.org")
    with pytest.raises(Invalid) as caught:
        await make_user(db, email="ADA@example.org")
    assert caught.value.fields == {"email": people.EMAIL_TAKEN}
    # The transaction goes on.
    await make_user(db, email="bo@example.org")
    found = await people.find_by_email(db, "bo@example.org")
    assert found is not None


async def test_the_first_twelve_people_have_twelve_colours(db: AsyncSession) -> None:
    assert [(await make_user(db)).colour for _ in range(13)] == [*range(12), 0]


async def test_a_disabled_person_is_out_at_once(db: AsyncSession) -> None:

    user = await make_user(db)
    cookie = await sessions.start(db, user, lasts=timedelta(days=1))
    _, bearer = await tokens.create(db, user, "script")
    await people.disable(db, user.id)
    assert await recognise(db, cookie=cookie, bearer=None) is None
    assert await recognise(db, cookie=None, bearer=bearer) is None
    with pytest.raises(NotFound):
        await people.disable(db, uuid4())


async def test_of_two_new_passwords_at_once_one_is_told_so(db: AsyncSession) -> None:
    user = await make_user(db)
    # As two requests read it.
    first, second = (
        User(id=user.id, email=user.email, name=user.name, password_hash=user.password_hash) for _ in range(2)
    )
    await people.change_password(db, first, old=PASSWORD, new="four quiet herons", session_id=uuid4())
    with pytest.raises(Conflict):
        await people.change_password(db, second, old=PASSWORD, new="nine loud herons", session_id=uuid4())
    await db.refresh(user)
    assert await passwords.verify("four quiet herons", user.password_hash) == (True, None)


async def test_nobody_cannot_be_described(db: AsyncSession) -> None:
    with pytest.raises(NotFound):
        await people.describe(db, uuid4(), name="Nobody", colour=0)
