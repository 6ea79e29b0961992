"""Posts as Reddit has them: what was chosen for one, and how it is recognised among others."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from server.publishing.channel import Handle, Post, Problem
from server.publishing.channels.reddit_media import PICTURE_TYPES
from server.publishing.channels.reddit_text import IMAGE, LINK, SELF, body, is_same

# Not confirmed; the store says EntityTooLarge if it takes less.
MAX_PICTURE_BYTES: Final = 20_000_000
_SUBREDDIT: Final = re.compile(r"(?:/?r/)?([A-Za-z0-9_][A-Za-z0-9_-]{1,22})/?")


def subreddit_of(post: Post) -> str | None:
    """Return the subreddit a post is for, without `r/`; None if it is not the name of one."""
    found = _SUBREDDIT.fullmatch(post.options.get("subreddit", "").strip())
    return found[1] if found else None


def picture_problems(post: Post) -> list[Problem]:
    """Return what Reddit would refuse of a post's pictures, and what it would not show."""
    if kind_of(post) != IMAGE:
        sentence = "The pictures are not sent. Choose the kind “Picture” to post one."
        return [Problem("pictures", sentence, blocks=False)] if post.pictures else []
    if not post.pictures:
        return [Problem("kind", "A post of a picture needs one. Add it, or choose another kind.")]
    problems: list[Problem] = []
    picture = post.pictures[0]
    if picture.content_type not in PICTURE_TYPES:
        problems.append(Problem("picture 1", "Reddit takes JPEG, PNG and GIF. Save it as one of these."))
    if picture.size_bytes > MAX_PICTURE_BYTES:
        size = picture.size_bytes / 1_000_000
        problems.append(
            Problem("picture 1", f"Reddit takes pictures of at most 20 MB; this has {size:.1f}. Shrink it.")
        )
    if len(post.pictures) > 1:
        problems.append(Problem("pictures", "Only the first picture is sent to Reddit.", blocks=False))
    return problems


def is_it(post: Post, seen: Mapping[str, Any]) -> bool:
    """Whether what Reddit shows is this post, by its text or link."""
    if kind_of(post) == LINK:
        return seen.get("url") == post.link
    return is_same(body(post), str(seen.get("selftext") or ""))


def is_post(child: object) -> bool:
    """Whether an entry of a listing is a post."""
    data = child.get("data") if isinstance(child, dict) else None
    return isinstance(data, dict) and isinstance(data.get("name"), str)


def is_since(post: Mapping[str, Any], since: datetime | None) -> bool:
    """Whether a post was made at that time or later; None: whenever it was."""
    created = post.get("created_utc")
    if since is None or not isinstance(created, int | float):
        return True
    return datetime.fromtimestamp(created, UTC) >= since


def names_before(handle: Handle) -> frozenset[str]:
    """Return the names of the posts that stood there before."""
    before = handle.data.get("before")
    return frozenset(str(each) for each in before) if isinstance(before, list) else frozenset()


def names_of_flair(flair: Mapping[str, Any]) -> frozenset[str]:
    """Return what a flair may be called by."""
    return frozenset(str(flair.get(name, "")).strip().casefold() for name in ("id", "text"))


def kind_of(post: Post) -> str:
    """Return the kind of post that was chosen: text, if none was."""
    kind = post.options.get("kind", SELF)
    return kind if kind in {LINK, IMAGE} else SELF


def flag_of(post: Post, name: str) -> str:
    """Return a choice of yes or no, as Reddit writes it."""
    return "true" if post.options.get(name) == "yes" else "false"


def why_removed(shown: Mapping[str, Any]) -> str | None:
    """Say that a post was removed, and by whom as far as Reddit tells; None: it was not."""
    by = shown.get("removed_by_category")
    if not isinstance(by, str) or not by:
        return None
    return f"Reddit says that it was removed ({by[:60].replace('_', ' ')})."
