"""Who may enter a document's room, one at a time and many at once."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from realtime import close
from realtime.close import Close, Refused
from realtime.ports import Credentials, DocumentId, Rights
from server.accounts import people, sessions, tokens
from server.accounts.models import ApiToken, User, utc_now
from server.db import Sessions
from server.documents import lifecycle
from server.documents.live import admission
from server.documents.live.admission import Doorkeeper
from server.documents.models import Document
from server.workspaces.models import Role, Workspace
from tests.factories import actor, make_member, make_user, make_workspace, name_on


@dataclass
class House:
    """A workspace with a document, and somebody in it with a cookie and a token."""

    db: AsyncSession
    keeper: Doorkeeper
    admin: User
    workspace: Workspace
    document: Document
    cookie: str
    token: ApiToken
    bearer: str

    async def ask(self, *, cookie: str | None = None, bearer: str | None = None, document: object = None) -> object:
        """Return (name, may_write), or the close that says why not."""
        await self.db.commit()
        place = DocumentId(str(document or self.document.id))
        try:
            admitted = await self.keeper.admit(place, Credentials(cookie=cookie, bearer=bearer))
        except Refused as refusal:
            return refusal.close
        assert admitted.epoch == str(await lifecycle.epoch_of(self.db, self.document.id))
        return admitted.user["name"], admitted.rights is Rights.WRITE


@pytest.fixture
async def house(db: AsyncSession, sessions: Sessions) -> House:
    admin = await make_user(db, name="Ada")
    workspace = await make_workspace(db, admin)
    document = await lifecycle.create(db, actor(admin, workspace, Role.ADMIN), title="T")
    token, bearer = await tokens.create(db, admin, "script")
    cookie = await _start(db, admin)
    return House(db, Doorkeeper(sessions), admin, workspace, document, cookie, token, bearer)


async def _start(db: AsyncSession, user: User, lasts: timedelta = timedelta(days=1)) -> str:
    return await sessions.start(db, user, lasts=lasts)


async def test_a_cookie_or_a_token_opens_the_door(house: House) -> None:
    assert await house.ask(cookie=house.cookie) == ("Ada", True)
    assert await house.ask(bearer=house.bearer) == ("Ada", True)
    await house.db.refresh(house.token)
    assert house.token.last_used_at is not None


async def test_who_comes_when_too_many_wait_is_told_to_come_back(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.db.commit()
    monkeypatch.setattr(admission, "_MOST_WAITING", 3)
    place = DocumentId(str(house.document.id))
    answers = await asyncio.gather(
        *(house.keeper.admit(place, Credentials(cookie=house.cookie, bearer=None)) for _ in range(5)),
        return_exceptions=True,
    )
    assert [answer.close for answer in answers if isinstance(answer, Refused)] == [close.TRY_LATER] * 2
    assert await house.ask(cookie=house.cookie) == ("Ada", True)


async def test_a_guest_reads(house: House) -> None:
    guest = await make_member(house.db, house.workspace, role=Role.GUEST, name="Gus")
    await name_on(house.db, house.document, guest)
    assert await house.ask(cookie=await _start(house.db, guest)) == ("Gus", False)


async def test_nobody_else_comes_in_and_learns_nothing(house: House) -> None:
    stranger = await make_user(house.db)
    theirs = await _start(house.db, stranger)
    assert await house.ask(cookie=theirs) is close.NOT_FOUND
    assert await house.ask(cookie=theirs, document=uuid4()) is close.NOT_FOUND
    assert await house.ask(cookie=house.cookie, document=uuid4()) is close.NOT_FOUND
    assert await house.ask() is close.UNAUTHENTICATED
    for secret in ("", "wrong", "qr_wrong", "x" * 999, "\x00", "\ud800"):
        assert await house.ask(cookie=secret) is close.UNAUTHENTICATED
        assert await house.ask(bearer=secret) is close.UNAUTHENTICATED
    # Secrets of one kind do not work as the other, and a wrong token is nobody beside a right cookie.
    assert await house.ask(cookie=house.bearer) is close.UNAUTHENTICATED
    assert await house.ask(bearer=house.cookie) is close.UNAUTHENTICATED
    assert await house.ask(cookie=house.cookie, bearer="qr_wrong") is close.UNAUTHENTICATED


async def _expire(house: House) -> None:
    house.token.expires_at = utc_now() - timedelta(seconds=1)
    house.cookie = await _start(house.db, house.admin, lasts=timedelta(seconds=-1))


async def _revoke(house: House) -> None:
    await tokens.revoke(house.db, house.admin.id, house.token.id)
    await sessions.end(house.db, house.cookie)


async def _disable(house: House) -> None:
    await people.disable(house.db, house.admin.id)


@pytest.mark.parametrize("spoil", [_expire, _revoke, _disable])
async def test_what_ended_opens_no_door(house: House, spoil: Callable[[House], Awaitable[None]]) -> None:
    await spoil(house)
    assert await house.ask(cookie=house.cookie) is close.UNAUTHENTICATED
    assert await house.ask(bearer=house.bearer) is close.UNAUTHENTICATED


async def test_what_is_in_the_trash_is_said_to_be_there_to_its_people_only(house: House) -> None:
    house.document.trashed_at = utc_now()
    assert await house.ask(cookie=house.cookie) is close.TRASHED
    assert await house.ask(cookie=await _start(house.db, await make_user(house.db))) is close.NOT_FOUND


async def test_many_at_once_get_each_their_own_answer(house: House) -> None:
    guest = await make_member(house.db, house.workspace, role=Role.GUEST, name="Gus")
    await name_on(house.db, house.document, guest)
    by_guest = await _start(house.db, guest)
    await house.db.commit()

    async def ask(number: int) -> tuple[str, bool] | Close:
        cookie = (house.cookie, by_guest, "wrong")[number % 3]
        place = house.document.id if number % 5 else uuid4()
        try:
            admission = await house.keeper.admit(DocumentId(str(place)), Credentials(cookie=cookie, bearer=None))
        except Refused as refusal:
            return refusal.close
        return str(admission.user["name"]), admission.rights is Rights.WRITE

    answers = await asyncio.gather(*(ask(number) for number in range(600)))
    for number, answer in enumerate(answers):
        if number % 3 == 2:
            assert answer is close.UNAUTHENTICATED
        elif number % 5 == 0:
            assert answer is close.NOT_FOUND
        else:
            assert answer == (("Ada", True), ("Gus", False))[number % 3]


async def test_one_who_leaves_the_queue_holds_up_nobody(house: House) -> None:
    await house.db.commit()
    credentials = Credentials(cookie=house.cookie, bearer=None)
    place = DocumentId(str(house.document.id))
    impatient = asyncio.create_task(house.keeper.admit(place, credentials))
    patient = asyncio.create_task(house.keeper.admit(place, credentials))
    await asyncio.sleep(0)
    impatient.cancel()
    assert (await patient).rights is Rights.WRITE
