"""A site whose pages lie elsewhere."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from server.publishing.channel import Account, Caller
from server.publishing.channels.site import Site
from server.publishing.http import open_http
from tests.server.publishing.elsewhere.running import running
from tests.server.publishing.elsewhere.shelves import PAGE, Cupboard, FarShelf
from tests.server.publishing.subjects.subject import Clock, Subject, an_id


@asynccontextmanager
async def site() -> AsyncIterator[Subject]:
    """Open a site."""
    clock, cupboard = Clock(), Cupboard()
    http = open_http(private_networks=True, answer_seconds=2)

    def seen() -> list[str]:
        pages = [PAGE.validate_python(thing) for thing in cupboard.things.values()]
        assert all(file in cupboard.files for page in pages for each in page.pictures for file in each.files())
        return [page.html.removeprefix("<p>").removesuffix("</p>") for page in pages]

    async with http.client, running(cupboard.app()) as place:
        channel = Site(FarShelf(http, place.url), "https://studio.example")
        account = Account(an_id(), "site", "Foxes", remote_id="foxes", facts={"language": "en"})
        yield Subject(channel, Caller(http, account, clock.now), place, seen, passes=clock.passes)
