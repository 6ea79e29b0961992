"""Who is asking: the one answer for pages, the API and sockets."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import HTTPConnection

from server.accounts import guest_keys, sessions, tokens
from server.accounts.models import ApiToken, Session, User
from server.accounts.secret import MAX_CHARACTERS, digest
from server.errors import Forbidden, Unauthenticated


@dataclass(frozen=True, slots=True)
class Identity:
    """A person, and what proved it: a session or an API token."""

    user: User
    session: Session | None = None
    token: ApiToken | None = None

    @property
    def session_id(self) -> UUID | None:
        """The session's id; None for a program."""
        return self.session.id if self.session else None


async def recognise(
    db: AsyncSession, *, cookie: str | None, bearer: str | None, now: datetime | None = None
) -> Identity | None:
    """Return who holds this cookie or token, or None.

    A bearer token is the only proof looked at when there is one. A wrong one is nobody, never the cookie's person:
    requests with that header are free of the CSRF check.
    """
    if bearer is not None:
        found = await tokens.find(db, bearer, now=now) if len(bearer) <= MAX_CHARACTERS else None
        return Identity(user=found[1], token=found[0]) if found else None
    if cookie and len(cookie) <= MAX_CHARACTERS:
        opened = await sessions.find(db, cookie, now=now)
        return Identity(user=opened[1], session=opened[0]) if opened else None
    return None


@dataclass(frozen=True, slots=True)
class Proof:
    """What to look for: the hash of a session's secret, an API token, a guest's ticket, or none. For many at once."""

    session_hash: bytes | None = None
    token_hash: bytes | None = None
    ticket_hash: bytes | None = None


def proof_of(*, cookie: str | None, bearer: str | None) -> Proof:
    """Return what proves who holds this cookie or token, by the rules of `recognise`.

    At sockets a guest's ticket does, too.
    """
    if bearer is not None:
        if len(bearer) <= MAX_CHARACTERS and bearer.startswith(guest_keys.TICKET_PREFIX):
            return Proof(ticket_hash=digest(bearer))
        known = len(bearer) <= MAX_CHARACTERS and bearer.startswith(tokens.PREFIX)
        return Proof(token_hash=digest(bearer)) if known else Proof()
    return Proof(session_hash=digest(cookie)) if cookie and len(cookie) <= MAX_CHARACTERS else Proof()


def bearer_of(connection: HTTPConnection) -> str | None:
    """Return the token of the Authorization header; an empty one is wrong, not missing."""
    scheme, _, text = connection.headers.get("Authorization", "").partition(" ")
    return text.strip() if scheme.lower() == "bearer" else None


def signed_in(connection: HTTPConnection) -> User:
    """Return the person who asks. Raises Unauthenticated."""
    user: User | None = getattr(connection.state, "user", None)
    if user is None:
        raise Unauthenticated
    return user


def in_browser(connection: HTTPConnection) -> tuple[User, Session]:
    """Return the person who asks and the session of their browser. Raises Unauthenticated, Forbidden for a program.

    What a person manages about their own account is not for tokens: one that leaked must not make others, nor take the
    account over.
    """
    user = signed_in(connection)
    identity: Identity = connection.state.identity
    if identity.session is None:
        raise Forbidden("This can only be done by a person who is signed in, not with an API token.")
    return user, identity.session
