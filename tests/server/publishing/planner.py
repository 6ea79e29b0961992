"""A workspace with an approved document, an account on a board, and a browser or program that plans."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.applications import Starlette

from server.accounts import tokens
from server.accounts.models import User
from server.db import Sessions, transaction
from server.documents import lifecycle
from server.documents.schema import node, text
from server.publishing.models import ChannelAccount
from server.publishing.planning.composing import ApprovedContent
from server.workspaces.models import Role, Workspace
from tests.factories import actor, make_member, make_team
from tests.server.publishing.board import BoardChannel, Wall

ALL = "/api/v1/publications"
TOMORROW = {"wall_time": "2030-06-01T09:00:00", "zone": "Europe/Paris"}


def body(*paragraphs: str) -> Mapping[str, Any]:
    """Return a document of paragraphs as it is frozen."""
    content = [node("paragraph", content=[text(each)]) for each in paragraphs]
    return dict(node("doc", content=content).to_json())


@dataclass
class Planner:
    """All of it together. `approved` is what reviews say, by document."""

    app: Starlette
    sessions: Sessions
    admin: User
    workspace: Workspace
    account_id: UUID
    wall: Wall
    approved: dict[UUID, ApprovedContent] = field(default_factory=dict)

    async def document(self, *paragraphs: str, title: str = "The fox", approve: bool = True) -> UUID:
        """Make a document that is approved."""
        async with transaction(self.sessions) as db:
            made = await lifecycle.create(db, actor(self.admin, self.workspace, Role.ADMIN), title=title)
        if approve:
            self.approved[made.id] = ApprovedContent(
                made.id, self.workspace.id, None, bytes(32), title, body(*(paragraphs or ("It jumps.",)))
            )
        return made.id

    def edit(self, document_id: UUID, *paragraphs: str) -> None:
        """Approve another content of a document."""
        before = self.approved[document_id]
        self.approved[document_id] = replace(before, content_hash=b"\x01" * 32, body=body(*paragraphs))

    async def program(self, user: User | None = None) -> httpx.AsyncClient:
        """Return a program of somebody's; the admin's unless said otherwise."""
        async with self.sessions.begin() as db:
            _, secret = await tokens.create(db, user or self.admin, "test")
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.app),
            base_url="http://quillroom.test",
            headers={"Authorization": f"Bearer {secret}"},
        )

    async def member(self, role: Role) -> User:
        """Add somebody."""
        async with self.sessions.begin() as db:
            return await make_member(db, self.workspace, role=role)

    async def plan(self, program: httpx.AsyncClient, document_id: UUID, **more: Any) -> dict[str, Any]:
        """Plan the document for tomorrow."""
        wish = {"document_id": str(document_id), "account_id": str(self.account_id), "time": TOMORROW, **more}
        answer = await program.post(ALL, json=wish)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())


async def open_planner(app: Starlette, sessions: Sessions) -> Planner:
    """Set it all up."""
    admin, workspace = await make_team(sessions)
    wall = Wall()
    async with transaction(sessions) as db:
        account = ChannelAccount(workspace_id=workspace.id, channel="board", name="Our board", secrets=b"")
        db.add(account)
    app.state.reach = replace(app.state.reach, channels={"board": BoardChannel(wall)})
    planner = Planner(app, sessions, admin, workspace, account.id, wall)

    async def approved(_: AsyncSession, document_id: UUID) -> ApprovedContent | None:
        return planner.approved.get(document_id)

    app.state.approved_content = approved
    return planner
