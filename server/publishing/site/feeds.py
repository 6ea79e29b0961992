"""The feeds of a site: RSS 2.0, Atom (RFC 4287) and JSON Feed 1.1, and its sitemap.

An item's id is made of its publication's and never changes: a page that is moved or changed is the same one to readers.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from html import escape
from typing import Final

from lxml import etree

from server.publishing.site.addresses import feeds_of, page_url, picture_url, site_url
from server.publishing.site.markup import Addressing, outside_of, plain, shown_html
from server.publishing.site.models import SitePost
from server.publishing.site.pages import legal
from server.publishing.site.reading import Entry, SiteSeen
from server.publishing.site.shelf import unpack

EXCERPT_CHARACTERS: Final = 300
ATOM: Final = "http://www.w3.org/2005/Atom"
CONTENT: Final = "http://purl.org/rss/1.0/modules/content/"
SITEMAP: Final = "http://www.sitemaps.org/schemas/sitemap/0.9"
XML: Final = "http://www.w3.org/XML/1998/namespace"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a site is read: the address of the installation, and of the hub that tells of changes, if there is one."""

    public_url: str
    hub: str = ""


def excerpt_of(post: SitePost) -> str:
    """Return what a page says of itself, or how it begins."""
    return post.summary or plain(post.html, characters=EXCERPT_CHARACTERS)


def whole_html(post: SitePost, site: SiteSeen, place: Place) -> str:
    """Return a page's HTML, cover and all, as it can be read anywhere."""
    pictures = [unpack(each) for each in post.pictures]
    address = addressing(post, site, place)
    at = page_url(place.public_url, site.address, post.slug)
    html = shown_html(post.html, pictures, address, base=at)
    for cover in outside_of(post.html, pictures)[:1]:
        shown = f'<p><img src="{escape(cover.name, quote=True)}"></p>'
        html = shown_html(shown, [cover], address, base=at) + html
    return html


def rss(site: SiteSeen, posts: Sequence[SitePost], place: Place) -> bytes:
    """Return the feed as RSS 2.0, with the whole text of each page."""
    root = etree.Element("rss", {"version": "2.0"}, nsmap={"atom": ATOM, "content": CONTENT})
    channel = etree.SubElement(root, "channel")
    at = feeds_of(place.public_url, site.address).rss
    _add(channel, "title", site.name)
    _add(channel, "link", site_url(place.public_url, site.address))
    # It is required, and a reader shows nothing for a name that stands there twice.
    _add(channel, "description", site.description or site.name)
    _add(channel, "language", site.language)
    _link(channel, "self", at, "application/rss+xml")
    if place.hub:
        _link(channel, "hub", place.hub)
    if posts:
        _add(channel, "lastBuildDate", format_datetime(_utc(changed_at(posts))))
    _add(channel, "generator", "Quillroom")
    for post in posts:
        item = etree.SubElement(channel, "item")
        _add(item, "title", post.title)
        _add(item, "link", page_url(place.public_url, site.address, post.slug))
        guid = _add(item, "guid", _id_of(post))
        guid.set("isPermaLink", "false")
        _add(item, "pubDate", format_datetime(_utc(post.published_at)))
        _add(item, "description", excerpt_of(post))
        _add(item, f"{{{CONTENT}}}encoded", whole_html(post, site, place))
        for tag in post.tags:
            _add(item, "category", tag)
    return _written(root)


def atom(site: SiteSeen, posts: Sequence[SitePost], place: Place) -> bytes:
    """Return the feed as Atom, with the whole text of each page."""
    root = etree.Element(f"{{{ATOM}}}feed", nsmap={None: ATOM})
    root.set(f"{{{XML}}}lang", site.language)
    _atom(root, "id", f"urn:uuid:{site.account_id}")
    _atom(root, "title", site.name)
    if site.description:
        _atom(root, "subtitle", site.description)
    # A feed without entries has a time all the same, and the same each time it is asked for.
    _atom(root, "updated", iso(changed_at(posts) if posts else datetime(2000, 1, 1, tzinfo=UTC)))
    _link(root, "alternate", site_url(place.public_url, site.address), "text/html")
    _link(root, "self", feeds_of(place.public_url, site.address).atom, "application/atom+xml")
    if place.hub:
        _link(root, "hub", place.hub)
    _add(_atom(root, "author", ""), f"{{{ATOM}}}name", site.name)
    _atom(root, "generator", "Quillroom")
    for post in posts:
        entry = etree.SubElement(root, f"{{{ATOM}}}entry")
        if post.language:
            entry.set(f"{{{XML}}}lang", legal(post.language))
        _atom(entry, "id", _id_of(post))
        _atom(entry, "title", post.title)
        _link(entry, "alternate", page_url(place.public_url, site.address, post.slug), "text/html")
        _atom(entry, "published", iso(post.published_at))
        _atom(entry, "updated", iso(post.modified_at))
        for tag in post.tags:
            etree.SubElement(entry, f"{{{ATOM}}}category", {"term": legal(tag)})
        _atom(entry, "summary", excerpt_of(post))
        _atom(entry, "content", whole_html(post, site, place)).set("type", "html")
    return _written(root)


