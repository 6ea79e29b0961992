"""What a subreddit asks of posts, and how a text is written for Reddit."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from server.documents.building import with_first_paragraph
from server.documents.markdown_inline import write_inline
from server.documents.read_html import read_html
from server.documents.schema import node, text
from server.documents.write_markdown import write_markdown
from server.publishing.channel import Json, Post

SELF: Final = "self"
LINK: Final = "link"
IMAGE: Final = "image"
# Reddit's Markdown knows no highlights, and shows a picture of elsewhere as its address.
_UNKNOWN: Final = re.compile(r"</?mark\b[^>]*>|<img\b[^>]*>", re.IGNORECASE)


def body(post: Post) -> str:
    """Return the text as Markdown; what is no formatting in the post is none there."""
    return _written(post.html, post.text)


# What is sent, what is counted and what is shown are the same text: a long one is written once for all of them.
@lru_cache(maxsize=4)
def _written(html: str, plain: str) -> str:
    if html.strip():
        blocks = read_html(_UNKNOWN.sub("", html))
        return write_markdown(node("doc", None, with_first_paragraph(blocks))).strip() if blocks else ""
    paragraphs = [part.strip() for part in re.split(r"\n{2,}", plain) if part.strip()]
    return "\n\n".join(
        # Two spaces at its end let a line end where it does.
        "  \n".join(write_inline(node("paragraph", None, [text(line)])) for line in part.split("\n") if line.strip())
        for part in paragraphs
    )


def is_same(sent: str, seen: str) -> bool:
    """Whether a text that Reddit shows is the one that was sent; it takes away spaces at ends of lines."""
    return seen.split() == sent.split()


def unmet(rules: Mapping[str, Json], *, title: str, kind: str, words: str, link: str, has_flair: bool) -> str | None:
    """Return the first of a subreddit's requirements that a post does not meet, as a sentence; None if it meets all.

    `rules`: the answer of `post_requirements`. What is said there in patterns is left to Reddit, which refuses by it.
    """
    return (
        _unmet_title(rules, title)
        or ("It wants a flair. Choose one." if rules.get("is_flair_required") is True and not has_flair else None)
        or (_unmet_body(rules, words) if kind == SELF else _unmet_link(rules, link) if kind == LINK else None)
    )


def _unmet_title(rules: Mapping[str, Json], title: str) -> str | None:
    return _unmet_length(rules, "title_text", title, "title") or _unmet_words(rules, "title", title, "title")


def _unmet_body(rules: Mapping[str, Json], words: str) -> str | None:
    policy = rules.get("body_restriction_policy")
    if policy == "required" and not words:
        return "It wants a text below the title."
    if policy == "notAllowed" and words:
        return "It takes titles only. Leave the text out, or choose another subreddit."
    if not words:
        return None
    return _unmet_length(rules, "body_text", words, "text") or _unmet_words(rules, "body", words, "text")


def _unmet_link(rules: Mapping[str, Json], link: str) -> str | None:
    host = (urlsplit(link).hostname or "").lower()

    def listed(domains: Sequence[str]) -> bool:
        return any(host == domain or host.endswith(f".{domain}") for domain in (each.lower() for each in domains))

    allowed, refused = _strings(rules, "domain_whitelist"), _strings(rules, "domain_blacklist")
    policy = rules.get("link_restriction_policy")
    if policy == "whitelist" and allowed and not listed(allowed):
        return f"It takes links to {', '.join(allowed[:5])} only, not to {host}."
    if policy == "blacklist" and listed(refused):
        return f"It takes no links to {host}."
    return None


def _unmet_length(rules: Mapping[str, Json], name: str, words: str, what: str) -> str | None:
    least, most = rules.get(f"{name}_min_length"), rules.get(f"{name}_max_length")
    if isinstance(least, int) and len(words) < least:
        return f"It wants a {what} of at least {least} characters; this one has {len(words)}."
    if isinstance(most, int) and most > 0 and len(words) > most:
        return f"It takes a {what} of at most {most} characters; this one has {len(words)}."
    return None


def _unmet_words(rules: Mapping[str, Json], name: str, words: str, what: str) -> str | None:
    required = _strings(rules, f"{name}_required_strings")
    if required and not any(each.casefold() in words.casefold() for each in required):
        return f"It wants one of these in the {what}: {', '.join(required[:5])}."
    refused = [each for each in _strings(rules, f"{name}_blacklisted_strings") if each and each in words]
    return f"It does not take “{refused[0]}” in the {what}." if refused else None


def _strings(rules: Mapping[str, Json], name: str) -> list[str]:
    found = rules.get(name)
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []
