"""The page of what was sent to a sandbox, on Postgres."""

from datetime import UTC, datetime
from uuid import uuid4

import httpx
from starlette.applications import Starlette

from server.db import Sessions
from server.publishing.accounts import accounts
from server.publishing.accounts.accounts import Reach, open_account
from server.publishing.channel import Caller, Post
from server.publishing.channels.sandbox import Outcome
from server.publishing.publisher.advancing import Progress, advance
from server.workspaces.models import Role
from tests.conftest import PUBLIC_URL
from tests.factories import actor, make_member, make_team, sign_in

HTML = {"Accept": "text/html"}
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


async def test_what_was_sent_can_be_looked_at_until_it_is_taken_back(
    app: Starlette, client: httpx.AsyncClient, sessions: Sessions
) -> None:
    user, workspace = await make_team(sessions)
    reach: Reach = app.state.reach
    async with sessions() as db:
        made = await accounts.connect(db, reach, actor(user, workspace, Role.ADMIN), "sandbox", {"plays": "bluesky"})
    assert not isinstance(made, str)
    channel, caller = reach.channels["sandbox"], Caller(reach.http, open_account(reach, made.account), lambda: NOW)
    post = Post(
        uuid4(),
        "key",
        NOW,
        title="The <fox>",
        text="It jumps.",
        html="",
        replies=("Once more.",),
        options={"outcome": Outcome.WELL.value},
    )
    progress = Progress(channel.begin(post, caller.account))
    while not progress.is_done:
        progress = await advance(channel, caller, post, progress)
    await sign_in(client, sessions, user)

    assert progress.handle.url
    path = progress.handle.url.removeprefix(PUBLIC_URL).partition("#")[0]
    page = await client.get(path, headers=HTML)
    assert page.status_code == 200
    for words in ("The &lt;fox&gt;", "It jumps.", "Once more.", "All goes well", f'id="post-{post.publication_id}"'):
        assert words in page.text
    account_page = await client.get(path.removesuffix("/posts"), headers=HTML)
    assert "See what was sent to it" in account_page.text
    assert "Sandbox as Bluesky" in account_page.text

    await channel.delete(caller, progress.handle)
    assert "Nothing was sent here yet" in (await client.get(path, headers=HTML)).text


async def test_guests_do_not_see_it(app: Starlette, client: httpx.AsyncClient, sessions: Sessions) -> None:
    user, workspace = await make_team(sessions)
    async with sessions() as db:
        admin = actor(user, workspace, Role.ADMIN)
        made = await accounts.connect(db, app.state.reach, admin, "sandbox", {"plays": "any"})
    assert not isinstance(made, str)
    async with sessions.begin() as db:
        guest = await make_member(db, workspace, role=Role.GUEST)
    await sign_in(client, sessions, guest)

    answer = await client.get(f"/workspace/channels/{made.account.id}/posts", headers=HTML)

    assert answer.status_code in {403, 404}
