"""Guests of a review, without an account: what they meet, what they may do, and every door that is shut to them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import delete, select, update
from sqlmodel import col
from starlette.applications import Starlette
from starlette.routing import Route

from realtime.close import Refused
from realtime.ports import Credentials, Rights
from realtime.ports import DocumentId as LiveId
from server.accounts import guest_keys, people
from server.accounts.models import GuestKeyKind, User
from server.audit import ledger
from server.audit.models import LedgerEntry
from server.db import transaction
from server.documents import jobs
from server.documents.gifts import end_beyond
from server.documents.live.admission import Doorkeeper
from server.documents.models import Document, DocumentRole, ReviewGuest, utc_now
from server.errors import Conflict, Forbidden, Invalid, NotFound
from server.notifications.models import Mail, PersonalNotice
from server.review import guests, lifecycle
from server.review.guests import Invited, Wish
from server.review.models import Verdict
from server.review.states import Status
from server.review.steps import Rule, Step
from server.workspaces.models import Member, Role
from tests.conftest import PUBLIC_URL
from tests.factories import make_member, make_user, name_on, sign_in
from tests.server.review.desk import Desk

CAROL = Wish(name="Carol", email="carol@client.example", note="The autumn one")


@dataclass
class Guest:
    """Somebody's browser that came by a link."""

    client: httpx.AsyncClient
    document_id: UUID
    id: UUID

    @property
    def place(self) -> str:
        """Where they are."""
        return f"/guest/{self.document_id}"

    async def token(self) -> str:
        """Return the token of their page's forms."""
        found = re.search(r'name="csrf" content="([^"]+)"', (await self.client.get(self.place)).text)
        assert found
        return found[1]

    async def begin(self, name: str = "Carol") -> httpx.Response:
        """Say who one is."""
        return await self.client.post(f"{self.place}/begin", data={"csrf": await self.token(), "name": name})

    async def decide(self, verdict: str, signed: bytes, comment: str = "") -> httpx.Response:
        """Send one of the strip's forms."""
        fields = {"csrf": await self.token(), "verdict": verdict, "content": signed.hex(), "comment": comment}
        return await self.client.post(f"{self.place}/decisions", data=fields)

    async def call(self, method: str, path: str, **options: object) -> httpx.Response:
        """Ask as the page's script does."""
        headers = {"X-CSRF-Token": await self.token()}
        return await self.client.request(method, f"{self.place}/api{path}", headers=headers, **options)  # type: ignore[arg-type]  # what httpx takes

    @property
    def ticket(self) -> str:
        """What the page shows at the socket."""
        key = next(each.value for each in self.client.cookies.jar if self.document_id.hex in each.name)
        return guest_keys.ticket_of(key or "")


