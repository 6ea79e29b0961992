"""A WordPress account and its site."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from server.publishing.channel import Account, Caller
from server.publishing.channels.wordpress import WordPress
from server.publishing.http import open_http
from tests.server.publishing.elsewhere.running import Place, running
from tests.server.publishing.elsewhere.wordpress import Site
from tests.server.publishing.subjects.subject import Clock, Subject, an_id


@asynccontextmanager
async def wordpress() -> AsyncIterator[Subject]:
    """Open an account of an editor of a site."""
    clock = Clock()
    async with wordpress_at(Site()) as subject:
        yield replace(subject, caller=replace(subject.caller, now=clock.now), passes=clock.passes)


@asynccontextmanager
async def wordpress_at(site: Site) -> AsyncIterator[Subject]:
    """Open an account of a site."""
    http = open_http(private_networks=True, answer_seconds=5)
    async with http.client, running(site.app()) as place:
        yield Subject(WordPress(), Caller(http, account_of(site, place)), place, site.seen)


def account_of(site: Site, place: Place) -> Account:
    """Return an account of a site as it is after connecting."""
    return Account(
        an_id(),
        "wordpress",
        "Fox & Friends",
        base_url=place.url,
        remote_id="7",
        facts={
            "root": f"{place.url}/wp-json/" if site.pretty else f"{place.url}/?rest_route=/",
            "site": "Fox & Friends",
        },
        secrets={"username": site.username, "password": site.password},
    )
