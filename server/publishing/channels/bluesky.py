"""Bluesky: text with pictures or a card, and a thread below, each post under a record key that is known before.

A record that is put twice under one key is there once, so no answer that is lost leaves anything open.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from server.publishing.channel import (
    Account,
    Caller,
    Capabilities,
    Connection,
    Consent,
    Counting,
    Field,
    Finding,
    Handle,
    Limits,
    Metrics,
    Post,
    Problem,
    Stage,
    Status,
)
from server.publishing.channels.bluesky_calls import (
    NAME,
    address_of,
    ask,
    connection_of,
    error_of,
    looked_at,
    refused,
    tell,
)
from server.publishing.channels.bluesky_pictures import MAX_BYTES, MAX_PICTURES, TYPES, problems_of, upload
from server.publishing.channels.bluesky_record import (
    COLLECTION,
    MAX_TAG,
    handles_of,
    keys_of,
    parts,
    record_of,
    said,
    tags_of,
)
from server.publishing.counting import graphemes
from server.publishing.http import Answer, Http
from server.publishing.remedies import ChannelError, Remedy

ENTRANCE: Final = "https://bsky.social"
MAX_CHARACTERS: Final = 300
MAX_TEXT_BYTES: Final = 3000
MAX_TAGS: Final = 8
# No rule of Bluesky: nobody reads a longer thread.
MAX_REPLIES: Final = 25
# Pictures that no record shows are thrown away there after some time, which nobody says; they are sent again sooner.
PICTURES_KEPT: Final = timedelta(hours=1)
# A post that goes out so much later than it was prepared is of the later time.
LATE: Final = timedelta(minutes=10)
_WRONG_PASSWORD: Final = frozenset({"AuthenticationRequired", "InvalidRequest", "InvalidToken", ""})


@dataclass(frozen=True, slots=True)
class Bluesky:
    """The channel. Its account's secrets are `access` and `refresh`, tokens that are renewed together."""

    kind: str = "bluesky"
    name: str = NAME
    about: str = "Short posts, threads and pictures; connected by an app password"

    @property
    def capabilities(self) -> Capabilities:
        """No changes: a record can be replaced, but what people were shown stays as it was."""
        return Capabilities(
            pictures=True,
            replies=True,
            deletes=True,
            metrics=True,
            taking_down="The post and the further ones of its thread are deleted. Answers of others stay.",
        )

    @property
    def form(self) -> Sequence[Field]:
        """A handle and a password for this alone, made in the account's settings."""
        where = "Made on Bluesky under Settings, Privacy and security, App passwords; not the account's own password"
        return (
            Field("identifier", "Handle", "ada.bsky.social"),
            Field("password", "App password", where, secret=True),
            Field("service", "Server", f"Only if the account does not sign in at {ENTRANCE}", required=False),
        )

    @property
    def options(self) -> Sequence[Field]:
        """Nothing besides what every post has."""
        return ()

    async def connect(
        self, http: Http, answers: Mapping[str, str], *, app: Mapping[str, str], return_to: str
    ) -> Connection | Consent:
        """Sign in once and keep the pair of tokens; the password is not kept. Raises ChannelError."""
        base_url = _service(answers.get("service", ""))
        body = {
            "identifier": answers.get("identifier", "").strip().lstrip("@"),
            "password": answers.get("password", "").strip(),
        }
        # Whoever signs in twice has two sessions, and nobody sees it.
        url = address_of(base_url, "com.atproto.server.createSession")
        answer = await http.call("POST", url, changes=False, body=body)
        error, _ = error_of(answer)
        if error == "AuthFactorTokenRequired":
            sentence = "That is the account's own password. Make an app password on Bluesky and use that."
            raise ChannelError(Remedy.RECONNECT, sentence, evidence=answer.evidence)
        if answer.status in {400, 401} and error in _WRONG_PASSWORD:
            sentence = (
                "Handle and app password do not fit together. Look at both; a new app password can be made there."
            )
            raise ChannelError(Remedy.RECONNECT, sentence, evidence=answer.evidence)
        if answer.status in {301, 302, 303, 307, 308, 404, 405}:
            sentence = (
                f"{urlsplit(base_url).netloc} is no server of Bluesky's network. Leave the server empty if unsure."
            )
            raise ChannelError(Remedy.RECONNECT, sentence, evidence=answer.evidence)
        if not answer.is_success:
            raise refused(answer, f"{NAME} did not take the sign-in")
        return connection_of(answer, base_url)

    async def finish(self, http: Http, kept: Mapping[str, str], answer: Mapping[str, str]) -> Connection:
        """Nobody has to agree anywhere. Raises ChannelError."""
        raise ChannelError(Remedy.OPERATOR, "Bluesky is connected with an app password.")

    async def check(self, caller: Caller) -> Connection:
        """Look at the session, and where the account lives now. Raises ChannelError."""
        answer = await ask(caller, "com.atproto.server.getSession", {})
        if not answer.is_success:
            raise refused(answer, f"{NAME} does not show the account")
        return looked_at(answer.entries(), caller.account.base_url, caller.account.secrets)

    async def refresh(self, caller: Caller) -> Connection:
        """Exchange both tokens for new ones. Raises ChannelError."""
        base_url = caller.account.base_url
        answer = await caller.http.call(
            "POST",
            address_of(base_url, "com.atproto.server.refreshSession"),
            # If the answer is lost, only asking again can tell: the server takes the old one a little longer, or not.
            changes=False,
            headers={"Authorization": f"Bearer {caller.account.secrets.get('refresh', '')}"},
        )
        if not answer.is_success:
            error = refused(answer, f"{NAME} gave no new tokens")
            if error.remedy in {Remedy.REFRESH, Remedy.FIX_CONTENT}:
                sentence = f"{NAME} gave no new tokens; the connection has ended. Connect the account again."
                raise ChannelError(Remedy.RECONNECT, sentence, evidence=error.evidence)
            raise error
        return connection_of(answer, base_url)

    def limits(self, account: Account) -> Limits:
        """What the format of a post allows, the same everywhere."""
        return Limits(
            text=MAX_CHARACTERS,
            text_bytes=MAX_TEXT_BYTES,
            counting=Counting.GRAPHEMES,
            replies=MAX_REPLIES,
            pictures=MAX_PICTURES,
            picture_bytes=MAX_BYTES,
            picture_types=TYPES,
            tags=MAX_TAGS,
        )

    def validate(self, post: Post, account: Account) -> list[Problem]:
        """Say what Bluesky would refuse."""
        problems = []
        if not said(post) and not post.pictures and not post.link:
            problems.append(Problem("text", "Bluesky wants a text or a picture. Write something."))
        if len(post.replies) > MAX_REPLIES:
            sentence = f"A thread may have {MAX_REPLIES} replies; this one has {len(post.replies)}. Join some."
            problems.append(Problem("replies", sentence))
        for number, text in enumerate(parts(post)):
            problems += _problems_of_text(text, number)
        tags = tags_of(post)
        if len(tags) > MAX_TAGS:
            sentence = f"There are {len(tags)} tags besides those in the text; {MAX_TAGS} are taken. Leave some out."
            problems.append(Problem("tags", sentence))
        problems += [
            Problem("tags", f"“{tag[:80]}” has {graphemes(tag)} characters; a tag may have {MAX_TAG}. Shorten it.")
            for tag in tags
            if graphemes(tag) > MAX_TAG
        ]
        return problems + problems_of(post.pictures)

    def said(self, post: Post, account: Account) -> list[str]:
        """Return the texts of the thread. A link without pictures is a card, and tags stand beside the text."""
        return parts(post)

    def begin(self, post: Post, account: Account) -> Handle:
        """Choose the record keys of the whole thread."""
        return Handle(Stage.PREPARING, {"keys": keys_of(post)})

    async def prepare(self, caller: Caller, post: Post, handle: Handle) -> Handle:
        """Find out who is mentioned, then send the next picture."""
        if "dids" not in handle.data:
            dids = {name: did for name in handles_of(post) if (did := await _did_of(caller, name))}
            # It may be prepared before it is due.
            created_at = max(caller.now(), post.due_at).isoformat()
            return handle.moved(_after(post, handle), dids=dids, created_at=created_at)
        images = _list(handle, "images")
        if len(images) < len(post.pictures):
            images.append(await upload(caller, post.pictures[len(images)]))
            sent_at = handle.data.get("images_at") or caller.now().isoformat()
            handle = handle.moved(handle.stage, images=images, images_at=sent_at)
        return handle.moved(_after(post, handle))

    async def publish(self, caller: Caller, post: Post, handle: Handle) -> Handle:
        """Put the first post, or the next reply of its thread. Raises ChannelError."""
        made = _list(handle, "made")
        if not made and _are_old(handle, caller.now()):
            # The same bytes are the same picture there, so the record does not change by it.
            return handle.moved(Stage.PREPARING, images=[], images_at=None)
        dids = handle.data.get("dids")
        record = record_of(
            post,
            len(made),
            created_at=_created_at(handle, caller.now()),
            dids=dids if isinstance(dids, dict) else {},
            images=list(_list(handle, "images")),
            thread=made,
        )
        body = {
            "repo": caller.account.remote_id,
            "collection": COLLECTION,
            "rkey": _list(handle, "keys")[len(made)],
            "record": record,
        }
        answer = await tell(caller, "com.atproto.repo.putRecord", body)
        if not answer.is_success:
            raise refused(answer, f"{NAME} did not take the post")
        entries = answer.entries()
        if not entries.get("uri") or not entries.get("cid"):
            sentence = f"{NAME} answered without saying what it made."
            raise ChannelError(Remedy.UNKNOWN, sentence, evidence=answer.evidence)
        return _with_next(caller, handle, entries)

    async def status(self, caller: Caller, post: Post, handle: Handle, *, called_at: datetime | None) -> Status:
        """Look whether there is a record under the next key."""
        key = _list(handle, "keys")[len(_list(handle, "made"))]
        answer, is_absent = await _look_up(caller, str(key))
        if answer.is_success:
            entries = answer.entries()
            if entries.get("uri") and entries.get("cid"):
                found = _with_next(caller, handle, entries)
                return Status(Finding.CARRIED_OUT, found, f"The record {key} is there.")
            # Put again it is the same record, and the answer says what is missing here.
            return Status(Finding.ABSENT, handle, f"The record {key} cannot be read in full; it is put again.")
        if is_absent:
            return Status(Finding.ABSENT, handle, f"There is no record {key}.")
        raise refused(answer, f"{NAME} does not show the post")

    async def update(self, caller: Caller, post: Post, handle: Handle) -> Handle:
        """Nothing is changed on Bluesky. Raises ChannelError."""
        raise ChannelError(Remedy.FIX_CONTENT, "A post on Bluesky cannot be changed. Delete it and publish another.")

    async def delete(self, caller: Caller, handle: Handle) -> None:
        """Take the thread back, the last reply first. What is gone already is no error there. Raises ChannelError."""
        for made in reversed(_list(handle, "made")):
            key = str(made["uri"]).rpartition("/")[2]
            body = {"repo": caller.account.remote_id, "collection": COLLECTION, "rkey": key}
            answer = await tell(caller, "com.atproto.repo.deleteRecord", body)
            if not answer.is_success:
                raise refused(answer, f"{NAME} did not take the post back")

    async def revoke(self, caller: Caller) -> str:
        """End the session. The app password is the person's to delete. Raises ChannelError."""
        answer = await caller.http.call(
            "POST",
            address_of(caller.account.base_url, "com.atproto.server.deleteSession"),
            changes=False,
            headers={"Authorization": f"Bearer {caller.account.secrets.get('refresh', '')}"},
        )
        error, _ = error_of(answer)
        # A session that has run out is as good as ended.
        if not answer.is_success and error not in {"ExpiredToken", "InvalidToken"}:
            raise refused(answer, f"{NAME} did not end the session")
        return "Delete the app password on Bluesky, under Settings, Privacy and security, App passwords."

    async def metrics(self, caller: Caller, handle: Handle) -> Metrics:
        """Count likes, reposts with quotes, and replies of the first post; nothing while it is not indexed."""
        answer = await ask(caller, "app.bsky.feed.getPosts", {"uris": handle.remote_id or ""})
        if not answer.is_success:
            raise refused(answer, f"{NAME} does not show the post")
        posts = answer.entries().get("posts")
        if not isinstance(posts, list) or not posts or not isinstance(posts[0], dict):
            # Not shown: it is not indexed yet, or it is no more.
            return Metrics(gone=await _why_gone(caller, handle))
        counts = {name: value for name, value in posts[0].items() if isinstance(value, int)}
        shares = [counts[name] for name in ("repostCount", "quoteCount") if name in counts]
        return Metrics(
            likes=counts.get("likeCount"),
            replies=counts.get("replyCount"),
            shares=sum(shares) if shares else None,
        )