@pytest.fixture
async def strangers(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    """A browser of nobody."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=PUBLIC_URL) as client:
        yield client


async def invite(desk: Desk, wish: Wish = CAROL, by: User | None = None) -> Invited:
    """Invite somebody to the desk's document."""
    async with transaction(desk.sessions) as db:
        return await guests.invite(db, by or desk.ada, desk.document.id, wish)


async def come(desk: Desk, client: httpx.AsyncClient, wish: Wish = CAROL) -> Guest:
    """Let a browser come in by a link of its own."""
    made = await invite(desk, wish)
    answer = await client.get(f"/r/{made.secret}")
    assert answer.headers["Location"] == f"/guest/{desk.document.id}"
    guest = Guest(client, desk.document.id, made.guest.user_id)
    await guest.begin()
    return guest


async def kinds(desk: Desk) -> list[str]:
    """Return what stands in the ledger about the document, the oldest first."""
    async with transaction(desk.sessions) as db:
        rows = await ledger.of_document(db, desk.document.id)
    return [each.kind for each in reversed(rows)]


async def under_review(desk: Desk) -> bytes:
    """Return what is to be decided about."""
    async with transaction(desk.sessions) as db:
        review = await lifecycle.open_review(db, desk.document.id)
    assert review is not None
    return review.hash


async def test_a_client_comes_by_a_link_and_approves(desk: Desk, strangers: httpx.AsyncClient) -> None:
    await desk.request(workflow_id=await desk.workflow(Step("Client", guests=True)))
    made = await invite(desk)
    answer = await strangers.get(f"/r/{made.secret}")
    assert answer.status_code == 303
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert made.secret not in cookie
    guest = Guest(strangers, desk.document.id, made.guest.user_id)
    welcome = (await strangers.get(guest.place)).text
    assert "Ada asks you to review “Plan”" in welcome
    assert "The autumn one" in welcome
    assert 'value="Carol"' in welcome
    assert (await guest.begin("Carol C.")).status_code == 303
    page = (await strangers.get(guest.place)).text
    assert "Carol C. (guest)" in page
    assert 'data-rights="suggest"' in page
    for elsewhere in ("@example.org", "guest.invalid", "/notifications", "/calendar", 'href="/documents'):
        assert elsewhere not in page
    signed = await under_review(desk)
    sent = (await strangers.get(f"{guest.place}/review")).text
    assert "What was sent" in sent
    assert (await guest.decide("hold", signed)).status_code == 403
    assert (await guest.decide("changes", signed)).status_code == 422
    assert (await guest.decide("approve", signed)).headers["Location"] == guest.place
    assert await desk.status() is Status.APPROVED
    assert await kinds(desk) == [
        "review.requested", "guest.invited", "guest.opened", "review.approve", "review.approved",
    ]  # fmt: skip
    # What they approved can be read, whatever is written since; nothing else can.
    await desk.write("One\n\nSecret plans")
    after = (await strangers.get(guest.place)).text
    assert "You approved this" in after
    assert "Two" in after
    assert "Secret" not in after
    assert (await strangers.get(f"{guest.place}/api/comments")).status_code == 404
    assert (await strangers.get(f"{guest.place}/events")).status_code == 404


async def test_only_what_changed_is_shown_again(desk: Desk, strangers: httpx.AsyncClient) -> None:
    way = await desk.workflow(Step("Client", guests=True))
    await desk.request(workflow_id=way)
    guest = await come(desk, strangers)
    await guest.decide("changes", await under_review(desk), "More of Two")
    assert await desk.status() is Status.CHANGES_REQUESTED
    await desk.write("One\n\nTwo, and more")
    await desk.request(workflow_id=way)
    page = (await strangers.get(f"{guest.place}/review")).text
    assert "What changed since your last decision" in page
    assert page.count('class="change"') == 1
    async with transaction(desk.sessions) as db:
        letters = (await db.scalars(select(Mail).where(col(Mail.guest_id) == guest.id))).all()
        assert {each.address for each in letters} == {"carol@client.example"}
        assert len(letters) == 2
        # No bell, and no mail to an address that is nobody's.
        assert (await db.scalars(select(PersonalNotice).where(col(PersonalNotice.user_id) == guest.id))).all() == []
        assert (await db.scalars(select(Mail).where(col(Mail.user_id) == guest.id))).all() == []


async def test_a_guest_counts_where_a_step_asks_guests_and_nowhere_else(
    desk: Desk, strangers: httpx.AsyncClient
) -> None:
    both = Step("Both", rule=Rule.QUORUM, quorum=2, people=frozenset({desk.ben.id}), guests=True)
    await desk.request(workflow_id=await desk.workflow(both))
    guest = await come(desk, strangers)
    await desk.decide(desk.ben, Verdict.APPROVE)
    assert await desk.status() is Status.IN_REVIEW
    await guest.decide("approve", await under_review(desk))
    assert await desk.status() is Status.APPROVED


async def test_a_workflow_without_guests_gets_a_step_more_and_loses_none(
    desk: Desk, strangers: httpx.AsyncClient
) -> None:
    await desk.request()
    guest = await come(desk, strangers)
    signed = await under_review(desk)
    # Whoever invites a friend does not approve by them.
    assert (await guest.decide("approve", signed)).status_code == 403
    await desk.decide(desk.ben, Verdict.APPROVE)
    assert await desk.status() is Status.IN_REVIEW
    await guest.decide("approve", signed)
    assert await desk.status() is Status.APPROVED


async def test_they_comment_and_suggest_as_far_as_they_were_asked_to(desk: Desk, strangers: httpx.AsyncClient) -> None:
    guest = await come(desk, strangers, Wish(name="Carol", email=None, suggest=False, approve=False))
    begun = await guest.call("POST", "/comments", json={"text": "Lovely"})
    assert begun.status_code == 201
    assert begun.json()["comments"][0]["author"]["name"] == "Carol (guest)"
    assert (await guest.call("GET", "/comments/people?q=a")).json() == {"people": []}
    keeper = Doorkeeper(desk.sessions)
    live = LiveId(str(desk.document.id))
    admission = await keeper.admit(live, Credentials(cookie=None, bearer=guest.ticket))
    assert admission.rights is Rights.READ
    assert admission.user["name"] == "Carol (guest)"
    async with transaction(desk.sessions) as db:
        await db.execute(update(ReviewGuest).values(may_suggest=True, may_comment=False))
    admission = await keeper.admit(live, Credentials(cookie=None, bearer=guest.ticket))
    assert admission.rights is Rights.SUGGEST
    assert (await guest.call("POST", "/comments", json={"text": "Lovely"})).status_code == 403
    assert (await guest.call("GET", "/comments")).json()["may_comment"] is False


async def test_a_ticket_ends_with_the_link_and_opens_nothing_else(desk: Desk, strangers: httpx.AsyncClient) -> None:
    guest = await come(desk, strangers)
    keeper = Doorkeeper(desk.sessions)
    live = LiveId(str(desk.document.id))
    for wrong in (
        Credentials(cookie=guest.ticket, bearer=None),
        Credentials(cookie=None, bearer=guest.ticket + "x"),
        Credentials(cookie=next(each.value for each in strangers.cookies.jar), bearer=None),
    ):
        with pytest.raises(Refused):
            await keeper.admit(live, wrong)
    with pytest.raises(Refused):
        await keeper.admit(LiveId(str(uuid4())), Credentials(cookie=None, bearer=guest.ticket))
    assert (await strangers.get("/api/v1/me", headers={"Authorization": f"Bearer {guest.ticket}"})).status_code == 401
    async with transaction(desk.sessions) as db:
        await db.execute(update(ReviewGuest).values(expires_at=utc_now() - timedelta(seconds=1)))
    with pytest.raises(Refused):
        await keeper.admit(live, Credentials(cookie=None, bearer=guest.ticket))
    over = await strangers.get(guest.place)
    assert over.status_code == 410
    assert "Ask Ada" in over.text
    async with transaction(desk.sessions) as db:
        await guests.extend(db, desk.ada, desk.document.id, guest.id, utc_now() + timedelta(days=2))
    assert (await keeper.admit(live, Credentials(cookie=None, bearer=guest.ticket))).rights is Rights.SUGGEST
    async with transaction(desk.sessions) as db:
        await guests.revoke(db, desk.ada, desk.document.id, guest.id)
    with pytest.raises(Refused):
        await keeper.admit(live, Credentials(cookie=None, bearer=guest.ticket))
    assert "It was taken back." in (await strangers.get(guest.place)).text
    assert (await kinds(desk))[-2:] == ["guest.extended", "guest.revoked"]


async def test_every_other_door_answers_as_to_a_stranger(
    app: Starlette, desk: Desk, strangers: httpx.AsyncClient
) -> None:
    guest = await come(desk, strangers)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=PUBLIC_URL) as nobody:
        await nobody.get("/sign-in")
        for route in app.routes:
            if not isinstance(route, Route) or route.path.startswith(("/guest/", "/p/")):
                continue
            path = re.sub(r"\{(\w+):uuid\}", str(desk.document.id), route.path)
            path = re.sub(r"\{[^}]+\}", "x", path)
            for method in (route.methods or set()) - {"HEAD"}:
                theirs = await guest.client.request(method, path)
                a_strangers = await nobody.request(method, path)
                assert theirs.status_code == a_strangers.status_code, f"{method} {path}"
                assert "Carol" not in theirs.text, f"{method} {path}"


