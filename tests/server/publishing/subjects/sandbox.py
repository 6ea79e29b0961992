"""A sandbox whose posts lie elsewhere."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from server.publishing.channel import Account, Caller
from server.publishing.channels.mastodon import Mastodon
from server.publishing.channels.sandbox import Sandbox
from server.publishing.http import open_http
from tests.server.publishing.elsewhere.running import running
from tests.server.publishing.elsewhere.shelves import SENT, Cupboard, FarSandboxShelf
from tests.server.publishing.subjects.subject import Clock, Subject, an_id


@asynccontextmanager
async def sandbox() -> AsyncIterator[Subject]:
    """Open a sandbox that takes everything."""
    clock, cupboard = Clock(), Cupboard()
    http = open_http(private_networks=True, answer_seconds=2)

    def seen() -> list[str]:
        posts = [SENT.validate_python(thing) for thing in cupboard.things.values()]
        return [text for post in posts for text in post.texts[: post.shown]]

    async with http.client, running(cupboard.app()) as place:
        channel = Sandbox(FarSandboxShelf(http, place.url), "https://studio.example", {"mastodon": Mastodon()})
        account = Account(an_id(), "sandbox", "Sandbox", remote_id="any", facts={"plays": "any"})
        yield Subject(channel, Caller(http, account, clock.now), place, seen, passes=clock.passes)
