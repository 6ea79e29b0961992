"""Bluesky and a server of its network."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from server.publishing.channel import Account, Caller
from server.publishing.channels.bluesky import Bluesky
from server.publishing.http import open_http
from tests.server.publishing.elsewhere.bluesky import DID, HANDLE, BlueskyServer
from tests.server.publishing.elsewhere.running import running
from tests.server.publishing.subjects.subject import Clock, Subject, an_id


@asynccontextmanager
async def bluesky() -> AsyncIterator[Subject]:
    """Open an account on Bluesky."""
    async with an_account(BlueskyServer(), Clock()) as subject:
        yield subject


@asynccontextmanager
async def an_account(server: BlueskyServer, clock: Clock) -> AsyncIterator[Subject]:
    """Run `server`, and open an account on it."""
    http = open_http(private_networks=True, answer_seconds=2)
    async with http.client, running(server.app()) as place:
        server.url = place.url
        account = Account(an_id(), "bluesky", f"@{HANDLE}", base_url=place.url, remote_id=DID, secrets=server.session())
        caller = Caller(http, account, clock.now)
        yield Subject(Bluesky(), caller, place, server.seen, expire=server.expire, passes=clock.passes)
