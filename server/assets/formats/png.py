"""PNG and animated PNG: a signature, then chunks of length, type, data and check sum. Source: PNG, third edition."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from server.assets.formats.layout import Broken, Layout, Pieces, Source, cut

_SIGNATURE_BYTES: Final = 8
_LARGEST_EXIF_BYTES: Final = 64 * 1024

# What draws: the pixels, the colours and how to understand them, transparency, animation, the size of a pixel.
# Text, time, Exif and whatever programs have added for themselves goes.
_DRAWS: Final = frozenset(
    {
        b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"bKGD", b"sBIT", b"pHYs",
        b"cHRM", b"gAMA", b"iCCP", b"sRGB", b"cICP", b"mDCV", b"cLLI", b"mDCv", b"cLLi",
        b"acTL", b"fcTL", b"fdAT",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Chunk:
    kind: bytes
    start: int
    body: int
    body_end: int
    end: int


def read(source: Source) -> Layout:
    """Read the layout. Raises Broken."""
    pieces = Pieces(source)
    pieces.keep(0, _SIGNATURE_BYTES)
    header, exif = b"", None
    promised = controls = 0
    drawn = False
    for chunk in _chunks(source):
        if (chunk.kind == b"IHDR") is not (chunk.start == _SIGNATURE_BYTES):
            raise Broken("the header is not the first chunk, or comes twice")
        if chunk.kind == b"IHDR":
            header = cut(source, chunk.body, 13)
        elif chunk.kind == b"acTL":
            promised = int.from_bytes(cut(source, chunk.body, 4), "big")
        elif chunk.kind == b"eXIf" and chunk.body_end - chunk.body <= _LARGEST_EXIF_BYTES:
            exif = source[chunk.body : chunk.body_end]
        controls += chunk.kind == b"fcTL"
        drawn = drawn or chunk.kind == b"IDAT"
        if chunk.kind in _DRAWS:
            pieces.keep(chunk.start, chunk.end)
    if not drawn:
        raise Broken("holds no pixels")
    kept, whole = pieces.done()
    return Layout(
        width=int.from_bytes(header[:4], "big"),
        height=int.from_bytes(header[4:8], "big"),
        # Decoders believe the promise; the bound must hold for whichever is larger.
        frames=max(1, promised, controls),
        pieces=kept,
        whole=whole,
        exif=exif,
        lossless=True,
    )


def _chunks(source: Source) -> Iterator[_Chunk]:
    """Give the chunks, the end last. Raises Broken if the file ends before."""
    at = _SIGNATURE_BYTES
    kind = b""
    while kind != b"IEND":
        head = cut(source, at, 8)
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        chunk = _Chunk(kind, at, at + 8, at + 8 + length, at + 12 + length)
        if chunk.end > len(source):
            raise Broken("ends inside of a chunk")
        yield chunk
        at = chunk.end
