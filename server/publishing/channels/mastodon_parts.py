"""The posts of a thread on Mastodon: their texts, which of them were made, and those that may have been."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from html.parser import HTMLParser
from typing import Any, Final
from urllib.parse import quote

from server.publishing.channel import Caller, Handle, Json, Post, Stage, web_address
from server.publishing.channels.mastodon_calls import NAME, entries_of_list, get, refused, time_of
from server.publishing.remedies import ChannelError, Remedy

# A key is kept for an hour from the first call on; by then a call may take a while itself.
KEY_KNOWN: Final = timedelta(minutes=50)
# The key is noted when the post is made: a call that runs into one under way would make a second.
SETTLES: Final = timedelta(seconds=60)
# Where keys may not be known, a post that is not to be seen by then does not come any more.
APPEARS: Final = timedelta(minutes=5)
# How far the clocks of the server and of this machine may be apart.
CLOCKS_APART: Final = timedelta(minutes=3)
# By what name a server knows this program.
APP: Final = "Quillroom"
_PAGE: Final = 40
_PAGES: Final = 5


def said(post: Post) -> str:
    """Return the text of the first post: with the link and the tags that do not stand in it already."""
    text = post.text.strip()
    below = []
    if post.link and post.link not in text:
        below.append(post.link)
    tags = [hashtag for tag in post.tags if (hashtag := _hashtag(tag)) and not _has_tag(text, hashtag)]
    if tags:
        below.append(" ".join(dict.fromkeys(tags)))
    return "\n\n".join([text, *below] if text else below)


def parts(post: Post) -> list[str]:
    """Return the texts of the thread, the first post's and those of its replies."""
    return [said(post), *(reply.strip() for reply in post.replies)]


def _hashtag(tag: str) -> str:
    """Return a tag as one word behind a '#': "open source" is "#OpenSource"."""
    words = re.findall(r"\w+", tag)
    word = words[0] if len(words) == 1 else "".join(word[:1].upper() + word[1:] for word in words)
    return f"#{word}" if word else ""


def _has_tag(text: str, hashtag: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(hashtag)}(?!\w)", text, re.IGNORECASE) is not None


def body_of(post: Post, number: int) -> dict[str, Json]:
    """Return what a new post and a changed one have in common."""
    warning = post.options.get("content_warning", "").strip()
    language = (post.options.get("language") or post.language or "").partition("-")[0].lower()
    body: dict[str, Json] = {
        "status": parts(post)[number],
        "spoiler_text": warning,
        "sensitive": bool(warning),
    }
    return {**body, "language": language} if language else body


def made_of(handle: Handle) -> list[str]:
    """Return the ids of the parts that were made."""
    made = handle.data.get("made")
    return [str(remote_id) for remote_id in made] if isinstance(made, list) else []


def since(handle: Handle, now: datetime) -> datetime:
    """Return since when the next part may have been sent: no call with its key is older."""
    return time_of(handle.data.get("since")) or now


def with_next(post: Post, handle: Handle, status: Mapping[str, Any], now: datetime) -> Handle:
    """Return the handle after the next part was made."""
    remote_id = str(status["id"])
    made = [*made_of(handle), remote_id]
    return handle.moved(
        Stage.PUBLISHED if len(made) == len(parts(post)) else Stage.READY,
        remote_id=made[0],
        url=handle.url or web_address(status.get("url")) or web_address(status.get("uri")),
        made=made,
        since=now.isoformat(),
    )


async def find(caller: Caller, post: Post, handle: Handle) -> Mapping[str, Any] | None:
    """Look through what the account has posted since the next part may have been sent, for that part.

    Raises ChannelError; with UNKNOWN if there is too much to be sure that it is not there.
    """
    made = made_of(handle)
    answers = made[-1] if made else None
    from_ = since(handle, caller.now()) - CLOCKS_APART
    wanted = (_words(parts(post)[len(made)]), _words(post.options.get("content_warning", "")))
    path = f"/api/v1/accounts/{quote(caller.account.remote_id, safe='')}/statuses"
    params = {"limit": str(_PAGE), "exclude_reblogs": "true"}
    looked = 0
    for _ in range(_PAGES):
        answer = await get(caller, path, params)
        if not answer.is_success:
            raise refused(answer, f"{NAME} does not show the account's posts")
        page = [entry for entry in entries_of_list(answer) if entry.get("id")]
        looked += len(page)
        for entry in page:
            is_new = (time_of(entry.get("created_at")) or from_) >= from_
            there = (_words(_plain(str(entry.get("content") or ""))), _words(str(entry.get("spoiler_text") or "")))
            answered = entry.get("in_reply_to_id")
            is_it = is_new and there == wanted and (str(answered) if answered else None) == answers
            if is_it and not _is_of_another_app(entry):
                return entry
        oldest = time_of(page[-1].get("created_at")) if page else None
        if not page or (oldest is not None and oldest < from_):
            return None
        params["max_id"] = str(page[-1]["id"])
    evidence = f"It is not among the newest {looked} posts of the account, and there are more."
    raise ChannelError(
        Remedy.UNKNOWN, "The account has posted too much since to see whether it is there.", evidence=evidence
    )


def _is_of_another_app(entry: Mapping[str, Any]) -> bool:
    """Whether a post surely was not sent by Quillroom. Servers tell the author by what it was, or tell nobody."""
    app = entry.get("application")
    return isinstance(app, dict) and bool(app.get("name")) and app["name"] != APP


class _Text(HTMLParser):
    """Takes the text out of HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)


def _plain(content: str) -> str:
    reader = _Text()
    reader.feed(content)
    reader.close()
    return "".join(reader.pieces)


def _words(text: str) -> str:
    """Return what two forms of a text share: a server sets lines and links its own way, and omits hosts of mentions."""
    bare = re.sub(r"(@\w+(?:[.-]+\w+)*)@\w+(?:[.-]+\w+)*", r"\1", text)
    return ("".join(re.findall(r"\w", bare)) or "".join(bare.split())).casefold()
