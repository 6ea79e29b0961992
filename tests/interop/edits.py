"""Random edits that keep a document valid, done with pycrdt exactly as clients.mjs does them with Yjs.

Every inserted word is one string with a number of its own and a space behind it, and words are only inserted between
words: so no merge can break one, and each can be counted in the end.
"""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypedDict, TypeVar

from pycrdt import Doc, Map, Text, XmlElement, XmlFragment, XmlText

YDoc = Doc[Any]
Item = TypeVar("Item")

KINDS = {
    "word": 50,
    "delete": 10,
    "mark": 12,
    "paragraph": 10,
    "list": 3,
    "drop": 2,
    "title": 4,
    "title-delete": 2,
}
MARKS = ("bold", "italic", "strike")
_SPAN = re.compile(r"\S+ ?")


class Step(TypedDict):
    """One edit. Shares from 0 to 1 choose a block or a place in whatever the client has by then."""

    kind: str
    block: float
    at: float
    id: str
    word: str
    mark: str
    on: bool


class Done(TypedDict):
    """What an edit did: words inserted and deleted, the id of their paragraph, the id of a paragraph removed."""

    inserted: list[str]
    deleted: list[str]
    into: str | None
    gone: str | None


def steps(chance: random.Random, author: str, count: int) -> Iterator[Step]:
    """Make up edits of one author."""
    for number in range(count):
        kind = chance.choices(list(KINDS), list(KINDS.values()))[0]
        name = f"{author}-{number}-{chance.randrange(1_000_000)}"
        yield Step(
            kind=kind,
            block=chance.random(),
            at=chance.random(),
            id=f"p-{name}",
            word=f"w{name}.",
            mark=chance.choice(MARKS),
            on=chance.random() < 0.7,
        )


@dataclass
class Account:
    """What every word must come to, over all clients."""

    inserted: dict[str, str | None] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    finished: bool = False

    def note(self, done: Sequence[Done]) -> None:
        """Write down what a client did."""
        for each in done:
            self.inserted |= dict.fromkeys(each["inserted"], each["into"])
            self.deleted |= set(each["deleted"])
            self.gone |= {each["gone"]} if each["gone"] else set()

    @property
    def must_stand(self) -> set[str]:
        """Words that must stand once: nobody deleted them, nor the paragraph they were written into."""
        return {word for word, into in self.inserted.items() if word not in self.deleted and into not in self.gone}

    def complaints(self, text: str) -> list[str]:
        """Say what is wrong with a text: words lost, doubled, or back from the dead."""
        found: dict[str, int] = {}
        for word in text.split():
            found[word] = found.get(word, 0) + 1
        return [
            *(f"lost: {word}" for word in sorted(self.must_stand) if word not in found),
            *(f"doubled: {word} ({count} times)" for word, count in sorted(found.items()) if count > 1),
            *(f"back although deleted: {word}" for word in sorted(self.deleted) if word in found),
            *(f"never written: {word}" for word in sorted(found) if word not in self.inserted),
        ]


def perform(doc: YDoc, step: Step) -> Done:
    """Do one step in one transaction."""
    with doc.transaction():
        return _perform(doc, step)


def _perform(doc: YDoc, step: Step) -> Done:
    blocks = _blocks(doc)
    done = Done(inserted=[], deleted=[], into=None, gone=None)
    everything = list(_paragraphs(blocks))
    paragraph = _pick(everything, step["block"])
    match step["kind"]:
        case "paragraph":
            _insert_paragraph(blocks, int(step["at"] * (len(blocks.children) + 1)), step)
            return Done(inserted=[step["word"]], deleted=[], into=step["id"], gone=None)
        case "list":
            place = int(step["at"] * (len(blocks.children) + 1))
            list_ = blocks.children.insert(place, XmlElement("bulletList"))
            list_.attributes["id"] = f"{step['id']}-list"
            item = list_.children.append(XmlElement("listItem"))
            item.attributes["id"] = f"{step['id']}-item"
            _insert_paragraph(item, 0, step)
            return Done(inserted=[step["word"]], deleted=[], into=step["id"], gone=None)
        case "word" if paragraph is not None:
            _insert_word(_first_text(paragraph), step)
            return Done(inserted=[step["word"]], deleted=[], into=paragraph.attributes["id"], gone=None)
        case "delete" if paragraph is not None:
            done["deleted"] = _delete_word(_first_text(paragraph), step)
        case "drop":
            top = [
                (place, child)
                for place, child in enumerate(blocks.children)
                if isinstance(child, XmlElement) and child.tag == "paragraph"
            ]
            chosen = _pick(top, step["block"])
            if chosen is not None and len(top) >= 3:
                place, block = chosen
                done = Done(inserted=[], deleted=_words(block), into=None, gone=block.attributes["id"])
                del blocks.children[place]
        case "mark" if paragraph is not None:
            text = _first_text(paragraph)
            span = _pick(_spans(text), step["at"])
            if span is not None:
                # ASCII only: pycrdt counts bytes, Yjs counts UTF-16.
                text.format(span[0], span[1], {step["mark"]: {} if step["on"] else None})
        case "title":
            _insert_word(_title(doc), step)
            return Done(inserted=[step["word"]], deleted=[], into="title", gone=None)
        case "title-delete":
            done["deleted"] = _delete_word(_title(doc), step)
        case _:
            pass
    return done


