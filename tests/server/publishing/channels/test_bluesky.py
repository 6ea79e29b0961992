"""Bluesky: sessions that are kept alive, records under keys of our own choice, and what of a text is more than text."""

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from starlette.responses import JSONResponse, Response

from server.publishing.channel import Account, Connection, Finding, Handle, Metrics, Post, Stage
from server.publishing.channels.bluesky import Bluesky
from server.publishing.channels.bluesky_pictures import MAX_BYTES, smaller
from server.publishing.channels.bluesky_record import facets, keys_of, said, spans
from server.publishing.publisher.advancing import Progress, advance
from server.publishing.remedies import ChannelError, Remedy
from tests.server.publishing.elsewhere.bluesky import DID, ENDS, HANDLE, PASSWORD, BlueskyServer
from tests.server.publishing.elsewhere.running import running
from tests.server.publishing.subjects.bluesky import an_account
from tests.server.publishing.subjects.subject import PNG, Clock, Subject, a_picture, a_whole_post, an_id

_FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server() -> BlueskyServer:
    return BlueskyServer()


@pytest.fixture
async def subject(server: BlueskyServer, clock: Clock) -> AsyncIterator[Subject]:
    async with an_account(server, clock) as opened:
        yield opened


# Sessions


async def test_somebody_connects_with_an_app_password_that_is_not_kept(subject: Subject) -> None:
    connection = await _connect(subject, identifier=f" @{HANDLE} ")

    assert (connection.name, connection.remote_id) == (f"@{HANDLE}", DID)
    assert connection.base_url == subject.place.url
    assert connection.expires_at == datetime.fromtimestamp(ENDS, UTC)
    assert set(connection.secrets) == {"access", "refresh"}
    assert PASSWORD not in connection.secrets.values()


async def test_an_account_is_called_where_it_lives(subject: Subject, server: BlueskyServer) -> None:
    home = BlueskyServer()
    async with running(home.app()) as place:
        server.home = f"{place.url}/"
        connection = await _connect(subject)

    assert connection.base_url == place.url


async def test_a_wrong_password_is_told_without_it(subject: Subject) -> None:
    with pytest.raises(ChannelError, match="do not fit together") as refused:
        await _connect(subject, password="wrong-password")

    assert refused.value.remedy is Remedy.RECONNECT
    assert "wrong-password" not in f"{refused.value}{refused.value.evidence}"


async def test_the_accounts_own_password_is_told_apart(subject: Subject, server: BlueskyServer) -> None:
    server.refuses_sign_in = "AuthFactorTokenRequired"

    with pytest.raises(ChannelError, match="Make an app password"):
        await _connect(subject)


async def test_a_closed_account_is_not_connected(subject: Subject, server: BlueskyServer) -> None:
    server.refuses_sign_in = "AccountTakedown"
    with pytest.raises(ChannelError, match="closed or locked") as refused:
        await _connect(subject)
    assert refused.value.remedy is Remedy.RECONNECT

    server.refuses_sign_in = None
    server.status = "deactivated"
    with pytest.raises(ChannelError, match="is deactivated"):
        await _connect(subject)


async def test_too_many_sign_ins_wait(subject: Subject, server: BlueskyServer) -> None:
    server.answers.append(JSONResponse({"error": "RateLimitExceeded"}, 429, headers={"ratelimit-reset": "120"}))

    with pytest.raises(ChannelError) as refused:
        await _connect(subject)

    assert (refused.value.remedy, refused.value.after_seconds) == (Remedy.QUOTA, 120)


async def test_a_session_that_cannot_be_read_is_not_shown(subject: Subject, server: BlueskyServer) -> None:
    for answer in (Response('{"accessJwt": "very-secret'), JSONResponse({"accessJwt": "very-secret"})):
        server.answers.append(answer)
        with pytest.raises(ChannelError) as refused:
            await _connect(subject)
        assert "very-secret" not in f"{refused.value}{refused.value.evidence}"


@pytest.mark.parametrize("service", ["not a server", "ftp://a.example", "https://a:b@c.example", "a.example:port"])
async def test_what_is_no_server_is_told(subject: Subject, service: str) -> None:
    with pytest.raises(ChannelError, match="Write it like"):
        await _connect(subject, service=service)