async def test_the_cookie_of_one_document_says_nothing_at_another(desk: Desk, strangers: httpx.AsyncClient) -> None:
    guest = await come(desk, strangers)
    other = uuid4()
    key = next(each.value for each in strangers.cookies.jar if desk.document.id.hex in each.name)
    name = next(each.name for each in strangers.cookies.jar if desk.document.id.hex in each.name)
    headers = {"Cookie": f"{name.replace(desk.document.id.hex, other.hex)}={key}"}
    assert (await strangers.get(f"/guest/{other}", headers=headers)).status_code == 410
    assert (await strangers.get(f"/guest/{other}/api/comments", headers=headers)).status_code in {401, 404}
    # With a token in the header, which frees of the CSRF check, the cookie counts for nothing.
    bearer = {"Authorization": "Bearer qr_x", "Accept": "application/json"}
    answer = await strangers.post(f"{guest.place}/api/comments", json={"text": "x"}, headers=bearer)
    assert answer.status_code == 401


async def test_members_go_to_the_document_and_others_who_are_signed_in_are_guests(app: Starlette, desk: Desk) -> None:
    made = await invite(desk)
    async with transaction(desk.sessions) as db:
        elsewhere = await make_user(db, email="carol@client.example", name="Carol")
    for user, place in ((desk.ben, f"/documents/{desk.document.id}"), (elsewhere, f"/guest/{desk.document.id}")):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=PUBLIC_URL) as client:
            await sign_in(client, desk.sessions, user)
            assert (await client.get(f"/r/{made.secret}")).headers["Location"] == place


