"""The sizes in which a picture is shown: small for a phone, larger for a wide and sharp screen."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from typing import Final

from PIL import Image, ImageOps

from server.publishing.site.pages import Shown

TYPES: Final = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp", "image/avif"})
WIDTHS: Final = (480, 960, 1600)
SHARED_WIDTH: Final = 1200
# Beyond that a picture would take more memory than a worker should.
MAX_PIXELS: Final = 80_000_000
# One that moves is kept as it is.
MAX_FILE_BYTES: Final = 64 * 1024 * 1024
_QUALITY: Final = 80
_ENDINGS: Final = {"GIF": "gif", "WEBP": "webp", "PNG": "png"}


@dataclass(frozen=True, slots=True)
class Rendered:
    """A picture as it is shown, and its files by name."""

    shown: Shown
    files: Mapping[str, bytes]


def render_picture(data: bytes, *, name: str, alt: str) -> Rendered:
    """Return a picture in all its sizes; one that moves stays as it is. Where it was taken is in none of them.

    It computes for up to seconds. Raises OSError or ValueError if it cannot be read.
    """
    digest = sha256(data).hexdigest()[:16]
    with Image.open(BytesIO(data)) as opened:
        if opened.width * opened.height > MAX_PIXELS:
            raise ValueError("too many pixels")
        if getattr(opened, "n_frames", 1) > 1 and opened.format in _ENDINGS:
            shown = Shown(name, alt, digest, _ENDINGS[opened.format], opened.width, opened.height, (opened.width,))
            return Rendered(shown, {shown.file(opened.width): data})
        turned = ImageOps.exif_transpose(opened)
        seen = turned.convert("RGBA") if turned.has_transparency_data else turned.convert("RGB")
    widths = tuple(width for width in WIDTHS if width < seen.width)
    if len(widths) < len(WIDTHS):
        widths += (seen.width,)
    height = max(1, round(seen.height * widths[-1] / seen.width))
    shown = Shown(name, alt, digest, "webp", widths[-1], height, widths, shared=True)
    files = {shown.file(width): _webp(seen, width) for width in widths}
    return Rendered(shown, {**files, shown.shared_file: _jpeg(seen)})


def _webp(picture: Image.Image, width: int) -> bytes:
    file = BytesIO()
    _narrowed(picture, width).save(file, "WEBP", quality=_QUALITY, method=4)
    return file.getvalue()


def _jpeg(picture: Image.Image) -> bytes:
    """Return it for previews: not every service that makes them reads WebP, and none shows what is transparent."""
    small = _narrowed(picture, min(SHARED_WIDTH, picture.width))
    ground = Image.new("RGB", small.size, "white")
    ground.paste(small, mask=small.getchannel("A") if small.mode == "RGBA" else None)
    file = BytesIO()
    ground.save(file, "JPEG", quality=_QUALITY, optimize=True)
    return file.getvalue()


def _narrowed(picture: Image.Image, width: int) -> Image.Image:
    if width == picture.width:
        return picture
    return picture.resize((width, max(1, round(picture.height * width / picture.width))), Image.Resampling.LANCZOS)
