"""Markdown read into a document: CommonMark with tables, strikethrough, task lists and ==highlights==.

HTML inside Markdown is read as HTML is read (read_html); a tag that HTML does not know, as in `Vec<String>`, is text.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Delimiter
from markdown_it.token import Token
from prosemirror.model import Mark, Node

from server.documents.building import Blocks, Item, clean_text, lists_of, table_of
from server.documents.read_html import read_html
from server.documents.schema import MAX_HEADING_LEVEL, mark, node
from server.errors import Invalid

MAX_NESTING: Final = 50
# Of which a paragraph or a cell needs three; a book of half a megabyte has a fifth of it.
MAX_BLOCK_TOKENS: Final = 150_000
# How often the parser may look past a token: so often, and some times for each character. Ordinary text needs less than
# one; a bracket that is not closed looks to the end of its paragraph.
_FREE_LOOKS: Final = 1_000_000
_LOOKS_PER_CHARACTER: Final = 3
_LOOKS_LEFT: Final = "looks left"

_MARK_OF_TOKEN: Final = {"strong": "bold", "em": "italic", "s": "strike", "mark": "highlight"}
_MARK_OF_TAG: Final = {
    "strong": "bold",
    "b": "bold",
    "em": "italic",
    "i": "italic",
    "s": "strike",
    "del": "strike",
    "mark": "highlight",
    "code": "code",
    "kbd": "code",
}
# Tags that the schema has no mark for: the words between them stay.
_SILENT_TAGS: Final = frozenset(["u", "ins", "sub", "sup", "small", "span", "font", "abbr", "cite", "q", "var", "a"])
_TAG: Final = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9-]*)[^>]*>")
_TASK: Final = re.compile(r"\[([ xX])\](?:[ \t\n]+|$)")


def _begin_highlight(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - markdown-it's signature
    """Take a run of `=` as possible ends of a highlight, two by two."""
    if silent or state.src[state.pos] != "=":
        return False
    run = state.scanDelims(state.pos, True)
    if run.length < 2:
        return False
    if run.length % 2:
        state.push("text", "", 0).content = "="
    for _ in range(run.length // 2):
        state.push("text", "", 0).content = "=="
        state.delimiters.append(
            Delimiter(
                marker=ord("="),
                length=0,
                token=len(state.tokens) - 1,
                end=-1,
                open=run.can_open,
                close=run.can_close,
            )
        )
    state.pos += run.length
    return True


def _end_highlights(state: StateInline) -> None:
    """Make tokens of the pairs that were found."""
    for delimiters in [state.delimiters, *(meta["delimiters"] for meta in state.tokens_meta if meta)]:
        for start in delimiters:
            if start.marker == ord("=") and start.end != -1:
                for delimiter, kind, nesting in ((start, "mark_open", 1), (delimiters[start.end], "mark_close", -1)):
                    token = state.tokens[delimiter.token]
                    token.type, token.tag, token.content, token.markup = kind, "mark", "", "=="
                    token.nesting = 1 if nesting == 1 else -1


class _BoundedInline(ParserInline):
    """Reads inline content with an end to looking ahead: each bracket looks for its other half, and may find none."""

    def skipToken(self, state: StateInline) -> None:  # noqa: N802 - markdown-it's name
        """Look past one token. Raises Invalid when a text has made it look ahead far more than texts do."""
        state.env[_LOOKS_LEFT] = left = state.env.get(_LOOKS_LEFT, _FREE_LOOKS) - 1
        if left < 0:
            raise Invalid({"content": "It has too many brackets without their other half."})
        super().skipToken(state)


def _refuse_many_blocks(state: StateCore) -> None:
    if len(state.tokens) > MAX_BLOCK_TOKENS:
        raise Invalid({"content": "It has too many paragraphs, list items or table cells. Send it in parts."})


def _make_parser() -> MarkdownIt:
    parser = MarkdownIt()
    parser.inline = _BoundedInline()
    parser.configure("commonmark", {"html": True, "maxNesting": MAX_NESTING}).enable(["table", "strikethrough"])
    parser.core.ruler.after("block", "refuse_many_blocks", _refuse_many_blocks)
    parser.inline.ruler.before("emphasis", "highlight", _begin_highlight)
    parser.inline.ruler2.before("emphasis", "highlight", _end_highlights)
    return parser


PARSER: Final = _make_parser()


def read_markdown(source: str) -> list[Node]:
    """Return the blocks of a Markdown text; none if it says nothing.

    Raises Invalid for what nobody writes: quotes or lists nested too deeply, brackets without end, and more blocks than
    a book has.
    """
    text = clean_text(source)
    tokens = PARSER.parse(text, {_LOOKS_LEFT: _FREE_LOOKS + _LOOKS_PER_CHARACTER * len(text)})
    # The parser leaves out what is deeper; half a document must not pass for the whole.
    if any(token.level >= MAX_NESTING - 1 for token in tokens):
        raise Invalid({"content": "Quotes or lists are nested too deeply."})
    return _Tokens(tokens).blocks("")


class _Tokens:
    """A stream of block tokens. State: the place of the next one."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.at = 0

    def next(self) -> Token:
        token = self.tokens[self.at]
        self.at += 1
        return token

    def blocks(self, end: str) -> list[Node]:
        """Read blocks up to the token of type `end`, which is taken too."""
        found: list[Node] = []
        while self.at < len(self.tokens):
            token = self.next()
            if token.type == end:
                break
            found += self.block(token)
        return found

    def block(self, token: Token) -> list[Node]:
        match token.type:
            case "paragraph_open":
                return self.text_block("paragraph", {})
            case "heading_open":
                return self.text_block("heading", {"level": min(int(token.tag[1]), MAX_HEADING_LEVEL)})
            case "blockquote_open":
                return [node("blockquote", {}, self.blocks("blockquote_close") or [node("paragraph")])]
            case "bullet_list_open":
                return lists_of(self.items("bullet_list_close"), "bulletList", {})
            case "ordered_list_open":
                start = token.attrGet("start")
                items = self.items("ordered_list_close", tasks=False)
                return lists_of(items, "orderedList", {"start": 1 if start is None else start})
            case "fence" | "code_block":
                return [_code_block(token)]
            case "hr":
                return [node("horizontalRule")]
            case "html_block":
                return read_html(token.content)
            case "table_open":
                return self.table()
            case _:
                return []

    def text_block(self, kind: str, attributes: dict[str, object]) -> list[Node]:
        blocks = Blocks(kind, attributes)
        _read_inline(self.next(), blocks)
        self.next()
        return blocks.finished()

    def items(self, end: str, *, tasks: bool = True) -> list[Item]:
        items: list[Item] = []
        while self.next().type != end:
            checked = self.take_task() if tasks else None
            items.append((checked, self.blocks("list_item_close"), {}))
        return items

    def take_task(self) -> bool | None:
        """Take the box off an item's first paragraph; None if there is none."""
        if self.tokens[self.at].type != "paragraph_open":
            return None
        inline = self.tokens[self.at + 1]
        box = _TASK.match(inline.content)
        first = inline.children[0] if inline.children else None
        # Of `[x]` a link may have been made, if the text defines one of that name.
        if box is None or first is None or first.type != "text" or not first.content.startswith(f"[{box[1]}]"):
            return None
        first.content = first.content[3:].lstrip()
        if not first.content and len(inline.children or []) > 1 and inline.children:
            inline.children = inline.children[2:] if inline.children[1].type == "softbreak" else inline.children[1:]
        return box[1] != " "

    def table(self) -> list[Node]:
        rows: list[list[Node]] = []
        while (token := self.next()).type != "table_close":
            if token.type == "tr_open":
                rows.append([])
            elif token.type in {"th_open", "td_open"}:
                content = Blocks()
                _read_inline(self.next(), content)
                kind = "tableHeader" if token.tag == "th" else "tableCell"
                rows[-1].append(node(kind, {}, content.finished()))
        table = table_of(rows)
        return [] if table is None else [table]


