"""The page and the API of the rehearsal: what is planned for real is read, and each sees what they may see."""

from datetime import timedelta
from uuid import UUID

import httpx
import pytest
from sqlalchemy import event, update
from sqlalchemy.engine import Engine
from sqlmodel import col
from starlette.applications import Starlette

from server.db import Sessions, transaction
from server.documents import lifecycle, sharing
from server.documents.models import Document, Reach, utc_now
from server.publishing.models import ChannelAccount, Health, Publication
from server.publishing.rehearsal import rehearsing
from server.publishing.states import State
from server.review.models import Review, ReviewState, Standing
from server.workspaces.models import Role
from tests.factories import actor, sign_in
from tests.server.publishing.planner import Planner, open_planner
from tests.server.publishing.press import approved

HTML = {"Accept": "text/html"}
REHEARSAL = "/api/v1/rehearsal"


@pytest.fixture
async def planner(app: Starlette, client: httpx.AsyncClient, sessions: Sessions) -> Planner:
    planner = await open_planner(app, sessions)
    await sign_in(client, sessions, planner.admin)
    return planner


async def _plan(planner: Planner, *, days: int = 1, title: str = "The fox") -> tuple[UUID, UUID]:
    """Plan a document so many days from now. Returns its id and the publication's."""
    document = await planner.document("It jumps.", title=title)
    at = (utc_now() + timedelta(days=days)).replace(second=0, microsecond=0, tzinfo=None)
    async with await planner.program() as program:
        planned = await planner.plan(program, document, time={"wall_time": at.isoformat(), "zone": "UTC"})
    async with transaction(planner.sessions) as db:
        await approved(db, planner.workspace.id, document, bytes(32))
    return document, UUID(planned["id"])


async def _stand(planner: Planner, document: UUID, **values: object) -> None:
    """Let a document stand otherwise than approved."""
    async with transaction(planner.sessions) as db:
        await db.execute(update(Standing).where(col(Standing.document_id) == document).values(**values))


async def _take_back(planner: Planner, document: UUID) -> None:
    """Take its approval back."""
    await _stand(planner, document, approved_hash=None)
    async with transaction(planner.sessions) as db:
        taken = {"state": ReviewState.CHANGES.value, "ended_at": utc_now()}
        await db.execute(update(Review).where(col(Review.document_id) == document).values(**taken))


async def test_all_goes_out_and_says_so(client: httpx.AsyncClient, planner: Planner) -> None:
    assert "Nothing is planned for the next 30 days" in (await client.get("/calendar/rehearsal", headers=HTML)).text
    for day in range(1, 4):
        await _plan(planner, days=day)
    shown = await client.get("/calendar/rehearsal", headers=HTML)
    assert "All 3 will go out" in shown.text
    # Whatever stands in the address.
    assert "All 3 will go out" in (await client.get("/calendar/rehearsal?days=x&only=x", headers=HTML)).text


async def test_the_worst_stands_with_whoever_can_act(client: httpx.AsyncClient, planner: Planner) -> None:
    document, publication = await _plan(planner)
    await _plan(planner, days=2, title="The hen")
    await _stand(planner, document, held_by=planner.admin.id, held_at=utc_now())
    async with transaction(planner.sessions) as db:
        row = await db.get_one(ChannelAccount, planner.account_id)
        row.health, row.health_sentence = Health.FAILING.value, "It answers with 500."
    shown = (await client.get("/calendar/rehearsal", headers=HTML)).text
    assert "Of 2 planned, 0 will go out as they are." in shown
    assert "A reviewer holds this document." in shown
    assert f"/documents/{document}/review" in shown
    only = (await client.get("/calendar/rehearsal?only=at_risk", headers=HTML)).text
    assert "A reviewer holds" not in only
    assert "It answers with 500." in only

    async with await planner.program() as program:
        told = (await program.get(REHEARSAL, params={"limit": 1})).json()
        rest = (await program.get(REHEARSAL, params={"cursor": told["next_cursor"]})).json()
    assert (told["planned"], told["goes_out"], told["will_fail"], told["at_risk"]) == (2, 0, 1, 1)
    assert told["findings"][0]["publication_id"] == str(publication)
    assert (told["findings"][0]["rule"], told["findings"][0]["severity"]) == ("held", "will_fail")
    assert [each["name"] for each in told["findings"][0]["people"]] == [planner.admin.name]
    assert [each["rule"] for each in rest["findings"]] == ["account_failing", "account_failing"]
    assert rest["next_cursor"] is None


