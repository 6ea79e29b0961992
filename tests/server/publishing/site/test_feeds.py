"""Feeds are what their formats say, whatever stands on the pages."""

import json
from datetime import datetime
from email.utils import parsedate_to_datetime

import httpx
from lxml import etree
from starlette.applications import Starlette

from tests.conftest import PUBLIC_URL
from tests.server.publishing.site.conftest import Desk, a_page, a_photo

NAMES = {"a": "http://www.w3.org/2005/Atom", "content": "http://purl.org/rss/1.0/modules/content/"}
HARD = "Fox & <b>\u0000\u000b\ufffe ]]> \U0001f98a"
HUB = "https://hub.example/"


async def _publish(desk: Desk) -> str:
    handle = await desk.publish(a_page("First", language="de"))
    await desk.publish(
        a_page(
            HARD,
            summary=HARD,
            html='<p>See <a href="/s/other">\u0001this</a> <a href="#end">end</a></p><img src="fox.jpg">',
            tags=("fox & co", "snow"),
            pictures=(a_photo(alt=HARD), a_photo("cover.jpg", width=300, height=200)),
        )
    )
    assert handle.url
    return handle.url


async def test_rss_is_whole(client: httpx.AsyncClient, desk: Desk) -> None:
    first = await _publish(desk)

    answer = await client.get("/p/foxes/feed.xml")
    feed = etree.fromstring(answer.content)

    assert answer.headers["content-type"] == "application/rss+xml; charset=utf-8"
    assert (feed.tag, feed.get("version")) == ("rss", "2.0")
    channel = feed.find("channel")
    assert [channel.findtext(name) for name in ("title", "link", "description", "language")] == [
        "Fox News & Co",
        f"{PUBLIC_URL}/p/foxes/",
        "All about foxes.",
        "en",
    ]
    assert channel.find("a:link[@rel='self']", NAMES).get("href") == f"{PUBLIC_URL}/p/foxes/feed.xml"
    newest, oldest = channel.findall("item")
    assert newest.findtext("title") == "Fox & <b> ]]> 🦊"
    assert oldest.findtext("link") == first
    assert newest.find("guid").get("isPermaLink") == "false"
    assert parsedate_to_datetime(oldest.findtext("pubDate")).isoformat() == "2026-11-21T12:00:00+00:00"
    assert [each.text for each in newest.findall("category")] == ["fox & co", "snow"]
    whole = newest.findtext("content:encoded", namespaces=NAMES)
    assert f'href="{PUBLIC_URL}/s/other"' in whole
    assert whole.count(f'src="{PUBLIC_URL}/p/foxes/pictures/') == 2
    assert "srcset" not in whole


async def test_atom_is_whole(client: httpx.AsyncClient, desk: Desk) -> None:
    first = await _publish(desk)

    answer = await client.get("/p/foxes/atom.xml")
    feed = etree.fromstring(answer.content)

    assert answer.headers["content-type"] == "application/atom+xml; charset=utf-8"
    for required in ("id", "title", "updated"):
        assert len(feed.findall(f"a:{required}", NAMES)) == 1
        for entry in feed.findall("a:entry", NAMES):
            assert len(entry.findall(f"a:{required}", NAMES)) == 1
    assert feed.findtext("a:author/a:name", namespaces=NAMES) == "Fox News & Co"
    assert feed.findtext("a:updated", namespaces=NAMES) == "2026-11-21T13:00:00Z"
    _, oldest = feed.findall("a:entry", NAMES)
    assert oldest.find("a:link[@rel='alternate']", NAMES).get("href") == first
    assert oldest.get("{http://www.w3.org/XML/1998/namespace}lang") == "de"
    assert oldest.find("a:content", NAMES).get("type") == "html"
    assert oldest.findtext("a:content", namespaces=NAMES) == "<p>It jumps.</p>"


async def test_json_feed_is_whole(client: httpx.AsyncClient, desk: Desk) -> None:
    first = await _publish(desk)

    answer = await client.get("/p/foxes/feed.json")
    feed = json.loads(answer.content)

    assert answer.headers["content-type"] == "application/feed+json; charset=utf-8"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert feed["feed_url"] == f"{PUBLIC_URL}/p/foxes/feed.json"
    newest, oldest = feed["items"]
    assert oldest["url"] == first
    assert oldest["language"] == "de"
    assert datetime.fromisoformat(oldest["date_published"]).utcoffset() is not None
    assert newest["tags"] == ["fox & co", "snow"]
    assert (await client.get(newest["image"])).headers["content-type"] == "image/jpeg"


async def test_all_feeds_and_changes_give_an_item_the_same_id(client: httpx.AsyncClient, desk: Desk) -> None:
    post = a_page()
    handle = await desk.publish(post)
    await desk.channel.update(desk.caller, a_page("Red", id=post.publication_id, options={"slug": "red"}), handle)

    rss = etree.fromstring((await client.get("/p/foxes/feed.xml")).content)
    atom = etree.fromstring((await client.get("/p/foxes/atom.xml")).content)
    items = (await client.get("/p/foxes/feed.json")).json()["items"]

    assert {rss.findtext(".//guid"), atom.findtext("a:entry/a:id", namespaces=NAMES), items[0]["id"]} == {
        f"urn:uuid:{post.publication_id}"
    }


async def test_the_sitemap_names_every_page(client: httpx.AsyncClient, desk: Desk) -> None:
    first = await _publish(desk)

    answer = await client.get("/p/foxes/sitemap.xml")
    sitemap = etree.fromstring(answer.content)

    places = {url[0].text: url[1].text for url in sitemap}
    assert places[first] == "2026-11-21T12:00:00Z"
    assert places[f"{PUBLIC_URL}/p/foxes/"] == "2026-11-21T13:00:00Z"
    assert len(places) == 3


async def test_feeds_without_a_page_are_feeds(client: httpx.AsyncClient, desk: Desk) -> None:
    assert etree.fromstring((await client.get("/p/foxes/feed.xml")).content).find("channel/item") is None
    atom = etree.fromstring((await client.get("/p/foxes/atom.xml")).content)
    assert atom.findtext("a:updated", namespaces=NAMES)
    assert (await client.get("/p/foxes/feed.json")).json()["items"] == []


async def test_feeds_name_the_hub(app: Starlette, client: httpx.AsyncClient, desk: Desk) -> None:
    app.state.settings = app.state.settings.model_copy(update={"websub_hub": HUB})
    await desk.publish(a_page())

    answer = await client.get("/p/foxes/atom.xml")

    assert answer.headers["link"] == f'<{HUB}>; rel="hub", <{PUBLIC_URL}/p/foxes/atom.xml>; rel="self"'
    feed = etree.fromstring(answer.content)
    assert feed.find("a:link[@rel='hub']", NAMES).get("href") == HUB
    assert (await client.get("/p/foxes/feed.json")).json()["hubs"] == [{"type": "WebSub", "url": HUB}]