async def _look_up(caller: Caller, key: str) -> tuple[Answer, bool]:
    """Ask for a record of the account. Returns the answer, and whether it says that there is none."""
    params = {"repo": caller.account.remote_id, "collection": COLLECTION, "rkey": key}
    answer = await ask(caller, "com.atproto.repo.getRecord", params)
    error, message = error_of(answer)
    # Servers name it the one way or the other.
    return answer, error == "RecordNotFound" or message.startswith("Could not locate record")


async def _why_gone(caller: Caller, handle: Handle) -> str | None:
    """Say why a post is not shown, if its record is no more; None: it is there. Raises ChannelError."""
    answer, is_absent = await _look_up(caller, (handle.remote_id or "").rpartition("/")[2])
    if is_absent:
        return "The account no longer has its record: it was deleted there."
    if not answer.is_success:
        raise refused(answer, f"{NAME} does not show the post")
    return None


def _service(said: str) -> str:
    """Read a server's address from what a person wrote; none is Bluesky's own."""
    text = said.strip().rstrip("/")
    address = text if "://" in text else f"https://{text}"
    if not text:
        return ENTRANCE
    try:
        parsed = urlsplit(address)
        fits = parsed.scheme in {"http", "https"} and bool(parsed.hostname) and not parsed.username and parsed.port != 0
    except ValueError:
        fits = False
    if not fits or " " in address:
        sentence = f"“{text[:100]}” is not the address of a server. Write it like pds.example.com, or leave it empty."
        raise ChannelError(Remedy.RECONNECT, sentence)
    return f"{parsed.scheme}://{parsed.netloc}"


