"""What is particular to WordPress: finding the site, roles, slugs, terms, pictures, and every refusal of a site."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.responses import HTMLResponse, JSONResponse, Response

from server.publishing.channel import Caller, Connection, Consent, Finding, Handle, Picture, Post, Stage
from server.publishing.channels.wordpress import WordPress
from server.publishing.channels.wordpress_content import categories_of, content_of, file_name, marker_of, picture_marker
from server.publishing.channels.wordpress_site import address, api_root, site_address
from server.publishing.http import Http, open_http
from server.publishing.publisher.advancing import Progress, advance, begun
from server.publishing.remedies import ChannelError, Remedy
from tests.server.publishing.elsewhere.running import Fault, Place, running
from tests.server.publishing.elsewhere.wordpress import Site
from tests.server.publishing.subjects.subject import PNG, Subject, a_picture, a_post
from tests.server.publishing.subjects.wordpress import account_of, wordpress_at

_MAINTENANCE = "<!doctype html><h1>Briefly unavailable for scheduled maintenance.</h1>"


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
async def subject(site: Site) -> AsyncIterator[Subject]:
    async with wordpress_at(site) as opened:
        yield opened


async def _prepared(subject: Subject, post: Post) -> Handle:
    handle = subject.channel.begin(post, subject.caller.account)
    while handle.stage is Stage.PREPARING:
        handle = await subject.channel.prepare(subject.caller, post, handle)
    return handle


async def _published(subject: Subject, post: Post) -> Handle:
    return await subject.channel.publish(subject.caller, post, await _prepared(subject, post))


async def _connect(place: Place, **answers: str) -> Connection:
    http = open_http(private_networks=True, answer_seconds=5)
    filled = {"site": place.url, "username": "ada", "password": "abcd efgh ijkl mnop", **answers}
    async with http.client:
        connected = await WordPress().connect(http, filled, app={}, return_to="")
    assert isinstance(connected, Connection)
    return connected


def _error(code: str, status: int, **data: object) -> JSONResponse:
    return JSONResponse({"code": code, "message": "No &#8220;fox&#8221;.", "data": {"status": status, **data}}, status)


# Finding the site


@pytest.mark.parametrize(("pretty", "tells_root"), [(True, True), (True, False), (False, True), (False, False)])
async def test_a_site_is_found_however_its_api_is_reached(*, pretty: bool, tells_root: bool) -> None:
    site = Site(pretty=pretty, tells_root=tells_root)
    async with running(site.app()) as place:
        connected = await _connect(place, site=f"{place.url}/wp-admin/index.php")
        account = replace(account_of(site, place), facts=connected.facts, secrets=connected.secrets)
        http = open_http(private_networks=True, answer_seconds=5)
        async with http.client:
            subject = Subject(WordPress(), Caller(http, account), place, site.seen)
            handle = await _published(subject, a_post(subject, tags=("Fox",)))

    assert connected.name == "Fox & Friends"
    assert connected.base_url == place.url
    assert connected.remote_id == "7"
    assert connected.facts["person"] == "Ada’s"  # WordPress's own apostrophe
    assert connected.facts["may"] == ["edit_posts", "publish_posts", "upload_files", "manage_categories"]
    assert connected.secrets == {"username": "ada", "password": "abcd efgh ijkl mnop"}
    assert site.seen() == ["The brown fox"]
    assert handle.url == f"{place.url}/the-fox/"


async def test_a_site_that_has_moved_is_followed() -> None:
    site = Site()
    async with running(site.app()) as place, running(Site(moved_to=f"{place.url}/").app()) as old:
        connected = await _connect(old)

    assert connected.base_url == place.url
    # Nobody is signed in on the way.
    assert old.calls == ["HEAD /"]


async def test_a_site_that_leads_in_circles_is_given_up() -> None:
    site = Site(moved_to="/")
    async with running(site.app()) as place:
        with pytest.raises(ChannelError, match="on and on"):
            await _connect(place)


@pytest.mark.parametrize(
    "make",
    [
        lambda: HTMLResponse(_MAINTENANCE),
        lambda: Response("ok"),
        lambda: JSONResponse([1]),
        lambda: JSONResponse({"namespaces": ["oembed/1.0"]}),
    ],
    ids=["page", "text", "list", "other"],
)
async def test_what_is_no_wordpress_is_told(make: Callable[[], Response]) -> None:
    site = Site(pretty=True, tells_root=False)
    site.instead = {"GET /": [make(), make()]}
    async with running(site.app()) as place:
        with pytest.raises(ChannelError) as refused:
            await _connect(place)

    assert refused.value.remedy is Remedy.RECONNECT
    assert "No WordPress" in str(refused.value)


@pytest.mark.parametrize(
    ("about", "answers", "says"),
    [
        ({}, {"password": "wrong"}, "application password"),
        ({}, {"username": "ben"}, "user name"),
        ({}, {"password": ""}, "Fill in both"),
        ({}, {"username": ""}, "Fill in both"),
        ({}, {"site": "https://ada:secret@example.org"}, "no address"),
        ({}, {"site": "https://[example"}, "no address"),
        ({"deaf": True}, {}, "Authorization header"),
        ({"role": "contributor"}, {}, "may not publish"),
    ],
)
async def test_who_cannot_publish_is_told_what_to_do(about: dict[str, Any], answers: dict[str, str], says: str) -> None:
    async with running(Site(**about).app()) as place:
        with pytest.raises(ChannelError) as refused:
            await _connect(place, **answers)

    assert refused.value.remedy is Remedy.RECONNECT
    assert says in str(refused.value)
    assert "secret" not in f"{refused.value}{refused.value.evidence}"
    assert "abcd" not in f"{refused.value}{refused.value.evidence}"


# Agreeing on the site


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    opened = open_http(private_networks=True, answer_seconds=5)
    async with opened.client:
        yield opened


async def _consent(
    http: Http, place: Place, return_to: str = "https://studio.example/channels/wordpress/return"
) -> Consent:
    consent = await WordPress().connect(http, {"site": place.url}, app={}, return_to=return_to)
    assert isinstance(consent, Consent)
    return consent


@pytest.mark.parametrize("makes_passwords", [True, False])
async def test_who_agrees_on_the_site_copies_no_password(http: Http, *, makes_passwords: bool) -> None:
    site = Site(makes_passwords=makes_passwords)
    async with running(site.app()) as place:
        consent = await _consent(http, place)
        connected = await WordPress().finish(http, consent.kept, site.agree(consent.url))
        again = replace(account_of(site, place), facts=connected.facts, secrets=connected.secrets)
        await WordPress().check(Caller(http, again))

    asked = parse_qs(urlsplit(consent.url).query)
    assert consent.url.startswith(f"{place.url}/wp-admin/authorize-application.php?")
    assert asked["success_url"] == [f"https://studio.example/channels/wordpress/return?state={consent.kept['state']}"]
    assert connected.name == "Fox & Friends"
    assert connected.secrets["username"] == "ada"
    # The one that came in an address is gone, if the site lets one be made in its place.
    assert list(site.passwords.values()) == (["fres hpas 1"] if makes_passwords else ["trav elle dpas swor"])
    assert connected.secrets["password"] == ("fres hpas 1" if makes_passwords else "travelledpasswor")
    assert "travelled" not in repr(connected)


async def test_the_password_is_removed_from_the_site_when_it_is_disconnected(http: Http) -> None:
    site = Site()
    async with running(site.app()) as place:
        consent = await _consent(http, place)
        connected = await WordPress().finish(http, consent.kept, site.agree(consent.url))
        account = replace(account_of(site, place), facts=connected.facts, secrets=connected.secrets)

        assert await WordPress().revoke(Caller(http, account)) == ""

    assert site.passwords == {}


@pytest.mark.parametrize("number", [0, 1, 2])
async def test_a_password_that_was_agreed_to_opens_the_site_whatever_call_is_lost(http: Http, number: int) -> None:
    site = Site()
    async with running(site.app()) as place:
        consent = await _consent(http, place)
        answer = site.agree(consent.url)
        # After the look at who it is: which one is it, a new one, the old one away.
        place.breaks(Fault.ANSWER_LOST, after=1 + number)
        connected = await WordPress().finish(http, consent.kept, answer)
        again = replace(account_of(site, place), facts=connected.facts, secrets=connected.secrets)

        assert (await WordPress().check(Caller(http, again))).remote_id == "7"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"state": "other"}, "another question"),
        ({"state": "ä"}, "another question"),
        ({"password": ""}, "not agreed"),
        ({"user_login": "", "password": "", "success": "false"}, "not agreed"),
        ({"password": "wrong"}, "application password"),
    ],
)
async def test_who_comes_back_without_a_password_is_told(http: Http, changes: dict[str, str], says: str) -> None:
    site = Site()
    async with running(site.app()) as place:
        consent = await _consent(http, place)
        with pytest.raises(ChannelError) as refused:
            await WordPress().finish(http, consent.kept, {**site.agree(consent.url), **changes})

    assert refused.value.remedy is Remedy.RECONNECT
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("has_passwords", "return_to", "says"),
    [
        (False, "https://studio.example/return", "offers no application passwords"),
        (True, "http://studio.example/return", "without https"),
        (True, "http://127.0.0.1:8000/return", None),
    ],
)
async def test_where_nobody_can_agree_the_password_is_filled_in(
    http: Http, return_to: str, says: str | None, *, has_passwords: bool
) -> None:
    async with running(Site(has_passwords=has_passwords).app()) as place:
        if says is None:
            assert (await _consent(http, place, return_to)).url
            return
        with pytest.raises(ChannelError, match=says):
            await _consent(http, place, return_to)


async def test_a_site_is_called_by_https_alone() -> None:
    http = open_http(answer_seconds=2)
    async with http.client:
        for given in ("https://127.0.0.1", "127.0.0.1"):
            with pytest.raises(ChannelError) as refused:
                await WordPress().connect(
                    http, {"site": given, "username": "ada", "password": "x"}, app={}, return_to=""
                )
            assert "private network" in str(refused.value)


@pytest.mark.parametrize(
    ("links", "root"),
    [
        ('<https://example.org/wp-json/>; rel="https://api.w.org/"', "https://example.org/wp-json/"),
        ("<https://example.org/wp-json/>; rel=https://api.w.org/", "https://example.org/wp-json/"),
        ('</wp-json/>; rel="https://api.w.org/"; type="application/json"', "https://example.org/wp-json/"),
        (
            '</a>; rel="next", <https://example.org/index.php?rest_route=/>; rel="https://api.w.org/", </b>; rel=x',
            "https://example.org/index.php?rest_route=/",
        ),
        # Named http by a site behind a proxy that speaks https.
        ('<http://example.org/wp-json/>; rel="https://api.w.org/"', "https://example.org/wp-json/"),
        ('<https://example.org/wp-json/wp/v2/posts/1>; rel="alternate"', None),
        ("", None),
    ],
)
def test_the_api_is_where_the_page_says(links: str, root: str | None) -> None:
    assert api_root(links, "https://example.org") == root


@pytest.mark.parametrize(
    ("root", "path", "query", "url"),
    [
        ("https://a.b/wp-json/", "posts/1", {}, "https://a.b/wp-json/wp/v2/posts/1"),
        ("https://a.b/wp-json/", "", {}, "https://a.b/wp-json/"),
        ("https://a.b/de/wp-json", "tags", {"search": "a b"}, "https://a.b/de/wp-json/wp/v2/tags?search=a+b"),
        ("https://a.b/?rest_route=/", "posts", {"slug": "x"}, "https://a.b/?rest_route=%2Fwp%2Fv2%2Fposts&slug=x"),
        ("https://a.b/?lang=de&rest_route=/", "", {}, "https://a.b/?lang=de&rest_route=%2F"),
    ],
)
def test_an_address_is_made_for_both_kinds_of_site(root: str, path: str, query: dict[str, str], url: str) -> None:
    assert address(root, path, query) == url


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("example.org", "https://example.org"),
        (" https://example.org/ ", "https://example.org"),
        ("https://example.org/blog/", "https://example.org/blog"),
        ("https://example.org/blog/wp-admin/post-new.php?x=1", "https://example.org/blog"),
        ("https://example.org/wp-login.php", "https://example.org"),
        ("https://example.org:8443/wp-json/wp/v2", "https://example.org:8443"),
    ],
)
def test_an_address_may_be_copied_from_anywhere_on_the_site(given: str, url: str) -> None:
    assert site_address(given) == url


async def test_an_account_is_looked_at_with_its_rights(subject: Subject, site: Site) -> None:
    checked = await subject.channel.check(subject.caller)
    refreshed = await subject.channel.refresh(subject.caller)
    site.role = "contributor"
    with pytest.raises(ChannelError) as refused:
        await subject.channel.check(subject.caller)

    assert checked == refreshed
    assert checked.name == "Fox & Friends"
    assert refused.value.remedy is Remedy.RECONNECT


async def test_rights_that_a_plugin_hides_are_no_hindrance(subject: Subject, site: Site) -> None:
    site.instead = {"GET /wp/v2/users/me": [JSONResponse({"id": 7, "name": "Ada"})]}

    assert "may" not in (await subject.channel.check(subject.caller)).facts


# Publishing


async def test_a_post_carries_all_that_it_has(subject: Subject, site: Site) -> None:
    post = a_post(
        subject,
        summary="A fox.",
        html="<p>The <strong>brown</strong> fox</p>",
        tags=("Fox", "R&D", "fox"),
        options={"categories": "Animals, , News", "slug": "A fox!"},
    )

    handle = await _published(subject, post)

    [made] = site.posts.values()
    names = {**site.terms["categories"], **site.terms["tags"]}
    assert made["title"] == "The fox"
    assert made["content"] == post.html
    assert made["excerpt"] == "A fox."
    assert [names[number] for number in made["categories"]] == ["Animals", "News"]
    assert [names[number] for number in made["tags"]] == ["Fox", "R&D"]
    assert made["slug"] == "a-fox"
    assert handle.remote_id == str(made["id"])
    assert handle.url == f"{subject.place.url}/a-fox/"
    assert handle.data["published_at"] == "2026-11-21T12:00:00"


async def test_until_it_is_published_there_is_only_a_draft(subject: Subject, site: Site) -> None:
    post = a_post(subject)

    handle = await _prepared(subject, post)

    [draft] = site.posts.values()
    assert handle.stage is Stage.READY
    assert draft["status"] == "draft"
    assert draft["slug"] == marker_of(post.key)
    assert site.seen() == []


async def test_a_slug_that_is_taken_gets_a_number_and_the_link_tells(subject: Subject) -> None:
    first = await _published(subject, a_post(subject))
    second = await _published(subject, a_post(subject, "Another"))

    assert (first.data["slug"], second.data["slug"]) == ("the-fox", "the-fox-2")
    assert second.url == f"{subject.place.url}/the-fox-2/"


async def test_publishing_again_changes_nothing(subject: Subject, site: Site) -> None:
    post = a_post(subject)
    ready = await _prepared(subject, post)

    once = await subject.channel.publish(subject.caller, post, ready)
    again = await subject.channel.publish(subject.caller, post, ready)

    assert once == again
    assert len(site.posts) == 1


async def test_a_draft_that_arrives_late_is_no_second_one(subject: Subject, site: Site) -> None:
    post = a_post(subject)
    handle = subject.channel.begin(post, subject.caller.account)
    first = await subject.channel.prepare(subject.caller, post, handle)
    # As if it had not been there yet when it was looked for.
    site.instead = {"GET /wp/v2/posts": [JSONResponse([])]}

    second = await subject.channel.prepare(subject.caller, post, handle)

    assert second.remote_id == first.remote_id
    assert len(site.posts) == 1


async def test_a_site_that_chooses_slugs_itself_is_left_to_it(subject: Subject, site: Site) -> None:
    post = a_post(subject)
    site.instead = {"POST /wp/v2/posts": [JSONResponse({"id": 99, "slug": "99", "status": "draft"}, 201)]}

    handle = await subject.channel.prepare(subject.caller, post, subject.channel.begin(post, subject.caller.account))

    assert handle.remote_id == "99"
    assert not [route for route in site.routes if route.startswith("DELETE")]


async def test_names_that_stand_there_in_other_letters_are_found(subject: Subject, site: Site) -> None:
    site.terms = {"categories": {1: "Uncategorized", 5: "animals"}, "tags": {6: "R&D", 7: "FOX"}}

    await _published(subject, a_post(subject, tags=("r&d", "Fox"), options={"categories": "Animals"}))

    [made] = site.posts.values()
    assert made["categories"] == [5]
    # The site searches as it stores: a name with "&" is only found by making it again.
    assert made["tags"] == [6, 7]
    assert len(site.terms["tags"]) == 2


async def test_an_author_makes_no_categories_and_is_told_before_anything_is_there(subject: Subject, site: Site) -> None:
    site.role = "author"

    with pytest.raises(ChannelError) as refused:
        await _prepared(subject, a_post(subject, options={"categories": "Animals"}))

    assert refused.value.remedy is Remedy.FIX_CONTENT
    assert "no category “Animals”" in str(refused.value)
    assert site.posts == {}


async def test_pictures_go_to_the_library_once_and_the_first_is_featured(subject: Subject, site: Site) -> None:
    pictures = (a_picture(PNG, alt="One"), a_picture(PNG, alt="Two & <three>"))

    await _published(subject, a_post(subject, pictures=pictures))

    [made] = site.posts.values()
    one, two = site.media.values()
    assert made["featured_media"] == one["id"]
    assert [one["alt_text"], two["alt_text"]] == ["One", "Two & <three>"]
    assert made["content"] == (
        f'<p>The brown fox</p><figure><img src="{two["source_url"]}" alt="Two &amp; &lt;three&gt;"></figure>'
    )


async def test_a_picture_that_stands_in_the_text_is_shown_there(subject: Subject, site: Site) -> None:
    inside = replace(a_picture(PNG), name="den.png", url="https://studio.example/p/1?a=1&b=2")
    html = '<p>A</p><p><img alt="x > src=" src="https://studio.example/p/1?a=1&amp;b=2"><img src="https://other.example/"></p>'

    await _published(subject, a_post(subject, html=html, pictures=(inside, a_picture(PNG))))

    [made] = site.posts.values()
    den, fox = site.media.values()
    assert made["featured_media"] == fox["id"]
    assert made["content"] == (
        f'<p>A</p><p><img alt="x > src=" src="{den["source_url"]}"><img src="https://other.example/"></p>'
    )


async def test_a_text_without_html_becomes_paragraphs(subject: Subject) -> None:
    post = a_post(subject, "One <b>\ntwo\n\n\nThree", html="")

    assert content_of(post, {}) == "<p>One &lt;b&gt;<br>two</p><p>Three</p>"


@pytest.mark.parametrize("times", [1, 3])
async def test_a_site_that_fails_over_a_picture_is_asked_to_go_on_with_it(
    subject: Subject, site: Site, times: int
) -> None:
    site.weak = times
    post = a_post(subject, pictures=(a_picture(PNG),))
    handle = subject.channel.begin(post, subject.caller.account)
    failures = 0
    while handle.stage is Stage.PREPARING:
        try:
            handle = await subject.channel.prepare(subject.caller, post, handle)
        except ChannelError as error:
            failures += 1
            assert error.remedy is Remedy.UNKNOWN

    assert failures == times - 1
    assert len(site.media) == 1


async def test_a_picture_whose_answer_was_lost_is_found_again(subject: Subject, site: Site) -> None:
    post = a_post(subject, pictures=(a_picture(PNG),))
    handle = subject.channel.begin(post, subject.caller.account)
    subject.place.breaks(Fault.ANSWER_LOST, after=1)
    with pytest.raises(ChannelError):
        await subject.channel.prepare(subject.caller, post, handle)

    handle = await subject.channel.prepare(subject.caller, post, handle)

    assert len(site.media) == 1
    assert next(iter(site.media.values()))["slug"] == picture_marker(post, 0)
    assert "media" in handle.data


async def test_a_picture_that_the_site_refuses_is_named(subject: Subject, site: Site) -> None:
    site.max_file_bytes = 10

    with pytest.raises(ChannelError) as refused:
        await _prepared(subject, a_post(subject, pictures=(a_picture(PNG),)))

    assert refused.value.remedy is Remedy.FIX_CONTENT
    assert "“fox.png”" in str(refused.value)
    assert "too big" in str(refused.value)


@pytest.mark.parametrize(
    ("name", "content_type", "sent"),
    [
        ("fox.png", "image/png", "fox.png"),
        ("Fox.JPEG", "image/jpeg", "Fox.JPEG"),
        ("fox", "image/webp", "fox.webp"),
        ("fox.png", "image/jpeg", "fox.png.jpg"),
        ("a/../b\\c.gif", "image/gif", "a-..-b-c.gif"),
        ("..", "image/gif", "picture.gif"),
    ],
)
def test_a_file_is_named_by_what_it_is(name: str, content_type: str, sent: str) -> None:
    async def read() -> bytes:
        return b""

    assert file_name(Picture(name, content_type, 0, 1, 1, "", read)) == sent


# Looking, changing, taking back


@pytest.mark.parametrize(
    ("status", "called", "finding"),
    [
        ("draft", True, Finding.ABSENT),
        ("pending", True, Finding.ABSENT),
        ("draft", False, Finding.REFUSED),
        ("publish", True, Finding.CARRIED_OUT),
        ("future", True, Finding.PROCESSING),
        ("trash", True, Finding.UNCLEAR),
        ("private", True, Finding.UNCLEAR),
        ("gone", True, Finding.UNCLEAR),
    ],
)
async def test_the_post_itself_tells_where_it_stands(
    subject: Subject, site: Site, status: str, finding: Finding, *, called: bool
) -> None:
    post = a_post(subject)
    ready = await _prepared(subject, post)
    now = datetime(2026, 11, 21, 12, 59, tzinfo=UTC)
    if status == "gone":
        site.posts.clear()
    else:
        site.posts[int(str(ready.remote_id))] |= {"status": status, "date_gmt": "2026-11-21T13:00:00"}

    found = await subject.channel.status(
        replace(subject.caller, now=lambda: now), post, ready, called_at=now if called else None
    )

    assert found.finding is finding
    assert found.evidence
    if finding is Finding.PROCESSING:
        assert found.after_seconds == 60.0
        assert found.handle.stage is Stage.PROCESSING
    if finding is Finding.CARRIED_OUT:
        assert found.handle.stage is Stage.PUBLISHED
        assert found.handle.url


@pytest.mark.parametrize(("status", "stage"), [("future", Stage.PROCESSING), ("pending", None), ("private", None)])
async def test_a_site_that_holds_a_post_back_is_told_of(
    subject: Subject, site: Site, status: str, stage: Stage | None
) -> None:
    site.holds_back = status
    post = a_post(subject)
    ready = await _prepared(subject, post)

    if stage is not None:
        assert (await subject.channel.publish(subject.caller, post, ready)).stage is stage
        return
    with pytest.raises(ChannelError) as held:
        await subject.channel.publish(subject.caller, post, ready)
    assert held.value.remedy is Remedy.RECONNECT
    assert f"“{status}”" in str(held.value)


async def test_a_change_brings_what_is_new_and_keeps_the_address(subject: Subject, site: Site) -> None:
    post = a_post(subject, tags=("Fox",))
    handle = await _published(subject, post)
    changed = replace(post, title="The red fox", html="<p>Red</p>", tags=("Red",), pictures=(a_picture(PNG),))

    handle = await subject.channel.update(subject.caller, changed, handle)
    await subject.channel.update(subject.caller, replace(changed, options={"slug": "Red fox"}), handle)

    [made] = site.posts.values()
    assert handle.url == f"{subject.place.url}/the-fox/"
    assert made["slug"] == "red-fox"
    assert made["title"] == "The red fox"
    assert [site.terms["tags"][number] for number in made["tags"]] == ["Red"]
    assert made["featured_media"] in site.media
    assert len(site.media) == 1


@pytest.mark.parametrize("status", ["trash", "gone"])
async def test_what_was_deleted_there_is_not_changed(subject: Subject, site: Site, status: str) -> None:
    post = a_post(subject)
    handle = await _published(subject, post)
    if status == "gone":
        site.posts.clear()
    else:
        site.posts[int(str(handle.remote_id))]["status"] = "trash"

    with pytest.raises(ChannelError) as refused:
        await subject.channel.update(subject.caller, post, handle)

    assert refused.value.remedy is Remedy.FIX_CONTENT


@pytest.mark.parametrize("trash", [True, False])
async def test_what_is_taken_back_goes_to_the_trash_if_there_is_one(
    subject: Subject, site: Site, *, trash: bool
) -> None:
    site.trash = trash
    handle = await _published(subject, a_post(subject))

    await subject.channel.delete(subject.caller, handle)
    await subject.channel.delete(subject.caller, handle)

    assert site.seen() == []
    assert [post["status"] for post in site.posts.values()] == (["trash"] if trash else [])


# Refusals


_REFUSALS: tuple[tuple[Response, Remedy, str], ...] = (
    (_error("rest_not_logged_in", 401), Remedy.RECONNECT, "Authorization header"),
    (_error("rest_cannot_create", 401), Remedy.RECONNECT, "Authorization header"),
    (_error("incorrect_password", 401), Remedy.RECONNECT, "application password"),
    (_error("invalid_username", 401), Remedy.RECONNECT, "user name"),
    (_error("application_passwords_disabled", 401), Remedy.RECONNECT, "turned off"),
    (_error("application_passwords_disabled_for_user", 401), Remedy.RECONNECT, "turned off"),
    (_error("rest_login_required", 401), Remedy.RECONNECT, "No “fox”."),
    (_error("rest_forbidden", 403), Remedy.RECONNECT, "role"),
    (_error("rest_cannot_create", 403), Remedy.RECONNECT, "role"),
    (_error("rest_cannot_publish", 403), Remedy.RECONNECT, "role"),
    (_error("rest_cannot_assign_term", 403), Remedy.FIX_CONTENT, "categories or tags"),
    (_error("itsec_rest_api_access_restricted", 403), Remedy.RECONNECT, "No “fox”."),
    (HTMLResponse("<h1>403 Forbidden</h1>", 403), Remedy.RECONNECT, "firewall"),
    (HTMLResponse("<h1>Not Acceptable!</h1>", 406), Remedy.RECONNECT, "firewall"),
    (_error("rest_no_route", 404), Remedy.RECONNECT, "REST API is turned off"),
    (HTMLResponse("<h1>Not found</h1>", 404), Remedy.RECONNECT, "REST API is turned off"),
    (HTMLResponse(_MAINTENANCE, 200), Remedy.UNKNOWN, "web page"),
    (JSONResponse(["odd"], 200), Remedy.UNKNOWN, "another form"),
    (JSONResponse({"odd": 1}, 200), Remedy.UNKNOWN, "without an id"),
    (JSONResponse({"id": "9" * 5000}, 200), Remedy.UNKNOWN, "without an id"),
    (Response("[" * 100_000, 200), Remedy.UNKNOWN, "not JSON"),
    (JSONResponse({"code": "x", "message": "<" * 1_000_000}, 400), Remedy.FIX_CONTENT, "as it is"),
    (_error("rest_invalid_param", 400, params={"slug": "bad"}), Remedy.FIX_CONTENT, "(slug)"),
    (_error("rest_missing_callback_param", 400, params=["title"]), Remedy.FIX_CONTENT, "(title)"),
    (_error("rest_post_invalid_id", 404), Remedy.FIX_CONTENT, "no longer"),
    (_error("rest_upload_file_too_big", 400), Remedy.FIX_CONTENT, "too large"),
    (_error("rest_upload_unknown_error", 500), Remedy.FIX_CONTENT, "kind"),
    (HTMLResponse("<h1>Request Entity Too Large</h1>", 413), Remedy.FIX_CONTENT, "too large"),
    (Response(status_code=429, headers={"retry-after": "60"}), Remedy.RETRY, "later"),
    (HTMLResponse(_MAINTENANCE, 503, headers={"retry-after": "60"}), Remedy.RETRY, "later"),
    (HTMLResponse("<p>critical error</p>", 500), Remedy.UNKNOWN, "(500)"),
    (_error("db_insert_error", 500), Remedy.UNKNOWN, "No “fox”."),
    (HTMLResponse("<h1>Bad gateway</h1>", 502), Remedy.UNKNOWN, "(502)"),
    (HTMLResponse("<h1>Timeout</h1>", 504), Remedy.UNKNOWN, "(504)"),
    (Response(status_code=408), Remedy.UNKNOWN, "(408)"),
    (Response(status_code=301, headers={"location": "https://elsewhere.example/"}), Remedy.RECONNECT, "moved"),
    (Response(status_code=307, headers={"location": "https://elsewhere.example/"}), Remedy.RECONNECT, "moved"),
)


async def test_each_refusal_says_what_helps(subject: Subject, site: Site) -> None:
    for number, (answer, remedy, says) in enumerate(_REFUSALS):
        text = f"Fox {number}"
        post, row = a_post(subject, text), f"{answer.status_code} {bytes(answer.body)!r}"
        site.instead = {"POST /wp/v2/posts": [answer]}

        with pytest.raises(ChannelError) as refused:
            await _prepared(subject, post)

        assert refused.value.remedy is remedy, row
        assert says in str(refused.value), row
        assert refused.value.evidence
        assert "abcd" not in f"{refused.value}{refused.value.evidence}"
        assert refused.value.after_seconds == (60.0 if "retry-after" in answer.headers else None), row
        if remedy in {Remedy.UNKNOWN, Remedy.RETRY}:
            await _published(subject, post)
            assert site.seen()[-1] == text, row


@pytest.mark.parametrize(
    ("answer", "remedy"),
    [
        (HTMLResponse(_MAINTENANCE), Remedy.RECONNECT),
        (HTMLResponse("<p>critical error</p>", 500), Remedy.RETRY),
        (JSONResponse({"odd": 1}), Remedy.RETRY),
        (Response("not json"), Remedy.RETRY),
    ],
)
async def test_looking_for_the_draft_makes_none_when_it_fails(
    subject: Subject, site: Site, answer: Response, remedy: Remedy
) -> None:
    site.instead = {"GET /wp/v2/posts": [answer]}

    with pytest.raises(ChannelError) as refused:
        await _prepared(subject, a_post(subject))

    assert refused.value.remedy is remedy
    assert site.posts == {}


@pytest.mark.parametrize(
    # The first is what PHP writes on a site that is set up to show its warnings.
    "answer",
    [HTMLResponse('<br />\n<b>Warning</b>: fox {"id": 11}'), JSONResponse({"id": 11}), JSONResponse([])],
    ids=["warnings", "no status", "list"],
)
async def test_an_answer_that_says_nothing_leaves_one_post(subject: Subject, site: Site, answer: Response) -> None:
    post = a_post(subject)
    progress = Progress(await _prepared(subject, post))
    site.instead = {f"POST /wp/v2/posts/{progress.handle.remote_id}": [answer]}

    with pytest.raises(ChannelError) as unclear:
        await advance(subject.channel, subject.caller, post, progress)
    progress = await advance(subject.channel, subject.caller, post, begun(progress, subject.caller.now()))
    if not progress.is_done:
        progress = await advance(subject.channel, subject.caller, post, progress)

    assert unclear.value.remedy is Remedy.UNKNOWN
    assert progress.is_done
    assert site.seen() == ["The brown fox"]


async def test_a_look_that_shows_nothing_is_taken_again(subject: Subject, site: Site) -> None:
    post = a_post(subject)
    ready = await _prepared(subject, post)
    for answer in (JSONResponse({"id": 11}), _error("rest_invalid_param", 400), HTMLResponse("", 500)):
        site.instead = {f"GET /wp/v2/posts/{ready.remote_id}": [answer]}
        with pytest.raises(ChannelError):
            await subject.channel.status(subject.caller, post, ready, called_at=datetime.now(UTC))


# Before anything is sent


async def test_what_would_be_refused_is_told_before(subject: Subject) -> None:
    may = {**subject.caller.account.facts, "may": ["edit_posts"]}
    account = replace(subject.caller.account, facts=may)
    picture = replace(a_picture(PNG, alt=" "), content_type="image/svg+xml", name="fox.svg")
    post = a_post(
        subject,
        title="",
        tags=("t" * 201,),
        options={"slug": "s" * 201, "categories": "c" * 201},
        pictures=(picture,),
        replies=("More",),
    )

    problems = {(problem.where, problem.blocks) for problem in subject.channel.validate(post, account)}

    assert problems == {
        ("title", False),
        ("text", True),
        ("pictures", True),
        ("picture 1", True),
        ("picture 1", False),
        ("tags", True),
        ("slug", True),
        ("categories", True),
        ("replies", True),
    }
    assert subject.channel.validate(a_post(subject), subject.caller.account) == []
    empty = a_post(subject, "", title="", html="")
    assert [problem.where for problem in subject.channel.validate(empty, subject.caller.account)] == ["text"]


async def test_categories_are_names_with_commas_between(subject: Subject) -> None:
    post = a_post(subject, options={"categories": " News ,, animals,NEWS, Old  fox "})

    assert categories_of(post) == ["News", "animals", "Old fox"]
