"""WebP: a RIFF file of chunks, each a name, a length and data padded to an even length. Source: RFC 9649."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from server.assets.formats.layout import Broken, Layout, Pieces, Source, cut

_HEAD_BYTES: Final = 12
_TELLS: Final = 0x0C  # the flags of VP8X that promise Exif and XMP
_LOSSLESS_SIGNATURE: Final = 0x2F
_KEY_FRAME: Final = b"\x9d\x01\x2a"
_DRAWS: Final = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"})
_LARGEST_EXIF_BYTES: Final = 64 * 1024

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Chunk:
    name: bytes
    start: int
    body: int
    body_end: int
    end: int


def read(source: Source) -> Layout:
    """Read the layout. Raises Broken."""
    promised = int.from_bytes(cut(source, 4, 4), "little") + 8
    if promised > len(source):
        raise Broken(f"ends at {len(source)}, but says {promised}")
    chunks = list(_chunks(source, promised))
    drawing = [chunk for chunk in chunks if chunk.name in _DRAWS]
    size = _size(source, drawing)
    exif = next((chunk for chunk in chunks if chunk.name == b"EXIF"), None)
    told = any(source[chunk.body] & _TELLS for chunk in drawing if chunk.name == b"VP8X")
    pieces = Pieces(source)
    if told or len(drawing) < len(chunks) or chunks[-1].end != len(source):
        length = 4 + sum(chunk.end - chunk.start for chunk in drawing)
        pieces.put(b"RIFF" + length.to_bytes(4, "little") + b"WEBP")
    else:
        pieces.keep(0, _HEAD_BYTES)
    for chunk in drawing:
        if chunk.name == b"VP8X" and told:
            pieces.keep(chunk.start, chunk.body)
            pieces.put(bytes([source[chunk.body] & ~_TELLS]))
            pieces.keep(chunk.body + 1, chunk.end)
        else:
            pieces.keep(chunk.start, chunk.end)
    found, whole = pieces.done()
    return Layout(
        width=size[0],
        height=size[1],
        frames=max(1, sum(chunk.name == b"ANMF" for chunk in drawing)),
        pieces=found,
        whole=whole,
        exif=_exif(source, exif) if exif else None,
        lossless=any(chunk.name == b"VP8L" for chunk in drawing),
    )


def _chunks(source: Source, stop: int) -> Iterator[_Chunk]:
    at = _HEAD_BYTES
    while at + 8 <= stop:
        length = int.from_bytes(source[at + 4 : at + 8], "little")
        body_end = at + 8 + length
        if body_end > stop:
            raise Broken("ends inside of a chunk")
        # Some programs leave out the padding of the last chunk.
        chunk = _Chunk(source[at : at + 4], at, at + 8, body_end, min(body_end + length % 2, stop))
        yield chunk
        at = chunk.end


def _size(source: Source, drawing: list[_Chunk]) -> Size:
    """Return the size, having checked that all chunks agree on it: decoders differ in which one they believe."""
    canvas: Size | None = None
    drawn = False
    for number, chunk in enumerate(drawing):
        if chunk.name == b"VP8X":
            if number > 0:
                raise Broken("names its canvas too late, or twice")
            data = cut(source, chunk.body, 10)
            canvas = 1 + int.from_bytes(data[4:7], "little"), 1 + int.from_bytes(data[7:10], "little")
        elif chunk.name in {b"VP8 ", b"VP8L"}:
            own = _coded_size(source, chunk)
            if canvas is not None and own != canvas:
                raise Broken("names two sizes")
            canvas, drawn = own, True
        elif chunk.name == b"ANMF":
            _check_frame(cut(source, chunk.body, 16), canvas)
            drawn = True
    if canvas is None or not drawn:
        raise Broken("holds no pixels")
    return canvas


def _coded_size(source: Source, chunk: _Chunk) -> Size:
    if chunk.name == b"VP8L":
        data = cut(source, chunk.body, 5)
        if data[0] != _LOSSLESS_SIGNATURE:
            raise Broken("has no lossless signature")
        bits = int.from_bytes(data[1:], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    data = cut(source, chunk.body, 10)
    if data[3:6] != _KEY_FRAME:
        raise Broken("has no key frame")
    return int.from_bytes(data[6:8], "little") & 0x3FFF, int.from_bytes(data[8:10], "little") & 0x3FFF


def _check_frame(data: bytes, canvas: Size | None) -> None:
    left, top, width, height = (int.from_bytes(data[at : at + 3], "little") for at in (0, 3, 6, 9))
    if canvas is None or 2 * left + width + 1 > canvas[0] or 2 * top + height + 1 > canvas[1]:
        raise Broken("has a frame outside of its canvas")


def _exif(source: Source, chunk: _Chunk) -> bytes | None:
    if chunk.body_end - chunk.body > _LARGEST_EXIF_BYTES:
        return None
    return source[chunk.body : chunk.body_end]
