"""A receiver of webhooks that does as Standard Webhooks says: it verifies, knows events again, and keeps posts."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from standardwebhooks import Webhook
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from server.publishing.channel import utc_now

TOLERANCE = timedelta(minutes=5)


@dataclass
class Receiver:
    """What a receiver knows. `answers`: what it says to the next events instead of taking them, in order."""

    secret: str
    now: Callable[[], datetime] = utc_now
    events: list[dict[str, Any]] = field(default_factory=list)
    posts: dict[str, dict[str, Any]] = field(default_factory=dict)
    answers: list[Response] = field(default_factory=list)
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    _known: set[str] = field(default_factory=set)

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/hook", self.take, methods=["POST"])])

    async def take(self, request: Request) -> Response:
        body = await request.body()
        headers = dict(request.headers)
        self.requests.append((headers, body))
        if self.answers:
            return self.answers.pop(0)
        if not self._is_genuine(headers, body):
            return PlainTextResponse("No matching signature found, or not of now", 401)
        event = json.loads(body)
        if headers["webhook-id"] not in self._known:
            self._known.add(headers["webhook-id"])
            self.events.append(event)
            self._apply(event)
        return Response(status_code=204)

    def _is_genuine(self, headers: dict[str, str], body: bytes) -> bool:
        # As the library's `verify` does, which knows no other clock than the machine's.
        sent_at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
        expected = Webhook(self.secret).sign(headers["webhook-id"], sent_at, body.decode())
        return expected in headers["webhook-signature"].split(" ") and abs(self.now() - sent_at) < TOLERANCE

    def _apply(self, event: dict[str, Any]) -> None:
        if event["type"] == "post.deleted":
            self.posts.pop(event["data"]["id"], None)
        else:
            self.posts[event["data"]["id"]] = event["data"]

    def lose_all(self) -> None:
        """Forget all events and posts, as after a restore of an old backup."""
        self.events.clear()
        self.posts.clear()
        self._known.clear()

    def seen(self) -> list[str]:
        return [post["text"] for post in self.posts.values()]
