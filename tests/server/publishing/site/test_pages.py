"""What everybody can read of a site."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from uuid import UUID

import httpx
import obstore
import pytest
from lxml import html as parsing
from PIL import Image
from starlette.applications import Starlette

from server.db import Sessions
from server.errors import Invalid
from server.publishing.accounts import accounts
from server.publishing.remedies import ChannelError
from server.publishing.site.reading import PER_PAGE
from server.workspaces.models import Role
from tests.conftest import PUBLIC_URL
from tests.factories import actor, make_team, sign_in
from tests.server.publishing.site.conftest import ANSWERS, Desk, a_page, a_photo


async def test_a_page_can_be_read_by_everybody_and_says_what_it_is(client: httpx.AsyncClient, desk: Desk) -> None:
    handle = await desk.publish(a_page("Füchse im Schnee", summary="A <short> one", tags=("fox",), language="de"))

    assert handle.url == f"{PUBLIC_URL}/p/foxes/fuchse-im-schnee"
    answer = await client.get(handle.url)

    assert answer.status_code == 200
    page = parsing.fromstring(answer.text)
    assert page.get("lang") == "de"
    assert page.findtext(".//title") == "Füchse im Schnee · Fox News & Co"
    assert page.xpath("//link[@rel='canonical']/@href") == [handle.url]
    said = {meta.get("property"): meta.get("content") for meta in page.xpath("//meta[@property]")}
    assert said["og:type"] == "article"
    assert said["og:description"] == "A <short> one"
    assert said["og:url"] == handle.url
    linked = json.loads(page.xpath("//script[@type='application/ld+json']")[0].text)
    assert linked["@type"] == "Article"
    assert linked["headline"] == "Füchse im Schnee"
    assert linked["datePublished"] == "2026-11-21T12:00:00Z"
    assert [link.get("type") for link in page.xpath("//link[@rel='alternate']")] == [
        "application/atom+xml",
        "application/rss+xml",
        "application/feed+json",
    ]
    # The data for search engines is no script that runs.
    assert len(page.xpath("//script")) == 1


async def test_public_answers_are_for_any_cache_and_run_nothing(
    client: httpx.AsyncClient, desk: Desk, sessions: Sessions
) -> None:
    await desk.publish(a_page())
    user, _ = await make_team(sessions, name="Bo")
    await sign_in(client, sessions, user)

    for path in ("", "the-brown-fox", "feed.xml", "atom.xml", "feed.json", "sitemap.xml", "nothing-here"):
        answer = await client.get(f"/p/foxes/{path}")
        assert "set-cookie" not in answer.headers, path
        assert answer.headers["cache-control"].startswith("public"), path
        assert "script-src" not in answer.headers["content-security-policy"], path
        assert "default-src 'none'" in answer.headers["content-security-policy"], path
        if answer.status_code == 200:
            again = await client.get(f"/p/foxes/{path}", headers={"If-None-Match": answer.headers["etag"]})
            assert (again.status_code, again.content) == (304, b""), path
            assert again.headers["etag"] == answer.headers["etag"]
            since = {"If-Modified-Since": answer.headers["last-modified"]}
            assert (await client.get(f"/p/foxes/{path}", headers=since)).status_code == 304, path


async def test_html_that_came_in_some_other_way_runs_nothing(client: httpx.AsyncClient, desk: Desk) -> None:
    evil = (
        '<h1>Part</h1><p onclick="x()">Hi<script>x()</script> <a href="java\nscript:x()">a</a>'
        '<a href="https://example.org/">b</a><img src="https://elsewhere.example/i.png"></p>'
        '<iframe src="https://elsewhere.example"></iframe><center>c</center>'
    )
    await desk.publish(a_page(html=evil, title="</script><script>x()</script>"))

    text = (await client.get("/p/foxes/script-script-x-script")).text

    body = re.search(r'<div class="text">(.*?)</div>', text, re.DOTALL)
    assert body
    assert body[1].strip() == ('<h2>Part</h2><p>Hi <a>a</a><a href="https://example.org/" rel="noopener">b</a></p>c')
    assert "<script>x" not in text


async def test_a_page_that_moves_leads_on_and_one_of_the_same_title_has_its_own_place(
    client: httpx.AsyncClient, desk: Desk
) -> None:
    first = a_page()
    handle = await desk.publish(first)
    other = await desk.publish(a_page())
    assert other.url == f"{PUBLIC_URL}/p/foxes/the-brown-fox-2"

    # Another title alone moves nothing.
    await desk.channel.update(desk.caller, replace(first, title="The red fox"), handle)
    assert "The red fox" in (await client.get("/p/foxes/the-brown-fox")).text
    moved = await desk.channel.update(desk.caller, replace(first, options={"slug": "red"}), handle)
    assert moved.url == f"{PUBLIC_URL}/p/foxes/red"
    led = await client.get("/p/foxes/the-brown-fox")
    assert (led.status_code, led.headers["location"]) == (301, "/p/foxes/red")

    # What is chosen is what it becomes, also if that looks like a number more or less.
    assert (await desk.publish(a_page("Top 10"))).url == f"{PUBLIC_URL}/p/foxes/top-10"
    top = a_page("Ten", options={"slug": "ten-10"})
    at_top = await desk.publish(top)
    assert (await desk.channel.update(desk.caller, replace(top, options={"slug": "ten"}), at_top)).url == (
        f"{PUBLIC_URL}/p/foxes/ten"
    )
    # Asked for a place that is taken, the second stays at the one that it got.
    assert other.remote_id
    again = a_page(id=UUID(other.remote_id), options={"slug": "the-brown-fox-2"})
    assert (await desk.channel.update(desk.caller, again, other)).url == other.url

    # A third of that title takes nobody's old place; and the first one may come back to its own.
    assert (await desk.publish(a_page())).url == f"{PUBLIC_URL}/p/foxes/the-brown-fox-3"
    await desk.channel.update(desk.caller, replace(first, options={"slug": "the-brown-fox"}), handle)
    assert (await client.get("/p/foxes/the-brown-fox")).status_code == 200
    led = await client.get("/p/foxes/red")
    assert led.headers["location"] == "/p/foxes/the-brown-fox"


async def test_pictures_come_in_sizes_and_only_while_a_page_shows_them(
    app: Starlette, client: httpx.AsyncClient, desk: Desk
) -> None:
    post = a_page(
        html='<p>Look:</p><figure><img src="fox.jpg" alt="The fox"></figure>',
        pictures=(a_photo(), a_photo("snow.jpg", width=300, height=200, alt="Snow")),
    )
    handle = await desk.publish(post)

    page = parsing.fromstring((await client.get("/p/foxes/the-brown-fox")).text)

    [inside] = page.xpath("//div[@class='text']//img")
    assert inside.get("alt") == "The fox"
    sizes = re.findall(r"(\S+) (\d+)w", inside.get("srcset"))
    assert [width for _, width in sizes] == ["480", "960", "1200"]
    [cover] = page.xpath("//figure[@class='cover']/img")
    assert (cover.get("alt"), cover.get("width")) == ("Snow", "300")
    for source, width in sizes:
        answer = await client.get(source)
        assert answer.headers["content-type"] == "image/webp"
        assert "set-cookie" not in answer.headers
        with Image.open(BytesIO(answer.content)) as image:
            assert image.width == int(width)
    [shared] = page.xpath("//meta[@property='og:image']/@content")
    assert (await client.get(shared)).headers["content-type"] == "image/jpeg"
    assert (await client.get(sizes[0][0].replace("-480", "-481"))).status_code == 404

    await desk.channel.delete(desk.caller, handle)
    await desk.channel.delete(desk.caller, handle)
    assert (await client.get("/p/foxes/the-brown-fox")).status_code == 410
    assert (await client.get(sizes[0][0])).status_code == 404
    assert await _files(app) == []


async def test_pictures_that_a_changed_page_no_longer_shows_go(
    app: Starlette, client: httpx.AsyncClient, desk: Desk
) -> None:
    post = a_page(pictures=(a_photo(), a_photo("snow.jpg", width=300, height=200)))
    handle = await desk.publish(post)
    before = await _files(app)

    await desk.channel.update(desk.caller, replace(post, pictures=post.pictures[1:]), handle)

    after = await _files(app)
    assert len(after) == 2
    assert set(after) < set(before)


async def test_the_list_is_paged_and_newest_first(client: httpx.AsyncClient, desk: Desk) -> None:
    for number in range(PER_PAGE + 1):
        await desk.publish(a_page(f"Fox {number}"))

    first = parsing.fromstring((await client.get("/p/foxes/")).text)
    second = parsing.fromstring((await client.get("/p/foxes/?page=2")).text)

    assert first.xpath("//h2/a/text()") == [f"Fox {number}" for number in range(PER_PAGE, 0, -1)]
    assert second.xpath("//h2/a/text()") == ["Fox 0"]
    assert first.xpath("//link[@rel='next']/@href") == ["/p/foxes/?page=2"]
    assert second.xpath("//link[@rel='canonical']/@href") == [f"{PUBLIC_URL}/p/foxes/?page=2"]
    assert (await client.get("/p/foxes/?page=3")).status_code == 404
    assert (await client.get("/p/foxes/?page=x")).status_code == 404
    bare = await client.get("/p/foxes")
    assert (bare.status_code, bare.headers["location"]) == (301, "/p/foxes/")


async def test_a_site_that_is_switched_off_is_gone_and_comes_back_whole(
    client: httpx.AsyncClient, desk: Desk, sessions: Sessions
) -> None:
    await desk.publish(a_page())
    assert f"Sitemap: {PUBLIC_URL}/p/foxes/sitemap.xml" in (await client.get("/robots.txt")).text
    user, workspace = await make_team(sessions, name="Bo")
    other = actor(user, workspace, Role.ADMIN)
    async with sessions() as db:
        with pytest.raises(Invalid, match="Another workspace"):
            await accounts.connect(db, desk.reach, other, "site", ANSWERS)

    admin = replace(other, workspace_id=desk.workspace.id)
    async with sessions.begin() as db:
        await accounts.disconnect(db, desk.reach, admin, desk.row.id)
    for path in ("", "the-brown-fox", "feed.xml", "atom.xml", "feed.json", "sitemap.xml"):
        assert (await client.get(f"/p/foxes/{path}")).status_code == 404
    assert "foxes" not in (await client.get("/robots.txt")).text

    async with sessions() as db:
        await accounts.connect(db, desk.reach, admin, "site", {**ANSWERS, "description": "Foxes again."})
    assert "Foxes again." in (await client.get("/p/foxes/")).text
    assert (await client.get("/p/foxes/the-brown-fox")).status_code == 200


async def test_saying_the_same_again_changes_no_time(client: httpx.AsyncClient, desk: Desk) -> None:
    post = a_page()
    handle = await desk.publish(post)
    before = (await client.get("/p/foxes/the-brown-fox")).headers

    desk.now += timedelta(days=1)
    await desk.channel.update(desk.caller, post, handle)
    assert (await client.get("/p/foxes/the-brown-fox")).headers["etag"] == before["etag"]
    await desk.channel.update(desk.caller, replace(post, html="<p>It sits.</p>"), handle)
    assert (await client.get("/p/foxes/the-brown-fox")).headers["last-modified"] != before["last-modified"]


async def _files(app: Starlette) -> list[str]:
    """Return the names of all files of pictures of pages."""
    return [each["path"] async for page in obstore.list(app.state.store, prefix="sites/") for each in page]


async def test_a_page_that_was_taken_down_is_gone_wherever_it_stood(desk: Desk, client: httpx.AsyncClient) -> None:
    post = a_page()
    handle = await desk.publish(post)
    moved = replace(post, options={"slug": "a-fox"})
    handle = await desk.channel.update(desk.caller, moved, handle)
    await desk.publish(a_page("Another fox"))

    await desk.channel.delete(desk.caller, handle)

    for slug in ("the-brown-fox", "a-fox"):
        gone = await client.get(f"/p/foxes/{slug}")
        assert gone.status_code == 410
        assert "was taken down" in gone.text
    for path in ("", "feed.xml", "atom.xml", "feed.json", "sitemap.xml"):
        listed = await client.get(f"/p/foxes/{path}")
        assert "another-fox" in listed.text
        assert "a-fox<" not in listed.text
        assert "/a-fox" not in listed.text
    with pytest.raises(ChannelError, match="was taken down"):
        await desk.channel.update(desk.caller, moved, handle)
    # Another page may stand there.
    await desk.publish(a_page("The brown fox"))
    assert (await client.get("/p/foxes/the-brown-fox")).status_code == 200


@pytest.mark.parametrize("path", ["foxes/%00", "%00/", "%00/feed.xml", "foxes%00/the-fox", "foxes/a%0Ab"])
async def test_addresses_that_nobody_can_write_lead_nowhere(desk: Desk, client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(f"/p/{path}")).status_code == 404