async def test_both_tokens_are_renewed_together(subject: Subject, server: BlueskyServer) -> None:
    old = subject.caller.account.secrets
    connection = await subject.channel.refresh(subject.caller)

    assert connection.secrets["access"] in server.access
    assert connection.secrets["refresh"] in server.refresh
    assert old["refresh"] not in server.refresh
    with pytest.raises(ChannelError, match="Connect the account again") as refused:
        await subject.channel.refresh(subject.caller)
    assert refused.value.remedy is Remedy.RECONNECT


@pytest.mark.parametrize("status", [500, 429])
async def test_a_server_in_trouble_does_not_end_a_session(subject: Subject, server: BlueskyServer, status: int) -> None:
    server.answers.append(JSONResponse({"error": "Trouble"}, status))

    with pytest.raises(ChannelError) as refused:
        await subject.channel.refresh(subject.caller)

    assert refused.value.remedy in {Remedy.RETRY, Remedy.QUOTA}


# Records


async def test_a_whole_thread_goes_out(subject: Subject, server: BlueskyServer, clock: Clock) -> None:
    post = replace(
        a_whole_post(subject, "The brown fox of @bob.bsky.example and @nobody.example #foxes"),
        link="https://quillroom.example/p/fox",
        tags=("foxes", "open source"),
        language="de-AT",
    )

    handle = await _deliver(subject, post)

    keys = keys_of(post)
    assert list(server.records) == [f"at://{DID}/app.bsky.feed.post/{key}" for key in keys]
    first, second, third = server.records.values()
    assert first["text"].endswith("\n\nhttps://quillroom.example/p/fox")
    assert first["langs"] == ["de-AT"]
    assert first["tags"] == ["open source"]
    images = first["embed"]["images"]
    assert [(image["alt"], image["aspectRatio"]) for image in images] == [
        ("Fox 0", {"width": 2, "height": 2}),
        ("Fox 1", {"width": 2, "height": 2}),
    ]
    assert [_kind(facet) for facet in first["facets"]] == ["mention", "tag", "link"]
    assert first["facets"][0]["features"][0]["did"] == "did:plc:bob"
    uris = list(server.records)
    assert second["reply"]["root"]["uri"] == second["reply"]["parent"]["uri"] == uris[0]
    assert (third["reply"]["root"]["uri"], third["reply"]["parent"]["uri"]) == (uris[0], uris[1])
    assert first["createdAt"] < second["createdAt"] < third["createdAt"]
    assert handle.remote_id == uris[0]
    assert handle.url == f"https://bsky.app/profile/{DID}/post/{keys[0]}"


async def test_a_link_without_pictures_is_a_card(subject: Subject, server: BlueskyServer) -> None:
    await _deliver(subject, _post(link="https://quillroom.example/p/fox", title="The fox", summary="About it"))

    [record] = server.records.values()
    assert record["text"] == "A fox"
    assert record["embed"] == {
        "$type": "app.bsky.embed.external",
        "external": {"uri": "https://quillroom.example/p/fox", "title": "The fox", "description": "About it"},
    }


def test_keys_are_the_same_every_time_and_sort_by_time() -> None:
    post = _post(replies=("One", "Two"))
    later = replace(post, due_at=post.due_at + timedelta(seconds=2))
    other = replace(post, key="another")

    assert keys_of(post) == keys_of(replace(post, text="Changed"))
    assert sorted(keys_of(post)) == keys_of(post) < keys_of(later)
    assert not set(keys_of(post)) & set(keys_of(other))
    assert all(len(key) == 13 and set(key) <= set("234567abcdefghijklmnopqrstuvwxyz") for key in keys_of(post))


async def test_a_post_that_is_sent_twice_is_there_once_and_unchanged(
    subject: Subject, server: BlueskyServer, clock: Clock
) -> None:
    post = _post()
    progress = await _ready(subject, post)
    for _ in range(2):
        await subject.channel.publish(subject.caller, post, progress.handle)
        clock.time += timedelta(minutes=4)

    assert (len(server.records), server.puts) == (1, 1)


async def test_a_post_that_goes_out_hours_late_is_of_that_time(
    subject: Subject, server: BlueskyServer, clock: Clock
) -> None:
    progress = await _ready(subject, _post())
    clock.time += timedelta(hours=3)

    await subject.channel.publish(subject.caller, _post(), progress.handle)

    [record] = server.records.values()
    assert record["createdAt"].startswith(clock.time.isoformat()[:16])


