"""The layout of a picture file, and the way to put one together while reading."""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

# A whole file: mapped, not read into memory.
Source = bytes | mmap.mmap
# A part of the source that stays, or bytes that stand in its place.
Piece = slice | bytes

# No picture program comes near; a file that alternates what stays and what goes would fill memory with slices.
MAX_PIECES: Final = 20_000


class Broken(Exception):
    """The file is not built as its format demands; the message says where, in words for a developer."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What a file says about itself. `exif` is a TIFF structure; `whole` means that every byte stays as it is."""

    width: int
    height: int
    frames: int
    pieces: tuple[Piece, ...]
    whole: bool
    exif: bytes | None = None
    lossless: bool = False

    @property
    def pixels(self) -> int:
        """The pixels of one frame."""
        return self.width * self.height


class Pieces:
    """Collects the pieces of a file from its start to its end, joining neighbours."""

    def __init__(self, source: Source) -> None:
        self._length = len(source)
        self._found: list[Piece] = []

    def keep(self, start: int, stop: int) -> None:
        """Keep the bytes from `start` up to `stop`. Raises Broken if the file ends before."""
        if stop > self._length:
            raise Broken(f"ends at {self._length}, but something in it goes on to {stop}")
        last = self._found[-1] if self._found else None
        if isinstance(last, slice) and last.stop == start:
            self._found[-1] = slice(last.start, stop)
            return
        self._append(slice(start, stop))

    def put(self, data: bytes) -> None:
        """Put `data` here, in place of what the file holds."""
        self._append(data)

    def done(self) -> tuple[tuple[Piece, ...], bool]:
        """Return the pieces, and whether they are the whole file unchanged."""
        return tuple(self._found), self._found == [slice(0, self._length)]

    def _append(self, piece: Piece) -> None:
        if len(self._found) >= MAX_PIECES:
            raise Broken("consists of too many pieces")
        self._found.append(piece)


def cut(source: Source, start: int, length: int) -> bytes:
    """Return `length` bytes from `start`. Raises Broken if there are fewer."""
    data = source[start : start + length]
    if len(data) < length:
        raise Broken(f"ends at {len(source)}, inside of something at {start}")
    return data


def pieces_of(layout: Layout, source: Source, *, step_bytes: int) -> Iterator[bytes]:
    """Give the bytes of the clean file, at most `step_bytes` at a time."""
    for piece in layout.pieces:
        if isinstance(piece, bytes):
            yield piece
            continue
        for start in range(piece.start, piece.stop, step_bytes):
            yield source[start : min(start + step_bytes, piece.stop)]
