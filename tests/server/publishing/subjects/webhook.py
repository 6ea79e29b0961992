"""A webhook and its receiver."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from server.publishing.channel import Account, Caller
from server.publishing.channels.webhook import Webhook, new_secret
from server.publishing.http import open_http
from tests.server.publishing.elsewhere.running import Place, running
from tests.server.publishing.elsewhere.webhook import Receiver
from tests.server.publishing.subjects.subject import Clock, Subject, an_id


@asynccontextmanager
async def webhook() -> AsyncIterator[Subject]:
    """Open a webhook that a receiver takes events from."""
    clock = Clock()
    receiver = Receiver(new_secret(), clock.now)
    http = open_http(private_networks=True, answer_seconds=2)
    async with http.client, running(receiver.app()) as place:
        caller = Caller(http, account_of(place, receiver.secret), clock.now)
        yield Subject(Webhook(), caller, place, receiver.seen, passes=clock.passes)


def account_of(place: Place, secret: str) -> Account:
    """Return the account of a receiver at `/hook`."""
    return Account(
        an_id(),
        "webhook",
        "127.0.0.1",
        base_url=place.url,
        secrets={"url": f"{place.url}/hook", "secret": secret},
    )