@pytest.mark.parametrize("says_not_found", [True, False])
async def test_whether_a_record_is_there_is_asked_by_its_key(
    subject: Subject, server: BlueskyServer, clock: Clock, *, says_not_found: bool
) -> None:
    server.says_not_found = says_not_found
    post = _post()
    handle = (await _ready(subject, post)).handle

    before = await subject.channel.status(subject.caller, post, handle, called_at=clock.time)
    published = await subject.channel.publish(subject.caller, post, handle)
    after = await subject.channel.status(subject.caller, post, handle, called_at=clock.time)

    assert before.finding is Finding.ABSENT
    assert after.finding is Finding.CARRIED_OUT
    assert after.handle == published


async def test_pictures_that_lay_there_too_long_are_sent_again(
    subject: Subject, server: BlueskyServer, clock: Clock
) -> None:
    post = _post(pictures=(a_picture(PNG),))
    progress = await _ready(subject, post)
    server.blobs.clear()
    clock.time += timedelta(hours=2)

    await _deliver(subject, post, progress)

    assert len(server.records) == len(server.blobs) == 1


async def test_it_tells_how_a_post_fares(subject: Subject, server: BlueskyServer) -> None:
    handle = await _deliver(subject, _post())

    assert await subject.channel.metrics(subject.caller, handle) == Metrics(likes=5, shares=3, replies=4)
    server.records.clear()
    gone = await subject.channel.metrics(subject.caller, handle)
    assert gone == Metrics(gone="The account no longer has its record: it was deleted there.")


async def test_a_post_cannot_be_changed_and_that_is_told(subject: Subject) -> None:
    handle = await _deliver(subject, _post())

    assert not subject.channel.capabilities.updates
    with pytest.raises(ChannelError, match="Delete it and publish another"):
        await subject.channel.update(subject.caller, _post(text="Other"), handle)


# What it answers


@pytest.mark.parametrize(
    ("status", "error", "remedy"),
    [
        (400, "ExpiredToken", Remedy.REFRESH),
        (401, "AuthenticationRequired", Remedy.REFRESH),
        (400, "InvalidToken", Remedy.REFRESH),
        (401, "InvalidToken", Remedy.REFRESH),
        (400, "AccountTakedown", Remedy.RECONNECT),
        (401, "AccountTakedown", Remedy.RECONNECT),
        (401, "AuthFactorTokenRequired", Remedy.RECONNECT),
        (403, "Forbidden", Remedy.RECONNECT),
        (400, "InvalidRequest", Remedy.FIX_CONTENT),
        (400, "BlobTooLarge", Remedy.FIX_CONTENT),
        (400, "InvalidMimeType", Remedy.FIX_CONTENT),
        (413, "PayloadTooLarge", Remedy.FIX_CONTENT),
        (400, "InvalidSwap", Remedy.RETRY),
        (429, "RateLimitExceeded", Remedy.QUOTA),
        (500, "InternalServerError", Remedy.UNKNOWN),
        (502, "UpstreamFailure", Remedy.UNKNOWN),
        (503, "", Remedy.UNKNOWN),
        (404, "", Remedy.OPERATOR),
        (302, "", Remedy.OPERATOR),
    ],
)
async def test_every_refusal_has_its_remedy(
    subject: Subject, server: BlueskyServer, status: int, error: str, remedy: Remedy
) -> None:
    progress = await _ready(subject, _post())
    server.answers.append(JSONResponse({"error": error, "message": "Words"}, status))

    with pytest.raises(ChannelError) as refused:
        await subject.channel.publish(subject.caller, _post(), progress.handle)

    assert refused.value.remedy is remedy
    assert refused.value.evidence.startswith(f"HTTP {status}")
    assert subject.caller.account.secrets["access"] not in f"{refused.value}{refused.value.evidence}"


@pytest.mark.parametrize("absolute", [True, False])
async def test_the_share_is_free_again_when_the_server_says(
    subject: Subject, server: BlueskyServer, *, absolute: bool
) -> None:
    progress = await _ready(subject, _post())
    reset = str(int(datetime.now(UTC).timestamp()) + 90 if absolute else 90)
    server.answers.append(JSONResponse({"error": "RateLimitExceeded"}, 429, headers={"ratelimit-reset": reset}))

    with pytest.raises(ChannelError) as refused:
        await subject.channel.publish(subject.caller, _post(), progress.handle)

    assert refused.value.after_seconds is not None
    assert 30 < refused.value.after_seconds <= 90


