"""How a post looks where it will be read: safe HTML in each channel's own way, for people who decide about it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from markupsafe import Markup

from server.documents.read_html import read_html
from server.documents.schema import node
from server.documents.write_html import write_html
from server.publishing.channel import Account, Channel, Post
from server.publishing.channels import webhook
from server.publishing.channels.bluesky_record import Span, spans
from server.publishing.channels.reddit_posts import subreddit_of
from server.publishing.channels.reddit_text import IMAGE, LINK, SELF
from server.publishing.channels.wordpress_content import categories_of, content_of, featured_of, picture_marker
from server.publishing.counting import addresses
from server.web.render import environment

# Of an address, Mastodon shows so much.
_SHOWN_OF_ADDRESS: Final = 30
# An event that is longer is shown as far as this.
_SHOWN_OF_EVENT: Final = 20_000
_TEMPLATE: Final = "publishing/previews.html"
_SOURCE: Final = re.compile(r'(<img(?:\s[^>]*?)?\ssrc=")([^"]*)(")')
_HEADING: Final = re.compile(r"(</?h)([1-5])\b")
# Reddit's Markdown knows neither.
_UNKNOWN_TO_REDDIT: Final = re.compile(r"</?mark\b[^>]*>|<img\b[^>]*>", re.IGNORECASE)
_TAG: Final = re.compile(r"(?<![\w&/])#(\w*[^\W\d]\w*)")
_MENTION: Final = re.compile(r"(?<![=/\w])@(\w+(?:[.-]+\w+)*)(?:@(\w+(?:[.-]+\w+)*))?")

# Where the pictures of a post lie here, by their names in it.
Shown = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Seen:
    """A picture as a preview shows it."""

    src: str
    alt: str


def draw(channel: Channel, account: Account, post: Post, shown: Shown) -> Markup:
    """Return how a post looks on an account. `shown`: where its pictures lie here, by name.

    All of it is escaped or was sanitised when it was composed; links lead to web pages alone.
    """
    kind = look_of(account)
    draw_as = _LOOKS.get(kind, _anywhere)
    context = {
        "kind": kind,
        "account": account,
        "host": urlsplit(account.base_url).netloc,
        "post": post,
        "pictures": [Seen(shown[each.name], each.alt) for each in post.pictures if each.name in shown],
        "link_host": urlsplit(post.link or "").netloc.removeprefix("www."),
        **draw_as(channel, account, post, shown),
    }
    return Markup(environment().get_template(_TEMPLATE).render(context))  # noqa: S704 - a template that escapes


def look_of(account: Account) -> str:
    """Return whose look an account's posts have: a sandbox has that of the channel that it plays."""
    if account.channel == "sandbox":
        return str(account.facts.get("plays") or "any")
    return account.channel


def _mastodon(channel: Channel, account: Account, post: Post, shown: Shown) -> dict[str, Any]:
    del shown
    host = urlsplit(account.base_url).netloc
    return {"parts": [_linked(text, _mastodon_spans(text, host), shorten=True) for text in channel.said(post, account)]}


def _bluesky(channel: Channel, account: Account, post: Post, shown: Shown) -> dict[str, Any]:
    del shown
    return {"parts": [_linked(text, spans(text)) for text in channel.said(post, account)]}


def _reddit(channel: Channel, account: Account, post: Post, shown: Shown) -> dict[str, Any]:
    del channel, account, shown
    kind = post.options.get("kind")
    blocks = read_html(_UNKNOWN_TO_REDDIT.sub("", post.html))
    return {
        "subreddit": subreddit_of(post),
        "form": kind if kind in {LINK, IMAGE} else SELF,
        "html": _lowered(str(write_html(node("doc", None, blocks)))) if blocks else "",
    }


def _wordpress(channel: Channel, account: Account, post: Post, shown: Shown) -> dict[str, Any]:
    del channel, account
    places = {picture_marker(post, number): shown.get(each.name, "") for number, each in enumerate(post.pictures)}
    featured = featured_of(post)
    cover = post.pictures[featured] if featured is not None else None
    return {
        "cover": Seen(shown[cover.name], cover.alt) if cover is not None and cover.name in shown else None,
        # The page around it has the first headings, and the theme the title.
        "html": _lowered(content_of(post, places)),
        "categories": categories_of(post),
    }


def _page(channel: Channel, account: Account, post: Post, shown: Shown) -> dict[str, Any]:
    del channel, account
    html = _SOURCE.sub(lambda found: f"{found[1]}{shown.get(found[2], '')}{found[3]}", post.html)
    return {"html": _lowered(html)}


def _webhook(channel: Channel, account: Account, post: Post, shown: Shown) -> dict[str, Any]:
    del channel, account, shown
    event = json.loads(webhook.body_of("post.published", post.due_at, webhook.content_of(post)))
    written = json.dumps(event, ensure_ascii=False, indent=2)
    return {"event": written[:_SHOWN_OF_EVENT], "is_cut": len(written) > _SHOWN_OF_EVENT}


def _anywhere(channel: Channel, account: Account, post: Post, shown: Shown) -> dict[str, Any]:
    del shown
    return {"parts": [_linked(text, ()) for text in channel.said(post, account)]}


_LOOKS: Final[Mapping[str, Callable[[Channel, Account, Post, Shown], dict[str, Any]]]] = {
    "mastodon": _mastodon,
    "bluesky": _bluesky,
    "reddit": _reddit,
    "wordpress": _wordpress,
    "site": _page,
    "webhook": _webhook,
}


def _lowered(html: str) -> Markup:
    """Return sanitised HTML with its headings below the one of the page that shows it."""
    return Markup(_HEADING.sub(lambda found: f"{found[1]}{min(int(found[2]) + 2, 6)}", html))  # noqa: S704 - see above


def _mastodon_spans(text: str, host: str) -> Sequence[Span]:
    taken = [Span(start, end, "link", text[start:end]) for start, end in addresses(text)]
    taken += [Span(at.start(), at.end(), "tag", at[1]) for at in _TAG.finditer(text)]
    taken += [Span(at.start(), at.end(), "mention", f"{at[1]}@{at[2] or host}") for at in _MENTION.finditer(text)]
    return sorted(taken, key=lambda span: span.start)


def _linked(text: str, marked: Iterable[Span], *, shorten: bool = False) -> Markup:
    """Return a text with what the channel makes links of."""
    said, at = [], 0
    for span in marked:
        if span.start < at:
            continue
        words = text[span.start : span.end]
        said.append(Markup.escape(text[at : span.start]))
        if span.kind == "link":
            shown = _short(words) if shorten else words
            said.append(
                Markup(
                    '<a class="post-preview-a" href="{}" target="_blank" rel="noopener noreferrer nofollow">{}</a>'
                ).format(span.value, shown)
            )
        else:
            said.append(Markup('<span class="post-preview-a">{}</span>').format(words))
        at = span.end
    return Markup("").join([*said, Markup.escape(text[at:])])


def _short(address: str) -> str:
    bare = re.sub(r"^https?://(?:www\.)?", "", address, flags=re.IGNORECASE)
    return bare if len(bare) <= _SHOWN_OF_ADDRESS else f"{bare[:_SHOWN_OF_ADDRESS]}…"