def draw(doc: YDoc) -> dict[str, Any]:
    """The document as plain values, in the form in which clients.mjs draws a Yjs document."""
    with doc.transaction():
        title = doc.get("meta", type=Map).get("title")
        return {
            "blocks": [_draw(child) for child in _blocks(doc).children],
            "title": None if title is None else str(title),
        }


def all_text(drawing: dict[str, Any]) -> str:
    """Every text of a drawn document with spaces between, the title first."""
    return " ".join([drawing["title"], *(_drawn_text(block) for block in drawing["blocks"])])


def as_prosemirror(drawing: dict[str, Any]) -> list[dict[str, Any]]:
    """What the API must say of the blocks of a drawn document, marks as sets of names."""
    return [_as_node(block) for block in drawing["blocks"]]


def plain_nodes(nodes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """ProseMirror JSON in the form of `as_prosemirror`: attributes that are null left out, equal runs joined."""
    return [_plain_node(node) for node in nodes]


def _plain_node(node: dict[str, Any]) -> dict[str, Any]:
    runs: list[dict[str, Any]] = []
    for child in node.get("content", []):
        if child["type"] != "text":
            runs.append(_plain_node(child))
            continue
        _join(runs, child["text"], sorted(mark["type"] for mark in child.get("marks", [])))
    attributes = {name: value for name, value in node.get("attrs", {}).items() if value is not None}
    return {"type": node["type"], "attrs": attributes, "content": runs}


def _as_node(drawn: dict[str, Any]) -> dict[str, Any]:
    runs: list[dict[str, Any]] = []
    for child in drawn["children"]:
        if "text" not in child:
            runs.append(_as_node(child))
            continue
        for words, formatting in child["text"]:
            _join(runs, words, sorted(name for name, value in formatting.items() if value is not None))
    return {"type": drawn["tag"], "attrs": drawn["attributes"], "content": runs}


def _join(runs: list[dict[str, Any]], text: str, marks: list[str]) -> None:
    if runs and runs[-1]["type"] == "text" and runs[-1]["marks"] == marks:
        runs[-1]["text"] += text
    else:
        runs.append({"type": "text", "text": text, "marks": marks})


def _drawn_text(drawn: dict[str, Any]) -> str:
    if "text" in drawn:
        return "".join(words for words, _ in drawn["text"])
    return " ".join(_drawn_text(child) for child in drawn["children"])


def _draw(node: Any) -> dict[str, Any]:
    if isinstance(node, XmlText):
        return {"text": [[words, formatting or {}] for words, formatting in node.diff()]}
    return {
        "tag": node.tag,
        "attributes": dict(node.attributes),
        "children": [_draw(child) for child in node.children],
    }


def _blocks(doc: YDoc) -> XmlFragment:
    blocks: XmlFragment = doc.get("default", type=XmlFragment)
    return blocks


def _title(doc: YDoc) -> Text:
    title = doc.get("meta", type=Map)["title"]
    assert isinstance(title, Text)
    return title


def _paragraphs(parent: XmlFragment | XmlElement) -> Iterator[XmlElement]:
    for child in parent.children:
        if isinstance(child, XmlElement):
            if child.tag == "paragraph":
                yield child
            else:
                yield from _paragraphs(child)


def _pick(items: Sequence[Item], share: float) -> Item | None:
    return items[int(share * len(items))] if items else None


def _spans(text: Text | XmlText) -> list[tuple[int, int]]:
    return [match.span() for match in _SPAN.finditer(_plain(text))]


def _plain(text: Text | XmlText) -> str:
    return str(text) if isinstance(text, Text) else "".join(str(words) for words, _ in text.diff())


def _first_text(paragraph: XmlElement) -> XmlText:
    for child in paragraph.children:
        if isinstance(child, XmlText):
            return child
    return paragraph.children.insert(0, XmlText())


def _insert_paragraph(parent: XmlFragment | XmlElement, place: int, step: Step) -> None:
    paragraph = parent.children.insert(place, XmlElement("paragraph"))
    paragraph.attributes["id"] = step["id"]
    paragraph.children.append(XmlText(f"{step['word']} "))


def _insert_word(text: Text | XmlText, step: Step) -> None:
    words = _plain(text)
    # Not behind a word without a space, such as the title that the document was made with.
    places = [0, *(end for _, end in _spans(text) if words[end - 1] == " ")]
    text.insert(_pick(places, step["at"]) or 0, f"{step['word']} ")


def _delete_word(text: Text | XmlText, step: Step) -> list[str]:
    span = _pick(_spans(text), step["at"])
    if span is None:
        return []
    word = _plain(text)[span[0] : span[1]].strip()
    del text[span[0] : span[1]]
    return [word]


def _words(block: XmlElement | XmlFragment) -> list[str]:
    return [
        word
        for child in block.children
        for word in (_plain(child).split() if isinstance(child, XmlText) else _words(child))
    ]