async def test_an_answer_nobody_can_read_leaves_open_what_happened(subject: Subject, server: BlueskyServer) -> None:
    progress = await _ready(subject, _post())
    for answer in (Response("<html>"), JSONResponse({"uri": "at://x"}), JSONResponse([])):
        server.answers.append(answer)
        with pytest.raises(ChannelError) as lost:
            await subject.channel.publish(subject.caller, _post(), progress.handle)
        assert lost.value.remedy is Remedy.UNKNOWN


async def test_a_token_that_ends_while_mentions_are_looked_up_is_no_missing_person(
    subject: Subject, server: BlueskyServer
) -> None:
    post = _post(text="Hi @bob.bsky.example")
    server.answers.append(JSONResponse({"error": "ExpiredToken"}, 400))

    with pytest.raises(ChannelError) as refused:
        await subject.channel.prepare(subject.caller, post, subject.channel.begin(post, subject.caller.account))

    assert refused.value.remedy is Remedy.REFRESH


# Text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "https://a.example/x, and (https://b.example).",
            [("link", "https://a.example/x"), ("link", "https://b.example")],
        ),
        ("@ada.bsky.social: hi", [("mention", "ada.bsky.social")]),
        ("(@Ada.Example)", [("mention", "ada.example")]),
        ("@ada and @ada@mastodon.social and ada@b.example", []),
        ("#fox, #Füchse! #2026 #2026er #", [("tag", "fox"), ("tag", "Füchse"), ("tag", "2026er")]),
        ("a#b https://a.example/#c", [("link", "https://a.example/#c")]),
        ("#" + "a" * 65, []),
        ("＃日本語", [("tag", "日本語")]),
        ("https://a.example/@bob.bsky.social", [("link", "https://a.example/@bob.bsky.social")]),
    ],
)
def test_what_is_more_than_text_is_found(text: str, found: list[tuple[str, str]]) -> None:
    assert [(span.kind, span.value) for span in spans(text)] == found


def test_a_text_made_to_be_slow_is_looked_through_at_once() -> None:
    for hostile in (
        "#" + "." * 50_000 + "a",
        "@" + "a." * 50_000,
        "@" + "a-" * 50_000 + ".b",
        "#" * 50_000,
        " #" * 9_000,
    ):
        assert len(spans(hostile)) <= 1


def test_facets_are_placed_by_bytes() -> None:
    text = f"Grüße {_FAMILY} an @bob.example: https://a.example/ä #füchse"

    made: Any = facets(text, {"bob.example": "did:plc:bob"})

    data = text.encode()
    assert [data[at["index"]["byteStart"] : at["index"]["byteEnd"]].decode() for at in made] == [
        "@bob.example",
        "https://a.example/ä",
        "#füchse",
    ]


@given(st.text(max_size=60), st.sampled_from(["@bob.example", "https://a.example/b", "#fox", ""]), st.text(max_size=60))
def test_facets_of_any_text_cut_out_what_they_say(before: str, what: str, after: str) -> None:
    text = f"{before} {what} {after}"
    made: Any = facets(text, {"bob.example": "did:plc:bob"})

    data = text.encode()
    ends = [0]
    for at in made:
        assert ends[-1] <= at["index"]["byteStart"] < at["index"]["byteEnd"] <= len(data)
        data[at["index"]["byteStart"] : at["index"]["byteEnd"]].decode()
        ends.append(at["index"]["byteEnd"])


def test_a_link_in_the_text_is_not_repeated() -> None:
    post = _post(text="See https://a.example/b", link="https://a.example/b", pictures=(a_picture(PNG),))

    assert said(post) == "See https://a.example/b"


# Before anything is sent


