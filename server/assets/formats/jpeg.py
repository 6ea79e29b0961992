"""JPEG: segments that begin with a marker; after each start of scan, coded data up to the next marker.

Source: ITU-T T.81, annex B.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from server.assets.formats.layout import Broken, Layout, Pieces, Source, cut

_START_BYTES: Final = 2
_SCAN: Final = 0xDA
_END: Final = 0xD9
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length
_FRAMES: Final = frozenset({0xC0, 0xC1, 0xC2})  # baseline, extended, progressive: what browsers draw
_OTHER_FRAMES: Final = frozenset(range(0xC3, 0xD0)) - {0xC4, 0xC8, 0xCC}
_TABLES: Final = frozenset({0xC4, 0xDB, 0xDD})
_JFIF, _EXIF, _ICC, _ADOBE = 0xE0, 0xE1, 0xE2, 0xEE
_EXIF_NAME: Final = b"Exif\0\0"

# Programs write about ten. Each scan passes over the whole picture, so thousands of tiny ones are hours of work.
MAX_SCANS: Final = 100

# In coded data 0xFF is followed by 0 or by a restart marker; doubled it is only filling.
_NEXT: Final = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]", re.DOTALL)
_HERE: Final = re.compile(rb"\xff+[^\x00\xff]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Segment:
    marker: int
    start: int
    body: int  # behind marker and length
    end: int  # behind the coded data, if any


def read(source: Source) -> Layout:
    """Read the layout. Raises Broken."""
    pieces = Pieces(source)
    pieces.keep(0, _START_BYTES)
    size: tuple[int, int] | None = None
    exif: bytes | None = None
    scans = 0
    for segment in _segments(source):
        if segment.marker in _OTHER_FRAMES:
            raise Broken(f"is coded in a way that browsers do not draw (marker {segment.marker:#x})")
        if segment.marker in _FRAMES:
            if size is not None:
                raise Broken("holds two pictures")
            frame = cut(source, segment.body + 1, 4)
            size = int.from_bytes(frame[2:], "big"), int.from_bytes(frame[:2], "big")
        if segment.marker == _SCAN:
            scans += 1
            if scans > MAX_SCANS:
                raise Broken("has too many scans")
        if segment.marker == _EXIF and exif is None:
            data = source[segment.body : segment.end]
            exif = data.removeprefix(_EXIF_NAME) if data.startswith(_EXIF_NAME) else None
        if _draws(source, segment):
            pieces.keep(segment.start, segment.end)
    if size is None or scans == 0:
        raise Broken("holds no pixels")
    kept, whole = pieces.done()
    return Layout(width=size[0], height=size[1], frames=1, pieces=kept, whole=whole, exif=exif)


def _segments(source: Source) -> Iterator[_Segment]:
    """Give the segments, the end marker last. Raises Broken if there is none."""
    at = _START_BYTES
    while True:
        found = _HERE.match(source, at)
        if found is None:
            raise Broken(f"has no marker at {at}")
        at = found.end()
        marker = source[at - 1]
        if marker == _END:
            yield _Segment(marker, at - 2, at, at)
            return
        if marker in _ALONE:
            continue
        length = int.from_bytes(cut(source, at, 2), "big")
        start, body, at = at - 2, at + 2, at + length
        if length < 2 or at > len(source):
            raise Broken("ends inside of a segment")
        if marker == _SCAN:
            following = _NEXT.search(source, at)
            if following is None:
                raise Broken("ends inside of its pixels")
            at = following.start()
        yield _Segment(marker, start, body, at)


def _draws(source: Source, segment: _Segment) -> bool:
    """Whether a segment is needed to draw: tables, pixels, the colour profile, how colours are coded.

    Thumbnails, Exif, XMP, comments, and pictures behind the picture (MPF) are not.
    """
    if segment.marker in _TABLES or segment.marker in _FRAMES or segment.marker in {_SCAN, _END}:
        return True
    name = source[segment.body : min(segment.body + 12, segment.end)]
    return (
        (segment.marker == _JFIF and name.startswith(b"JFIF\0"))
        or (segment.marker == _ICC and name == b"ICC_PROFILE\0")
        or (segment.marker == _ADOBE and name.startswith(b"Adobe"))
    )
