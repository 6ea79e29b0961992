"""From an uploaded file to a picture that may be kept: recognised, bounded, cleaned, drawn once to its end.

Nothing here waits: it computes, for up to seconds, and belongs in a thread.
"""

import hashlib
import mmap
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from typing import IO, Any, Final

import structlog
from PIL import Image, JpegImagePlugin

from server.assets import formats
from server.assets.formats.layout import Broken, Layout, pieces_of
from server.assets.kinds import HEAD_BYTES, Kind, advice, recognise
from server.assets.refusals import BrokenPicture, NotAPicture, TooManyPixels

log = structlog.get_logger(__name__)

STEP_BYTES: Final = 1024 * 1024
# An animation is drawn frame by frame, so memory is bounded by one frame; this bounds the time for all of them.
ANIMATION_FACTOR: Final = 5
_ORIENTATION: Final = 0x0112
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS: Final = frozenset({5, 6, 7, 8})


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as it will be kept. `file` stands at its start and belongs to whoever holds this value."""

    kind: Kind
    width: int
    height: int
    sha256: bytes
    size_bytes: int
    file: IO[bytes]


def examine(upload: IO[bytes], *, max_pixels: int) -> Picture:
    """Turn an uploaded file on disk into a clean picture; `upload` is given on in it, or closed.

    Raises NotAPicture, BrokenPicture or TooManyPixels; then `upload` is closed too.
    """
    with ExitStack() as on_failure:
        on_failure.callback(upload.close)
        upload.seek(0)
        head = upload.read(HEAD_BYTES)
        kind = recognise(head)
        if kind is None:
            raise NotAPicture(advice(head))
        try:
            layout, clean = _clean(kind, upload, max_pixels=max_pixels)
        except Broken as error:
            raise _broken(kind, error) from error
        on_failure.callback(clean.close)
        final, width, height = _draw(kind, layout, clean, max_pixels=max_pixels)
        on_failure.callback(final.close)
        sha256, size_bytes = _measure(final)
        on_failure.pop_all()
    for file in {id(file): file for file in (upload, clean)}.values():
        if file is not final:
            file.close()
    return Picture(kind=kind, width=width, height=height, sha256=sha256, size_bytes=size_bytes, file=final)


def _clean(kind: Kind, upload: IO[bytes], *, max_pixels: int) -> tuple[Layout, IO[bytes]]:
    """Return the layout, and the file without what does not draw: `upload` itself if it holds nothing else."""
    with mmap.mmap(upload.fileno(), 0, access=mmap.ACCESS_READ) as source:
        layout = formats.read(kind, source)
        if kind is not Kind.AVIF and layout.pixels == 0:
            raise Broken("has no extent")
        # Before any decoder sees it: some reserve their canvas when a file is merely opened.
        _bound(layout.width, layout.height, layout.frames, max_pixels=max_pixels)
        if layout.whole:
            return layout, upload
        clean = tempfile.TemporaryFile()  # noqa: SIM115 - handed on
        for data in pieces_of(layout, source, step_bytes=STEP_BYTES):
            clean.write(data)
        return layout, clean


def _draw(kind: Kind, layout: Layout, clean: IO[bytes], *, max_pixels: int) -> tuple[IO[bytes], int, int]:
    """Decode every frame as a browser would; turn a picture whose camera was held sideways.

    Returns the file to keep, and the width and height that people see.
    """
    clean.seek(0)
    try:
        with Image.open(clean, formats=[kind.value]) as image:
            frames = getattr(image, "n_frames", 1)
            for frame in range(frames):
                image.seek(frame)
                _bound(image.width, image.height, frames, max_pixels=max_pixels)
                image.load()
            image.seek(0)
            width, height = image.size
            turn = _orientation(kind, layout, image)
            if turn in _TURNS and kind is Kind.AVIF:
                # Browsers turn it themselves, as the file says outside of its Exif.
                return clean, *((height, width) if turn in _SIDEWAYS else (width, height))
            if turn not in _TURNS or frames > 1 or kind is Kind.GIF:
                return clean, width, height
            turned = image.transpose(_TURNS[turn])
            return _encode(kind, layout, image, turned), turned.width, turned.height
    except TooManyPixels:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise TooManyPixels(max_pixels) from error
    # Decoders answer broken files with nearly every exception there is.
    except Exception as error:
        raise _broken(kind, error) from error


def _orientation(kind: Kind, layout: Layout, image: Image.Image) -> int:
    """Return the Exif number that says how the camera was held; 1, upright, if nothing sensible is said."""
    data = image.info.get("exif") if kind is Kind.AVIF else layout.exif
    if not data:
        return 1
    exif = Image.Exif()
    try:
        exif.load(data)
        value = exif.get(_ORIENTATION, 1)
    except Exception as error:  # noqa: BLE001 - it only tells; a browser draws the picture without it
        log.debug("exif ignored", kind=kind, reason=repr(error))
        return 1
    return value if isinstance(value, int) else 1


def _encode(kind: Kind, layout: Layout, image: Image.Image, turned: Image.Image) -> IO[bytes]:
    """Write a turned picture with the quality and colour profile of the original, and nothing else of it."""
    options: dict[str, Any] = {"icc_profile": image.info.get("icc_profile")}
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        options |= {
            # The original's own tables: the same losses again are hardly any, and the file stays as small.
            "qtables": image.quantization,
            "subsampling": JpegImagePlugin.get_sampling(image),
            "progressive": bool(image.info.get("progressive")),
        }
    if kind is Kind.WEBP:
        options |= {"lossless": layout.lossless, "quality": 100 if layout.lossless else 92}
    # Pillow would write a comment again that it finds here.
    turned.info.pop("comment", None)
    file = tempfile.TemporaryFile()  # noqa: SIM115 - handed on
    try:
        turned.save(file, kind.value, **options)
    except BaseException:
        file.close()
        raise
    return file


def _measure(file: IO[bytes]) -> tuple[bytes, int]:
    """Return the SHA-256 and the length in bytes; the file stands at its start afterwards."""
    digest, size = hashlib.sha256(), 0
    file.seek(0)
    while data := file.read(STEP_BYTES):
        digest.update(data)
        size += len(data)
    file.seek(0)
    return digest.digest(), size


def _bound(width: int, height: int, frames: int, *, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise TooManyPixels(max_pixels)
    if width * height * frames > max_pixels * ANIMATION_FACTOR:
        raise TooManyPixels(max_pixels * ANIMATION_FACTOR, animated=True)


def _broken(kind: Kind, error: Exception) -> BrokenPicture:
    log.info("picture refused", kind=kind, reason=repr(error))
    return BrokenPicture(repr(error))
