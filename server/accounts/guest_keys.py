"""Guests: users without an account, and the secrets that let them in to the one document they were invited to.

A link's secret is swapped for a browser's when it is opened, so that it leaves the address bar; from the browser's
comes a ticket for the document's socket, which opens nothing else. Only hashes are kept. Whether a guest may still come
in stands with the document (`server.documents.access`), which is asked at every door.
"""

import hmac
from base64 import urlsafe_b64encode
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import PRESENCE_COLOURS, GuestKey, GuestKeyKind, User, UserKind
from server.accounts.secret import MAX_CHARACTERS, digest, new_secret

# What an API token never begins with.
TICKET_PREFIX: Final = "qg_"
# Each mail brings a link of its own and each browser has a key; the oldest give way.
MAX_KEYS: Final = {GuestKeyKind.LINK: 20, GuestKeyKind.BROWSER: 40, GuestKeyKind.SOCKET: 40}
# No hash of anything: it verifies no password.
_NO_PASSWORD: Final = "!"  # noqa: S105 - the opposite of one
SUFFIX: Final = " (guest)"


async def create(db: AsyncSession, name: str) -> User:
    """Add a guest, who goes by `name` with the word that says so."""
    user_id = uuid4()
    guest = User(
        id=user_id,
        # Nobody's, for ever (RFC 2606): whoever is behind it may have an account with theirs.
        email=f"{user_id}@guest.invalid",
        name=f"{name}{SUFFIX}",
        password_hash=_NO_PASSWORD,
        colour=user_id.int % PRESENCE_COLOURS,
        kind=UserKind.GUEST.value,
    )
    db.add(guest)
    await db.flush()
    return guest


async def issue(db: AsyncSession, user_id: UUID, kind: GuestKeyKind) -> str:
    """Make a secret for a guest, and return it, once."""
    secret = new_secret()
    await keep(db, user_id, digest(secret), kind)
    return secret


async def keep(db: AsyncSession, user_id: UUID, secret_hash: bytes, kind: GuestKeyKind) -> None:
    """Let the secret of this hash open what its guest may."""
    made = GuestKey(secret_hash=secret_hash, user_id=user_id, kind=kind.value)
    await db.execute(insert(GuestKey).values(made.model_dump()).on_conflict_do_nothing())
    newest = (
        select(col(GuestKey.secret_hash))
        .where(col(GuestKey.user_id) == user_id, col(GuestKey.kind) == kind.value)
        .order_by(col(GuestKey.created_at).desc())
        .offset(MAX_KEYS[kind])
    )
    await db.execute(delete(GuestKey).where(col(GuestKey.secret_hash).in_(newest)))


async def find(db: AsyncSession, secret: str | None, kind: GuestKeyKind) -> User | None:
    """Return the guest whom this secret is of, whatever they may still do."""
    if not secret or len(secret) > MAX_CHARACTERS:
        return None
    found: User | None = await db.scalar(
        select(User)
        .join(GuestKey, col(GuestKey.user_id) == col(User.id))
        .where(
            col(GuestKey.secret_hash) == digest(secret),
            col(GuestKey.kind) == kind.value,
            col(User.kind) == UserKind.GUEST.value,
            col(User.disabled_at).is_(None),
        )
    )
    return found


async def enter(db: AsyncSession, user_id: UUID) -> str:
    """Make a browser's secret, and let its ticket in at the socket."""
    secret = await issue(db, user_id, GuestKeyKind.BROWSER)
    await keep(db, user_id, digest(ticket_of(secret)), GuestKeyKind.SOCKET)
    return secret


def ticket_of(secret: str) -> str:
    """Return what a browser shows at the socket: it tells nothing about the secret of its cookie."""
    derived = hmac.digest(secret.encode("utf-8", "surrogatepass"), b"socket", "sha256")
    return TICKET_PREFIX + urlsafe_b64encode(derived).decode("ascii").rstrip("=")
