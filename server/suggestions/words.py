"""What a suggestion would do, in sentences: for mail, for the bell, and for cards of those that are decided.

The page has its own for those that are pending (static/src/suggesting/sentences.ts), since it has them at once.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from server.documents.suggestions import Kind

MAX_QUOTED_CHARACTERS: Final = 80
_BLOCKS: Final = {
    "paragraph": "Text",
    "heading1": "Heading 1",
    "heading2": "Heading 2",
    "heading3": "Heading 3",
    "heading4": "Heading 4",
    "bulletList": "Bullet list",
    "orderedList": "Numbered list",
    "taskList": "Task list",
    "blockquote": "Quote",
    "codeBlock": "Code",
}

Parts = Sequence[Mapping[str, Any]]


def sentences(parts: Parts) -> list[str]:
    """Say what these parts would do, one sentence for each kind of change."""
    said: list[str] = []
    inserted, deleted = _words(parts, Kind.INSERT), _words(parts, Kind.DELETE)
    if inserted is not None and deleted is not None:
        said.append(f"Replace “{_quoted(deleted)}” with “{_quoted(inserted)}”")
    elif inserted is not None:
        said.append("Begin a new paragraph" if inserted == "\u2029" else f"Add “{_quoted(inserted)}”")
    elif deleted is not None:
        said.append(f"Delete “{_quoted(deleted)}”")
    if (words := _words(parts, Kind.INSERT_BLOCK)) is not None:
        count = _count(parts, Kind.INSERT_BLOCK)
        said.append(f"{'Add a block' if count == 1 else f'Add {count} blocks'}: “{_quoted(words)}”")
    if (words := _words(parts, Kind.DELETE_BLOCK)) is not None:
        count = _count(parts, Kind.DELETE_BLOCK)
        said.append(f"{'Delete the block' if count == 1 else f'Delete {count} blocks:'} “{_quoted(words)}”")
    if _words(parts, Kind.JOIN_BLOCK) is not None:
        said.append("Join this block to the one before")
    said += [_change(str(part["into"])) for part in parts if part["kind"] == Kind.CHANGE_BLOCK]
    if (words := _words(parts, Kind.REFORMAT)) is not None:
        formats = [word for part in parts if part["kind"] == Kind.REFORMAT for word in str(part["into"]).split()]
        for sign, sentence in (("+", "Format “{}”: {}"), ("-", "Format “{}”: no {}")):
            names = list(dict.fromkeys(word[1:] for word in formats if word.startswith(sign)))
            if names:
                said.append(sentence.format(_quoted(words), ", ".join(names)))
    return said


def quote(parts: Parts) -> str:
    """Return the document's own words that a suggestion is about; empty if it only adds."""
    kinds = {Kind.DELETE, Kind.REFORMAT, Kind.DELETE_BLOCK, Kind.JOIN_BLOCK, Kind.CHANGE_BLOCK}
    return " … ".join(str(part["text"]) for part in parts if part["kind"] in kinds and part["text"])


def _change(into: str) -> str:
    return "Tick this task off" if into == "taskListDone" else f"Turn into: {_BLOCKS.get(into, into)}"


def _words(parts: Parts, kind: Kind) -> str | None:
    if not _count(parts, kind):
        return None
    return " … ".join(str(part["text"]) for part in parts if part["kind"] == kind and part["text"])


def _count(parts: Parts, kind: Kind) -> int:
    return sum(1 for part in parts if part["kind"] == kind)


def _quoted(text: str) -> str:
    line = text.replace("\u2029", "¶ ").replace("\u2028", "↵ ").replace("\n", "↵ ")
    short = f"{line[: MAX_QUOTED_CHARACTERS - 1]}…" if len(line) > MAX_QUOTED_CHARACTERS else line
    if short.strip():
        return short
    return "␣" * len(short) or "(empty)"
