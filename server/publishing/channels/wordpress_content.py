"""What a WordPress site is told of a post: its HTML with the pictures in their places, and the names of things."""

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from html import escape
from typing import Final

from server.publishing.channel import Picture, Post, Problem

ENDINGS: Final = {
    "image/jpeg": (".jpg", ".jpeg"),
    "image/png": (".png",),
    "image/gif": (".gif",),
    "image/webp": (".webp",),
}
MAX_PICTURES: Final = 50
# What the site's database holds of a slug, and of the name of a tag or category.
MAX_NAME: Final = 200
# The address of a picture in HTML that was sanitised: every value stands in double quotes.
_SOURCE: Final = re.compile(r'(<img(?:\s+(?!src=)[\w-]+(?:="[^"]*")?)*\s+src=")([^"]*)(")')


def problems_of(post: Post) -> list[Problem]:
    """Return what any site would refuse, and what is likely forgotten."""
    return [*_text_problems(post), *_picture_problems(post), *_name_problems(post)]


def marker_of(key: str, part: str = "") -> str:
    """Return the slug by which something of a post is known on the site: the draft, or with `part` a picture."""
    return f"quillroom-{sha256(f'{key}:{part}'.encode()).hexdigest()[:24]}"


def picture_marker(post: Post, number: int) -> str:
    """Return the slug of a picture. A picture that an update puts in the place of another has another."""
    picture = post.pictures[number]
    looks = f"{picture.content_type}:{picture.size_bytes}:{picture.width}:{picture.height}"
    return marker_of(post.key, f"{number}:{picture.name}:{looks}:{picture.alt}")


def file_name(picture: Picture) -> str:
    """Return a name that fits the content type: the site refuses a file whose ending tells another."""
    endings = ENDINGS.get(picture.content_type, ("",))
    name = picture.name.replace("/", "-").replace("\\", "-").strip(". ") or "picture"
    return name if name.lower().endswith(endings) else name + endings[0]


def categories_of(post: Post) -> list[str]:
    """Return the names of the categories that were chosen."""
    return _once(post.options.get("categories", "").split(","))


def tags_of(post: Post) -> list[str]:
    """Return the names of the tags."""
    return _once(post.tags)


def content_of(post: Post, addresses: Mapping[str, str]) -> str:
    """Return the post's HTML with its pictures. `addresses`: where the site has each, by marker.

    A picture that stands in the HTML by its name or address is shown from the site. The first of the others is the
    featured one, which the site's theme shows; the rest come below the text.
    """
    html = post.html or _paragraphs(post.text)
    inside = _inside(post)
    known: dict[str, str] = {}
    for number in inside:
        at = escape(addresses[picture_marker(post, number)], quote=True)
        known |= dict.fromkeys(_names(post.pictures[number]), at)
    html = _SOURCE.sub(lambda found: f"{found[1]}{known.get(found[2], found[2])}{found[3]}", html)
    below = [number for number in range(len(post.pictures)) if number not in inside][1:]
    return html + "".join(
        f'<figure><img src="{escape(addresses[picture_marker(post, number)], quote=True)}"'
        f' alt="{escape(post.pictures[number].alt, quote=True)}"></figure>'
        for number in below
    )


def featured_of(post: Post) -> int | None:
    """Return which picture is the featured one: the first that does not stand in the text."""
    inside = _inside(post)
    return next((number for number in range(len(post.pictures)) if number not in inside), None)


def _paragraphs(text: str) -> str:
    parts = [escape(part.strip()).replace("\n", "<br>") for part in text.split("\n\n")]
    return "".join(f"<p>{part}</p>" for part in parts if part)


def _inside(post: Post) -> frozenset[int]:
    sources = {found[1] for found in _SOURCE.findall(post.html)}
    return frozenset(number for number, picture in enumerate(post.pictures) if not sources.isdisjoint(_names(picture)))


def _names(picture: Picture) -> set[str]:
    return {escape(name, quote=True) for name in (picture.name, picture.url) if name}


def _once(names: Sequence[str]) -> list[str]:
    kept: dict[str, str] = {}
    for name in names:
        shown = " ".join(name.split())
        if shown:
            kept.setdefault(shown.casefold(), shown)
    return list(kept.values())


def _text_problems(post: Post) -> list[Problem]:
    if not (post.text.strip() or post.html.strip() or post.title.strip()):
        return [Problem("text", "WordPress takes no post without a title and a text. Write one of them.")]
    if not post.title.strip():
        return [Problem("title", "The post has no title: on the site, its link will have no words.", blocks=False)]
    return []


def _picture_problems(post: Post) -> list[Problem]:
    problems = []
    if len(post.pictures) > MAX_PICTURES:
        sentence = f"{len(post.pictures)} pictures are too many: {MAX_PICTURES} at most go with a post."
        problems.append(Problem("pictures", sentence))
    for number, picture in enumerate(post.pictures, 1):
        if picture.content_type not in ENDINGS:
            sentence = f"{picture.name} is {picture.content_type}. WordPress takes JPEG, PNG, GIF and WebP."
            problems.append(Problem(f"picture {number}", sentence))
        if not picture.alt.strip():
            sentence = f"{picture.name} has no alt text. Say in a sentence what it shows."
            problems.append(Problem(f"picture {number}", sentence, blocks=False))
    return problems


def _name_problems(post: Post) -> list[Problem]:
    problems = []
    slug = post.options.get("slug", "").strip()
    if len(slug) > MAX_NAME:
        problems.append(
            Problem("slug", f"The slug has {len(slug)} characters, the site keeps {MAX_NAME}. Choose a shorter one.")
        )
    for where, names in (("categories", categories_of(post)), ("tags", tags_of(post))):
        problems += [
            Problem(where, f"“{name[:30]}…” has {len(name)} characters, the site takes {MAX_NAME}. Shorten it.")
            for name in names
            if len(name) > MAX_NAME
        ]
    return problems