def _code_block(token: Token) -> Node:
    block = Blocks("codeBlock", {"language": (token.info.split() or [""])[0]})
    block.add_text(token.content.removesuffix("\n"), [])
    return block.finished()[0]


def _read_inline(token: Token, into: Blocks) -> None:
    inline = _Inline(into)
    for child in token.children or []:
        inline.read(child)


class _Inline:
    """Inline content that is being read. State: how often each mark is open, and where the open link leads."""

    def __init__(self, into: Blocks) -> None:
        self.into = into
        self.open: Counter[str] = Counter()
        self.address: str | None = None

    def read(self, token: Token) -> None:
        kind, _, edge = token.type.rpartition("_")
        match token.type:
            case "text" | "text_special" | "softbreak" | "code_inline":
                self.read_text(token)
            case "hardbreak":
                self.into.add_break(self.marks())
            case "image":
                self.read_image(token)
            case "link_open" | "link_close":
                self.address = str(token.attrGet("href") or "") if edge == "open" else None
            case "html_inline":
                self.read_tag(token.content)
            case _ if kind in _MARK_OF_TOKEN:
                self.turn(_MARK_OF_TOKEN[kind], on=edge == "open")

    def marks(self) -> list[Mark]:
        marks = [mark("link", {"href": self.address})] if self.address is not None else []
        for name, times in self.open.items():
            marks = mark(name).add_to_set(marks) if times else marks
        return marks

    def turn(self, name: str, *, on: bool) -> None:
        self.open[name] = max(0, self.open[name] + (1 if on else -1))

    def read_text(self, token: Token) -> None:
        if token.type == "code_inline":
            self.into.add_text(token.content, mark("code").add_to_set(self.marks()))
            return
        words = " " if token.type == "softbreak" else token.content
        # What follows an image in the middle of a paragraph begins one of its own.
        self.into.add_text(words if self.into.inline else words.lstrip(" "), self.marks())

    def read_tag(self, source: str) -> None:
        if source.startswith(("<!--", "<?", "<!")):
            return
        tag = _TAG.fullmatch(source)
        name = tag[2].lower() if tag else ""
        if name == "br":
            self.into.add_break(self.marks())
        elif tag and name in _MARK_OF_TAG:
            self.turn(_MARK_OF_TAG[name], on=not tag[1])
        elif name not in _SILENT_TAGS:
            self.into.add_text(source.replace("\n", " "), self.marks())

    def read_image(self, token: Token) -> None:
        alt = " ".join("".join(_words(child) for child in token.children or []).split())
        image = node(
            "image", {"src": token.attrGet("src"), "alt": alt or None, "title": token.attrGet("title") or None}
        )
        if image.attrs["src"] is None:
            self.into.add_text(alt, self.marks())
        else:
            self.into.add_block(image)


def _words(token: Token) -> str:
    return " " if token.type in {"softbreak", "hardbreak"} else token.content