def _problems_of_text(text: str, number: int) -> list[Problem]:
    where = "replies" if number else "text"
    which = f"Reply {number}" if number else "The text"
    if number and not text:
        return [Problem(where, f"{which} is empty. Write something, or take it out.")]
    length, size = graphemes(text), len(text.encode())
    if length > MAX_CHARACTERS:
        sentence = (
            f"{which} has {length} characters; Bluesky takes {MAX_CHARACTERS}. "
            f"Shorten it by {length - MAX_CHARACTERS}, or go on in a reply."
        )
        return [Problem(where, sentence)]
    if size > MAX_TEXT_BYTES:
        sentence = f"{which} has {size} bytes in UTF-8; Bluesky takes {MAX_TEXT_BYTES}. Use fewer emoji of many parts."
        return [Problem(where, sentence)]
    return []


async def _did_of(caller: Caller, handle: str) -> str | None:
    """Ask who has a handle; None if nobody has."""
    answer = await ask(caller, "com.atproto.identity.resolveHandle", {"handle": handle})
    if answer.is_success:
        return str(answer.entries().get("did") or "") or None
    error = refused(answer, f"{NAME} does not say who is mentioned")
    if answer.status == 400 and error.remedy is Remedy.FIX_CONTENT:
        return None
    raise error


