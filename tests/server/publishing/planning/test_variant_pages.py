"""The page of variants before its script: who sees which accounts, at what cost, and what is there to be read."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from pycrdt import Map
from sqlalchemy import event
from starlette.applications import Starlette

from server.accounts.models import User
from server.db import Sessions, transaction
from server.documents.models import Document, DocumentRole
from server.documents.ydoc import YDoc
from server.publishing.models import ChannelAccount
from server.workspaces.models import Role
from tests.factories import make_user, name_on, sign_in
from tests.server.publishing.planner import Planner, open_planner

HTML = {"Accept": "text/html"}


@pytest.fixture
async def planner(app: Starlette, sessions: Sessions) -> Planner:
    return await open_planner(app, sessions)


@contextmanager
def _counted(planner: Planner) -> Iterator[list[str]]:
    asked: list[str] = []

    def note(*parts: Any) -> None:
        asked.append(str(parts[2]))

    engine = planner.sessions.kw["bind"].sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def _accounts(planner: Planner, *names: str) -> None:
    async with transaction(planner.sessions) as db:
        for name in names:
            db.add(
                ChannelAccount(
                    workspace_id=planner.workspace.id, channel="board", name=name, remote_id=name, secrets=b""
                )
            )


async def _guest(planner: Planner, document: Document, role: DocumentRole) -> User:
    guest = await planner.member(Role.GUEST)
    async with transaction(planner.sessions) as db:
        await name_on(db, document, guest, role)
    return guest


async def test_a_member_opens_the_variant_of_any_account(
    client: httpx.AsyncClient, sessions: Sessions, planner: Planner
) -> None:
    document = await planner.document("It jumps.")
    page = f"/documents/{document}/channels"
    await sign_in(client, sessions, await planner.member(Role.MEMBER))
    costs = []
    for names in ((), [f"Board {number}" for number in range(8)]):
        await _accounts(planner, *names)
        with _counted(planner) as asked:
            shown = await client.get(f"{page}/{planner.account_id}", headers=HTML)
        assert shown.status_code == 200
        costs.append(len(asked))
    assert costs[0] == costs[1]
    assert f'data-account="{planner.account_id}"' in shown.text
    assert shown.text.count("data-account=") == 9
    assert 'data-rights="read-write"' in shown.text
    # The whole of it can be read without script.
    assert "The fox" in shown.text
    assert (await client.get(f"{page}/{document}", headers=HTML)).status_code == 404
    assert (await client.get(page, headers=HTML)).status_code == 200


async def test_guests_see_only_accounts_for_which_something_is_written(
    client: httpx.AsyncClient, app: Starlette, sessions: Sessions, planner: Planner
) -> None:
    made = await planner.document("It jumps.")
    page = f"/documents/{made}/channels"
    await _accounts(planner, "Secret board")
    async with sessions() as db:
        document = await db.get_one(Document, made)
    await sign_in(client, sessions, await _guest(planner, document, DocumentRole.REVIEWER))
    nothing = await client.get(page, headers=HTML)
    assert "Nothing is adapted here yet" in nothing.text
    assert "Our board" not in nothing.text
    assert (await client.get(f"{page}/{planner.account_id}", headers=HTML)).status_code == 404

    def write(doc: YDoc) -> None:
        variants: Map[Any] = doc.get("variants", type=Map)
        variants[f"{planner.account_id}/link"] = "https://example.org/"

    await app.state.live.edit(made, write)
    shown = await client.get(page, headers=HTML)
    assert "Our board" in shown.text
    assert "Secret board" not in shown.text
    assert 'data-rights="suggest"' in shown.text


async def test_it_is_nothing_for_strangers(client: httpx.AsyncClient, sessions: Sessions, planner: Planner) -> None:
    page = f"/documents/{await planner.document('It jumps.')}/channels"
    async with transaction(sessions) as db:
        stranger = await make_user(db)
    await sign_in(client, sessions, stranger)
    assert (await client.get(page, headers=HTML)).status_code == 404
