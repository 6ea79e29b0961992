"""A webhook: each post is an event that is sent to an address, signed as Standard Webhooks says.

The receiver knows an event by its `webhook-id`, which is the same each time it is sent: an event whose answer was lost
is simply sent again. What is signed, and when it is sent again: docs/channels.md, "Webhook".
"""

import base64
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final
from urllib.parse import urlsplit

from standardwebhooks import Webhook as Signer

from server.publishing.channel import (
    Account,
    Caller,
    Capabilities,
    Connection,
    Consent,
    Field,
    Finding,
    Handle,
    Json,
    Limits,
    Metrics,
    Post,
    Problem,
    Stage,
    Status,
)
from server.publishing.http import Answer, Http
from server.publishing.remedies import ChannelError, Remedy

ANSWER_SECONDS: Final = 20.0
# Above this, receivers may refuse an event: Standard Webhooks advises to stay below.
ADVISED_BYTES: Final = 20_000
MAX_PICTURES: Final = 100
SECRET_BYTES: Final = 32
# How long the old secret signs along after a new one was made.
ROTATION: Final = timedelta(hours=24)
_SHORTEST_SECRET: Final = 24
_LONGEST_SECRET: Final = 64
_PREFIX: Final = "whsec_"
_GONE: Final = 410
_TOO_LARGE: Final = 413
_NO_ENTRY: Final = frozenset({401, 403})
_FULL: Final = "full"
_THIN: Final = "thin"

_CAPABILITIES: Final = Capabilities(
    titles=True,
    rich_text=True,
    pictures=True,
    updates=True,
    deletes=True,
    updating="The receiver is told by the event post.updated, with all of the post; what it does is its own affair.",
    taking_down="The receiver is told by the event post.deleted; what it does is its own affair.",
)
_FORM: Final = (
    Field("url", "Address", "Where the events are sent: https://…"),
    Field(
        "secret",
        "Signing secret",
        "Leave it empty to have one made. One that the receiver already has begins with whsec_.",
        secret=True,
        required=False,
    ),
)
_OPTIONS: Final = (
    Field(
        "payload",
        "What is sent",
        "Receivers may refuse events of 20 kB and more.",
        required=False,
        choices=((_FULL, "All of the post"), (_THIN, "Title, summary and link, without the text")),
    ),
)


