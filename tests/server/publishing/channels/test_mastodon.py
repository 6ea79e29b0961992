"""Mastodon: signing in, what a server takes, posts that are there once however often they are sent."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response

from server.publishing.channel import Account, Caller, Consent, Counting, Finding, Handle, Metrics, Post, Stage
from server.publishing.channels.mastodon import Mastodon
from server.publishing.channels.mastodon_parts import said
from server.publishing.channels.mastodon_server import instance
from server.publishing.counting import count
from server.publishing.publisher.advancing import Progress, advance, begun
from server.publishing.remedies import ChannelError, Remedy
from tests.server.publishing.elsewhere.mastodon import ACCOUNT, TOKEN, MastodonServer
from tests.server.publishing.elsewhere.running import Fault
from tests.server.publishing.subjects.mastodon import an_account
from tests.server.publishing.subjects.subject import PNG, Clock, Subject, a_picture, a_whole_post, an_id

_RETURN = "https://quillroom.example/channels/mastodon/return"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(clock: Clock) -> MastodonServer:
    return MastodonServer(clock.now)


@pytest.fixture
async def subject(server: MastodonServer, clock: Clock) -> AsyncIterator[Subject]:
    async with an_account(server, clock) as opened:
        yield opened


# Connecting


async def test_somebody_signs_in_and_the_servers_limits_hold(subject: Subject, server: MastodonServer) -> None:
    consent = await _consent(subject)
    assert "code_challenge_method=S256" in consent.url
    connection = await subject.channel.finish(subject.caller.http, consent.kept, server.agree(consent.url))

    assert connection.name == "@ada@mastodon.example"
    assert connection.remote_id == ACCOUNT
    assert connection.expires_at is None
    assert server.tokens[connection.secrets["access_token"]] == ACCOUNT
    assert set(connection.secrets) == {"access_token", "client_id", "client_secret"}
    limits = subject.channel.limits(_of(subject, facts=connection.facts).account)
    assert (limits.text, limits.counting, limits.pictures, limits.alt) == (500, Counting.MASTODON, 4, 100)
    assert limits.picture_types == {"image/jpeg", "image/png", "image/gif"}
    assert limits.picture_bytes == 1_000_000


async def test_an_older_server_is_signed_in_to_without_a_proof(subject: Subject, server: MastodonServer) -> None:
    server.discovers = False
    server.knows_v2 = False
    consent = await _consent(subject)

    assert "code_challenge" not in consent.url
    assert (await subject.channel.finish(subject.caller.http, consent.kept, server.agree(consent.url))).name


async def test_a_sign_in_that_was_not_begun_here_is_refused(subject: Subject, server: MastodonServer) -> None:
    consent = await _consent(subject)
    answer = {**server.agree(consent.url), "state": "another"}

    with pytest.raises(ChannelError, match="another question") as refused:
        await subject.channel.finish(subject.caller.http, consent.kept, answer)

    assert refused.value.remedy is Remedy.RECONNECT


async def test_a_code_is_worth_nothing_without_its_proof(subject: Subject, server: MastodonServer) -> None:
    consent = await _consent(subject)
    answer = server.agree(consent.url)

    with pytest.raises(ChannelError) as refused:
        await subject.channel.finish(subject.caller.http, {**consent.kept, "verifier": "guessed" * 8}, answer)

    assert refused.value.remedy is Remedy.RECONNECT
    assert "invalid_grant" in refused.value.evidence
    assert answer["code"] not in f"{refused.value}{refused.value.evidence}"


async def test_who_does_not_agree_is_told_what_to_do(subject: Subject) -> None:
    consent = await _consent(subject)
    answer = {"state": consent.kept["state"], "error": "access_denied", "error_description": "The owner denied it."}

    with pytest.raises(ChannelError, match="was not allowed to let Quillroom in"):
        await subject.channel.finish(subject.caller.http, consent.kept, answer)


async def test_access_without_the_right_to_post_is_not_kept(subject: Subject, server: MastodonServer) -> None:
    server.scopes = "read"
    consent = await _consent(subject)

    with pytest.raises(ChannelError, match="without the right to post"):
        await subject.channel.finish(subject.caller.http, consent.kept, server.agree(consent.url))


async def test_endpoints_of_another_host_are_not_believed(subject: Subject, server: MastodonServer) -> None:
    elsewhere = {"authorization_endpoint": "https://evil.example/a", "token_endpoint": "https://evil.example/t"}
    server.answers.append(JSONResponse({**elsewhere, "code_challenge_methods_supported": ["S256"]}))

    consent = await _consent(subject)

    assert consent.url.startswith(f"{subject.place.url}/oauth/authorize?")
    assert consent.kept["token_url"] == f"{subject.place.url}/oauth/token"


async def test_an_answer_with_secrets_that_cannot_be_read_is_not_shown(
    subject: Subject, server: MastodonServer
) -> None:
    consent = await _consent(subject)
    answer = server.agree(consent.url)
    server.answers.append(Response('{"access_token": "very-secret', 200))

    with pytest.raises(ChannelError) as refused:
        await subject.channel.finish(subject.caller.http, consent.kept, answer)

    assert "very-secret" not in f"{refused.value}{refused.value.evidence}"


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("mastodon.social", "https://mastodon.social"),
        (" https://Mastodon.Social/explore ", "https://mastodon.social"),
        ("@ada@mastodon.social", "https://mastodon.social"),
        ("ada@bücher.example", "https://xn--bcher-kva.example"),
        ("http://localhost:3000", "http://localhost:3000"),
    ],
)
def test_a_server_is_read_from_what_people_write(said: str, address: str) -> None:
    assert instance(said) == address


@pytest.mark.parametrize("said", ["", "not a host", "ftp://a.example", "https://", "https://a:b@c.example", "a..b:x"])
def test_what_is_no_server_is_told(said: str) -> None:
    with pytest.raises(ChannelError, match="Write it like"):
        instance(said)


async def test_a_host_that_is_no_mastodon_is_told(subject: Subject, server: MastodonServer) -> None:
    server.answers += [JSONResponse({}, 404), Response(status_code=301, headers={"location": "https://b.example/"})]

    with pytest.raises(ChannelError, match="does not speak Mastodon") as refused:
        await _consent(subject)

    assert refused.value.remedy is Remedy.RECONNECT


# What goes out


async def test_a_whole_thread_goes_out(subject: Subject, server: MastodonServer) -> None:
    post = replace(
        a_whole_post(subject),
        link="https://quillroom.example/p/fox",
        tags=("foxes", "open source"),
        language="de-AT",
        options={"visibility": "unlisted", "content_warning": "Animals"},
    )

    handle = await _deliver(subject, post)

    first, *replies = server.statuses.values()
    assert first["text"] == "The brown fox\n\nhttps://quillroom.example/p/fox\n\n#foxes #OpenSource"
    assert (first["visibility"], first["spoiler_text"], first["language"]) == ("unlisted", "Animals", "de")
    assert [server.media[name]["description"] for name in first["media_ids"]] == ["Fox 0", "Fox 1"]
    assert [server.media[name]["bytes"] for name in first["media_ids"]] == [PNG, PNG]
    assert [reply["in_reply_to_id"] for reply in replies] == [first["id"], replies[0]["id"]]
    assert all(reply["spoiler_text"] == "Animals" and not reply["media_ids"] for reply in replies)
    assert handle.url == f"{subject.place.url}/@ada/{first['id']}"
    assert handle.remote_id == first["id"]


def test_links_and_tags_that_stand_in_the_text_are_not_repeated() -> None:
    post = _post(text="See https://a.example #Foxes", link="https://a.example", tags=("foxes", "fox", "!"))

    assert said(post) == "See https://a.example #Foxes\n\n#fox"


async def test_a_picture_that_is_worked_on_is_waited_for(subject: Subject, server: MastodonServer) -> None:
    server.works_on_pictures = 2
    post = _post(pictures=(a_picture(PNG), a_picture(PNG, alt="Another")))
    waits = []
    progress = Progress(subject.channel.begin(post, subject.caller.account))
    while not progress.is_done:
        progress = await advance(subject.channel, subject.caller, post, progress)
        waits.append(progress.wait_seconds)

    assert len([wait for wait in waits if wait]) == 4
    assert len(server.media) == 2
    assert subject.place.calls.count("POST /api/v1/statuses") == 1


async def test_a_picture_that_cannot_be_read_there_stops_the_post(subject: Subject, server: MastodonServer) -> None:
    server.works_on_pictures = None

    with pytest.raises(ChannelError) as refused:
        await _deliver(subject, _post(pictures=(a_picture(PNG),)))

    assert refused.value.remedy is Remedy.FIX_CONTENT
    assert "Error processing thumbnail" in refused.value.evidence


async def test_pictures_that_lay_there_too_long_are_sent_again(
    subject: Subject, server: MastodonServer, clock: Clock
) -> None:
    post = _post(pictures=(a_picture(PNG),))
    progress = await _ready(subject, post)
    server.media.clear()
    clock.time += timedelta(hours=2)

    await _deliver(subject, post, progress)

    [status] = server.statuses.values()
    assert status["media_ids"] == list(server.media)


# Once


async def test_a_call_that_was_lost_is_made_again_only_when_the_server_has_settled(
    subject: Subject, clock: Clock
) -> None:
    post = _post()
    handle = (await _ready(subject, post)).handle
    called_at = clock.time

    clock.passes(20)
    with pytest.raises(ChannelError) as early:
        await subject.channel.status(subject.caller, post, handle, called_at=called_at)
    clock.passes(40)
    late = await subject.channel.status(subject.caller, post, handle, called_at=called_at)

    assert (early.value.remedy, early.value.after_seconds) == (Remedy.RETRY, 40)
    assert (late.finding, late.handle) == (Finding.ABSENT, handle)
    assert subject.place.calls == []


async def test_after_the_key_is_forgotten_the_account_is_read_back(
    subject: Subject, server: MastodonServer, clock: Clock
) -> None:
    text = "Grüße @bob@other.example & <all>\n\nhttps://example.com/a/page/that/is/long?with=a&query=1 #fox 🦊"
    post = _post(text=text)
    handle = (await _ready(subject, post)).handle
    called_at = clock.time
    await subject.channel.publish(subject.caller, post, handle)
    [made] = server.statuses
    # Others are newer; more than a page of them.
    for number in range(60):
        await subject.channel.publish(subject.caller, _post(text=f"Other {number}"), handle)
    clock.time += timedelta(hours=5)

    status = await subject.channel.status(subject.caller, post, handle, called_at=called_at)

    assert status.finding is Finding.CARRIED_OUT
    assert status.handle.remote_id == made


async def test_the_time_of_the_first_call_counts_and_not_of_the_last(
    subject: Subject, server: MastodonServer, clock: Clock
) -> None:
    """The key is kept from the first call on: one that is lost twice, 45 minutes apart, is forgotten in between."""
    post = _post()
    progress = await _ready(subject, post)
    for minutes in (45, 30):
        subject.place.breaks(Fault.ANSWER_LOST)
        saved = begun(progress, clock.time)
        with pytest.raises(ChannelError):
            await advance(subject.channel, subject.caller, post, progress)
        clock.time += timedelta(minutes=minutes)
        progress = await advance(subject.channel, subject.caller, post, saved)

    await _deliver(subject, post, progress)

    assert len(server.statuses) == 1


async def test_a_call_that_is_put_off_until_the_key_is_forgotten_looks_first(
    subject: Subject, server: MastodonServer, clock: Clock
) -> None:
    """The key would have made it once, said the look; then no worker ran for two hours."""
    post = _post()
    progress = await _ready(subject, post)
    await subject.channel.publish(subject.caller, post, progress.handle)
    clock.time += timedelta(hours=2)

    await _deliver(subject, post, progress)

    assert len(server.statuses) == 1


async def test_the_same_words_from_before_are_another_post(
    subject: Subject, server: MastodonServer, clock: Clock
) -> None:
    post = _post()
    other = await _ready(subject, post)
    await subject.channel.publish(subject.caller, _post(), other.handle)
    clock.time += timedelta(hours=1)
    handle = (await _ready(subject, post)).handle
    called_at = clock.time
    clock.time += timedelta(hours=1)

    status = await subject.channel.status(subject.caller, post, handle, called_at=called_at)

    assert status.finding is Finding.ABSENT


async def test_the_same_words_posted_by_hand_are_another_post(
    subject: Subject, server: MastodonServer, clock: Clock
) -> None:
    post = _post()
    progress = await _ready(subject, post)
    handle = await subject.channel.publish(subject.caller, post, progress.handle)
    server.statuses[handle.remote_id or ""]["by"] = "Web"
    clock.time += timedelta(hours=1)

    called_at = clock.time - timedelta(minutes=30)
    status = await subject.channel.status(subject.caller, post, progress.handle, called_at=called_at)

    assert status.finding is Finding.ABSENT


async def test_where_too_much_is_newer_a_person_is_asked(
    subject: Subject, server: MastodonServer, clock: Clock
) -> None:
    post = _post()
    progress = await _ready(subject, post)
    saved = begun(progress, clock.time)
    for number in range(210):
        name = server._next()
        server.statuses[name] = {
            "id": name,
            "made": clock.time,
            "in_reply_to_id": None,
            "text": f"Other {number}",
            "spoiler_text": "",
        }
    clock.time += timedelta(hours=1)

    for stands in (saved, progress):
        with pytest.raises(ChannelError) as unclear:
            await advance(subject.channel, subject.caller, post, stands)
        assert unclear.value.remedy is Remedy.UNKNOWN
        assert "newest 200" in unclear.value.evidence
    assert len(server.statuses) == 210


async def test_a_server_without_keys_is_given_five_minutes(clock: Clock) -> None:
    server = MastodonServer(clock.now, version="0.17.3", keeps_keys=False)
    async with an_account(server, clock) as subject:
        post = _post()
        handle = (await _ready(subject, post)).handle
        called_at = clock.time
        clock.passes(240)
        with pytest.raises(ChannelError, match="may still bring it") as early:
            await subject.channel.status(subject.caller, post, handle, called_at=called_at)
        clock.passes(60)
        late = await subject.channel.status(subject.caller, post, handle, called_at=called_at)

    assert early.value.remedy is Remedy.RETRY
    assert late.finding is Finding.ABSENT


async def test_an_answer_nobody_can_read_leaves_open_what_happened(subject: Subject, server: MastodonServer) -> None:
    post = _post()
    for answer in (Response("<html>", 200), JSONResponse({"no": "id"}), JSONResponse([])):
        server.answers.append(answer)
        with pytest.raises(ChannelError) as lost:
            await subject.channel.publish(subject.caller, post, Handle(Stage.READY))
        assert lost.value.remedy is Remedy.UNKNOWN


# What it answers


@pytest.mark.parametrize(
    ("status", "error", "remedy"),
    [
        (401, "The access token is invalid", Remedy.RECONNECT),
        (403, "This action is outside the authorized scopes", Remedy.RECONNECT),
        (403, "Your login is currently disabled", Remedy.RECONNECT),
        (404, "Record not found", Remedy.FIX_CONTENT),
        (413, "Too large", Remedy.FIX_CONTENT),
        (422, "Validation failed: Text can't be blank", Remedy.FIX_CONTENT),
        (422, "Cannot attach files that have not finished processing. Try again in a moment!", Remedy.RETRY),
        (429, "Too many requests", Remedy.QUOTA),
        (500, "Something went wrong", Remedy.UNKNOWN),
        (502, "", Remedy.UNKNOWN),
        (503, "", Remedy.UNKNOWN),
        (504, "", Remedy.UNKNOWN),
        (418, "", Remedy.OPERATOR),
        (302, "", Remedy.OPERATOR),
    ],
)
async def test_every_refusal_has_its_remedy(
    subject: Subject, server: MastodonServer, status: int, error: str, remedy: Remedy
) -> None:
    server.answers.append(JSONResponse({"error": error}, status))

    with pytest.raises(ChannelError) as refused:
        await subject.channel.publish(subject.caller, _post(), Handle(Stage.READY))

    assert refused.value.remedy is remedy
    assert refused.value.evidence.startswith(f"HTTP {status}")
    assert TOKEN not in f"{refused.value}{refused.value.evidence}"


async def test_the_share_is_free_again_when_the_server_says(subject: Subject, server: MastodonServer) -> None:
    reset = (datetime.now(UTC) + timedelta(minutes=4)).isoformat().replace("+00:00", "Z")
    server.answers.append(JSONResponse({"error": "Too many requests"}, 429, headers={"X-RateLimit-Reset": reset}))

    with pytest.raises(ChannelError) as refused:
        await subject.channel.publish(subject.caller, _post(), Handle(Stage.READY))

    assert refused.value.after_seconds is not None
    assert 200 < refused.value.after_seconds <= 241


async def test_there_is_nothing_to_refresh(subject: Subject) -> None:
    with pytest.raises(ChannelError) as refused:
        await subject.channel.refresh(subject.caller)

    assert refused.value.remedy is Remedy.RECONNECT


# Afterwards


async def test_a_change_keeps_pictures_and_sends_new_ones(subject: Subject, server: MastodonServer) -> None:
    post = a_whole_post(subject)
    handle = await _deliver(subject, post)
    server.works_on_pictures = 1
    kept, _ = post.pictures
    changed = replace(post, text="The red fox", pictures=(kept, a_picture(PNG, alt="A red fox")))

    handle = await subject.channel.update(subject.caller, changed, handle)

    first = server.statuses[handle.remote_id or ""]
    assert first["text"] == "The red fox"
    assert [server.media[name]["description"] for name in first["media_ids"]] == ["Fox 0", "A red fox"]
    assert len(server.media) == 3


async def test_a_thread_cannot_be_made_longer(subject: Subject) -> None:
    post = a_whole_post(subject)
    handle = await _deliver(subject, post)

    with pytest.raises(ChannelError, match="3 posts") as refused:
        await subject.channel.update(subject.caller, replace(post, replies=(*post.replies, "More")), handle)

    assert refused.value.remedy is Remedy.FIX_CONTENT


async def test_it_tells_how_a_post_fares(subject: Subject) -> None:
    handle = await _deliver(subject, _post())

    assert await subject.channel.metrics(subject.caller, handle) == Metrics(likes=3, shares=2, replies=1)


async def test_access_is_taken_back_by_the_app_that_it_was_given_to(subject: Subject, server: MastodonServer) -> None:
    consent = await _consent(subject)
    connection = await subject.channel.finish(subject.caller.http, consent.kept, server.agree(consent.url))
    account = replace(subject.caller.account, secrets=connection.secrets)

    assert await subject.channel.revoke(replace(subject.caller, account=account)) == ""

    assert connection.secrets["access_token"] not in server.tokens
    # One that was connected before the app's secret was kept.
    assert "Authorized apps" in await subject.channel.revoke(subject.caller)


# Before anything is sent


@pytest.mark.parametrize(
    ("changes", "where", "words"),
    [
        ({"text": " "}, "text", "wants a text"),
        ({"text": "a" * 501}, "text", "501 characters; mastodon.example takes 500. Shorten it by 1."),
        ({"text": "a" * 480 + " https://example.com/" + "b" * 500}, "text", "504 characters"),
        ({"text": "a" * 490, "options": {"content_warning": "b" * 11}}, "text", "with its warning has 501"),
        ({"text": "a" * 490, "tags": ("foxes and more",)}, "text", "505 characters"),
        ({"replies": ("fine", "c" * 501)}, "replies", "Reply 2 has 501"),
        ({"replies": ("fine", " ")}, "replies", "Reply 2 is empty"),
        ({"replies": ("r",) * 26}, "replies", "may have 25"),
        ({"options": {"visibility": "direct"}}, "visibility", "direct"),
    ],
)
def test_what_would_be_refused_is_told_before(changes: dict[str, Any], where: str, words: str) -> None:
    [problem] = Mastodon().validate(_post(**changes), _account())

    assert (problem.where, problem.blocks) == (where, True)
    assert words in problem.sentence


def test_pictures_that_would_be_refused_are_told_before() -> None:
    fine = a_picture(PNG)
    pictures = (
        replace(fine, content_type="image/tiff"),
        replace(fine, size_bytes=20_000_000),
        replace(fine, width=10_000, height=10_000),
        replace(fine, alt="a" * 1501),
        replace(fine, alt=""),
    )

    problems = Mastodon().validate(_post(pictures=pictures), _account())

    assert [(problem.where, problem.blocks) for problem in problems] == [
        ("pictures", True),
        ("picture 1", True),
        ("picture 2", True),
        ("picture 3", True),
        ("picture 4", True),
        ("picture 5", False),
    ]


def test_a_post_that_fits_has_no_problems() -> None:
    text = "a" * 470 + " https://example.com/" + "b" * 200
    assert count(text, Counting.MASTODON) == 494

    assert Mastodon().validate(_post(text=text, pictures=(a_picture(PNG),), replies=("r",)), _account()) == []


def _post(**changes: Any) -> Post:
    values = {
        "publication_id": an_id(),
        "key": an_id().hex,
        "due_at": datetime(2026, 11, 21, 12, tzinfo=UTC),
        "title": "",
        "text": "A fox",
        "html": "",
    }
    return Post(**{**values, **changes})


def _account() -> Account:
    return Account(an_id(), "mastodon", "@ada@mastodon.example", base_url="https://mastodon.example")


def _of(subject: Subject, **changes: Any) -> Caller:
    return replace(subject.caller, account=replace(subject.caller.account, **changes))


async def _consent(subject: Subject) -> Consent:
    consent = await subject.channel.connect(
        subject.caller.http, {"instance": subject.place.url}, app={}, return_to=_RETURN
    )
    assert isinstance(consent, Consent)
    return consent


async def _ready(subject: Subject, post: Post) -> Progress:
    progress = Progress(subject.channel.begin(post, subject.caller.account))
    while progress.handle.stage is not Stage.READY:
        progress = await advance(subject.channel, subject.caller, post, progress)
    return progress


async def _deliver(subject: Subject, post: Post, progress: Progress | None = None) -> Handle:
    progress = progress or Progress(subject.channel.begin(post, subject.caller.account))
    for _ in range(30):
        if progress.is_done:
            return progress.handle
        progress = await advance(subject.channel, subject.caller, post, progress)
    raise AssertionError("not done")
