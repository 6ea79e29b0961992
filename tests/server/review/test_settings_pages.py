"""Admins say how the workspace decides, by a form without script; what was wrong is shown where it was typed."""

import httpx
from starlette.applications import Starlette

from server.accounts.models import User
from server.db import transaction
from server.review import workflows
from server.review.steps import Rule
from server.workspaces.models import Role
from tests.conftest import PUBLIC_URL
from tests.factories import csrf_of, sign_in
from tests.server.review.desk import Desk


async def _enter(app: Starlette, desk: Desk, user: User) -> httpx.AsyncClient:
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=PUBLIC_URL)
    await sign_in(client, desk.sessions, user)
    return client


async def _post(client: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    token = await csrf_of(client, "/documents")
    return await client.post(path, data={"csrf": token, **fields})


async def test_a_workflow_is_made_changed_and_removed(app: Starlette, desk: Desk) -> None:
    ada = await _enter(app, desk, desk.ada)
    assert "One approval" in (await ada.get("/workspace/review")).text
    two_steps = {
        "name": "Press",
        "is_usual": "yes",
        "step-0-name": "Words",
        "step-0-rule": "quorum",
        "step-0-quorum": "2",
        f"step-0-person-{desk.ben.id}": "yes",
        f"step-0-person-{desk.cleo.id}": "yes",
        "step-0-hours": "24",
        "step-0-escalate": str(desk.ada.id),
        "step-1-name": "Law",
        "step-1-role-admin": "yes",
        "step-2-name": " ",
    }
    assert (await _post(ada, "/workspace/review", **two_steps)).status_code == 303
    async with transaction(desk.sessions) as db:
        (way,) = await workflows.listed(db, desk.workspace.id)
    words, law = way.steps
    assert (words.rule, words.quorum, words.hours, words.escalate_to) == (Rule.QUORUM, 2, 24, desk.ada.id)
    assert words.people == {desk.ben.id, desk.cleo.id}
    assert law.roles == {Role.ADMIN}
    # It is taken when nobody chooses one.
    await desk.request()
    async with transaction(desk.sessions) as db:
        from server.review import lifecycle

        review = await lifecycle.open_review(db, desk.document.id)
    assert review is not None
    assert review.workflow == "Press"
    assert (await _post(ada, f"/workspace/review/{way.id}/remove")).status_code == 303
    async with transaction(desk.sessions) as db:
        assert list(await workflows.listed(db, desk.workspace.id)) == [workflows.BUILT_IN]


async def test_what_is_wrong_is_said_and_nothing_is_lost(app: Starlette, desk: Desk) -> None:
    ada = await _enter(app, desk, desk.ada)
    refused = await _post(
        ada, "/workspace/review", name="Press", **{"step-0-name": "Words", "step-0-escalate": str(desk.ben.id)}
    )
    assert refused.status_code == 422
    assert "Say after how many hours this person is asked." in refused.text
    assert 'value="Words"' in refused.text
    assert "1 to 8 steps" in (await _post(ada, "/workspace/review", name="Press")).text
    nonsense = await _post(ada, "/workspace/review", name="Press", **{"step-0-name": "W", "step-0-quorum": "many"})
    assert nonsense.status_code == 422


async def test_only_admins_say_how_it_is_decided(app: Starlette, desk: Desk) -> None:
    ben = await _enter(app, desk, desk.ben)
    assert (await ben.get("/workspace/review")).status_code == 403
    answer = await _post(ben, "/workspace/review", name="Mine", **{"step-0-name": "Me", "own_content": "yes"})
    assert answer.status_code == 403