def json_feed(site: SiteSeen, posts: Sequence[SitePost], place: Place) -> bytes:
    """Return the feed as JSON Feed 1.1, with the whole text of each page."""
    feed: dict[str, object] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": site.name,
        "home_page_url": site_url(place.public_url, site.address),
        "feed_url": feeds_of(place.public_url, site.address).json,
        "language": site.language,
        "authors": [{"name": site.name}],
        "items": [_item(post, site, place) for post in posts],
    }
    if site.description:
        feed["description"] = site.description
    if place.hub:
        feed["hubs"] = [{"type": "WebSub", "url": place.hub}]
    return json.dumps(feed, ensure_ascii=False, indent=1).encode()


def sitemap(site: SiteSeen, entries: Sequence[Entry], place: Place) -> bytes:
    """Return where all pages are and when they changed, for search engines."""
    root = etree.Element(f"{{{SITEMAP}}}urlset", nsmap={None: SITEMAP})
    newest = max((entry.modified_at for entry in entries), default=None)
    places = [(site_url(place.public_url, site.address), newest)]
    places += [(page_url(place.public_url, site.address, entry.slug), entry.modified_at) for entry in entries]
    for at, changed in places:
        url = etree.SubElement(root, f"{{{SITEMAP}}}url")
        _add(url, f"{{{SITEMAP}}}loc", at)
        if changed is not None:
            _add(url, f"{{{SITEMAP}}}lastmod", iso(changed))
    return _written(root)


def changed_at(posts: Sequence[SitePost]) -> datetime:
    """Return when any of the pages last changed; there is at least one."""
    return max(post.modified_at for post in posts)


def iso(moment: datetime) -> str:
    """Write a moment as RFC 3339 in UTC, without fractions."""
    return _utc(moment).strftime("%Y-%m-%dT%H:%M:%SZ")


def _item(post: SitePost, site: SiteSeen, place: Place) -> dict[str, object]:
    item: dict[str, object] = {
        "id": _id_of(post),
        "url": page_url(place.public_url, site.address, post.slug),
        "title": legal(post.title),
        "summary": legal(excerpt_of(post)),
        "content_html": legal(whole_html(post, site, place)),
        "date_published": iso(post.published_at),
        "date_modified": iso(post.modified_at),
    }
    if post.tags:
        item["tags"] = [legal(tag) for tag in post.tags]
    if post.language:
        item["language"] = post.language
    if post.pictures:
        picture = unpack(post.pictures[0])
        item["image"] = picture_url(place.public_url, site.address, post.id, picture.shared_file)
    return item


def addressing(post: SitePost, site: SiteSeen, place: Place) -> Addressing:
    """Return what gives the addresses of the files of a page's pictures."""

    def address(file: str) -> str:
        return picture_url(place.public_url, site.address, post.id, file)

    return address


def _id_of(post: SitePost) -> str:
    return f"urn:uuid:{post.id}"


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


def _add(parent: "etree._Element", name: str, text: str) -> "etree._Element":
    element = etree.SubElement(parent, name)
    element.text = legal(text) or None
    return element


def _atom(parent: "etree._Element", name: str, text: str) -> "etree._Element":
    return _add(parent, f"{{{ATOM}}}{name}", text)


def _link(parent: "etree._Element", rel: str, at: str, content_type: str = "") -> None:
    link = etree.SubElement(parent, f"{{{ATOM}}}link", {"rel": rel, "href": at})
    if content_type:
        link.set("type", content_type)


def _written(root: "etree._Element") -> bytes:
    written: bytes = etree.tostring(root, encoding="utf-8", xml_declaration=True, pretty_print=True)
    return written
