"""Whether a suggestion that is gone from a document was accepted: read from the text, where nobody told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from prosemirror.model import Node

from server.documents.suggestions import Kind


class Accepted:
    """What is accepted in a document, by block."""

    def __init__(self, document: Node) -> None:
        self._document = document
        self._blocks: dict[str, Node] = {}
        document.descendants(self._note)

    def _note(self, node: Node, *_: object) -> bool:
        block_id = node.attrs.get("id")
        if isinstance(block_id, str):
            self._blocks.setdefault(block_id, node)
        return not node.is_text

    def has(self, parts: Sequence[Mapping[str, Any]]) -> bool:
        """Say whether the document is as these parts wanted it, as far as that can be seen.

        All that was to come must be there and all that was to go be gone: who rejects leaves the one or the other.
        """
        return bool(parts) and all(self._has(part) for part in parts)

    def _has(self, part: Mapping[str, Any]) -> bool:
        block = self._blocks.get(str(part["block_id"]))
        text = str(part["text"])
        match part["kind"]:
            case Kind.INSERT:
                # Where it was to part a block, its halves are two by now.
                lines = [line for line in text.replace("\u2028", "\u2029").split("\u2029") if line]
                within = block.text_content if block is not None and len(lines) == 1 else self._document.text_content
                return all(line in within for line in lines)
            case Kind.DELETE:
                return block is None or text not in block.text_content
            case Kind.REFORMAT:
                return block is not None and _is_formatted(block, text, str(part["into"] or ""))
            case Kind.INSERT_BLOCK:
                return block is not None
            case Kind.CHANGE_BLOCK:
                return block is not None and self._is_of_kind(block, str(part["into"]))
        # To be deleted, or joined to the one before: then there is none of its name.
        return block is None

    def _is_of_kind(self, block: Node, kind: str) -> bool:
        if kind.startswith("heading"):
            return block.type.name == "heading" and str(block.attrs["level"]) == kind.removeprefix("heading")
        if kind in {"paragraph", "codeBlock"}:
            return block.type.name == kind
        # A list or a quote stands around it.
        return block.type.name == "paragraph"


def _is_formatted(block: Node, text: str, into: str) -> bool:
    wanted = {word[1:] for word in into.split() if word.startswith("+")}
    unwanted = {word[1:] for word in into.split() if word.startswith("-")}
    found = [marks for words, marks in _stretches(block) if words in text or text in words]
    return any(wanted <= marks and not unwanted & marks for marks in found)


def _stretches(block: Node) -> Iterator[tuple[str, set[str]]]:
    for child in block.content.content:
        if child.is_text:
            yield child.text or "", {mark.type.name for mark in child.marks}
        else:
            yield from _stretches(child)