async def test_nothing_is_changed_and_what_is_over_or_far_away_is_left_out(planner: Planner) -> None:
    _, publication = await _plan(planner)
    await _plan(planner, days=40)
    _, cancelled = await _plan(planner)
    async with transaction(planner.sessions) as db:
        (await db.get_one(Publication, cancelled)).state = State.CANCELLED.value
        before = (await db.get_one(Publication, publication)).model_dump()
    async with await planner.program() as program:
        assert (await program.get(REHEARSAL)).json()["planned"] == 1
        assert (await program.get(REHEARSAL, params={"days": 60})).json()["planned"] == 2
        assert (await program.get(REHEARSAL, params={"days": 91})).status_code == 422
    async with planner.sessions() as db:
        assert (await db.get_one(Publication, publication)).model_dump() == before
    assert planner.wall.calls == []


async def test_a_member_hears_of_the_documents_that_they_see_and_a_guest_of_none(planner: Planner) -> None:
    hidden, _ = await _plan(planner, title="Secret")
    shared, _ = await _plan(planner, title="Shared")
    for document in (hidden, shared):
        await _take_back(planner, document)
    async with transaction(planner.sessions) as db:
        await sharing.give(db, planner.admin, hidden, Reach.PEOPLE, None)
    member, guest = await planner.member(Role.MEMBER), await planner.member(Role.GUEST)
    async with await planner.program(member) as program:
        told = (await program.get(REHEARSAL)).json()
        assert {each["document_id"] for each in told["findings"]} == {str(shared)}
        assert "Secret" not in str(told)
        assert told["planned"] == 1
    async with await planner.program(guest) as program:
        assert (await program.get(REHEARSAL)).status_code == 403


async def test_a_document_in_the_trash_is_noticed(planner: Planner) -> None:
    document, _ = await _plan(planner)
    async with transaction(planner.sessions) as db:
        await lifecycle.trash(db, planner.admin, document)
        assert (await db.get_one(Document, document)).trashed_at is not None
    async with await planner.program() as program:
        told = (await program.get(REHEARSAL)).json()
    assert [each["rule"] for each in told["findings"]] == ["in_trash"]


async def test_many_take_as_many_questions_as_few(planner: Planner) -> None:
    count = 0

    def note(*_: object) -> None:
        nonlocal count
        count += 1

    async def questions() -> int:
        nonlocal count
        async with await planner.program() as program:
            count = 0
            event.listen(Engine, "before_cursor_execute", note)
            try:
                assert (await program.get(REHEARSAL)).status_code == 200
            finally:
                event.remove(Engine, "before_cursor_execute", note)
        return count

    await _take_back(planner, (await _plan(planner))[0])
    few = await questions()
    for day in range(2, 7):
        await _take_back(planner, (await _plan(planner, days=day))[0])
    assert await questions() == few


async def test_much_is_played_while_the_page_is_there(
    client: httpx.AsyncClient, planner: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.publishing.rehearsal.pages.AT_ONCE", 1)
    for day in range(1, 4):
        await _plan(planner, days=day)
    waits = (await client.get("/calendar/rehearsal", headers=HTML)).text
    assert "Rehearsing 3 publications…" in waits
    assert 'hx-trigger="load"' in waits
    part = (await client.get("/calendar/rehearsal", headers={**HTML, "HX-Request": "true"})).text
    assert "All 3 will go out" in part
    assert "All 3 will go out" in (await client.get("/calendar/rehearsal?whole=1", headers=HTML)).text


async def test_who_waits_too_long_for_others_is_told_so(planner: Planner, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        async with await planner.program() as program, rehearsing._turn():
            patched.setattr(rehearsing, "WAIT_SECONDS", 0)
            assert (await program.get(REHEARSAL)).status_code == 503
    async with await planner.program() as program:
        assert (await program.get(REHEARSAL)).status_code == 200


async def test_the_same_workspace_only(planner: Planner, sessions: Sessions) -> None:
    from tests.factories import make_team

    document, _ = await _plan(planner)
    await _take_back(planner, document)
    stranger, elsewhere = await make_team(sessions)
    assert actor(stranger, elsewhere).workspace_id != planner.workspace.id
    async with await planner.program(stranger) as program:
        assert (await program.get(REHEARSAL)).json()["planned"] == 0
