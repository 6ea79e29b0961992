"""Inline content as Markdown: text escaped, marks as delimiters where these would be read back, as tags elsewhere."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from markdown_it.common.utils import isMdAsciiPunct, isPunctChar, isWhiteSpace
from prosemirror.model import Node

from server.documents.building import clean_text
from server.documents.read_markdown import PARSER

_DELIMITERS: Final = {"bold": ("**",), "italic": ("*", "_"), "strike": ("~~",), "highlight": ("==",)}
_TAGS: Final = {"bold": "strong", "italic": "em", "strike": "s", "highlight": "mark"}

_ESCAPED_ALWAYS: Final = re.compile(r"[\\`\[\]<]")
# At the start of a line these would begin a heading, list, quote, table, underline or definition.
_LINE_START: Final = re.compile(
    r"(?P<sign>#{1,6}(?=\s|$)|[-+](?=[\s-]|$)|=(?==*\s*$)|[>|]|:(?=-))|(?P<number>\d{1,9})(?P<point>[.)](?=\s|$))"
)
_ENTITY: Final = re.compile(r"&(?=#|[A-Za-z])")
_SPACE: Final = re.compile(r"\s+")

# Stands for a neighbour that is not written yet: delimiters beside it are not safe.
_UNKNOWN: Final = "\0"


# A mark's name, and the address if it is a link. ProseMirror's marks know no equality by value.
_Mark = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Piece:
    """Text, code, or a line break (a line feed), with the marks that Markdown can say."""

    text: str
    marks: tuple[_Mark, ...] = ()
    code: bool = False

    @property
    def blank(self) -> bool:
        return not self.code and not self.text.strip()


def write_inline(node: Node, *, one_line: bool = False) -> str:
    """Return the inline content of a text block. `one_line`: breaks are tags, as in headings and table cells."""
    pieces = _with_closed_marks(_pieces(node))
    written = _Writer(one_line=one_line).write(pieces, "", "")
    return written if one_line else "\n".join(_escape_line_start(line) for line in written.split("\n"))


def write_label(text: str) -> str:
    """Return text for the label of an image."""
    return _escape(" ".join(clean_text(text).split()), "", "")


def write_address(address: str) -> str | None:
    """Return a link's or image's address; None if Markdown would not make a link of it."""
    normal = PARSER.normalizeLink(clean_text(address).strip())
    if not normal or not PARSER.validateLink(normal):
        return None
    encoded = {" ": "%20", "(": "%28", ")": "%29", "<": "%3C", ">": "%3E", "\\": "%5C", "`": "%60", "\n": "", "\t": ""}
    return _ENTITY.sub(r"\&", "".join(encoded.get(character, character) for character in normal))


def write_title(title: str) -> str:
    """Return an image's title with a space before and quotes around it; empty if it says nothing."""
    words = " ".join(clean_text(title).split())
    return words and ' "' + _ENTITY.sub(r"\&", re.sub(r'([\\"])', r"\\\1", words)) + '"'


def _pieces(node: Node) -> list[_Piece]:
    pieces: list[_Piece] = []
    for child in node.content.content:
        if child.type.name == "hardBreak":
            pieces.append(_Piece("\n"))
            continue
        text = _SPACE.sub(lambda found: " " if set(found[0]) & set("\n\u2028\u2029") else found[0], _clean(child))
        if not text:
            continue
        if any(mark.type.name == "code" for mark in child.marks):
            pieces.append(_Piece(text, code=True))
            continue
        marks = _marks(child)
        # Spaces at the edges apart: whether they belong to a mark depends on what is on their other side.
        core = text.strip()
        start = text.index(core) if core else 0
        parts = (text[:start], core, text[start + len(core) :]) if core else (text,)
        pieces += [_Piece(part, marks if part.strip() else ()) for part in parts if part]
    return _merged(pieces, apart=True)


def _merged(pieces: list[_Piece], *, apart: bool) -> list[_Piece]:
    """Join neighbours with the same marks; with `apart`, blanks only with blanks."""
    merged: list[_Piece] = []
    for piece in pieces:
        last = merged[-1] if merged else None
        same = last and "\n" not in {last.text, piece.text} and (last.marks, last.code) == (piece.marks, piece.code)
        if last and same and not (apart and last.blank != piece.blank):
            merged[-1] = _Piece(last.text + piece.text, piece.marks, piece.code)
        else:
            merged.append(piece)
    return merged


def _clean(node: Node) -> str:
    return clean_text(node.text or "")


def _marks(node: Node) -> tuple[_Mark, ...]:
    marks: list[_Mark] = []
    for mark in node.marks:
        if mark.type.name != "link":
            marks.append((mark.type.name, ""))
        elif (address := write_address(str(mark.attrs["href"] or ""))) is not None:
            marks.append(("link", address))
    return tuple(marks)


def _with_closed_marks(pieces: list[_Piece]) -> list[_Piece]:
    """Give blanks and breaks the marks that both their neighbours have, and take them away at the edges of lines.

    A delimiter beside a blank on its inner side would not be read as one.
    """
    result: list[_Piece] = []
    at = 0
    while at < len(pieces):
        if not pieces[at].blank:
            result.append(pieces[at])
            at += 1
            continue
        end = next((i for i in range(at, len(pieces)) if not pieces[i].blank), len(pieces))
        before = pieces[at - 1].marks if at else ()
        after = pieces[end].marks if end < len(pieces) else ()
        marks = tuple(mark for mark in before if mark in after)
        breaks = sum(piece.text == "\n" for piece in pieces[at:end])
        spaces = "".join(piece.text for piece in pieces[at:end]) if not breaks else ""
        if breaks:
            result += [_Piece("\n", marks)] * breaks
        elif at and end < len(pieces):
            result.append(_Piece(spaces, marks))
        at = end
    return _merged(result, apart=False)


