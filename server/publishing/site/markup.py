"""A page's HTML as it goes out: nothing that runs, pictures in the sizes a browser chooses from, whole addresses."""

import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Final
from urllib.parse import urlsplit

from lxml import etree
from lxml import html as parsing
from lxml.html import HtmlElement

from server.publishing.site.pages import Shown

# The text is as wide as this; a browser need not load more.
SIZES: Final = "(min-width: 46rem) 42rem, 92vw"
# What the frozen HTML can hold. It was sanitised when it was made; a page for everybody does not rely on that.
_TEXT: Final = "a abbr b br code del em i ins kbd label mark q s samp small span strong sub sup u var input img"
_BLOCKS: Final = "blockquote dd details div dl dt figcaption figure h1 h2 h3 h4 h5 h6 hr li ol p pre section summary ul"
_TABLES: Final = "caption col colgroup table tbody td tfoot th thead tr"
_TAGS: Final = frozenset(f"{_TEXT} {_BLOCKS} {_TABLES}".split())
_APART: Final = frozenset(f"br img {_BLOCKS} {_TABLES}".split())
# Gone with all that is in them; of others only the tag goes.
_GONE: Final = frozenset({"script", "style", "iframe", "object", "embed", "template", "noscript", "svg", "math"})
_SAYING: Final = "alt aria-label checked class colspan dir disabled height href id lang open rowspan scope src start"
_ATTRIBUTES: Final = frozenset(f"{_SAYING} title type value width".split())
_SCHEMES: Final = frozenset({"http", "https", "mailto", "tel", ""})

_MARKS: Final = re.compile(r"[\W\d_]+")

# Gives the address of a picture's file.
Addressing = Callable[[str], str]


def paragraphs(text: str) -> str:
    """Return plain text as paragraphs."""
    parts = [escape(part.strip()).replace("\n", "<br>") for part in text.split("\n\n")]
    return "".join(f"<p>{part}</p>" for part in parts if part)


def shown_html(html: str, pictures: Sequence[Shown], address: Addressing, *, base: str = "") -> str:
    """Return a page's HTML with its pictures; those that do not stand in it come below, but for the cover.

    `base`: where the page is, if its addresses must be whole (a feed is read elsewhere).
    """
    body = _parsed(html)
    _clean(body)
    by_name = {picture.name: picture for picture in pictures}
    for image in list(body.iter("img")):
        picture = by_name.get(image.get("src", ""))
        if picture is None:
            # Not one of this page's: it would tell whoever has it who reads here, and the content policy refuses it.
            image.drop_tree()
        else:
            _fill(image, picture, image.get("alt") or picture.alt, address)
    outside = outside_of(html, pictures)
    for picture in outside[1:]:
        figure = parsing.Element("figure")
        image = parsing.Element("img")
        _fill(image, picture, picture.alt, address)
        figure.append(image)
        body.append(figure)
    if base:
        body.make_links_absolute(base, resolve_base_href=False)
        for image in body.iter("img"):
            image.attrib.pop("srcset", None)
            image.attrib.pop("sizes", None)
    return _inside(body)


def outside_of(html: str, pictures: Sequence[Shown]) -> list[Shown]:
    """Return the pictures that do not stand in the HTML; the first of them is the cover."""
    sources = {image.get("src", "") for image in _parsed(html).iter("img")}
    return [picture for picture in pictures if picture.name not in sources]


def sources_of(picture: Shown, address: Addressing) -> str:
    """Return the sizes of a picture as a browser reads them (`srcset`)."""
    return ", ".join(f"{address(picture.file(width))} {width}w" for width in picture.widths)


def plain(html: str, *, characters: int) -> str:
    """Return the beginning of the HTML's words, ended at a word."""
    words = _words(_parsed(html))
    if len(words) <= characters:
        return words
    return f"{words[:characters].rsplit(' ', 1)[0].rstrip(' ,;:.–-')}…"


def is_beginning(summary: str, html: str) -> bool:
    """Whether a summary is only how the text begins: a page that shows the text need not say it twice."""
    # Spaces between blocks, and the bullets and numbers of lists, are nobody's words.
    begun, whole = (_MARKS.sub("", text) for text in (summary, _words(_parsed(html))))
    return whole.startswith(begun)


def _parsed(html: str) -> HtmlElement:
    body: HtmlElement = parsing.fragment_fromstring(html, create_parent="div")
    return body


def _words(body: HtmlElement) -> str:
    """Return the text with a space between blocks, and none that are not there within a line."""
    said: list[str] = []
    for event, element in etree.iterwalk(body, events=("start", "end")):
        if event == "start":
            said.append(element.text or "")
            continue
        said += [" " if element.tag in _APART else "", (element.tail or "") if element is not body else ""]
    return " ".join("".join(said).split())


def _inside(body: HtmlElement) -> str:
    whole: str = parsing.tostring(body, encoding="unicode")
    return whole[len("<div>") : -len("</div>")]


def _clean(body: HtmlElement) -> None:
    # The page's title is its only heading of the first rank.
    if body.find(".//h1") is not None:
        for element in body.iter("h1", "h2", "h3", "h4", "h5"):
            element.tag = f"h{int(element.tag[1]) + 1}"
    for element in list(body.iter()):
        if element is body:
            continue
        if not isinstance(element.tag, str) or element.tag in _GONE:
            element.drop_tree()
        elif element.tag not in _TAGS:
            element.drop_tag()
        else:
            _clean_attributes(element)


def _clean_attributes(element: HtmlElement) -> None:
    attributes: Mapping[str, str] = dict(element.attrib)
    for name, value in attributes.items():
        if name not in _ATTRIBUTES or (name in {"href", "src"} and not _is_harmless(value)):
            del element.attrib[name]
    if element.tag == "input":
        # A box of a list of tasks: it tells, and takes nothing.
        element.attrib.update({"type": "checkbox", "disabled": ""})
    if element.tag == "a" and urlsplit(element.get("href", "")).netloc:
        element.set("rel", "noopener")


def _is_harmless(address: str) -> bool:
    try:
        return urlsplit("".join(address.split())).scheme.lower() in _SCHEMES
    except ValueError:
        return False


def _fill(image: HtmlElement, picture: Shown, alt: str, address: Addressing) -> None:
    image.attrib.clear()
    image.set("src", address(picture.file(picture.width)))
    if len(picture.widths) > 1:
        image.set("srcset", sources_of(picture, address))
        image.set("sizes", SIZES)
    image.set("width", str(picture.width))
    image.set("height", str(picture.height))
    image.set("alt", alt)
    image.set("loading", "lazy")
    image.set("decoding", "async")
