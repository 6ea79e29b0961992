"""What is suggested in a document and not decided yet, as the editor marks it (static/src/suggesting).

Suggested text stands in the document with the mark `insertion`; text to take out, or to format otherwise, carries
`deletion` or `reformat`; whole blocks carry `inserted`, `deleted`, `joined` or `changed`. Each names its author. All
but the page of the document itself read what is `accepted`. See docs/adr/0010.
"""

from __future__ import annotations

from typing import Final

from prosemirror.model import Fragment, Node

INSERTION: Final = "insertion"
INSERTED: Final = "inserted"
REMARKS: Final = frozenset({"deletion", "reformat"})
"""Marks that say something of accepted text, and change nothing of it."""
BLOCK_REMARKS: Final = frozenset({"deleted", "joined", "changed"})
"""Attributes that say something of an accepted block."""
PENDING_MARKS: Final = frozenset({INSERTION, *REMARKS})
PENDING_ATTRIBUTES: Final = frozenset({INSERTED, *BLOCK_REMARKS})


def accepted(node: Node) -> Node:
    """Return a document without what is only suggested: the text as it is until somebody decides."""
    blocks = _accepted_children(node)
    if node.type.valid_content(blocks):
        return node.copy(blocks)
    # All of it was suggested.
    return node.type.create_and_fill() or node


def has_suggestions(node: Node) -> bool:
    """Say whether anything in a node is suggested and not decided."""
    if any(mark.type.name in PENDING_MARKS for mark in node.marks):
        return True
    if any(node.attrs.get(name) is not None for name in PENDING_ATTRIBUTES):
        return True
    return any(has_suggestions(child) for child in node.content.content)


def accepted_block(node: Node) -> Node | None:
    """Return what is accepted of one node: None for one that is only suggested."""
    if node.attrs.get(INSERTED) is not None:
        return None
    if node.is_text:
        if any(mark.type.name == INSERTION for mark in node.marks):
            return None
        return node.mark([mark for mark in node.marks if mark.type.name not in PENDING_MARKS])
    children = _accepted_children(node)
    if not node.type.valid_content(children):
        return None
    attributes = {name: None if name in PENDING_ATTRIBUTES else value for name, value in node.attrs.items()}
    return node.type.create(attributes, children, node.marks)


def _accepted_children(node: Node) -> Fragment:
    return Fragment.from_([kept for child in node.content.content if (kept := accepted_block(child)) is not None])
