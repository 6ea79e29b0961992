"""A workspace's site, with pages on it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from uuid import UUID, uuid4

import pytest
from PIL import Image
from starlette.applications import Starlette

from server.db import Sessions
from server.publishing.accounts import accounts
from server.publishing.accounts.accounts import Reach, open_account
from server.publishing.channel import Caller, Channel, Handle, Picture, Post
from server.publishing.models import ChannelAccount
from server.publishing.publisher.advancing import Progress, advance
from server.workspaces.models import Role, Workspace
from tests.factories import actor, make_team

ANSWERS: Mapping[str, str] = {
    "name": "Fox News & Co",
    "address": "foxes",
    "description": "All about foxes.",
    "language": "en",
}


@dataclass
class Desk:
    """Who publishes on the site. `now` goes on by an hour with each page."""

    sessions: Sessions
    reach: Reach
    workspace: Workspace
    row: ChannelAccount
    now: datetime = field(default_factory=lambda: datetime(2026, 11, 21, 12, tzinfo=UTC))

    @property
    def channel(self) -> Channel:
        return self.reach.channels["site"]

    @property
    def caller(self) -> Caller:
        return Caller(self.reach.http, open_account(self.reach, self.row), lambda: self.now)

    async def publish(self, post: Post) -> Handle:
        """Put a page on the site, as the publisher does."""
        progress = Progress(self.channel.begin(post, self.caller.account))
        while not progress.is_done:
            progress = await advance(self.channel, self.caller, post, progress)
        self.now += timedelta(hours=1)
        return progress.handle


def a_page(title: str = "The brown fox", **changes: object) -> Post:
    """Return a post for a site."""
    key = changes.pop("id", None) or uuid4()
    assert isinstance(key, UUID)
    values: dict[str, object] = {
        "publication_id": key,
        "key": key.hex,
        "due_at": datetime(2026, 11, 21, 12, tzinfo=UTC),
        "title": title,
        "text": "It jumps.",
        "html": "<p>It jumps.</p>",
    }
    return Post(**{**values, **changes})  # type: ignore[arg-type]  # the dictionary is spread over its fields


def a_photo(name: str = "fox.jpg", *, width: int = 1200, height: int = 800, alt: str = "A fox") -> Picture:
    """Return a JPEG."""
    file = BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(file, "JPEG")

    async def read() -> bytes:
        return file.getvalue()

    return Picture(name, "image/jpeg", file.tell(), width, height, alt, read)


@pytest.fixture
async def desk(app: Starlette, sessions: Sessions) -> Desk:
    """A workspace with a site at /p/foxes/."""
    user, workspace = await make_team(sessions)
    reach: Reach = app.state.reach
    async with sessions() as db:
        made = await accounts.connect(db, reach, actor(user, workspace, Role.ADMIN), "site", ANSWERS)
    assert not isinstance(made, str)
    return Desk(sessions, reach, workspace, made.account)
