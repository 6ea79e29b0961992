"""Real pictures, made by Pillow, and the hostile ones that no picture program makes."""

import io
import struct
import zlib
from typing import Any

from PIL import Image

from server.assets.kinds import Kind

LONDON = {1: "N", 2: (51.0, 30.0, 26.0), 3: "W", 4: (0.0, 7.0, 39.0)}
SECRET = "Ada's telephone, in her garden"
XMP = f"<x:xmpmeta xmlns:x='adobe:ns:meta/'>{SECRET}</x:xmpmeta>".encode()


def drawing(width: int = 48, height: int = 32, *, mode: str = "RGB", shade: int = 0) -> Image.Image:
    """A picture whose four corners differ, so that a turn shows; red is the upper left."""
    image = Image.new("RGB", (width, height), (200, 200, shade))
    image.paste((220, 20, 20), (0, 0, width // 2, height // 2))
    image.paste((20, 160, 20), (width // 2, 0, width, height // 2))
    image.paste((20, 20, 200), (0, height // 2, width // 2, height))
    return image.convert(mode)


def encoded(kind: Kind, image: Image.Image | None = None, **options: Any) -> bytes:
    """A file of that kind."""
    out = io.BytesIO()
    (image or drawing()).save(out, kind.value, **options)
    return out.getvalue()


def animation(kind: Kind, *, frames: int = 3, width: int = 24, height: int = 16) -> bytes:
    """A file with several frames, each different."""
    images = [drawing(width, height, shade=40 * number) for number in range(frames)]
    return encoded(kind, images[0], save_all=True, append_images=images[1:], duration=80, loop=0)


def telling_exif(orientation: int | None = None) -> bytes:
    """Exif that says where, with what, and how the camera was held."""
    exif = Image.Exif()
    exif[0x010F] = SECRET
    if orientation:
        exif[0x0112] = orientation
    exif.get_ifd(0x8825).update(LONDON)
    return exif.tobytes()


def telling(kind: Kind, *, orientation: int | None = None, image: Image.Image | None = None) -> bytes:
    """A picture with Exif (place included), and XMP where the format has it."""
    if kind is Kind.GIF:
        return encoded(kind, image, comment=SECRET.encode())
    options: dict[str, Any] = {"exif": telling_exif(orientation)}
    if kind is Kind.PNG:
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        info.add_text("Comment", SECRET)
        info.add_itxt("XML:com.adobe.xmp", XMP.decode(), zip=True)
        options["pnginfo"] = info
    else:
        options["xmp"] = XMP
    return encoded(kind, image, **options)


def decoded(data: bytes) -> Image.Image:
    """The picture in a file, fully read."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def frames_of(data: bytes) -> list[bytes]:
    """The pixels of every frame."""
    image = Image.open(io.BytesIO(data))
    found = []
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        found.append(image.convert("RGBA").tobytes())
    return found


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of exactly these chunks, with right check sums."""
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def png_header(width: int, height: int) -> tuple[bytes, bytes]:
    """The header of a grey PNG with 8 bits."""
    return b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)


def png_bomb(width: int = 60_000, height: int = 60_000) -> bytes:
    """A valid grey PNG that is tiny as a file and huge as a picture (3.6 thousand megapixels)."""
    packer = zlib.compressobj(9)
    row = bytes(width + 1)
    data = b"".join(packer.compress(row) for _ in range(64)) + packer.flush()
    return png(png_header(width, height), (b"IDAT", data), (b"IEND", b""))


def gif_bomb(*, frames: int, width: int, height: int) -> bytes:
    """A GIF whose frames take a few bytes each, and the whole screen."""
    screen = b"GIF89a" + struct.pack("<HH", width, height) + b"\x80\0\0" + b"\0\0\0\xff\xff\xff"
    frame = b"\x2c" + struct.pack("<HHHH", 0, 0, width, height) + b"\0" + b"\x02\x02\x44\x01\0"
    return screen + frame * frames + b";"


SVG = b"""<?xml version="1.0"?>
<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(document.cookie)</script></svg>"""
HTML = b"<!doctype html><title>x</title><script>alert(1)</script>"
PDF = b"%PDF-1.7\n1 0 obj\n<< /OpenAction << /S /JavaScript /JS (app.alert\\(1\\)) >> >>\nendobj\n%%EOF"
