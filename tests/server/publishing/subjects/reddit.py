"""Reddit under the contract."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from server.publishing.channel import Account, Caller
from server.publishing.channels.reddit import Reddit
from server.publishing.http import open_http
from tests.server.publishing.elsewhere.reddit import CLIENT_ID, CLIENT_SECRET, USER, Clock, Elsewhere
from tests.server.publishing.elsewhere.running import running
from tests.server.publishing.subjects.subject import Subject, an_id

APP = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "user": "quillroom"}


@asynccontextmanager
async def open_reddit() -> AsyncIterator[Subject]:
    """Open the channel with an account that may post in r/foxes."""
    clock = Clock()
    elsewhere = Elsewhere(clock)
    async with running(elsewhere.app()) as place:
        http = open_http(private_networks=True)
        account = Account(
            an_id(),
            "reddit",
            f"u/{USER}",
            remote_id="u1",
            facts={"user": USER},
            secrets={"access_token": elsewhere.access, "refresh_token": elsewhere.refresh},
            app=APP,
        )

        def passes(seconds: float) -> None:
            clock.at += timedelta(seconds=seconds)

        def expire() -> None:
            elsewhere.access = "another"

        try:
            yield Subject(
                Reddit(www=place.url, api=place.url),
                Caller(http, account, clock),
                place,
                seen=lambda: [f"{post['title']}\n{post['selftext']}" for post in elsewhere.posts],
                expire=expire,
                passes=passes,
                options={"subreddit": "foxes"},
            )
        finally:
            await http.client.aclose()
