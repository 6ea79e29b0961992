"""What happened to a document, and in a workspace, is read by those whom it concerns, in plain words."""

import re
from uuid import UUID

import httpx
import pytest
from starlette.applications import Starlette

from server.accounts.models import User
from server.audit import ledger
from server.audit.ledger import By
from server.db import Sessions, transaction
from server.documents import lifecycle
from server.documents.models import Document, DocumentRole
from server.workspaces.models import Role, Workspace
from tests.factories import actor, make_member, make_team, name_on, sign_in

HTML = {"Accept": "text/html"}
KINDS = ("review.requested", "document.role", "link.created", "publication.planned")


async def _document(sessions: Sessions, ada: User, workspace: Workspace) -> UUID:
    """Make a document to which something of each kind was done, the last of it not chained yet."""
    async with transaction(sessions) as db:
        document = await lifecycle.create(db, actor(ada, workspace, Role.ADMIN), title="Plan")
        by = By(ada.id, "Ada")
        for kind in KINDS[:-1]:
            await ledger.append(db, workspace.id, by, kind=kind, sentence=f"Ada did {kind}.", document_id=document.id)
        await ledger.append_later(
            db, workspace.id, by, kind=KINDS[-1], sentence=f"Ada did {KINDS[-1]}.", document_id=document.id
        )
    return document.id


def _done(page: httpx.Response) -> list[str]:
    assert page.status_code == 200
    return re.findall(r"Ada did ([a-z._]+)\.", page.text)


@pytest.mark.parametrize(
    ("role", "shown"),
    [
        (DocumentRole.EDITOR, KINDS),
        # Who has which role there, and which links lead there, is for those who share it.
        (DocumentRole.VIEWER, ("review.requested", "publication.planned")),
    ],
)
async def test_whoever_sees_a_document_follows_what_becomes_of_it(
    client: httpx.AsyncClient, sessions: Sessions, role: DocumentRole, shown: tuple[str, ...]
) -> None:
    ada, workspace = await make_team(sessions, name="Ada")
    document = await _document(sessions, ada, workspace)
    async with transaction(sessions) as db:
        guest = await make_member(db, workspace, role=Role.GUEST)
        await name_on(db, await db.get_one(Document, document), guest, role)
    await sign_in(client, sessions, guest)
    page = await client.get(f"/documents/{document}/activity", headers=HTML)
    assert _done(page) == list(reversed(shown))
    assert f"/documents/{document}/activity" in (await client.get(f"/documents/{document}", headers=HTML)).text


async def test_older_pages_follow_to_the_end(client: httpx.AsyncClient, sessions: Sessions) -> None:
    ada, workspace = await make_team(sessions, name="Ada")
    document = await _document(sessions, ada, workspace)
    async with transaction(sessions) as db:
        for number in range(110):
            await ledger.append(
                db, workspace.id, By(ada.id, "Ada"), kind="review.x", sentence=f"No. {number}.", document_id=document
            )
    await sign_in(client, sessions, ada)
    path: str | None = f"/documents/{document}/activity"
    seen: list[str] = []
    pages = 0
    while path is not None:
        page = await client.get(path, headers=HTML)
        seen += re.findall(r"No\. (\d+)\.", page.text)
        older = re.search(r'href="([^"]+before=\d+)"', page.text)
        path = older[1] if older else None
        pages += 1
    assert seen == [str(number) for number in reversed(range(110))]
    assert pages == 3
    assert "There is nothing older." in (await client.get(f"/documents/{document}/activity?before=1")).text
    # Whatever stands in the address.
    assert (await client.get(f"/documents/{document}/activity?before=²")).status_code == 200


async def test_nothing_yet_says_what_will_stand_here(client: httpx.AsyncClient, sessions: Sessions) -> None:
    ada, workspace = await make_team(sessions, name="Ada")
    async with transaction(sessions) as db:
        document = await lifecycle.create(db, actor(ada, workspace, Role.ADMIN), title="New")
    await sign_in(client, sessions, ada)
    assert "Nothing has happened yet" in (await client.get(f"/documents/{document.id}/activity")).text


async def test_admins_see_all_of_a_workspace_and_choose(
    app: Starlette, client: httpx.AsyncClient, sessions: Sessions
) -> None:
    ada, workspace = await make_team(sessions, name="Ada")
    await _document(sessions, ada, workspace)
    async with transaction(sessions) as db:
        ben = await make_member(db, workspace, name="Ben")
        await ledger.append(db, workspace.id, By(ben.id, "Ben"), kind="member.left", sentence="Ada did ben.")
    await sign_in(client, sessions, ada)
    assert set(_done(await client.get("/workspace/activity"))) == {*KINDS, "ben"}
    assert _done(await client.get("/workspace/activity?about=Reviews")) == ["review.requested"]
    assert _done(await client.get("/workspace/activity?about=Publications")) == ["publication.planned"]
    assert set(_done(await client.get("/workspace/activity?about=Sharing"))) == {"link.created", "document.role"}
    assert _done(await client.get(f"/workspace/activity?by={ben.id}")) == ["ben"]
    nothing = await client.get(f"/workspace/activity?about=Channels&by={ben.id}")
    assert "Nothing of this kind was done yet." in nothing.text
    other, _ = await make_team(sessions, name="Zoe")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://quillroom.test") as elsewhere:
        await sign_in(elsewhere, sessions, other)
        assert _done(await elsewhere.get("/workspace/activity")) == []
