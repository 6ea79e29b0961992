"""Who may enter a document's room: the same sessions, tokens and permissions as on every page.

After a restart thousands come back at once. All who ask while one question is out share the next, so that the database
answers a few large questions and not thousands of small ones.
"""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import structlog
from sqlalchemy import ARRAY, Integer, LargeBinary, Select, Uuid, and_, bindparam, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col
from starlette.requests import HTTPConnection

from realtime import close
from realtime.close import Refused
from realtime.ports import Admission, Credentials, DocumentId, Epoch, Rights
from server.accounts import sessions as signed_in
from server.accounts import tokens
from server.accounts.identity import Proof, proof_of
from server.accounts.models import ApiToken, GuestKey, GuestKeyKind, Session, User, utc_now
from server.db import Sessions
from server.documents.access import DocumentActor, DocumentVerb, can, only_of, role_of, strongest_role
from server.documents.models import Document, Lineage
from server.settings import Settings
from server.workspaces.models import Member, Role

log = structlog.get_logger(__name__)

# A question of so many takes some milliseconds to answer; more would only make the first wait for the last.
_MOST_AT_ONCE = 256
# Some seconds' worth. Whoever comes when so many wait is told to come back, each at a time of its own.
_MOST_WAITING = 8192


@dataclass(frozen=True, slots=True)
class _Visit:
    document_id: UUID
    proof: Proof
    answer: asyncio.Future[Admission]


class Doorkeeper:
    """See realtime.ports.Access."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._waiting: list[_Visit] = []
        self._asking: asyncio.Task[None] | None = None

    async def admit(self, document_id: DocumentId, credentials: Credentials) -> Admission:
        """See Access. A document that the person may not see is one that does not exist.

        Raises Refused(TRY_LATER) when more wait than can be answered soon.
        """
        if len(self._waiting) >= _MOST_WAITING:
            raise Refused(close.TRY_LATER)
        proof = proof_of(cookie=credentials.cookie, bearer=credentials.bearer)
        if proof == Proof():
            raise Refused(close.UNAUTHENTICATED)
        loop = asyncio.get_running_loop()
        visit = _Visit(UUID(document_id), proof, loop.create_future())
        self._waiting.append(visit)
        if self._asking is None:
            self._asking = loop.create_task(self._ask(), name="admission")
        return await visit.answer

    async def warm_up(self) -> None:
        """Ask about nobody, so that the first to come does not wait for a connection and for the question's plan."""
        await self._find([])

    async def _ask(self) -> None:
        """Answer all who wait, and those who come meanwhile."""
        try:
            while self._waiting:
                visits, self._waiting = self._waiting[:_MOST_AT_ONCE], self._waiting[_MOST_AT_ONCE:]
                try:
                    await self._answer([visit for visit in visits if not visit.answer.done()])
                finally:
                    for visit in visits:
                        if not visit.answer.done():
                            # A defect of ours, which the task reports; nobody must wait for it.
                            visit.answer.set_exception(Refused(close.NOT_LOADED))
        finally:
            self._asking = None

    async def _answer(self, visits: Sequence[_Visit]) -> None:
        try:
            rows = await self._find(visits)
        except (SQLAlchemyError, OSError, TimeoutError, asyncpg.PostgresError) as error:
            log.warning("nobody can be admitted", error=type(error).__name__)
            rows = [None] * len(visits)
        for visit, row in zip(visits, rows, strict=True):
            if visit.answer.done():
                continue
            try:
                visit.answer.set_result(_decide(row))
            except Refused as refusal:
                visit.answer.set_exception(refusal)

    async def _find(self, visits: Sequence[_Visit]) -> list[Any]:
        async with self._sessions() as db:
            # Rows of columns need none of what the session does for objects.
            connection = await db.connection()
            rows = (
                await connection.execute(
                    _QUESTION,
                    {
                        "places": list(range(len(visits))),
                        "document_ids": [visit.document_id for visit in visits],
                        "session_hashes": [visit.proof.session_hash for visit in visits],
                        "token_hashes": [visit.proof.token_hash for visit in visits],
                        "ticket_hashes": [visit.proof.ticket_hash for visit in visits],
                        "now": utc_now(),
                    },
                )
            ).all()
            for token_id in {row.token_id for row in rows if row.token_id is not None and _is_old(row.token_used_at)}:
                token = await db.get(ApiToken, token_id)
                if token is not None:
                    await tokens.note_use(db, token)
            await db.commit()
        return sorted(rows, key=lambda row: row.place)


