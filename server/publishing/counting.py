"""How long a text is, as a channel counts it.

`tests/contracts/counting.json` holds texts and their counts; whatever else counts (the meter beside the text) is held
to the same file.
"""

from collections.abc import Iterator
from typing import Final

import regex

from server.publishing.channel import Counting

# What Mastodon counts for any address, however long it is.
ADDRESS_CHARACTERS: Final = 23

_GRAPHEME: Final = regex.compile(r"\X")
# An address needs its scheme and a host with a dot; what follows the host is cut at its end by `_end_of_address`.
_ADDRESS: Final = regex.compile(
    r"(?<![A-Za-z0-9@＠$#＃])https?://"
    r"(?:[\p{L}\p{N}_-]{1,63}\.)+(?:\p{L}{2,63}|xn--[a-z0-9-]{1,59})(?::[0-9]{1,5})?"
    r"(?P<rest>[/?][^\s<>\"]*)?",
    regex.IGNORECASE,
)
_MENTION: Final = regex.compile(
    r"(?<![=/\w])@(?P<name>[a-z0-9_]+(?:[.-]+[a-z0-9_]+)*)(?:@\w+(?:[.-]+\w+)*)?", regex.IGNORECASE
)
_NO_MENTION_BEFORE: Final = ("@", "＠", "://")
# What ends a sentence and not an address. In a query fewer characters are taken for the sentence's.
_NOT_LAST_IN_PATH: Final = frozenset("?!*'\"「」;:=,.$%[]~&|@(")
_NOT_LAST_IN_QUERY: Final = frozenset("!?*'();:+$%[].,~|@^")


def count(text: str, counting: Counting) -> int:
    """Return how many characters a channel sees in `text`."""
    match counting:
        case Counting.CODE_POINTS:
            return len(text)
        case Counting.GRAPHEMES:
            return graphemes(text)
        case Counting.MASTODON:
            return graphemes("".join(_shortened(text)))


def graphemes(text: str) -> int:
    """Return how many characters a reader sees: a flag or a family of emoji is one."""
    # A text of ASCII letters alone has one code point for each, but for line ends of two.
    if text.isascii() and "\r" not in text:
        return len(text)
    return sum(1 for _ in _GRAPHEME.finditer(text))


def addresses(text: str) -> Iterator[tuple[int, int]]:
    """Find the http and https addresses in `text`, without the punctuation behind them: start and end of each."""
    for found in _ADDRESS.finditer(text):
        rest = found.group("rest") or ""
        yield found.start(), found.end() - len(rest) + _end_of_address(rest)


def _shortened(text: str) -> Iterator[str]:
    """Give `text` with each address as 23 letters and each mention without its host, as Mastodon counts it.

    Source: app/validators/status_length_validator.rb of Mastodon.
    """
    at = 0
    for start, end, instead in sorted(_replaced(text)):
        yield text[at:start]
        yield instead
        at = end
    yield text[at:]


def _replaced(text: str) -> Iterator[tuple[int, int, str]]:
    taken = list(addresses(text))
    for start, end in taken:
        yield start, end, "x" * ADDRESS_CHARACTERS
    before = iter(taken)
    start, end = next(before, (len(text), len(text)))
    for found in _MENTION.finditer(text):
        while end <= found.start() and start < len(text):
            start, end = next(before, (len(text), len(text)))
        if found.end() > start or text.startswith(_NO_MENTION_BEFORE, found.end()):
            continue
        yield found.start(), found.end(), "@" + found["name"]


def _end_of_address(rest: str) -> int:
    """Return where in `rest`, the path and the query behind a host, the address ends and its sentence goes on."""
    not_last = _NOT_LAST_IN_QUERY if "?" in rest[:-1] else _NOT_LAST_IN_PATH
    closed = rest.count(")")
    opened = rest.count("(")
    end = len(rest)
    while end:
        last = rest[end - 1]
        if last == ")" and closed > opened:
            closed -= 1
        elif last in not_last:
            opened -= last == "("
            closed -= last == ")"
        else:
            break
        end -= 1
    return end
