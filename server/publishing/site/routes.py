"""What everybody can read of a site: its list, its pages, their pictures, its feeds. Nobody is recognised here.

Answers are the same for all, so any cache may keep them; each has an ETag, and a question with it costs no bytes.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from hashlib import sha256
from typing import Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from server.assets import storage
from server.assets.ranges import Span
from server.errors import NotFound
from server.publishing.site import feeds, reading
from server.publishing.site.addresses import (
    PREFIX,
    feeds_of,
    page_url,
    picture_url,
    site_url,
    sitemap_url,
)
from server.publishing.site.feeds import Place, addressing, excerpt_of
from server.publishing.site.markup import SIZES, is_beginning, outside_of, shown_html, sources_of
from server.publishing.site.models import SitePost
from server.publishing.site.pages import Shown, picture_key
from server.publishing.site.reading import Listing, SiteSeen
from server.publishing.site.renditions import MAX_FILE_BYTES
from server.publishing.site.shelf import unpack
from server.web.render import environment
from server.web.static import static_url

FRESH_SECONDS: Final = 60
STALE_SECONDS: Final = 24 * 3600
HTML: Final = "text/html; charset=utf-8"
# Nothing runs, nothing is loaded from elsewhere, nothing is sent.
POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_TYPES: Final = {"webp": "image/webp", "jpg": "image/jpeg", "gif": "image/gif", "png": "image/png"}
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,5}")

# Makes a feed of a site's newest pages.
Feed = Callable[[SiteSeen, Sequence[SitePost], Place], bytes]


@dataclass(frozen=True, slots=True)
class _Listed:
    """A page as the list shows it."""

    post: SitePost
    excerpt: str
    cover: Shown | None
    address: str
    sources: str


async def index(request: Request) -> Response:
    """List the pages of a site, newest first."""
    site = await _site(request)
    wish = request.query_params.get("page", "1")
    number = int(wish) if _NUMBER.fullmatch(wish) else 0
    found = await reading.newest(request.state.db, site, number=number) if site else None
    if site is None or found is None or not (found.posts or number == 1):
        return _missing(request, site)
    place = _place(request)
    at = site_url(place.public_url, site.address)
    body = _html(
        "site/index.html",
        site,
        place,
        title=site.name if number == 1 else f"{site.name} · {number}",
        description=site.description,
        canonical=at if number == 1 else f"{at}?page={number}",
        listed=[_listed(post, site) for post in found.posts],
        found=found,
        newer=_number_address(site, number - 1) if number > 1 else None,
        older=_number_address(site, number + 1) if number < found.last else None,
        linked=_json_of_site(site, place),
        og_type="website",
    )
    return _answer(request, body, HTML, _changed(found))


async def page(request: Request) -> Response:
    """Show a page, or lead on from where it was before."""
    site = await _site(request)
    slug = str(request.path_params["slug"])
    # No page stands where nobody can write its address, and Postgres takes no such text.
    site = site if slug.isprintable() else None
    post = await reading.find_post(request.state.db, site, slug) if site else None
    if site is None or post is None:
        is_gone = site is not None and await reading.is_gone(request.state.db, site, slug)
        return _missing(request, site, is_gone=is_gone)
    if post.slug != slug:
        return _led(page_url("", site.address, post.slug))
    place = _place(request)
    address = addressing(post, site, Place(""))
    pictures = [unpack(each) for each in post.pictures]
    outside = outside_of(post.html, pictures)
    before, after = await reading.neighbours(request.state.db, post)
    shared = pictures[0] if pictures else None
    body = _html(
        "site/page.html",
        site,
        place,
        title=post.title,
        description=excerpt_of(post),
        canonical=page_url(place.public_url, site.address, post.slug),
        post=post,
        lead="" if is_beginning(post.summary, post.html) else post.summary,
        html=shown_html(post.html, pictures, address),
        cover=outside[0] if outside else None,
        cover_at=address(outside[0].file(outside[0].width)) if outside else "",
        cover_sources=sources_of(outside[0], address) if outside else "",
        before=before,
        after=after,
        shared=shared,
        shared_at=picture_url(place.public_url, site.address, post.id, shared.shared_file) if shared else "",
        linked=_json_of_page(post, site, place),
        og_type="article",
    )
    return _answer(request, body, HTML, post.modified_at)


async def picture(request: Request) -> Response:
    """Give a file of a picture, if the page shows it."""
    site = await _site(request)
    page_id, file = UUID(str(request.path_params["page_id"])), str(request.path_params["file"])
    post = await reading.find_picture(request.state.db, site, page_id) if site else None
    if post is None or file not in {name for each in post.pictures for name in unpack(each).files()}:
        return _missing(request, site)
    headers = {
        # Named by its bytes; and gone from caches in a day once its page is taken away.
        "Cache-Control": "public, max-age=86400",
        "ETag": f'"{file}"',
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    if _has(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    try:
        parts = await storage.read(
            request.app.state.store, picture_key(post.account_id, post.id, file), Span(0, MAX_FILE_BYTES)
        )
    except NotFound:
        return _missing(request, site)
    return StreamingResponse(parts, media_type=_TYPES[file.rpartition(".")[2]], headers=headers)


async def rss(request: Request) -> Response:
    """Give the feed as RSS 2.0."""
    return await _feed(request, feeds.rss, "application/rss+xml; charset=utf-8", "rss")


async def atom(request: Request) -> Response:
    """Give the feed as Atom."""
    return await _feed(request, feeds.atom, "application/atom+xml; charset=utf-8", "atom")


async def json_feed(request: Request) -> Response:
    """Give the feed as JSON Feed."""
    return await _feed(request, feeds.json_feed, "application/feed+json; charset=utf-8", "json")


async def sitemap(request: Request) -> Response:
    """Give where all pages are."""
    site = await _site(request)
    if site is None:
        return _missing(request, None)
    entries = await reading.entries(request.state.db, site)
    changed = max((entry.modified_at for entry in entries), default=None)
    body = feeds.sitemap(site, entries, _place(request))
    return _answer(request, body, "application/xml; charset=utf-8", changed)


async def bare(request: Request) -> Response:
    """Lead to the site, whose address ends with a slash."""
    return _led(site_url("", str(request.path_params["site"])))


async def robots(request: Request) -> Response:
    """Tell search engines what there is for them: sites and nothing else."""
    place = _place(request)
    sites = await reading.addresses_on(request.state.db)
    lines = ["User-agent: *", f"Allow: {PREFIX}/", "Allow: /static/", "Disallow: /"]
    lines += [f"Sitemap: {sitemap_url(place.public_url, address)}" for address in sites]
    return _answer(request, "\n".join([*lines, ""]).encode(), "text/plain; charset=utf-8", None)


async def _feed(request: Request, make: Feed, content_type: str, kind: str) -> Response:
    site = await _site(request)
    if site is None:
        return _missing(request, None)
    found = await reading.newest(request.state.db, site, size=reading.IN_FEED)
    place = _place(request)
    answer = _answer(request, make(site, found.posts, place), content_type, _changed(found))
    # Readers in browsers fetch it from pages of their own.
    answer.headers["Access-Control-Allow-Origin"] = "*"
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    if place.hub:
        topic = getattr(feeds_of(place.public_url, site.address), kind)
        answer.headers["Link"] = f'<{place.hub}>; rel="hub", <{topic}>; rel="self"'
    return answer


async def _site(request: Request) -> SiteSeen | None:
    address = str(request.path_params["site"])
    return await reading.find_site(request.state.db, address) if address.isprintable() else None


def _place(request: Request) -> Place:
    settings = request.app.state.settings
    return Place(settings.public_url, settings.websub_hub)


def _html(template: str, site: SiteSeen | None, place: Place, **context: object) -> bytes:
    # Not `render`: it gives every browser a cookie for its forms, and here are none.
    everything: dict[str, object] = {
        "site": site,
        "home": site_url("", site.address) if site else "/",
        "feeds": feeds_of("", site.address) if site else None,
        "topics": feeds_of(place.public_url, site.address) if site else None,
        "hub": place.hub,
        "static": static_url,
        "sizes": SIZES,
        "date": _date,
        "iso": feeds.iso,
        "shared": None,
        "shared_at": "",
        "post": None,
        "newer": None,
        "older": None,
        **context,
    }
    return environment().get_template(template).render(everything).encode()


def _missing(request: Request, site: SiteSeen | None, *, is_gone: bool = False) -> Response:
    """Say that nothing is there. `is_gone`: something was and will not come back, so that search engines drop it."""
    body = _html(
        "site/missing.html",
        site,
        _place(request),
        title="Gone" if is_gone else "Nothing here",
        is_gone=is_gone,
        description="",
        canonical=None,
        linked=None,
        og_type="website",
    )
    headers = {"Cache-Control": f"public, max-age={FRESH_SECONDS}", "Content-Security-Policy": POLICY}
    return Response(body, 410 if is_gone else 404, headers, HTML)


def _led(path: str) -> Response:
    return RedirectResponse(path, 301, {"Cache-Control": f"public, max-age={FRESH_SECONDS}"})


def _answer(request: Request, body: bytes, content_type: str, changed: datetime | None) -> Response:
    headers = {
        "ETag": f'"{sha256(body).hexdigest()[:32]}"',
        "Cache-Control": f"public, max-age={FRESH_SECONDS}, stale-while-revalidate={STALE_SECONDS}",
        "Content-Security-Policy": POLICY,
    }
    if changed is not None:
        headers["Last-Modified"] = format_datetime(changed.astimezone(UTC).replace(microsecond=0), usegmt=True)
    if _has(request, headers["ETag"]) or _is_as_old(request, changed):
        return Response(status_code=304, headers=headers)
    return Response(body, 200, headers, content_type)


def _has(request: Request, etag: str) -> bool:
    asked = request.headers.get("if-none-match", "")
    return asked.strip() == "*" or etag in {each.strip().removeprefix("W/") for each in asked.split(",")}


def _is_as_old(request: Request, changed: datetime | None) -> bool:
    """Whether nothing has changed since the time that is asked about; an ETag, if there is one, decides alone."""
    since = request.headers.get("if-modified-since")
    if changed is None or since is None or "if-none-match" in request.headers:
        return False
    try:
        known = parsedate_to_datetime(since)
    except (TypeError, ValueError):
        return False
    return known.tzinfo is not None and changed.replace(microsecond=0) <= known


def _changed(found: Listing) -> datetime | None:
    return feeds.changed_at(found.posts) if found.posts else None


def _listed(post: SitePost, site: SiteSeen) -> _Listed:
    address = addressing(post, site, Place(""))
    cover = unpack(post.pictures[0]) if post.pictures else None
    at = address(cover.file(cover.width)) if cover else ""
    return _Listed(post, excerpt_of(post), cover, at, sources_of(cover, address) if cover else "")


def _number_address(site: SiteSeen, number: int) -> str:
    return site_url("", site.address) + (f"?page={number}" if number > 1 else "")


def _date(moment: datetime, language: str) -> str:
    """Write the day as people do, where it is known how; else as everybody can read it."""
    day = moment.astimezone(UTC)
    return f"{day.day} {day:%B %Y}" if language.partition("-")[0].lower() == "en" else f"{day:%Y-%m-%d}"


def _json_of_site(site: SiteSeen, place: Place) -> dict[str, object]:
    return {
        "@context": "https://schema.org",
        "@type": "Blog",
        "name": site.name,
        "url": site_url(place.public_url, site.address),
        "inLanguage": site.language,
        **({"description": site.description} if site.description else {}),
    }


def _json_of_page(post: SitePost, site: SiteSeen, place: Place) -> dict[str, object]:
    at = page_url(place.public_url, site.address, post.slug)
    found: dict[str, object] = {
        "@context": "https://schema.org",
        "@type": "Article",
        "headline": post.title,
        "description": excerpt_of(post),
        "url": at,
        "mainEntityOfPage": {"@type": "WebPage", "@id": at},
        "datePublished": feeds.iso(post.published_at),
        "dateModified": feeds.iso(post.modified_at),
        "inLanguage": post.language or site.language,
        "author": {"@type": "Organization", "name": site.name},
        "publisher": {"@type": "Organization", "name": site.name},
        "isPartOf": {"@type": "Blog", "name": site.name, "url": site_url(place.public_url, site.address)},
    }
    if post.tags:
        found["keywords"] = list(post.tags)
    if post.pictures:
        files = [unpack(each).shared_file for each in post.pictures]
        found["image"] = [picture_url(place.public_url, site.address, post.id, file) for file in files]
    return found


routes: Final = [
    Route("/robots.txt", robots, methods=["GET"]),
    Route(f"{PREFIX}/{{site}}", bare, methods=["GET"]),
    Route(f"{PREFIX}/{{site}}/", index, methods=["GET"]),
    Route(f"{PREFIX}/{{site}}/feed.xml", rss, methods=["GET"]),
    Route(f"{PREFIX}/{{site}}/atom.xml", atom, methods=["GET"]),
    Route(f"{PREFIX}/{{site}}/feed.json", json_feed, methods=["GET"]),
    Route(f"{PREFIX}/{{site}}/sitemap.xml", sitemap, methods=["GET"]),
    Route(f"{PREFIX}/{{site}}/pictures/{{page_id:uuid}}/{{file}}", picture, methods=["GET"]),
    Route(f"{PREFIX}/{{site}}/{{slug}}", page, methods=["GET"]),
]
