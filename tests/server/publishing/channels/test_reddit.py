"""What is particular about Reddit."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from starlette.responses import JSONResponse, Response

from server.publishing.channel import Account, Caller, Consent, Finding, Handle, Post, Stage
from server.publishing.channels.reddit import Reddit, user_agent
from server.publishing.channels.reddit_answers import wait_in
from server.publishing.channels.reddit_posts import subreddit_of
from server.publishing.channels.reddit_text import body, is_same, unmet
from server.publishing.http import open_http
from server.publishing.publisher.advancing import Progress, advance, begun
from server.publishing.remedies import ChannelError, Remedy
from tests.server.publishing.elsewhere.reddit import (
    CLIENT_ID,
    CLIENT_SECRET,
    START,
    USER,
    Clock,
    Elsewhere,
    Subreddit,
    error,
)
from tests.server.publishing.elsewhere.running import Fault, Place, running
from tests.server.publishing.subjects.reddit import APP
from tests.server.publishing.subjects.subject import Subject, a_picture, a_post, an_id

BACK = "https://studio.example/channels/reddit/return"


@dataclass
class Here:
    subject: Subject
    elsewhere: Elsewhere
    clock: Clock

    @property
    def reddit(self) -> Reddit:
        assert isinstance(self.subject.channel, Reddit)
        return self.subject.channel

    @property
    def caller(self) -> Caller:
        return self.subject.caller

    def post(self, text: str = "The brown fox", **changes: Any) -> Post:
        options = {"subreddit": "foxes", **changes.pop("options", {})}
        return a_post(self.subject, text, options=options, **changes)

    async def ready(self, post: Post) -> Handle:
        handle = self.reddit.begin(post, self.caller.account)
        while handle.stage is Stage.PREPARING:
            handle = await self.reddit.prepare(self.caller, post, handle)
        return handle

    async def publish(self, post: Post) -> Handle:
        return await self.reddit.publish(self.caller, post, await self.ready(post))


@asynccontextmanager
async def _opened() -> AsyncIterator[Here]:
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
        subject = Subject(
            Reddit(www=place.url, api=place.url),
            Caller(http, account, clock),
            place,
            lambda: [each["selftext"] for each in elsewhere.posts],
        )
        try:
            yield Here(subject, elsewhere, clock)
        finally:
            await http.client.aclose()


@pytest.fixture
async def here() -> AsyncIterator[Here]:
    async with _opened() as opened:
        yield opened


async def _agree(place: Place, consent: Consent) -> dict[str, str]:
    """Go where the person is sent, agree, and return the query they come back with."""
    assert consent.url.startswith(place.url)
    async with httpx.AsyncClient() as browser:
        back = await browser.get(consent.url)
    assert back.headers["location"].startswith(BACK)
    return dict(parse_qsl(urlsplit(back.headers["location"]).query))


async def test_a_person_agrees_and_the_account_is_connected_and_renewed(here: Here) -> None:
    consent = await here.reddit.connect(here.caller.http, {}, app=APP, return_to=BACK)
    assert isinstance(consent, Consent)
    assert CLIENT_SECRET not in consent.url
    assert CLIENT_SECRET not in repr(consent)
    answer = await _agree(here.subject.place, consent)

    connection = await here.reddit.finish(here.caller.http, consent.kept, answer)

    assert connection.name == f"u/{USER}"
    assert connection.remote_id == "u1"
    assert connection.expires_at is not None
    account = replace(here.caller.account, secrets=connection.secrets)
    renewed = await here.reddit.refresh(replace(here.caller, account=account))
    # Reddit gave no new refresh token, so the old one holds on.
    assert renewed.secrets["refresh_token"] == connection.secrets["refresh_token"]
    assert renewed.secrets["access_token"] != connection.secrets["access_token"]
    here.elsewhere.rotates = True
    renewed = await here.reddit.refresh(replace(here.caller, account=replace(account, secrets=renewed.secrets)))
    assert renewed.secrets["refresh_token"] != connection.secrets["refresh_token"]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"state": "wrong", "code": "c"}, "another question"),
        ({"code": "c"}, "another question"),
        ({"state": "kept", "error": "access_denied"}, "not allowed"),
        ({"state": "kept", "error": "invalid_scope"}, "did not let"),
        ({"state": "kept"}, "without a code"),
        ({"state": "kept", "code": "used before"}, "Connect the account again"),
    ],
)
async def test_what_a_person_comes_back_with_is_looked_at(here: Here, answer: dict[str, str], words: str) -> None:
    kept = {**APP, "state": "kept", "return_to": BACK}

    with pytest.raises(ChannelError, match=words) as refused:
        await here.reddit.finish(here.caller.http, kept, answer)

    assert refused.value.remedy is Remedy.RECONNECT


async def test_a_consent_without_all_rights_or_for_an_hour_only_is_no_connection(here: Here) -> None:
    for change in ({"scope": "identity read"}, {"gives_refresh": False}):
        consent = await here.reddit.connect(here.caller.http, {}, app=APP, return_to=BACK)
        assert isinstance(consent, Consent)
        for name, value in change.items():
            setattr(here.elsewhere, name, value)
        answer = await _agree(here.subject.place, consent)
        with pytest.raises(ChannelError) as refused:
            await here.reddit.finish(here.caller.http, consent.kept, answer)
        assert refused.value.remedy is Remedy.RECONNECT
        here.elsewhere.scope, here.elsewhere.gives_refresh = "*", True


async def test_an_installation_without_credentials_and_one_with_wrong_ones_say_so(here: Here) -> None:
    with pytest.raises(ChannelError, match="QUILLROOM_REDDIT_CLIENT_ID") as refused:
        await here.reddit.connect(here.caller.http, {}, app={}, return_to=BACK)
    assert refused.value.remedy is Remedy.OPERATOR

    wrong = replace(here.caller, account=replace(here.caller.account, app={**APP, "client_secret": "old"}))
    with pytest.raises(ChannelError, match="QUILLROOM_REDDIT_CLIENT_SECRET") as refused:
        await here.reddit.refresh(wrong)
    assert refused.value.remedy is Remedy.OPERATOR


async def test_a_revoked_account_asks_to_be_connected_again(here: Here) -> None:
    here.elsewhere.refresh = "revoked"

    with pytest.raises(ChannelError) as refused:
        await here.reddit.refresh(here.caller)

    assert refused.value.remedy is Remedy.RECONNECT
    assert "refresh-0" not in str(refused.value) + refused.value.evidence


async def test_a_suspended_account_does_not_pass_the_check(here: Here) -> None:
    here.elsewhere.suspended = True

    with pytest.raises(ChannelError, match="suspended") as refused:
        await here.reddit.check(here.caller)

    assert refused.value.remedy is Remedy.RECONNECT


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("QUOTA_FILLED", Remedy.QUOTA),
        ("SUBREDDIT_RATELIMIT", Remedy.QUOTA),
        ("SUBREDDIT_NOEXIST", Remedy.FIX_CONTENT),
        ("SUBREDDIT_NOTALLOWED", Remedy.FIX_CONTENT),
        ("SUBREDDIT_REQUIRED", Remedy.FIX_CONTENT),
        ("NO_SELFS", Remedy.FIX_CONTENT),
        ("NO_LINKS", Remedy.FIX_CONTENT),
        ("NO_TEXT", Remedy.FIX_CONTENT),
        ("NO_URL", Remedy.FIX_CONTENT),
        ("BAD_URL", Remedy.FIX_CONTENT),
        ("TOO_LONG", Remedy.FIX_CONTENT),
        ("DOMAIN_BANNED", Remedy.FIX_CONTENT),
        ("SUBMIT_VALIDATION_FLAIR_REQUIRED", Remedy.FIX_CONTENT),
        ("BAD_FLAIR_TEMPLATE_ID", Remedy.FIX_CONTENT),
        ("INVALID_OPTION", Remedy.FIX_CONTENT),
        ("USER_REQUIRED", Remedy.REFRESH),
        ("VERIFIED_USER_REQUIRED", Remedy.RECONNECT),
        ("BAD_CAPTCHA", Remedy.RECONNECT),
        ("BANNED_IP", Remedy.OPERATOR),
    ],
)
async def test_refusals_within_an_answer_of_success_are_told_apart(here: Here, code: str, remedy: Remedy) -> None:
    handle = await here.ready(here.post())
    here.elsewhere.refuses("/api/submit", error(code, "what Reddit says"))

    with pytest.raises(ChannelError) as refused:
        await here.reddit.publish(here.caller, here.post(), handle)

    assert refused.value.remedy is remedy
    assert code in refused.value.evidence
    assert here.subject.seen() == []
    if remedy is Remedy.QUOTA:
        assert refused.value.after_seconds == 3600


@pytest.mark.parametrize(
    ("answer", "remedy", "after"),
    [
        (JSONResponse({"error": 401}, 401), Remedy.REFRESH, None),
        (JSONResponse({"reason": "private", "error": 403}, 403), Remedy.FIX_CONTENT, None),
        (
            JSONResponse({"error": 403}, 403, {"WWW-Authenticate": 'Bearer realm="x", error="insufficient_scope"'}),
            Remedy.RECONNECT,
            None,
        ),
        (JSONResponse({"error": 404}, 404), Remedy.FIX_CONTENT, None),
        (Response("large", 413), Remedy.FIX_CONTENT, None),
        (Response("slow", 429, {"X-Ratelimit-Reset": "41", "X-Ratelimit-Remaining": "0.0"}), Remedy.QUOTA, 41),
        (Response("slow", 429, {"Retry-After": "7", "X-Ratelimit-Reset": "41"}), Remedy.QUOTA, 7),
        (Response("oops", 500), Remedy.UNKNOWN, None),
        (Response("oops", 502), Remedy.UNKNOWN, None),
        (Response("oops", 520), Remedy.UNKNOWN, None),
        (Response("oops", 522), Remedy.UNKNOWN, None),
        (JSONResponse({"json": {"errors": [], "data": {"websocket_url": "wss://x"}}}), Remedy.UNKNOWN, None),
        (Response("<html>", 200), Remedy.UNKNOWN, None),
    ],
)
async def test_refusals_by_status_are_told_apart(
    here: Here, answer: Response, remedy: Remedy, after: float | None
) -> None:
    handle = await here.ready(here.post())
    here.elsewhere.refuses("/api/submit", answer)

    with pytest.raises(ChannelError) as refused:
        await here.reddit.publish(here.caller, here.post(), handle)

    assert refused.value.remedy is remedy
    assert refused.value.after_seconds == after
    assert "access-0" not in str(refused.value) + refused.value.evidence


@pytest.mark.parametrize(
    ("sentence", "seconds"),
    [
        ("Looks like you've been doing that a lot. Take a break for 9 minutes before trying again.", 540),
        ("you are doing that too much. try again in 1 second.", 1),
        ("try again in 250 milliseconds.", 0.25),
        ("Try again in 2 hours.", 7200),
        ("try again later.", None),
    ],
)
async def test_the_wait_is_read_from_the_sentence(here: Here, sentence: str, seconds: float | None) -> None:
    assert wait_in(sentence) == seconds
    handle = await here.ready(here.post())
    here.elsewhere.refuses("/api/submit", error("RATELIMIT", sentence, "ratelimit"))

    with pytest.raises(ChannelError) as refused:
        await here.reddit.publish(here.caller, here.post(), handle)

    assert refused.value.remedy is Remedy.QUOTA
    assert refused.value.after_seconds == (3600 if seconds is None else seconds)


async def test_a_lost_post_is_waited_for_and_never_sent_again_within_ten_minutes(here: Here) -> None:
    post = here.post()
    handle = await here.ready(post)
    here.elsewhere.hides_newest = True
    here.subject.place.breaks(Fault.ANSWER_LOST)
    progress = begun(Progress(handle), here.clock())
    with pytest.raises(ChannelError) as lost:
        await advance(here.reddit, here.caller, post, Progress(handle))
    assert lost.value.remedy is Remedy.UNKNOWN

    for _ in range(9):
        progress = await advance(here.reddit, here.caller, post, progress)
        assert progress.handle.stage is Stage.PROCESSING
        assert progress.wait_seconds == 60
        here.clock.at += timedelta(minutes=1)
    here.elsewhere.hides_newest = False
    progress = await advance(here.reddit, here.caller, post, progress)

    assert progress.is_done
    assert progress.handle.remote_id == here.elsewhere.posts[0]["name"]
    assert progress.handle.url
    assert len(here.elsewhere.posts) == 1


async def test_what_is_not_there_after_ten_minutes_was_not_posted(here: Here) -> None:
    post = here.post()
    handle = await here.ready(post)
    called_at = here.clock()
    here.clock.at += timedelta(minutes=10)

    status = await here.reddit.status(here.caller, post, handle, called_at=called_at)

    assert status.finding is Finding.ABSENT
    assert status.handle.stage is Stage.READY


async def test_posts_of_the_same_title_are_not_taken_for_this_one(here: Here) -> None:
    # The same words, a moment ago: it stood there before.
    await here.publish(here.post())
    post = here.post()
    handle = await here.ready(post)
    called_at = here.clock()
    status = await here.reddit.status(here.caller, post, handle, called_at=called_at)
    assert status.finding is Finding.PROCESSING

    # Other words, meanwhile, by another way: a person decides.
    await here.publish(here.post("Another fox"))
    status = await here.reddit.status(here.caller, post, handle, called_at=called_at)
    assert status.finding is Finding.UNCLEAR
    assert here.elsewhere.posts[-1]["name"] in status.evidence


async def test_the_listing_is_read_on_while_it_is_young_enough(here: Here) -> None:
    post = here.post()
    handle = await here.ready(post)
    called_at = here.clock()
    made = await here.reddit.publish(here.caller, post, handle)
    for number in range(120):
        here.elsewhere.posts.append({**here.elsewhere.posts[0], "name": f"t3_z{number}", "title": "Other"})

    status = await here.reddit.status(here.caller, post, handle, called_at=called_at)

    assert status.finding is Finding.CARRIED_OUT
    assert status.handle.remote_id == made.remote_id


async def test_a_link_that_is_there_is_ours_or_was_before(here: Here) -> None:
    link = here.post(options={"kind": "link"}, link="https://studio.example/fox")
    handle = await here.ready(link)
    first = await here.reddit.publish(here.caller, link, handle)

    # Sent again with the handle of before: Reddit refuses, and it is found.
    again = await here.reddit.publish(here.caller, link, handle)
    assert again.remote_id == first.remote_id

    # Another publication of the same link is refused, unless that is wanted.
    with pytest.raises(ChannelError, match="before") as refused:
        await here.publish(link)
    assert refused.value.remedy is Remedy.FIX_CONTENT
    once_more = here.post(options={"kind": "link", "resubmit": "yes"}, link="https://studio.example/fox")
    assert (await here.publish(once_more)).remote_id != first.remote_id


@pytest.mark.parametrize(
    ("subreddit", "about", "words"),
    [
        ("nowhere", {}, "does not exist"),
        ("foxes", {"user_is_banned": True}, "banned this account"),
        ("foxes", {"submission_type": "link"}, "links only"),
    ],
)
async def test_the_subreddit_is_looked_at_before(here: Here, subreddit: str, about: dict[str, Any], words: str) -> None:
    here.elsewhere.subreddits["foxes"] = Subreddit(about=about)

    with pytest.raises(ChannelError, match=words) as refused:
        await here.ready(here.post(options={"subreddit": subreddit}))

    assert refused.value.remedy is Remedy.FIX_CONTENT


async def test_a_private_subreddit_is_named_so(here: Here) -> None:
    here.elsewhere.refuses("/r/foxes/about", JSONResponse({"reason": "private", "error": 403}, 403))

    with pytest.raises(ChannelError, match="r/foxes is private"):
        await here.ready(here.post())


async def test_flairs_are_found_by_what_people_see(here: Here) -> None:
    here.elsewhere.subreddits["foxes"].flairs = [
        {"id": "f1", "text": "News", "text_editable": False, "mod_only": False},
        {"id": "f2", "text": "Own words", "text_editable": True, "mod_only": False},
        {"id": "f3", "text": "Official", "text_editable": False, "mod_only": True},
    ]

    await here.publish(here.post(options={"flair": "news"}))
    assert here.elsewhere.forms[-1]["flair_id"] == "f1"
    await here.publish(here.post(options={"flair": "Own words", "flair_text": "Foxy"}))
    assert here.elsewhere.forms[-1]["flair_text"] == "Foxy"

    for flair, words in (("Nope", "It has: News, Own words"), ("Official", "only moderators")):
        with pytest.raises(ChannelError, match=words):
            await here.ready(here.post(options={"flair": flair}))
    with pytest.raises(ChannelError, match="cannot be chosen"):
        await here.ready(here.post(options={"flair": "News", "flair_text": "Foxy"}))
    here.elsewhere.subreddits["foxes"].flairs = None
    with pytest.raises(ChannelError, match="does not show"):
        await here.ready(here.post(options={"flair": "News"}))


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"title_text_min_length": 20}, "at least 20"),
        ({"title_text_max_length": 3}, "at most 3"),
        ({"title_required_strings": ["[OC]"]}, "one of these"),
        ({"title_blacklisted_strings": ["fox"]}, "does not take"),
        ({"is_flair_required": True}, "flair"),
        ({"body_restriction_policy": "notAllowed"}, "titles only"),
        ({"body_text_max_length": 2}, "at most 2"),
    ],
)
async def test_requirements_of_a_subreddit_are_checked_before(here: Here, rules: dict[str, Any], words: str) -> None:
    here.elsewhere.subreddits["foxes"].requirements = rules

    with pytest.raises(ChannelError, match=words) as refused:
        await here.ready(here.post())

    assert refused.value.remedy is Remedy.FIX_CONTENT
    assert str(refused.value).startswith("r/foxes: ")


def test_requirements_for_links() -> None:
    def of(**rules: object) -> str | None:
        return unmet(rules, title="T", kind="link", words="", link="https://a.fox.example/x", has_flair=False)

    assert of(link_restriction_policy="whitelist", domain_whitelist=["fox.example"]) is None
    assert "only" in (of(link_restriction_policy="whitelist", domain_whitelist=["hen.example"]) or "")
    assert "no links" in (of(link_restriction_policy="blacklist", domain_blacklist=["fox.example"]) or "")
    assert of(link_restriction_policy="none", domain_blacklist=["fox.example"]) is None
    assert of(body_restriction_policy="required") is None


async def test_a_picture_is_laid_down_and_waited_for(here: Here) -> None:
    post = here.post(options={"kind": "image"}, pictures=(a_picture(b"fox" * 9),))
    progress = Progress(await here.ready(post))
    assert list(here.elsewhere.pictures.values()) == [b"fox" * 9]
    # What the store trusts is not kept.
    assert "signed-policy" not in str(progress.handle)
    here.elsewhere.hides_newest = True

    progress = await advance(here.reddit, here.caller, post, progress)
    for _ in range(12):
        assert progress.handle.stage is Stage.PROCESSING
        here.clock.at += timedelta(minutes=1)
        progress = await advance(here.reddit, here.caller, post, progress)
    here.elsewhere.hides_newest = False
    progress = await advance(here.reddit, here.caller, post, progress)

    assert progress.is_done
    assert progress.handle.remote_id == here.elsewhere.posts[0]["name"]
    assert len(here.elsewhere.posts) == 1
    with pytest.raises(ChannelError, match="cannot be changed"):
        await here.reddit.update(here.caller, replace(post, html="<p>Other</p>"), progress.handle)


@pytest.mark.parametrize("fault", [Fault.ANSWER_LOST, Fault.NOT_TAKEN])
async def test_a_picture_that_never_comes_up_is_for_a_person(here: Here, fault: Fault) -> None:
    post = here.post(options={"kind": "image"}, pictures=(a_picture(b"fox"),))
    progress = begun(Progress(await here.ready(post)), here.clock())
    here.elsewhere.hides_newest = True
    here.subject.place.breaks(fault)
    with pytest.raises(ChannelError):
        await here.reddit.publish(here.caller, post, progress.handle)

    progress = await advance(here.reddit, here.caller, post, progress)
    here.clock.at += timedelta(minutes=31)
    with pytest.raises(ChannelError) as unclear:
        await advance(here.reddit, here.caller, post, progress)

    assert unclear.value.remedy is Remedy.UNKNOWN
    assert "30 minutes" in unclear.value.evidence


async def test_pictures_that_reddit_does_not_take_are_refused(here: Here) -> None:
    here.elsewhere.largest_picture = 10
    large = here.post(options={"kind": "image"}, pictures=(a_picture(b"fox" * 9),))
    with pytest.raises(ChannelError, match="at most 10 bytes") as refused:
        await here.ready(large)
    assert refused.value.remedy is Remedy.FIX_CONTENT
    here.elsewhere.subreddits["foxes"].about = {"allow_images": False}
    with pytest.raises(ChannelError, match="takes no pictures"):
        await here.ready(large)

    def problems(**changes: Any) -> dict[str, str]:
        post = here.post(options={"kind": "image"}, **changes)
        return {each.where: each.sentence for each in here.reddit.validate(post, here.caller.account)}

    picture = a_picture(b"fox")
    assert problems(pictures=(picture,)) == {}
    assert "kind" in problems()
    assert "picture 1" in problems(pictures=(replace(picture, content_type="image/webp"),))
    assert "20 MB" in problems(pictures=(replace(picture, size_bytes=20_000_001),))["picture 1"]
    assert "pictures" in problems(pictures=(picture, picture))


async def test_titles_and_links_of_what_is_published_stay(here: Here) -> None:
    post = here.post()
    handle = await here.publish(post)

    with pytest.raises(ChannelError, match="no titles"):
        await here.reddit.update(here.caller, replace(post, title="Other"), handle)
    link = here.post(options={"kind": "link"}, link="https://studio.example/fox")
    handle = await here.publish(link)
    with pytest.raises(ChannelError, match="no links"):
        await here.reddit.update(here.caller, replace(link, link="https://studio.example/hen"), handle)
    await here.reddit.delete(here.caller, handle)
    with pytest.raises(ChannelError, match="gone"):
        await here.reddit.update(here.caller, link, handle)


async def test_points_comments_and_crossposts_are_told(here: Here) -> None:
    metrics = await here.reddit.metrics(here.caller, await here.publish(here.post()))

    assert (metrics.likes, metrics.replies, metrics.shares, metrics.views) == (7, 2, 1, None)


async def test_what_moderators_remove_is_told(here: Here) -> None:
    handle = await here.publish(here.post())
    here.elsewhere.posts[0]["removed_by_category"] = "automod_filtered"

    metrics = await here.reddit.metrics(here.caller, handle)

    assert metrics.gone == "Reddit says that it was removed (automod filtered)."
    assert metrics.likes == 7


async def test_reddit_hears_who_asks(here: Here) -> None:
    assert user_agent(APP).startswith(f"web:quillroom.{CLIENT_ID}:")
    assert user_agent(APP).endswith("(by /u/quillroom)")
    nameless = replace(here.caller, account=replace(here.caller.account, app={"client_id": CLIENT_ID}))
    assert (await here.reddit.check(nameless)).name == f"u/{USER}"


def _alone(text: str = "", **changes: Any) -> Post:
    return replace(Post(an_id(), "key", START, "The fox", text, "", options={"subreddit": "foxes"}), **changes)


def test_what_reddit_would_refuse_is_found_before_it_is_sent() -> None:
    reddit = Reddit()
    account = Account(an_id(), "reddit", "u/fox")

    def problems(text: str = "Hello", **changes: Any) -> dict[str, str]:
        return {each.where: each.sentence for each in reddit.validate(_alone(text, **changes), account)}

    assert problems() == {}
    assert "300" in problems(title="x" * 301)["title"]
    assert problems(title="x" * 300) == {}
    assert "title" in problems(title=" ")
    assert "40000" in problems(text="x" * 40_001)["text"]
    assert problems(text="x" * 40_000) == {}
    # What Markdown would read as formatting is written so that it does not, and counts as it is written.
    assert "text" in problems(text="a " + "*" * 39_990)
    for name in ("", "a b", "x" * 30, "r/a,r/b"):
        assert "subreddit" in problems(options={"subreddit": name}), name
    for name in ("foxes", "r/foxes", "/r/foxes/", "u_fox"):
        assert problems(options={"subreddit": name}) == {}, name
    assert "kind" in problems(options={"subreddit": "foxes", "kind": "link"})
    assert "flair_text" in problems(options={"subreddit": "foxes", "flair_text": "x"})
    assert "replies" in problems(replies=("more",))


def test_texts_are_written_as_markdown() -> None:
    def written(text: str = "", html: str = "") -> str:
        return body(_alone(text, html=html))

    assert written("1 *2* 3\n\n# no heading\nsecond line") == "1 \\*2\\* 3\n\n\\# no heading  \nsecond line"
    assert written(html="<h2>Fox</h2><p>a <strong>b</strong> <mark>c</mark></p><ul><li>d</li></ul>") == (
        "## Fox\n\na **b** c\n\n- d"
    )
    assert written(html="<p>x</p><img src='https://a.example/b.png' alt='c'>") == "x"
    assert is_same("a  \nb ", "a\nb")
    assert subreddit_of(_alone(options={"subreddit": " r/Fox_es "})) == "Fox_es"


async def test_access_is_taken_back(here: Here) -> None:
    assert await here.reddit.revoke(here.caller) == ""
    assert here.elsewhere.refresh == "taken back"
    nameless = replace(here.caller, account=replace(here.caller.account, app={}))
    assert "under Preferences, Apps" in await here.reddit.revoke(nameless)
