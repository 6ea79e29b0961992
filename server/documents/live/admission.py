"""Who may enter a document's room: the same sessions, tokens and permissions as on every page."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col
from starlette.requests import HTTPConnection

from realtime import close
from realtime.close import Refused
from realtime.ports import Admission, Credentials, DocumentId, Epoch
from server.accounts.identity import identify
from server.db import Sessions
from server.documents.models import Document, Lineage
from server.errors import NotFound
from server.settings import Settings
from server.workspaces.access import Verb, actor_for, can


class Doorkeeper:
    """See realtime.ports.Access."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def admit(self, document_id: DocumentId, credentials: Credentials) -> Admission:
        """See Access. A document that the person may not see is one that does not exist."""
        try:
            return await self._admit(UUID(document_id), credentials)
        except NotFound:
            raise Refused(close.NOT_FOUND) from None
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            raise Refused(close.NOT_LOADED) from error

    async def _admit(self, document_id: UUID, credentials: Credentials) -> Admission:
        async with self._sessions() as db:
            user = await identify(db, cookie=credentials.cookie, bearer=credentials.bearer)
            if user is None:
                raise Refused(close.UNAUTHENTICATED)
            found = (
                await db.execute(
                    select(Document, col(Lineage.epoch))
                    .join(Lineage, col(Lineage.document_id) == col(Document.id))
                    .where(col(Document.id) == document_id)
                )
            ).one_or_none()
            if found is None:
                raise NotFound
            document, epoch = found
            actor = await actor_for(db, user, document.workspace_id)
            if not can(actor, Verb.VIEW, document):
                raise NotFound
            if document.trashed_at is not None:
                raise Refused(close.TRASHED)
            # `tokens.find` notes when a token was last used.
            await db.commit()
        return Admission(
            user={"id": str(user.id), "name": user.name, "colour": user.colour},
            may_write=can(actor, Verb.EDIT, document),
            epoch=Epoch(str(epoch)),
        )


def origins(request: HTTPConnection, settings: Settings) -> Collection[str]:
    """The origins whose pages may connect: the installation's own, as configured and as it was asked for."""
    host = request.headers.get("host", "").lower()
    scheme = "https" if request.scope["scheme"] == "wss" else "http"
    return {f"{scheme}://{host}", settings.public_url.lower(), *(origin.lower() for origin in settings.allowed_origins)}
