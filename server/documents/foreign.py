"""Foreign blocks: what stands for a block of a document that the schema has no place for.

Its words can be read; the block itself stays in the shared document until somebody deletes it. See docs/adr/0006.
"""

from __future__ import annotations

from typing import Final

from prosemirror.model import Node

from server.documents.building import clean_text
from server.documents.schema import FOREIGN_BLOCK, node, text

# What the page says above the words, here and in templates/documents/writing_words.html.
NOTE: Final = "Another program wrote this part. It can be read and deleted here, but not edited."

# What JavaScript's `trim` takes off.
_SPACES: Final = "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"  # noqa: E501
_LONGEST_PREVIEW: Final = 2000


def foreign_block(words: list[str]) -> Node:
    """Make one of the words that are in the block, cut to what the editor shows of them."""
    # The editor counts code units.
    units = " ".join(words).encode("utf-16-le")[: 2 * _LONGEST_PREVIEW]
    return node(FOREIGN_BLOCK, {"text": units.decode("utf-16-le", "replace").strip(_SPACES)})


def is_enough(words: list[str]) -> bool:
    """Say whether further words would be cut off."""
    return sum(map(len, words)) >= _LONGEST_PREVIEW


def is_foreign(content: object) -> bool:
    """Say whether something is a foreign block."""
    return isinstance(content, Node) and content.type.name == FOREIGN_BLOCK


def as_paragraph(block: Node) -> Node | None:
    """Return the paragraph that says the same, for formats that have nothing else for it; None if it has no words."""
    return paragraph_of(str(block.attrs["text"]))


def paragraph_of(words: str) -> Node | None:
    """Return words as a paragraph on one line; None if there are none."""
    line = " ".join(clean_text(words).split())
    return node("paragraph", content=[text(line)]) if line else None
