"""AVIF: boxes in boxes; `meta` says where in the file each item lies. Source: ISO 14496-12, ISO 23008-12, AVIF 1.1.

Offsets count from the start of the file, so nothing may move: what tells is written over, in place.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from server.assets.formats.layout import Broken, Layout, Pieces, Source, cut

_MAX_BOXES: Final = 10_000
_DRAWS: Final = frozenset({b"ftyp", b"meta", b"moov", b"mdat"})
_TELLS: Final = frozenset({b"Exif", b"mime", b"uri "})
# No tags at all: readers accept it, whereas bare zeros are an error to some.
_EMPTY_EXIF: Final = b"\0\0\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"


@dataclass(frozen=True, slots=True)
class _Box:
    kind: bytes
    start: int
    body: int
    end: int


def read(source: Source) -> Layout:
    """Read the layout; the size is that of the largest item, 0 if none is named. Raises Broken."""
    boxes = list(_boxes(source, 0, len(source), lenient=True))
    if not boxes or boxes[0].kind != b"ftyp":
        raise Broken("does not begin with its type")
    meta = [box for box in boxes if box.kind == b"meta"]
    if len(meta) > 1 or not any(box.kind in {b"meta", b"moov"} for box in boxes):
        raise Broken("has no description, or two")
    blanks = [(box.body, box.end, b"") for box in boxes if box.kind not in _DRAWS]
    width = height = 0
    for box in meta:
        children = {child.kind: child for child in _boxes(source, box.body + 4, box.end)}
        width, height = _largest(source, children)
        blanks += _telling(source, children)
    pieces = Pieces(source)
    at = 0
    for start, stop, instead in sorted(blanks):
        if start < at or stop > len(source):
            raise Broken("has items that overlap or lie outside")
        if start < stop and any(source[start:stop]) and source[start:stop] != _filled(instead, stop - start):
            pieces.keep(at, start)
            pieces.put(_filled(instead, stop - start))
            at = stop
    pieces.keep(at, boxes[-1].end)
    kept, whole = pieces.done()
    return Layout(width=width, height=height, frames=1, pieces=kept, whole=whole)


def _filled(start: bytes, length: int) -> bytes:
    return start.ljust(length, b"\0") if len(start) <= length else bytes(length)


def _boxes(source: Source, at: int, stop: int, *, lenient: bool = False) -> Iterator[_Box]:
    """Give the boxes between two offsets. `lenient`: stop where something else is tacked on, at the end of a file."""
    count = 0
    while at + 8 <= stop:
        count += 1
        head = source[at : at + 8]
        length, body = int.from_bytes(head[:4], "big"), at + 8
        if length == 1:
            length, body = int.from_bytes(cut(source, at + 8, 8), "big"), at + 16
        elif length == 0:
            length = stop - at
        box = _Box(head[4:], at, body, at + length)
        if count > _MAX_BOXES or box.end < body or box.end > stop:
            if lenient and count > 1 and not head[4:].isalnum():
                return
            raise Broken(f"has a box at {at} that does not end within the file")
        yield box
        at = box.end


def _largest(source: Source, children: dict[bytes, _Box]) -> tuple[int, int]:
    """Return width and height of the item with the most pixels (`ispe` in `iprp/ipco`)."""
    found = [(0, 0)]
    if properties := children.get(b"iprp"):
        for container in _boxes(source, properties.body, properties.end):
            if container.kind != b"ipco":
                continue
            for each in _boxes(source, container.body, container.end):
                if each.kind == b"ispe":
                    size = cut(source, each.body + 4, 8)
                    found.append((int.from_bytes(size[:4], "big"), int.from_bytes(size[4:], "big")))
    return max(found, key=lambda size: size[0] * size[1])


def _telling(source: Source, children: dict[bytes, _Box]) -> list[tuple[int, int, bytes]]:
    """Return start, end and replacement of the items that hold Exif, XMP and the like."""
    infos, places = children.get(b"iinf"), children.get(b"iloc")
    if infos is None or places is None:
        return []
    version = cut(source, infos.body, 1)[0]
    kinds: dict[int, bytes] = {}
    for info in _boxes(source, infos.body + (6 if version == 0 else 8), infos.end):
        revision = cut(source, info.body, 1)[0]
        if info.kind == b"infe" and revision >= 2:
            wide = 2 if revision == 2 else 4
            item = int.from_bytes(cut(source, info.body + 4, wide), "big")
            kinds[item] = cut(source, info.body + 4 + wide + 2, 4)
    data = children.get(b"idat")
    return [
        (start, stop, _EMPTY_EXIF if kinds[item] == b"Exif" else b"")
        for item, start, stop in _extents(source, places, data.body if data else None)
        if kinds.get(item) in _TELLS
    ]


def _extents(source: Source, box: _Box, data_at: int | None) -> Iterator[tuple[int, int, int]]:
    """Give item, start and end for each extent of each item."""
    reader = _Numbers(source, box.body, box.end)
    version = reader.take(1)
    reader.take(3)
    sizes = reader.take(2)
    offset_size, length_size, base_size, index_size = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    for _ in range(reader.take(2 if version < 2 else 4)):
        item = reader.take(2 if version < 2 else 4)
        method = reader.take(2) & 15 if version else 0
        reader.take(2)
        base = reader.take(base_size)
        for _ in range(reader.take(2)):
            if version:
                reader.take(index_size)
            start, length = base + reader.take(offset_size), reader.take(length_size)
            if method == 1 and data_at is not None:
                start += data_at
            elif method != 0:
                continue
            yield item, start, start + length


class _Numbers:
    """Reads big-endian numbers one after the other, never past `end`."""

    def __init__(self, source: Source, at: int, end: int) -> None:
        self._source = source
        self._at = at
        self._end = end

    def take(self, length: int) -> int:
        """Read a number of `length` bytes. Raises Broken at the end."""
        if self._at + length > self._end:
            raise Broken("ends inside of a list of items")
        number = int.from_bytes(cut(self._source, self._at, length), "big")
        self._at += length
        return number