def _after(post: Post, handle: Handle) -> Stage:
    return Stage.READY if len(_list(handle, "images")) >= len(post.pictures) else Stage.PREPARING


def _with_next(caller: Caller, handle: Handle, entries: Mapping[str, Any]) -> Handle:
    """Return the handle after the next part was made."""
    uri = str(entries["uri"])
    made = [*_list(handle, "made"), {"uri": uri, "cid": str(entries["cid"])}]
    address = f"https://bsky.app/profile/{caller.account.remote_id}/post/{uri.rpartition('/')[2]}"
    return handle.moved(
        Stage.PUBLISHED if len(made) == len(_list(handle, "keys")) else Stage.READY,
        remote_id=made[0]["uri"],
        url=handle.url or address,
        made=made,
    )


def _created_at(handle: Handle, now: datetime) -> datetime:
    """Return the time that a post gives itself.

    It is the same at every call, so that the record is; but who reads by time must find it after a long trouble, too,
    when no earlier call can still be under way.
    """
    chosen = datetime.fromisoformat(str(handle.data["created_at"]))
    return chosen if now < chosen + LATE else now


def _are_old(handle: Handle, now: datetime) -> bool:
    sent_at = handle.data.get("images_at")
    return isinstance(sent_at, str) and now > datetime.fromisoformat(sent_at) + PICTURES_KEPT


def _list(handle: Handle, name: str) -> list[Any]:
    """Return a list of the handle's data; empty if there is none."""
    found = handle.data.get(name)
    return list(found) if isinstance(found, list) else []
