"""The stream of a workspace's events to one open page (text/event-stream)."""

import json
from collections import Counter
from uuid import UUID

import anyio
import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from server.accounts import sessions as browser_sessions
from server.db import Sessions
from server.errors import TooMany
from server.events import Event, Events
from server.workspaces import membership

log = structlog.get_logger(__name__)

BEAT_SECONDS = 15.0
# A page comes back by itself. Ending now and then spreads pages over the processes after a restart.
MAX_SECONDS = 30 * 60.0
RETRY_MS = 2000
# More pages than a person keeps open; past this a new one is refused and keeps trying.
MAX_PER_PERSON = 40

# This process's open streams by person.
_open: Counter[UUID] = Counter()


class EventStream(Response):
    """Sends what is published to the workspace and to the person, until the page or the person's right to it goes away.

    Every `beat_seconds` it sends a comment, which keeps proxies from closing the connection, and looks whether the
    session and the membership still hold.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        events: Events,
        sessions: Sessions,
        *,
        workspace_id: UUID,
        user_id: UUID,
        session_id: UUID | None,
        beat_seconds: float = BEAT_SECONDS,
    ) -> None:
        if _open[user_id] >= MAX_PER_PERSON:
            raise TooMany(10, "Too many pages of yours are open at once. Close some of them.")
        # `no-transform` keeps proxies from gathering the stream to compress it.
        super().__init__(headers={"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._events = events
        self._sessions = sessions
        self._workspace_id = workspace_id
        self._user_id = user_id
        self._session_id = session_id
        self._beat_seconds = beat_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until it is over."""
        del scope
        _open[self._user_id] += 1
        try:
            with anyio.move_on_after(MAX_SECONDS):
                async with (
                    self._events.subscribe(self._workspace_id, self._user_id) as stream,
                    anyio.create_task_group() as tasks,
                ):
                    await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                    await _write(send, f"retry: {RETRY_MS}\n\n".encode())
                    sending = anyio.Lock()
                    tasks.start_soon(self._beat, send, sending, tasks.cancel_scope)
                    tasks.start_soon(_leave, receive, tasks.cancel_scope)
                    async for event in stream:
                        if not self.is_for(event):
                            continue
                        async with sending:
                            await _write(send, encode(event))
                    # The process stops.
                    tasks.cancel_scope.cancel()
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            _open[self._user_id] -= 1
            if not _open[self._user_id]:
                del _open[self._user_id]

    def is_for(self, event: Event) -> bool:
        """Whether this page is told of an event of the workspace. All of them, unless a stream says otherwise."""
        del event
        return True

    async def may_go_on(self, db: AsyncSession) -> bool:
        """Whether whoever listens still may."""
        if self._session_id is not None and not await browser_sessions.is_open(db, self._session_id):
            return False
        return await membership.is_member(db, self._workspace_id, self._user_id)

    async def _beat(self, send: Send, sending: anyio.Lock, scope: anyio.CancelScope) -> None:
        while True:
            await anyio.sleep(self._beat_seconds)
            if not await self._may_go_on():
                scope.cancel()
                return
            async with sending:
                await _write(send, b": beat\n\n")

    async def _may_go_on(self) -> bool:
        try:
            async with self._sessions() as db:
                return await self.may_go_on(db)
        except (SQLAlchemyError, OSError) as error:
            # Events carry ids only; the page cannot read anything from them while the database is away.
            log.warning("cannot check an open page", reason=type(error).__name__)
            return True


def encode(event: Event) -> bytes:
    """Return the event as a browser's EventSource reads it. JSON holds no line breaks, so one data line is enough."""
    return f"event: {event.name}\ndata: {json.dumps(event.data, separators=(',', ':'), default=str)}\n\n".encode()


async def _write(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _leave(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