@dataclass(frozen=True, slots=True)
class Webhook:
    """Any address that takes signed events. Nothing there can be asked, and nothing needs to be."""

    kind: str = "webhook"
    name: str = "Webhook"
    about: str = "Your own program gets what is published, signed"
    capabilities: Capabilities = _CAPABILITIES
    form: Sequence[Field] = _FORM
    options: Sequence[Field] = _OPTIONS

    async def connect(
        self, http: Http, answers: Mapping[str, str], *, app: Mapping[str, str], return_to: str
    ) -> Connection | Consent:
        """Connect an address, with a secret that is made now unless one was filled in.

        Whether the address takes events is not tried: it could not verify them before it has the secret.
        """
        url = checked_url(answers.get("url", ""))
        given = answers.get("secret", "").strip()
        secret = checked_secret(given) if given else new_secret()
        await look_at(http, url)
        return connection(url, {"url": url, "secret": secret}, shown_once={} if given else {"Signing secret": secret})

    async def finish(self, http: Http, kept: Mapping[str, str], answer: Mapping[str, str]) -> Connection:
        """Never called: nobody is asked for consent. Raises ChannelError."""
        raise ChannelError(Remedy.OPERATOR, "A webhook is connected by its address alone.")

    async def check(self, caller: Caller) -> Connection:
        """Look whether anything answers at the address. No event is sent."""
        kept = caller.account.secrets
        await look_at(caller.http, kept["url"])
        return connection(kept["url"], without_old(kept, caller.now()))

    async def refresh(self, caller: Caller) -> Connection:
        """Make a new secret. The old one signs along for a day, so that the receiver can be changed without a gap."""
        kept = caller.account.secrets
        secret = new_secret()
        changed = {
            "url": kept["url"],
            "secret": secret,
            "old_secret": kept["secret"],
            "old_until": (caller.now() + ROTATION).isoformat(),
        }
        return replace(connection(kept["url"], changed, shown_once={"Signing secret": secret}), was_asked=False)

    def limits(self, account: Account) -> Limits:
        """No limits but the advised size, which is of the whole event: `validate` looks at it."""
        return Limits(pictures=MAX_PICTURES)

    def validate(self, post: Post, account: Account) -> list[Problem]:
        """Say what the receiver may refuse."""
        problems = []
        size = len(body_of("post.published", post.due_at, content_of(post)))
        if size >= ADVISED_BYTES:
            advice = (
                "Choose to send it without the text."
                if post.options.get("payload") != _THIN
                else "Shorten the summary or leave pictures out."
            )
            sentence = (
                f"The event is {size:,} bytes long; receivers may refuse {ADVISED_BYTES:,} bytes and more. {advice}"
            )
            problems.append(Problem("text", sentence, blocks=False))
        if len(post.pictures) > MAX_PICTURES:
            sentence = (
                f"{len(post.pictures)} pictures are too many: {MAX_PICTURES} at most go with an event. Remove some."
            )
            problems.append(Problem("pictures", sentence))
        if post.replies:
            problems.append(
                Problem("replies", "An event has no replies. Put their text into the post, or remove them.")
            )
        return problems

    def said(self, post: Post, account: Account) -> list[str]:
        """Return the text that the event holds; without one, its summary."""
        return [post.summary if post.options.get("payload") == _THIN else post.text]

    def begin(self, post: Post, account: Account) -> Handle:
        """Derive the event's id from the post's key: it is the same whenever it is sent."""
        return Handle(
            Stage.READY, {"publication": str(post.publication_id), "updates": 0}, event_id(post.key, "published")
        )

    async def prepare(self, caller: Caller, post: Post, handle: Handle) -> Handle:
        """There is nothing to prepare."""
        return handle.moved(Stage.READY)

    async def publish(self, caller: Caller, post: Post, handle: Handle) -> Handle:
        """Send the event `post.published`."""
        await send(caller, str(handle.remote_id), body_of("post.published", post.due_at, content_of(post)))
        return handle.moved(Stage.PUBLISHED)

    async def status(self, caller: Caller, post: Post, handle: Handle, *, called_at: datetime | None) -> Status:
        """Say that it may be sent again: the receiver knows by the id whether it has it already."""
        evidence = "A receiver cannot be asked, but it knows by the webhook-id whether it has the event already."
        return Status(Finding.ABSENT if called_at else Finding.CARRIED_OUT, handle, evidence)

    async def update(self, caller: Caller, post: Post, handle: Handle) -> Handle:
        """Send the event `post.updated`, with all of the post as it is now."""
        number = updates_of(handle) + 1
        await send_update(caller, post, handle, number)
        return handle.moved(handle.stage, updates=number)

    async def replay(self, caller: Caller, post: Post, handle: Handle) -> None:
        """Send the last event of the post again, by its own id: a receiver that has it takes it as done."""
        number = updates_of(handle)
        if number:
            await send_update(caller, post, handle, number)
        else:
            await self.publish(caller, post, handle)

    async def delete(self, caller: Caller, handle: Handle) -> None:
        """Send the event `post.deleted`; the receiver may have it already."""
        message = event_id(str(handle.remote_id), "deleted")
        await send(caller, message, body_of("post.deleted", caller.now(), {"id": handle.data["publication"]}))

    async def revoke(self, caller: Caller) -> str:
        """A receiver is not told: it hears of no more events."""
        return "The receiver still has the signing secret. Remove it there, so that nobody else's events pass for ours."

    async def metrics(self, caller: Caller, handle: Handle) -> Metrics:
        """A receiver tells nothing."""
        return Metrics()