class _Writer:
    """Writes pieces from left to right, marks as a tree."""

    def __init__(self, *, one_line: bool) -> None:
        self.one_line = one_line

    def write(self, pieces: list[_Piece], before: str, after: str) -> str:
        """Write pieces between the characters `before` and `after`; empty at the edge of a line."""
        out = ""
        at = 0
        while at < len(pieces):
            piece = pieces[at]
            previous = out[-1] if out else before
            if not piece.marks:
                out += self.plain(pieces, at, previous, after)
                at += 1
                continue
            mark, end = self.widest(pieces, at)
            inner = [
                _Piece(each.text, tuple(other for other in each.marks if other != mark), each.code)
                for each in pieces[at:end]
            ]
            out += self.marked(mark, inner, previous, self.first_of(pieces, end, after))
            at = end
        return out

    def plain(self, pieces: list[_Piece], at: int, previous: str, after: str) -> str:
        piece = pieces[at]
        if piece.code:
            return _code(piece.text)
        if piece.text == "\n":
            # A backslash needs something on both its sides; at the edges only a tag is read as a break.
            inside = 0 < at < len(pieces) - 1 or (previous and after)
            return "\\\n" if inside and not self.one_line else "<br>"
        return _escape(piece.text, previous, self.first_of(pieces, at + 1, after))

    def widest(self, pieces: list[_Piece], at: int) -> tuple[_Mark, int]:
        """Return the mark that opens here and stays open longest, and where it ends. A link is outermost."""
        ends: dict[_Mark, int] = {}
        for mark in pieces[at].marks:
            ends[mark] = next((i for i in range(at, len(pieces)) if mark not in pieces[i].marks), len(pieces))
        chosen = max(pieces[at].marks, key=lambda mark: (mark[0] == "link", ends[mark]))
        return chosen, ends[chosen]

    def first_of(self, pieces: list[_Piece], at: int, after: str) -> str:
        """Return the first character of what comes at a place."""
        if at >= len(pieces):
            return after
        piece = pieces[at]
        if piece.marks:
            return "[" if any(name == "link" for name, _ in piece.marks) else _UNKNOWN
        if piece.code:
            return "`"
        if piece.text == "\n":
            return "<" if self.one_line else "\\"
        return _escape(piece.text, "", _UNKNOWN)[0]

    def marked(self, mark: _Mark, inner: list[_Piece], before: str, after: str) -> str:
        name, address = mark
        if name == "link":
            return f"[{self.write(inner, '[', ']')}]({address})"
        for delimiter in _DELIMITERS[name]:
            written = self.write(inner, delimiter[0], delimiter[0])
            if _is_read_back(delimiter, before, written, after):
                return delimiter + written + delimiter
        tag = _TAGS[name]
        return f"<{tag}>{self.write(inner, '>', '<')}</{tag}>"


def _is_read_back(delimiter: str, before: str, written: str, after: str) -> bool:
    """Say whether the parser will take the delimiters on both sides of `written` as a pair."""
    sign = delimiter[0]
    first, last = written[0], written[-1]
    if _UNKNOWN in {before, after} or sign in {before, after, first, last}:
        return False
    opens, closes_too = _flanks(before, first)
    closes, opens_too = _flanks(after, last)
    if sign == "_":
        opens = opens and (not closes_too or _is_punctuation(before))
        closes = closes and (not opens_too or _is_punctuation(after))
    return opens and closes


def _flanks(outer: str, inner: str) -> tuple[bool, bool]:
    """Return whether a run of delimiters faces its inner side, and whether it faces its outer side as well."""
    outer_blank, inner_blank = not outer or isWhiteSpace(ord(outer)), isWhiteSpace(ord(inner))
    outer_sign, inner_sign = _is_punctuation(outer), _is_punctuation(inner)
    faces_inner = not inner_blank and (not inner_sign or outer_blank or outer_sign)
    faces_outer = not outer_blank and (not outer_sign or inner_blank or inner_sign)
    return faces_inner, faces_outer


def _is_punctuation(character: str) -> bool:
    return bool(character) and (isMdAsciiPunct(ord(character)) or isPunctChar(character))


def _code(text: str) -> str:
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if text[0] in " `" or text[-1] in " `" else ""
    # Spaces alone are kept as they are.
    return fence + (text if not text.strip(" ") else pad + text + pad) + fence


def _escape(text: str, previous: str, following: str) -> str:
    """Escape what would be read as markup; `previous` and `following` are the characters around the text."""
    out: list[str] = []
    for at, character in enumerate(text):
        left = text[at - 1] if at else previous
        right = text[at + 1] if at + 1 < len(text) else following
        doubled = character in "~=" and (character in {left, right} or not left or right in {"", _UNKNOWN} or not at)
        loose = character == "_" and not (left.isalnum() and right.isalnum() and right != _UNKNOWN)
        star = character == "*" and not (left == right == " ")
        before_link = character == "!" and right in {"[", _UNKNOWN}
        entity = character == "&" and (right in {"#", _UNKNOWN} or right.isalpha())
        escaped = _ESCAPED_ALWAYS.match(character) or doubled or loose or star or before_link or entity
        out.append("\\" + character if escaped else character)
    return "".join(out)


def _escape_line_start(line: str) -> str:
    line = line.lstrip(" \t")
    found = _LINE_START.match(line)
    if found is None:
        return line
    if found["sign"]:
        return "\\" + line
    return found["number"] + "\\" + line[found.end("number") :]