def _rights(actor: DocumentActor) -> Rights:
    if can(actor, DocumentVerb.EDIT, actor):
        return Rights.WRITE
    return Rights.SUGGEST if can(actor, DocumentVerb.SUGGEST, actor) else Rights.READ


def _decide(row: Any) -> Admission:  # noqa: ANN401 - a row of _QUESTION; None if the database did not answer
    if row is None:
        raise Refused(close.NOT_LOADED)
    if row.user_id is None:
        raise Refused(close.UNAUTHENTICATED)
    if row.document_id is None:
        raise Refused(close.NOT_FOUND)
    actor = DocumentActor(
        user_id=row.user_id,
        workspace_id=row.workspace_id,
        document_id=row.document_id,
        workspace_role=Role(row.role) if row.role is not None else None,
        role=role_of(row.rank),
        only=only_of(row.rank),
    )
    if not can(actor, DocumentVerb.VIEW, actor):
        raise Refused(close.NOT_FOUND)
    if row.trashed_at is not None:
        raise Refused(close.TRASHED)
    return Admission(
        user={"id": str(row.user_id), "name": row.name, "colour": row.colour, "role": actor.role},
        rights=_rights(actor),
        epoch=Epoch(str(row.epoch)),
    )


def _is_old(used_at: datetime | None) -> bool:
    return used_at is None or utc_now() - used_at >= tokens.USE_NOTED_EVERY


def _question() -> Select[Any]:
    """Ask of many visits at once who comes, to which document, in which role. One row each, in any order."""
    visit = (
        func.unnest(
            bindparam("places", type_=ARRAY(Integer)),
            bindparam("document_ids", type_=ARRAY(Uuid)),
            bindparam("session_hashes", type_=ARRAY(LargeBinary)),
            bindparam("token_hashes", type_=ARRAY(LargeBinary)),
            bindparam("ticket_hashes", type_=ARRAY(LargeBinary)),
        )
        .table_valued("place", "document_id", "session_hash", "token_hash", "ticket_hash")
        .render_derived(name="visit")
    )
    now = bindparam("now", type_=Session.__table__.c.expires_at.type)  # type: ignore[attr-defined]  # SQLModel adds it
    whose = func.coalesce(col(ApiToken.user_id), col(Session.user_id), col(GuestKey.user_id))
    question: Select[Any] = (
        select(
            visit.c.place,
            col(User.id).label("user_id"),
            col(User.name),
            col(User.colour),
            col(ApiToken.id).label("token_id"),
            col(ApiToken.last_used_at).label("token_used_at"),
            col(Document.id).label("document_id"),
            col(Document.workspace_id),
            col(Document.trashed_at),
            col(Lineage.epoch),
            col(Member.role),
            strongest_role(col(User.id), col(Member.role), now).label("rank"),
        )
        .select_from(visit)
        .outerjoin(Session, and_(col(Session.token_hash) == visit.c.session_hash, signed_in.holds(now)))
        .outerjoin(ApiToken, and_(col(ApiToken.token_hash) == visit.c.token_hash, tokens.holds(now)))
        .outerjoin(
            GuestKey,
            and_(col(GuestKey.secret_hash) == visit.c.ticket_hash, col(GuestKey.kind) == GuestKeyKind.SOCKET.value),
        )
        .outerjoin(User, and_(col(User.id) == whose, col(User.disabled_at).is_(None)))
        .outerjoin(Document, col(Document.id) == visit.c.document_id)
        .outerjoin(Lineage, col(Lineage.document_id) == col(Document.id))
        .outerjoin(
            Member,
            and_(col(Member.workspace_id) == col(Document.workspace_id), col(Member.user_id) == col(User.id)),
        )
    )
    return question


_QUESTION = _question()


def origins(request: HTTPConnection, settings: Settings) -> Collection[str]:
    """The origins whose pages may connect: the installation's own, as configured and as it was asked for."""
    host = request.headers.get("host", "").lower()
    scheme = "https" if request.scope["scheme"] == "wss" else "http"
    return {f"{scheme}://{host}", settings.public_url.lower(), *(origin.lower() for origin in settings.allowed_origins)}
