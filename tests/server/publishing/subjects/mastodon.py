"""Mastodon, and a server of another make that knows no idempotency keys."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from server.publishing.channel import Account, Caller
from server.publishing.channels.mastodon import Mastodon
from server.publishing.http import open_http
from tests.server.publishing.elsewhere.mastodon import ACCOUNT, TOKEN, MastodonServer
from tests.server.publishing.elsewhere.running import running
from tests.server.publishing.subjects.subject import Clock, Subject, an_id


@asynccontextmanager
async def mastodon() -> AsyncIterator[Subject]:
    """Open an account on a Mastodon."""
    clock = Clock()
    async with an_account(MastodonServer(clock.now), clock) as subject:
        yield subject


@asynccontextmanager
async def mastodon_like() -> AsyncIterator[Subject]:
    """Open an account on a server that speaks Mastodon's API and makes a post at every call."""
    clock = Clock()
    server = MastodonServer(clock.now, version="2.7.2 (compatible; Other 1.0)", keeps_keys=False)
    async with an_account(server, clock) as subject:
        yield subject


@asynccontextmanager
async def an_account(server: MastodonServer, clock: Clock) -> AsyncIterator[Subject]:
    """Run `server` by the time of `clock`, and open an account on it."""
    http = open_http(private_networks=True, answer_seconds=2)
    async with http.client, running(server.app()) as place:
        server.url = place.url
        account = Account(
            an_id(),
            "mastodon",
            "@ada@mastodon.example",
            base_url=place.url,
            remote_id=ACCOUNT,
            facts={"version": server.version, "max_characters": server.max_characters},
            secrets={"access_token": TOKEN},
        )
        caller = Caller(http, account, clock.now)
        yield Subject(Mastodon(), caller, place, server.seen, expire=server.expire, passes=clock.passes)
