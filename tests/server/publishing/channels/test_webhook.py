"""What is particular to webhooks: signatures, ids, what the receiver's answers mean, and changing the secret."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook as Signer
from standardwebhooks import WebhookVerificationError
from starlette.responses import PlainTextResponse, Response

from server.publishing.channel import Caller, Connection, Finding, Handle, Replaying
from server.publishing.channels.webhook import (
    ADVISED_BYTES,
    ROTATION,
    Webhook,
    body_of,
    checked_secret,
    content_of,
    new_secret,
    signed,
    signing_secrets,
)
from server.publishing.http import open_http
from server.publishing.remedies import ChannelError, Remedy
from tests.server.publishing.elsewhere.running import Fault, Place, running
from tests.server.publishing.elsewhere.webhook import Receiver
from tests.server.publishing.subjects.subject import Subject, a_picture, a_post
from tests.server.publishing.subjects.webhook import account_of

# From the specification's own example.
_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def receiver() -> Receiver:
    return Receiver(new_secret())


@pytest.fixture
async def place(receiver: Receiver) -> AsyncIterator[Place]:
    async with running(receiver.app()) as opened:
        yield opened


@pytest.fixture
async def subject(receiver: Receiver, place: Place) -> AsyncIterator[Subject]:
    http = open_http(private_networks=True, answer_seconds=2)
    async with http.client:
        account = account_of(place, receiver.secret)
        yield Subject(Webhook(), Caller(http, account), place, receiver.seen)


async def _publish(subject: Subject, **changes: object) -> Handle:
    post = a_post(subject, **changes)  # type: ignore[arg-type]  # the text is a keyword here, too
    return await subject.channel.publish(subject.caller, post, subject.channel.begin(post, subject.caller.account))


def test_a_signature_is_that_of_the_specification() -> None:
    body = b'{"test": 2432232314}'

    headers = signed("msg_p5jXN8AQM9LWM0D4loKWxJek", datetime.fromtimestamp(1614265330, UTC), body, [_SECRET])

    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert headers["webhook-timestamp"] == "1614265330"


@pytest.mark.parametrize("change", ["nothing", "body", "id", "stale", "early", "secret"])
def test_a_receiver_verifies_all_that_is_signed(change: str) -> None:
    moment = datetime.now(UTC) + {"stale": timedelta(minutes=-6), "early": timedelta(minutes=6)}.get(
        change, timedelta()
    )
    body = body_of("post.published", moment, {"id": "1", "text": "Zwölf Füchse 🦊"})
    headers = signed("msg_1", moment, body, [new_secret() if change == "secret" else _SECRET])
    if change == "body":
        body = body.replace(b"Zw", b"Zv")
    if change == "id":
        headers["webhook-id"] = "msg_2"

    if change == "nothing":
        assert Signer(_SECRET).verify(body, headers)["data"]["text"] == "Zwölf Füchse 🦊"
    else:
        with pytest.raises(WebhookVerificationError):
            Signer(_SECRET).verify(body, headers)


async def test_an_event_says_what_was_published(subject: Subject, receiver: Receiver) -> None:
    await _publish(
        subject,
        title="The fox",
        summary="A fox",
        tags=("fox",),
        link="https://example.org/fox",
        pictures=(replace(a_picture(b"1234"), url="https://example.org/fox.png"),),
    )

    [event] = receiver.events
    assert event["type"] == "post.published"
    assert event["timestamp"] == "2026-11-21T12:00:00Z"
    assert event["data"]["html"] == "<p>The brown fox</p>"
    assert event["data"]["tags"] == ["fox"]
    assert event["data"]["pictures"] == [
        {
            "name": "fox.png",
            "content_type": "image/png",
            "size_bytes": 4,
            "width": 2,
            "height": 2,
            "alt": "A fox",
            "url": "https://example.org/fox.png",
        }
    ]


async def test_an_event_keeps_its_id_and_tells_the_time_of_each_attempt(subject: Subject, receiver: Receiver) -> None:
    post = a_post(subject)
    handle = subject.channel.begin(post, subject.caller.account)
    times = [datetime.now(UTC) - timedelta(seconds=90), datetime.now(UTC)]
    for moment in times:
        caller = replace(subject.caller, now=lambda moment=moment: moment)  # type: ignore[misc]  # bound early
        await subject.channel.publish(caller, post, handle)

    (first, first_body), (second, second_body) = receiver.requests
    assert first["webhook-id"] == second["webhook-id"] == handle.remote_id
    assert "." not in first["webhook-id"]
    assert first["webhook-timestamp"] == str(int(times[0].timestamp()))
    assert second["webhook-timestamp"] == str(int(times[1].timestamp()))
    assert first_body == second_body
    assert len(receiver.events) == 1


async def test_an_update_is_an_event_of_its_own_unless_it_is_sent_again(subject: Subject, receiver: Receiver) -> None:
    channel, caller = subject.channel, subject.caller
    post = a_post(subject)
    handle = await channel.publish(caller, post, channel.begin(post, caller.account))
    changed = replace(post, text="The red fox")

    subject.place.breaks(Fault.ANSWER_LOST)
    with pytest.raises(ChannelError):
        await channel.update(caller, changed, handle)
    once = await channel.update(caller, changed, handle)
    back = await channel.update(caller, post, once)
    await channel.update(caller, changed, back)

    assert [event["type"] for event in receiver.events] == ["post.published"] + ["post.updated"] * 3
    assert [event["data"]["text"] for event in receiver.events] == [
        "The brown fox",
        "The red fox",
        "The brown fox",
        "The red fox",
    ]


async def test_the_last_event_is_sent_again_to_a_receiver_that_lost_it(subject: Subject, receiver: Receiver) -> None:
    channel, caller = subject.channel, subject.caller
    assert isinstance(channel, Replaying)
    post = a_post(subject)
    handle = await channel.publish(caller, post, channel.begin(post, caller.account))
    await channel.replay(caller, post, handle)
    assert [event["type"] for event in receiver.events] == ["post.published"]
    [(first, first_body), (second, second_body)] = receiver.requests
    assert (first["webhook-id"], first_body) == (second["webhook-id"], second_body)

    receiver.lose_all()
    await channel.replay(caller, post, handle)
    assert receiver.seen() == ["The brown fox"]

    changed = replace(post, text="The red fox")
    handle = await channel.update(caller, changed, handle)
    receiver.lose_all()
    await channel.replay(caller, changed, handle)
    assert [(event["type"], event["data"]["text"]) for event in receiver.events] == [("post.updated", "The red fox")]
    assert receiver.requests[-1][0]["webhook-id"] == receiver.requests[-2][0]["webhook-id"]


async def test_an_update_that_was_lost_and_then_changed_is_another_event(subject: Subject, receiver: Receiver) -> None:
    post = a_post(subject)
    handle = await subject.channel.publish(subject.caller, post, subject.channel.begin(post, subject.caller.account))
    subject.place.breaks(Fault.ANSWER_LOST)
    with pytest.raises(ChannelError):
        await subject.channel.update(subject.caller, replace(post, text="The red fox"), handle)

    await subject.channel.update(subject.caller, replace(post, text="The blue fox"), handle)

    assert receiver.seen() == ["The blue fox"]


_ANSWERS: tuple[tuple[int, dict[str, str], Remedy, float | None, str], ...] = (
    (301, {"location": "https://elsewhere.example/s3cret"}, Remedy.RETRY, None, "new address"),
    (307, {"location": "https://elsewhere.example/s3cret"}, Remedy.RETRY, None, "new address"),
    (400, {}, Remedy.RETRY, None, "(400)"),
    (401, {}, Remedy.RETRY, None, "signing secret"),
    (403, {}, Remedy.RETRY, None, "signing secret"),
    (404, {}, Remedy.RETRY, None, "(404)"),
    (410, {}, Remedy.RECONNECT, None, "no more events"),
    (413, {}, Remedy.FIX_CONTENT, None, "too long"),
    (422, {}, Remedy.RETRY, None, "(422)"),
    (429, {"retry-after": "120"}, Remedy.RETRY, 120.0, "(429)"),
    (500, {}, Remedy.RETRY, None, "busy or broken"),
    (502, {"retry-after": "30"}, Remedy.RETRY, 30.0, "busy or broken"),
    (503, {"retry-after": "30"}, Remedy.RETRY, 30.0, "busy or broken"),
    (504, {"retry-after": "30"}, Remedy.RETRY, 30.0, "busy or broken"),
)


async def test_only_an_answer_in_the_200s_counts(subject: Subject, receiver: Receiver) -> None:
    for status, headers, remedy, after, says in _ANSWERS:
        receiver.answers.append(PlainTextResponse("not now", status, headers=headers))

        with pytest.raises(ChannelError) as refused:
            await _publish(subject)

        assert refused.value.remedy is remedy, status
        assert refused.value.after_seconds == after, status
        assert says in str(refused.value), status
        assert "not now" in refused.value.evidence
        assert "s3cret" not in f"{refused.value}{refused.value.evidence}"
    # A redirect is not followed.
    assert subject.place.calls == ["POST /hook"] * len(_ANSWERS)
    assert receiver.seen() == []


async def test_the_address_is_told_to_nobody(subject: Subject) -> None:
    url = "http://127.0.0.1:1/hook/s3cret"
    caller = replace(
        subject.caller, account=replace(subject.caller.account, secrets={"url": url, "secret": new_secret()})
    )
    post = a_post(subject)

    with pytest.raises(ChannelError) as unreachable:
        await subject.channel.publish(caller, post, subject.channel.begin(post, caller.account))

    assert unreachable.value.remedy is Remedy.RETRY
    assert "s3cret" not in f"{unreachable.value}{unreachable.value.evidence}{caller}"


async def test_silence_is_unknown_and_may_be_sent_again(subject: Subject, receiver: Receiver) -> None:
    post = a_post(subject)
    handle = subject.channel.begin(post, subject.caller.account)
    subject.place.breaks(Fault.SILENCE)
    hasty = replace(subject.caller, http=replace(subject.caller.http, answer_seconds=0.3))

    with pytest.raises(ChannelError) as silent:
        await subject.channel.publish(hasty, post, handle)
    status = await subject.channel.status(subject.caller, post, handle, called_at=datetime.now(UTC))
    await subject.channel.publish(subject.caller, post, status.handle)

    assert silent.value.remedy is Remedy.UNKNOWN
    assert status.finding is Finding.ABSENT
    assert len(receiver.requests) == 2
    assert receiver.seen() == ["The brown fox"]


async def test_while_the_secret_is_changed_both_sign(subject: Subject, receiver: Receiver) -> None:
    channel, caller = subject.channel, subject.caller

    rotated = await channel.refresh(caller)
    after = replace(caller, account=replace(caller.account, secrets=rotated.secrets))
    post = a_post(subject)
    await channel.publish(after, post, channel.begin(post, after.account))
    old = receiver.secret
    receiver.secret = rotated.secrets["secret"]
    other = a_post(subject, "Another fox")
    await channel.publish(after, other, channel.begin(other, after.account))

    assert rotated.shown_once == {"Signing secret": rotated.secrets["secret"]}
    assert rotated.secrets["secret"] != old
    assert receiver.seen() == ["The brown fox", "Another fox"]
    assert len(receiver.requests[0][0]["webhook-signature"].split(" ")) == 2
    over = caller.now() + ROTATION + timedelta(seconds=1)
    assert signing_secrets(rotated.secrets, over) == [rotated.secrets["secret"]]
    cleaned = await channel.check(replace(after, now=lambda: over))
    assert set(cleaned.secrets) == {"url", "secret"}


async def test_an_address_is_connected_with_a_secret_that_is_shown_once(subject: Subject) -> None:
    http, url = subject.caller.http, f"{subject.place.url}/hook?token=s3cret"

    made = await subject.channel.connect(http, {"url": f" {url} "}, app={}, return_to="")
    given = await subject.channel.connect(http, {"url": url, "secret": _SECRET}, app={}, return_to="")

    assert isinstance(made, Connection)
    assert isinstance(given, Connection)
    assert made.shown_once == {"Signing secret": made.secrets["secret"]}
    assert checked_secret(made.secrets["secret"])
    assert made.secrets["url"] == url
    assert given.secrets["secret"] == _SECRET
    assert given.shown_once == {}
    assert made.remote_id == given.remote_id
    assert "s3cret" not in f"{made.name}{made.base_url}{made.remote_id}{made!r}"
    assert set(subject.place.calls) == {"OPTIONS /hook"}


_NO_ENDPOINTS: tuple[dict[str, str], ...] = (
    {"url": ""},
    {"url": "example.org/hook"},
    {"url": "ftp://example.org/hook"},
    {"url": "https://"},
    {"url": "https://[example"},
    {"url": "https://example.org:99999/"},
    {"url": "https://ada:pass@example.org/hook"},
    {"url": "https://example.org/hook#part"},
    {"url": "https://example.org/", "secret": "short"},
    {"url": "https://example.org/", "secret": "whsec_c2hvcnQ="},
    {"url": "https://example.org/", "secret": "whsec_" + "A" * 100},
    {"url": "https://example.org/", "secret": "whsec_ä"},
)


async def test_what_cannot_be_an_endpoint_is_refused_at_once() -> None:
    http = open_http(answer_seconds=2)
    async with http.client:
        for answers in _NO_ENDPOINTS:
            with pytest.raises(ChannelError) as refused:
                await Webhook().connect(http, answers, app={}, return_to="")

            assert refused.value.remedy is Remedy.RECONNECT, answers
            assert "pass" not in str(refused.value).replace("password", "")


async def test_an_endpoint_that_is_gone_is_seen_at_a_check() -> None:
    receiver = Receiver(new_secret())
    app = receiver.app()
    app.router.routes.clear()

    async def gone(request: object) -> Response:
        return Response(status_code=410)

    app.add_route("/hook", gone, methods=["OPTIONS"])
    http = open_http(private_networks=True, answer_seconds=2)
    async with http.client, running(app) as place:
        caller = Caller(http, account_of(place, receiver.secret))
        with pytest.raises(ChannelError) as refused:
            await Webhook().check(caller)

    assert refused.value.remedy is Remedy.RECONNECT


async def test_a_host_of_a_private_network_is_not_called() -> None:
    http = open_http(answer_seconds=2)
    async with http.client:
        with pytest.raises(ChannelError) as refused:
            await Webhook().connect(http, {"url": "https://127.0.0.1/hook"}, app={}, return_to="")

    assert "private network" in str(refused.value)


async def test_a_long_event_is_told_before_and_can_go_without_its_text(subject: Subject) -> None:
    text = "Füchse " * 2_000
    post = a_post(subject, text)
    thin = replace(post, options={"payload": "thin"})

    [problem] = subject.channel.validate(post, subject.caller.account)

    assert not problem.blocks
    assert f"{ADVISED_BYTES:,} bytes" in problem.sentence
    assert subject.channel.validate(thin, subject.caller.account) == []
    assert "text" not in content_of(thin)
    assert json.loads(body_of("post.published", post.due_at, content_of(post)))["data"]["text"] == text


async def test_replies_and_too_many_pictures_are_told_to_be_in_vain(subject: Subject) -> None:
    post = a_post(subject, replies=("More",), pictures=(a_picture(b""),) * 101)

    problems = subject.channel.validate(post, subject.caller.account)

    assert [problem.where for problem in problems if problem.blocks] == ["pictures", "replies"]
