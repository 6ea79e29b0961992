"""People, workspaces and signed-in browsers for tests: only what a test does not care about is made up."""

import re
from datetime import timedelta
from functools import cache
from itertools import count

import httpx
from passlib.context import CryptContext
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts import people, sessions
from server.accounts.models import User
from server.db import Sessions
from server.documents.models import Collaborator, Document, DocumentRole
from server.web.cookies import SESSION
from server.workspaces import membership
from server.workspaces.access import Actor
from server.workspaces.models import Role, Workspace

PASSWORD = "seven green lanterns"

_numbers = count(1)


async def make_user(
    db: AsyncSession, *, name: str = "Ada Lovelace", email: str | None = None, password: str = PASSWORD
) -> User:
    """Add a person, with an address of their own unless one is given."""
    email = email or f"person-{next(_numbers)}@example.org"
    return await people.create(db, email=email, name=name, password_hash=_hash(password))


async def make_workspace(db: AsyncSession, admin: User) -> Workspace:
    """Add a workspace whose admin is this person."""
    return await membership.found(db, admin)


async def make_member(db: AsyncSession, workspace: Workspace, *, role: Role = Role.MEMBER, name: str = "Bo") -> User:
    """Add a person who is in the workspace."""
    user = await make_user(db, name=name)
    await membership.join(db, workspace_id=workspace.id, user_id=user.id, role=role)
    return user


async def name_on(db: AsyncSession, document: Document, user: User, role: DocumentRole = DocumentRole.VIEWER) -> None:
    """Name a member on a document, whatever they were there before."""
    await db.execute(
        delete(Collaborator).where(col(Collaborator.document_id) == document.id, col(Collaborator.user_id) == user.id)
    )
    db.add(Collaborator(workspace_id=document.workspace_id, document_id=document.id, user_id=user.id, role=role.value))
    await db.flush()


def actor(user: User, workspace: Workspace, role: Role = Role.MEMBER) -> Actor:
    """Return the person at work in the workspace."""
    return Actor(user_id=user.id, workspace_id=workspace.id, role=role)


async def make_team(db_sessions: Sessions, *, name: str = "Ada Lovelace") -> tuple[User, Workspace]:
    """Add an admin and their workspace, committed, so that the application sees them."""
    async with db_sessions() as db:
        user = await make_user(db, name=name)
        workspace = await make_workspace(db, user)
        await db.commit()
    return user, workspace


async def sign_in(client: httpx.AsyncClient, db_sessions: Sessions, user: User) -> str:
    """Give this browser a session of `user`. Returns the session's secret."""
    async with db_sessions() as db:
        secret = await sessions.start(db, user, lasts=timedelta(days=30))
        await db.commit()
    set_cookie(client, SESSION, secret)
    return secret


def set_cookie(client: httpx.AsyncClient, name: str, value: str) -> None:
    """Put a cookie into this browser as if the server had sent it: an answer may then replace or delete it."""
    client.cookies.set(name, value, domain=client.base_url.host, path="/")


async def csrf_of(client: httpx.AsyncClient, path: str = "/sign-in") -> str:
    """Open a page and return the token of its forms. Somebody signed in needs a page that exists for them."""
    page = await client.get(path, follow_redirects=True)
    found = re.search(r'<meta name="csrf" content="([^"]+)">', page.text)
    assert found, f"{path} answered {page.status_code} without a token"
    return found[1]


@cache
def _hash(password: str) -> str:
    # One real hash per password and run: a tenth of a second for each person of each test would add up. The cheapest
    # parameters are not those of the application, so a first sign-in also writes a better hash.
    return str(CryptContext(schemes=["argon2"], argon2__time_cost=1, argon2__memory_cost=64).hash(password))
