"""The document a new workspace begins with: it explains the product by being made with it."""

from __future__ import annotations

from pathlib import Path

from prosemirror.model import Node
from sqlalchemy.ext.asyncio import AsyncSession

from server.accounts.models import User
from server.documents import content, lifecycle
from server.documents.models import Document
from server.workspaces.access import actor_for
from server.workspaces.models import Workspace

TITLE = "Welcome to Quillroom"


def sample() -> Node:
    """Return the content of the sample document."""
    source = Path(__file__).with_name("sample.md").read_text(encoding="utf-8")
    return content.parse(source, content.Source.MARKDOWN)


async def create_sample(db: AsyncSession, workspace: Workspace, user: User) -> Document:
    """Put the sample document into a workspace, written by `user`, who must be able to create documents there."""
    actor = await actor_for(db, user, workspace.id)
    return await lifecycle.create(db, actor, title=TITLE, content=sample())