@pytest.mark.parametrize(
    ("changes", "where", "words"),
    [
        ({"text": " "}, "text", "wants a text"),
        ({"text": "a" * 301}, "text", "301 characters; Bluesky takes 300. Shorten it by 1"),
        ({"text": _FAMILY * 130}, "text", "3250 bytes"),
        ({"replies": ("fine", "c" * 301)}, "replies", "Reply 2 has 301"),
        ({"replies": ("fine", " ")}, "replies", "Reply 2 is empty"),
        ({"replies": ("r",) * 26}, "replies", "may have 25"),
        ({"tags": tuple(f"tag {number}" for number in range(9))}, "tags", "9 tags"),
        ({"tags": ("a" * 65,)}, "tags", "65 characters"),
        ({"link": "https://a.example/" + "b" * 300, "pictures": (a_picture(PNG),)}, "text", "characters"),
    ],
)
def test_what_would_be_refused_is_told_before(changes: dict[str, Any], where: str, words: str) -> None:
    [problem] = Bluesky().validate(_post(**changes), _account())

    assert (problem.where, problem.blocks) == (where, True)
    assert words in problem.sentence


def test_a_post_that_fits_has_no_problems() -> None:
    text = _FAMILY * 100 + "a" * 200

    assert Bluesky().validate(_post(text=text, pictures=(a_picture(PNG),), replies=("r",)), _account()) == []


def test_pictures_are_told_before() -> None:
    fine = a_picture(PNG)
    pictures = (replace(fine, content_type="image/tiff"), replace(fine, size_bytes=3_000_000), replace(fine, alt=""))

    problems = Bluesky().validate(_post(pictures=(*pictures, fine, fine)), _account())

    assert [(problem.where, problem.blocks) for problem in problems] == [
        ("pictures", True),
        ("picture 1", True),
        ("picture 2", False),
        ("picture 3", False),
    ]


async def test_a_picture_that_is_too_large_is_sent_smaller(subject: Subject, server: BlueskyServer) -> None:
    data = _noise(1200, 900, "PNG")
    assert len(data) > MAX_BYTES

    await _deliver(subject, _post(pictures=(replace(a_picture(data), width=1200, height=900),)))

    [(sent, kind)] = server.blobs.values()
    assert kind == "image/jpeg"
    assert len(sent) <= MAX_BYTES
    [record] = server.records.values()
    with Image.open(BytesIO(sent)) as picture:
        assert record["embed"]["images"][0]["aspectRatio"] == {"width": picture.width, "height": picture.height}
        assert abs(picture.width * 900 - picture.height * 1200) <= 1200


def test_what_shows_through_is_white_and_what_lies_on_its_side_is_turned() -> None:
    clear, file = Image.new("RGBA", (40, 20), (0, 0, 0, 0)), BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    clear.save(file, "PNG", exif=exif)

    data, width, height = smaller(file.getvalue())

    assert (width, height) == (20, 40)
    with Image.open(BytesIO(data)) as picture:
        assert picture.getpixel((5, 5)) == (255, 255, 255)
        assert not picture.getexif()


async def test_a_file_that_is_no_picture_is_told(subject: Subject) -> None:
    with pytest.raises(ChannelError, match="could not be made smaller") as refused:
        await _deliver(subject, _post(pictures=(a_picture(b"x" * (MAX_BYTES + 1)),)))

    assert refused.value.remedy is Remedy.FIX_CONTENT


def _noise(width: int, height: int, kind: str) -> bytes:
    file = BytesIO()
    Image.frombytes("RGB", (width, height), os.urandom(width * height * 3)).save(file, kind)
    return file.getvalue()


def _kind(facet: dict[str, Any]) -> str:
    return str(facet["features"][0]["$type"]).partition("#")[2]


def _post(**changes: Any) -> Post:
    values = {
        "publication_id": an_id(),
        "key": "the-key",
        "due_at": datetime(2026, 11, 21, 12, tzinfo=UTC),
        "title": "",
        "text": "A fox",
        "html": "",
    }
    return Post(**{**values, **changes})


def _account() -> Account:
    return Account(an_id(), "bluesky", f"@{HANDLE}", base_url="https://pds.example", remote_id=DID)


async def _connect(subject: Subject, **changes: str) -> Connection:
    answers = {"identifier": HANDLE, "password": PASSWORD, "service": subject.place.url, **changes}
    connection = await subject.channel.connect(subject.caller.http, answers, app={}, return_to="")
    assert isinstance(connection, Connection)
    return connection


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


async def test_the_session_is_ended_and_the_app_password_left_to_its_person(
    subject: Subject, server: BlueskyServer
) -> None:
    for _ in range(2):
        assert "Delete the app password" in await subject.channel.revoke(subject.caller)
    assert server.refresh == set()
