"""Bodies that do not come: they hold no connection to the database, and not for ever."""

import asyncio
from typing import cast

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import QueuePool
from starlette.applications import Starlette
from starlette.types import Message

from server.accounts import tokens
from server.db import Sessions
from server.web import bodies
from tests.factories import make_team


class _Sender:
    """Sends half a body, and then nothing. `answer` is what it is told."""

    def __init__(self) -> None:
        self.answer: list[Message] = []
        self.waits = asyncio.Event()
        self._sent = False

    async def receive(self) -> Message:
        if not self._sent:
            self._sent = True
            return {"type": "http.request", "body": b'{"ti', "more_body": True}
        self.waits.set()
        await asyncio.Event().wait()
        raise AssertionError

    async def send(self, message: Message) -> None:
        self.answer.append(message)


def _scope(path: str, kind: str, bearer: str) -> dict[str, object]:
    headers = {
        "host": "quillroom.test",
        "content-type": kind,
        "content-length": "500",
        "authorization": f"Bearer {bearer}",
        "cookie": "quillroom_session=made-up",
    }
    return {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("quillroom.test", 80),
    }


@pytest.fixture
async def bearer(sessions: Sessions) -> str:
    user, _ = await make_team(sessions)
    async with sessions() as db:
        _, text = await tokens.create(db, user, "test")
        await db.commit()
    return text


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/api/v1/documents", "application/json"),
        ("/sign-in", "application/x-www-form-urlencoded"),
        ("/documents/5d2c0d6f-6f26-4f7c-8a52-0f5fd4cf0d11/rename", "application/x-www-form-urlencoded"),
    ],
)
async def test_who_waits_for_a_body_holds_no_connection(app: Starlette, bearer: str, path: str, kind: str) -> None:
    sender = _Sender()
    asking = asyncio.create_task(app(_scope(path, kind, bearer), sender.receive, sender.send))
    await sender.waits.wait()
    engine = cast(AsyncEngine, app.state.sessions.kw["bind"])
    assert cast(QueuePool, engine.pool).checkedout() == 0
    assert not sender.answer
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)


@pytest.mark.parametrize("limit", ["SILENCE_SECONDS", "TOTAL_SECONDS"])
async def test_a_body_that_does_not_come_is_given_up(
    app: Starlette, bearer: str, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(bodies, limit, 0.05)
    sender = _Sender()
    await app(_scope("/api/v1/documents", "application/json", bearer), sender.receive, sender.send)
    assert sender.answer[0]["status"] == 408
    assert b'"status":408' in sender.answer[1]["body"]
