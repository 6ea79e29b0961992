"""GIF: a screen, then blocks; a block's data comes in sub-blocks of at most 255 bytes.

Source: GIF89a specification, CompuServe 1990.
"""

from typing import Final

from server.assets.formats.layout import Broken, Layout, Pieces, Source, cut

_SCREEN_END: Final = 13
_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B
_CONTROL, _APPLICATION = 0xF9, 0xFF
# How often to repeat, and the colour profile.
_APPLICATIONS: Final = frozenset({b"NETSCAPE2.0", b"ANIMEXTS1.0", b"ICCRGBG1012"})


def read(source: Source) -> Layout:
    """Read the layout; the size is that of the screen, or larger if a frame leaves it. Raises Broken."""
    screen = cut(source, 6, 7)
    width, height = int.from_bytes(screen[:2], "little"), int.from_bytes(screen[2:4], "little")
    at = _SCREEN_END + _colours(screen[4])
    pieces = Pieces(source)
    pieces.keep(0, at)
    frames = 0
    while at < len(source) and source[at] != _TRAILER:
        start = at
        if source[at] == _EXTENSION:
            label = cut(source, at + 1, 1)[0]
            named = source[at + 3 : at + 14] if label == _APPLICATION else b""
            at = _skip_blocks(source, at + 2)
            if label == _CONTROL or named in _APPLICATIONS:
                pieces.keep(start, at)
        elif source[at] == _IMAGE:
            place = cut(source, at + 1, 9)
            left, top, wide, high = (int.from_bytes(place[n : n + 2], "little") for n in (0, 2, 4, 6))
            width, height = max(width, left + wide), max(height, top + high)
            at = _skip_blocks(source, at + 10 + _colours(place[8]) + 1)
            pieces.keep(start, at)
            frames += 1
        else:
            raise Broken(f"has an unknown block at {at}")
    if frames == 0:
        raise Broken("holds no pixels")
    if at < len(source):
        pieces.keep(at, at + 1)
    else:
        # Many programs forget it, and every browser draws the picture all the same.
        pieces.put(bytes([_TRAILER]))
    kept, whole = pieces.done()
    return Layout(width=width, height=height, frames=frames, pieces=kept, whole=whole)


def _colours(flags: int) -> int:
    """Return the length in bytes of the colour table that `flags` announces."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _skip_blocks(source: Source, at: int) -> int:
    try:
        while (length := source[at]) != 0:
            at += length + 1
    except IndexError as error:
        raise Broken("ends inside of a block") from error
    return at + 1