async def test_a_guest_says_their_name_once_and_it_is_theirs(app: Starlette, desk: Desk) -> None:
    async with (
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=PUBLIC_URL) as one,
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=PUBLIC_URL) as another,
    ):
        first = await come(desk, one)
        async with transaction(desk.sessions) as db:
            assert (await db.get_one(User, first.id)).name == "Carol (guest)"
        # Not another name later, under which they would have decided.
        assert (await first.begin("Ben")).status_code == 303
        made = await invite(desk, Wish(name="Dora", email=None))
        await another.get(f"/r/{made.secret}")
        second = Guest(another, desk.document.id, made.guest.user_id)
        assert (await second.begin("c\u200bAROL")).status_code == 422
        assert (await second.begin("Carol’s boss")).status_code == 303
    async with transaction(desk.sessions) as db:
        assert (await db.get_one(User, first.id)).name == "Carol (guest)"
        entries = await ledger.of_document(db, desk.document.id)
    assert "Carol’s boss (guest), who was invited as “Dora”, opened the link" in entries[0].sentence


async def test_guests_of_what_is_gone_go_with_it(desk: Desk) -> None:
    made, stays = await invite(desk), await invite(desk)
    async with transaction(desk.sessions) as db:
        await db.execute(
            update(ReviewGuest)
            .where(col(ReviewGuest.user_id) == stays.guest.user_id)
            .values(expires_at=utc_now() - timedelta(days=91))
        )
        assert await jobs.clean_up(db) == 1
        assert await guest_keys.find(db, stays.secret, GuestKeyKind.LINK) is None
        assert await guest_keys.find(db, made.secret, GuestKeyKind.LINK) is not None
        await db.execute(delete(Document).where(col(Document.id) == desk.document.id))
        assert await jobs.clean_up(db) == 2
        assert await db.scalar(select(User).where(col(User.id) == made.guest.user_id)) is None


async def test_whoever_may_not_share_any_more_has_let_nobody_in(desk: Desk) -> None:
    made, adas = await invite(desk, by=desk.ben), await invite(desk)
    async with transaction(desk.sessions) as db:
        await db.execute(delete(Member).where(col(Member.user_id) == desk.ben.id))
        await end_beyond(db, desk.ben.id, desk.workspace.id)
    async with transaction(desk.sessions) as db:
        for invited, state in ((made, "revoked"), (adas, "open")):
            guest = await db.get_one(ReviewGuest, invited.guest.user_id)
            assert guests.state_of(guest, utc_now()) == state


async def test_who_may_invite(desk: Desk) -> None:
    async with transaction(desk.sessions) as db:
        stranger = await make_user(db)
    for wish in (Wish(name=" ", email=None), Wish(name="C", email="nobody"), Wish(name="C" * 73, email=None)):
        with pytest.raises(Invalid):
            await invite(desk, wish)
    with pytest.raises(Invalid):
        await invite(desk, Wish(name="C", email=None, expires_at=utc_now() - timedelta(days=1)))
    with pytest.raises(NotFound):
        await invite(desk, by=stranger)
    async with transaction(desk.sessions) as db:
        dora = await make_member(db, desk.workspace, role=Role.GUEST)
        await name_on(db, desk.document, dora, DocumentRole.EDITOR)
    with pytest.raises(Forbidden):
        await invite(desk, by=dora)
    made = await invite(desk)
    # They are nobody: no list of people, no way in by a password.
    async with transaction(desk.sessions) as db:
        behind = await db.get_one(User, made.guest.user_id)
        assert await people.find_by_email(db, behind.email) is None
        assert await guest_keys.find(db, made.secret, GuestKeyKind.BROWSER) is None
        entry = (await db.scalars(select(LedgerEntry).where(col(LedgerEntry.kind) == "guest.invited"))).one()
        assert made.secret not in str(entry.data) + entry.sentence
    for _ in range(guests.MAX_GUESTS - 1):
        await invite(desk, Wish(name="C", email=None))
    with pytest.raises(Conflict):
        await invite(desk)
