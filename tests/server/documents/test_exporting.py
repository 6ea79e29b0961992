"""A document as a file: its name, its forms, and nothing of what is only suggested."""

from __future__ import annotations

from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest

from server.db import Sessions, transaction
from server.documents import lifecycle
from server.documents.schema import mark, node, text
from server.workspaces.models import Role
from tests.conftest import PUBLIC_URL
from tests.factories import actor, make_team, sign_in

WHOSE = {"id": "s", "by": str(uuid4()), "at": 1_700_000_000_000}


@pytest.fixture
async def path(client: httpx.AsyncClient, sessions: Sessions) -> str:
    """A document that its owner may export."""
    user, workspace = await make_team(sessions)
    said = node(
        "doc",
        content=[
            node(
                "paragraph",
                {"id": "p"},
                [text("Kept"), text(" and <more>", [mark("bold")]), text(" perhaps", [mark("insertion", WHOSE)])],
            )
        ],
    )
    async with transaction(sessions) as db:
        document = await lifecycle.create(
            db, actor(user, workspace, Role.ADMIN), title='Plan: “a/b” <1> "ü"', content=said
        )
    await sign_in(client, sessions, user)
    return f"/documents/{document.id}/export"


@pytest.mark.parametrize(
    ("into", "extension", "written"),
    [
        ("markdown", ".md", '# Plan: “a/b” \\<1> "ü"\n\nKept **and \\<more>**\n'),
        ("text", ".txt", 'Plan: “a/b” <1> "ü"\n\nKept and <more>\n'),
    ],
)
async def test_text_comes_below_its_title(
    client: httpx.AsyncClient, path: str, into: str, extension: str, written: str
) -> None:
    answer = await client.get(path, params={"format": into})
    assert answer.status_code == 200
    assert answer.text == written
    name = f"Plan “a b” 1 ü{extension}"
    assert answer.headers["Content-Disposition"] == (
        f"attachment; filename=\"Plan _a b_ 1 _{extension}\"; filename*=UTF-8''{quote(name, safe='')}"
    )


async def test_a_page_stands_alone_and_json_is_the_apis(client: httpx.AsyncClient, path: str) -> None:
    page = (await client.get(path, params={"format": "html"})).text
    assert "<title>Plan: “a/b” &lt;1&gt; &#34;ü&#34;</title>" in page
    assert f'<base href="{PUBLIC_URL}/">' in page
    assert "<strong> and &lt;more&gt;</strong>" in page
    assert "perhaps" not in page
    api = await client.get(f"/api/v1{path.removesuffix('/export')}/content", params={"format": "json"})
    assert (await client.get(path, params={"format": "json"})).json() == api.json()
    assert (await client.get(path, params={"format": "exe"})).status_code == 404
