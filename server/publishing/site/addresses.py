"""Where a site, its pages and its feeds are."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

PREFIX: Final = "/p"


@dataclass(frozen=True, slots=True)
class Feeds:
    """The addresses of a site's feeds: the topics that a WebSub hub knows."""

    rss: str
    atom: str
    json: str


def site_url(public_url: str, site: str) -> str:
    """Return where a site begins. `public_url`: empty for an address within this installation."""
    return f"{public_url}{PREFIX}/{site}/"


def page_url(public_url: str, site: str, slug: str) -> str:
    """Return where a page is."""
    return f"{site_url(public_url, site)}{slug}"


def feeds_of(public_url: str, site: str) -> Feeds:
    """Return where the feeds of a site are."""
    at = site_url(public_url, site)
    return Feeds(f"{at}feed.xml", f"{at}atom.xml", f"{at}feed.json")


def sitemap_url(public_url: str, site: str) -> str:
    """Return where the list of a site's pages for search engines is."""
    return f"{site_url(public_url, site)}sitemap.xml"


def picture_url(public_url: str, site: str, page_id: UUID, file: str) -> str:
    """Return where a file of a page's picture is read."""
    return f"{site_url(public_url, site)}pictures/{page_id.hex}/{file}"
