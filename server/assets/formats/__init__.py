"""How picture files are built.

Each module reads one format's **layout** without decoding a pixel: the size, the number of frames, and the **pieces**
of the file that are needed to draw it. What else a file holds - where it was taken, comments, thumbnails, another file
behind the end - is not a piece, so a picture loses it without being encoded again, and keeps every pixel and frame.
"""

from server.assets.formats import avif, gif, jpeg, png, webp
from server.assets.formats.layout import Broken, Layout, Source
from server.assets.kinds import Kind

__all__ = ["Broken", "Layout", "Source", "read"]

_READERS = {
    Kind.PNG: png.read,
    Kind.JPEG: jpeg.read,
    Kind.GIF: gif.read,
    Kind.WEBP: webp.read,
    Kind.AVIF: avif.read,
}


def read(kind: Kind, source: Source) -> Layout:
    """Read the layout of a whole file. Raises Broken if it is not built as its kind demands."""
    return _READERS[kind](source)
