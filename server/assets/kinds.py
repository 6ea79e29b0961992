"""What a file is, by its first bytes. Names and claimed types are not looked at."""

from enum import StrEnum
from typing import Final

HEAD_BYTES: Final = 1024


class Kind(StrEnum):
    """The pictures that every browser draws. The value is Pillow's name for the format."""

    PNG = "PNG"
    JPEG = "JPEG"
    GIF = "GIF"
    WEBP = "WEBP"
    AVIF = "AVIF"

    @property
    def media_type(self) -> str:
        """The type for `Content-Type`."""
        return f"image/{self.value.lower()}"

    @classmethod
    def from_media_type(cls, media_type: str) -> "Kind":
        """Return the kind whose `media_type` this is. Raises ValueError."""
        return cls(media_type.removeprefix("image/").upper())

    @property
    def extension(self) -> str:
        """The end of a file's name, with its dot."""
        return ".jpg" if self is Kind.JPEG else f".{self.value.lower()}"


USE_INSTEAD: Final = "Use a PNG, JPEG, GIF, WebP or AVIF picture."

_SENTENCES: Final = {
    "svg": "SVG drawings can carry scripts, so they are not accepted. Export the drawing as PNG or WebP.",
    "html": "This is a web page, not a picture. Take a screenshot of it, or paste its text.",
    "xml": f"This is an XML file, not a picture. {USE_INSTEAD}",
    "pdf": "This is a PDF, not a picture. Export the page you need as PNG or JPEG.",
    "heic": "HEIC pictures are not shown by most browsers. Save it as JPEG or AVIF.",
    "tiff": "TIFF pictures are not shown by most browsers. Save it as PNG or JPEG.",
    "bmp": "BMP pictures are needlessly large. Save it as PNG.",
    "icon": "This is an icon file. Save it as PNG.",
    "jxl": "JPEG XL pictures are not shown by most browsers. Save it as JPEG or AVIF.",
    "photoshop": "This is a Photoshop file. Export it as PNG, JPEG or WebP.",
    "video": "This is a video or a sound, not a picture. Only pictures can be added here.",
    "archive": f"This is an archive or an office file, not a picture. {USE_INSTEAD}",
}
_SIGNATURES: Final = (
    (b"%PDF-", "pdf"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"BM", "bmp"),
    (b"\0\0\1\0", "icon"),
    (b"\0\0\2\0", "icon"),
    (b"\xff\x0a", "jxl"),
    (b"\0\0\0\x0cJXL ", "jxl"),
    (b"8BPS", "photoshop"),
    (b"\x1aE\xdf\xa3", "video"),
    (b"OggS", "video"),
    (b"ID3", "video"),
    (b"RIFF", "video"),
    (b"PK\3\4", "archive"),
    (b"\x1f\x8b", "archive"),
    (b"Rar!", "archive"),
    (b"7z\xbc\xaf\x27\x1c", "archive"),
    (b"\xd0\xcf\x11\xe0", "archive"),
)
_HEIC_BRANDS: Final = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"})


def recognise(head: bytes) -> Kind | None:
    """Return the kind of picture that begins with `head` (up to HEAD_BYTES), or None if it is none of ours."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return Kind.PNG
    if head.startswith(b"\xff\xd8\xff"):
        return Kind.JPEG
    if head.startswith((b"GIF87a", b"GIF89a")):
        return Kind.GIF
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return Kind.WEBP
    if _brands(head) & {b"avif", b"avis"}:
        return Kind.AVIF
    return None


def advice(head: bytes) -> str:
    """Say what a file is that is none of ours, and what to do about it."""
    found = _other(head)
    return _SENTENCES[found] if found else f"This file is not a picture that browsers show. {USE_INSTEAD}"


def _other(head: bytes) -> str | None:
    for signature, name in _SIGNATURES:
        if head.startswith(signature):
            return name
    brands = _brands(head)
    if brands:
        return "heic" if brands & _HEIC_BRANDS else "video"
    text = _as_text(head)
    if "<svg" in text:
        return "svg"
    if text.startswith(("<!doctype html", "<html", "<script", "<body", "<head")):
        return "html"
    if text.startswith("<"):
        return "xml"
    return None


def _brands(head: bytes) -> frozenset[bytes]:
    """Return the brands of an ISO media file: what it says its readers must understand."""
    if head[4:8] != b"ftyp":
        return frozenset()
    end = min(int.from_bytes(head[:4], "big"), len(head))
    return frozenset({head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))})


def _as_text(head: bytes) -> str:
    # SVG editors also write UTF-16; the marks at its start say so.
    encoding = "utf-16" if head.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    return head.decode(encoding, "ignore").lstrip().lower()