def new_secret() -> str:
    """Make a secret that events are signed with."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def checked_secret(given: str) -> str:
    """Return a secret that was filled in. Raises ChannelError unless it is `whsec_` and 24 to 64 bytes in base64."""
    try:
        key = base64.b64decode(given.removeprefix(_PREFIX), validate=True)
    except ValueError:
        key = b""
    if not given.startswith(_PREFIX) or not _SHORTEST_SECRET <= len(key) <= _LONGEST_SECRET:
        raise ChannelError(
            Remedy.RECONNECT,
            "A signing secret is whsec_ and 24 to 64 bytes in base64. Leave it empty to have one made.",
        )
    return given


def checked_url(given: str) -> str:
    """Return an address that was filled in. Raises ChannelError if events cannot be sent there."""
    url = given.strip()
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"https", "http"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        raise ChannelError(Remedy.RECONNECT, "That is no address that events can be sent to. It begins with https://")
    if parts.username is not None or parts.fragment:
        raise ChannelError(
            Remedy.RECONNECT, "The address must have no name or password before an @, and nothing behind a #."
        )
    return url


def connection(url: str, kept: Mapping[str, str], *, shown_once: Mapping[str, str] | None = None) -> Connection:
    """Return what an account of this address is. The address itself may hold a secret: only its host is shown."""
    parts = urlsplit(url)
    return Connection(
        name=parts.netloc,
        base_url=f"{parts.scheme}://{parts.netloc}",
        remote_id=sha256(url.encode()).hexdigest()[:16],
        secrets=dict(kept),
        shown_once=shown_once or {},
    )


def without_old(kept: Mapping[str, str], now: datetime) -> Mapping[str, str]:
    """Return the secrets without an old one whose time is over."""
    if signing_secrets(kept, now)[1:]:
        return kept
    return {"url": kept["url"], "secret": kept["secret"]}


def signing_secrets(kept: Mapping[str, str], now: datetime) -> list[str]:
    """Return the secrets that sign now: the one that holds, and while it is being changed the old one."""
    until = kept.get("old_until")
    if until is None or now >= datetime.fromisoformat(until):
        return [kept["secret"]]
    return [kept["secret"], kept["old_secret"]]


def event_id(key: str, event: str) -> str:
    """Return the id of an event: always the same for the same key and event, without a '.', which ends it."""
    return f"msg_{sha256(f'{key}:{event}'.encode()).hexdigest()[:32]}"


def updates_of(handle: Handle) -> int:
    """How many updates were sent."""
    said = handle.data.get("updates")
    return said if isinstance(said, int) else 0


def content_of(post: Post) -> Mapping[str, Json]:
    """Return what an event says about a post: `data` of its payload. Pictures go as addresses, never as bytes."""
    content: dict[str, Json] = {
        "id": str(post.publication_id),
        "title": post.title,
        "summary": post.summary,
        "link": post.link,
        "language": post.language,
        "tags": list(post.tags),
        "pictures": [
            {
                "name": picture.name,
                "content_type": picture.content_type,
                "size_bytes": picture.size_bytes,
                "width": picture.width,
                "height": picture.height,
                "alt": picture.alt,
                "url": picture.url,
            }
            for picture in post.pictures
        ],
        "published_at": iso(post.due_at),
    }
    if post.options.get("payload") != _THIN:
        content |= {"text": post.text, "html": post.html}
    return content


def body_of(event: str, at: datetime, content: Mapping[str, Json]) -> bytes:
    """Return an event as the bytes that are signed and sent."""
    payload = {"type": event, "timestamp": iso(at), "data": content}
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


def iso(moment: datetime) -> str:
    """Write a moment as ISO 8601 in UTC: 2026-11-21T12:00:00Z."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def signed(message: str, at: datetime, body: bytes, signers: Sequence[str]) -> dict[str, str]:
    """Return the headers of an event that is sent at this moment, with a signature by each secret."""
    whole = at.astimezone(UTC).replace(microsecond=0)
    signatures = [Signer(secret).sign(message, whole, body.decode()) for secret in signers]
    return {
        "webhook-id": message,
        "webhook-timestamp": str(int(whole.timestamp())),
        "webhook-signature": " ".join(signatures),
        "content-type": "application/json; charset=utf-8",
    }


async def send(caller: Caller, message: str, body: bytes) -> None:
    """Send an event. Only an answer in the 200s means that it was taken. Raises ChannelError."""
    kept = caller.account.secrets
    now = caller.now()
    answer = await caller.http.call(
        "POST",
        kept["url"],
        changes=True,
        headers=signed(message, now, body, signing_secrets(kept, now)),
        content=body,
        seconds=min(ANSWER_SECONDS, caller.http.answer_seconds),
    )
    if not answer.is_success:
        raise refusal(answer, now)


async def send_update(caller: Caller, post: Post, handle: Handle, number: int) -> None:
    """Send an update of a post, its first by number 1. Raises ChannelError."""
    content = content_of(post)
    # The content is part of what the id is made of: an update whose answer was lost, and whose text was changed
    # before it was sent again, is another event.
    digest = sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    message = event_id(str(handle.remote_id), f"updated:{number}:{digest}")
    await send(caller, message, body_of("post.updated", caller.now(), content))


async def look_at(http: Http, url: str) -> None:
    """See whether something answers at an address, without sending it anything. Raises ChannelError."""
    answer = await http.call("OPTIONS", url, changes=False, seconds=min(ANSWER_SECONDS, http.answer_seconds))
    # Whatever else it says to a question that it need not know, it is there.
    if answer.status == _GONE:
        raise refusal(answer, None)


def refusal(answer: Answer, now: datetime | None) -> ChannelError:
    """Say what an answer outside the 200s means. A receiver that did not take an event may take it later."""
    status = answer.status
    after = answer.retry_after_seconds(now)
    # Where a redirect leads is not told: the address may hold a secret.
    evidence = answer.evidence
    if status == _GONE:
        return ChannelError(
            Remedy.RECONNECT,
            "The receiver wants no more events (410). Connect it again if it should.",
            evidence=evidence,
        )
    if status == _TOO_LARGE:
        return ChannelError(
            Remedy.FIX_CONTENT, "The event is too long for the receiver. Send it without the text.", evidence=evidence
        )
    if status // 100 == 3:
        sentence = f"The receiver answered that it has moved ({status}). Connect its new address: events follow no one."
    elif status in _NO_ENTRY:
        sentence = (
            f"The receiver let the event not in ({status}). Look whether it has the signing secret of this webhook."
        )
    elif status // 100 == 4:
        sentence = f"The receiver did not take the event ({status})."
    else:
        sentence = f"The receiver is busy or broken ({status})."
    return ChannelError(Remedy.RETRY, sentence, after_seconds=after, evidence=evidence)
