"""Writing texts for single accounts into a document, as its page does."""

from typing import Final

from prosemirror.model import Node
from pycrdt import Map

from server.documents import ydoc
from server.documents.schema import node, text
from server.documents.ydoc import YDoc

ACCOUNT: Final = "0c1d2e3f-0000-4000-8000-000000000001"
OTHER: Final = "0c1d2e3f-0000-4000-8000-000000000002"


def paragraph(words: str, name: str | None = None) -> Node:
    return node("paragraph", {"id": name}, [text(words)] if words else [])


def document(*words: str) -> YDoc:
    """Return a document of paragraphs whose ids are their first words."""
    blocks = [paragraph(each, each.partition(" ")[0]) for each in words]
    return ydoc.load(ydoc.seed("The fox", node("doc", content=blocks)))


def put(doc: YDoc, what: str, value: object, account: str = ACCOUNT) -> None:
    doc.get("variants", type=Map)[f"{account}/{what}"] = value


def drop(doc: YDoc, what: str, account: str = ACCOUNT) -> None:
    del doc.get("variants", type=Map)[f"{account}/{what}"]


def write(doc: YDoc, root: str, *blocks: Node, account: str = ACCOUNT) -> None:
    """Make a text of a variant's own say these blocks."""
    place = ydoc.fragment(doc, f"variant/{account}/{root}")
    with doc.transaction():
        del place.children[0 : len(place.children)]
        for at, block in enumerate(blocks):
            ydoc.insert(place, at, block)


def adapt(doc: YDoc, name: str, *words: str) -> None:
    with doc.transaction():
        put(doc, f"block/{name}", {"kind": "adapted", "base": "whatever it was"})
        write(doc, f"block/{name}", *(paragraph(each) for each in words))
