"""What a site says of itself is changed on its account's page."""

import httpx

from server.db import Sessions
from server.publishing.accounts import accounts
from server.publishing.site.describing import MAX_DESCRIPTION
from server.workspaces.models import Role
from tests.factories import actor, csrf_of, make_member, sign_in
from tests.server.publishing.site.conftest import Desk

HTML = {"Accept": "text/html"}


async def _send(client: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    return await client.post(path, data={"csrf": await csrf_of(client, "/account"), **fields}, headers=HTML)


async def test_description_and_language_are_changed_by_who_may_publish(
    client: httpx.AsyncClient, desk: Desk, sessions: Sessions
) -> None:
    page = f"/workspace/channels/{desk.row.id}"
    async with sessions.begin() as db:
        scheduler = await make_member(db, desk.workspace, role=Role.SCHEDULER, name="Sue")
        member = await make_member(db, desk.workspace, name="Mo")
    await sign_in(client, sessions, scheduler)
    assert "All about foxes." in (await client.get(page, headers=HTML)).text

    changed = await _send(client, f"{page}/site", description=" Foxes,\nin German ", language="de")

    assert (changed.status_code, changed.headers["location"]) == (303, page)
    site = await client.get("/p/foxes/")
    assert '<html lang="de">' in site.text
    assert '<meta name="description" content="Foxes, in German">' in site.text

    refused = await _send(client, f"{page}/site", description="x" * (MAX_DESCRIPTION + 1), language="german")
    assert refused.status_code == 422
    assert "301 characters; 300 fit" in refused.text
    assert "A language is a tag" in refused.text
    assert 'value="german"' in refused.text

    await sign_in(client, sessions, member)
    assert (await _send(client, f"{page}/site", description="Mine")).status_code == 403
    async with sessions() as db:
        row = await accounts.find(db, actor(member, desk.workspace), desk.row.id)
    assert row.facts == {"description": "Foxes, in German", "language": "de"}
