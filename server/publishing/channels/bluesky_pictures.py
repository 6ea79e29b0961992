"""Pictures on Bluesky: sent before the post that shows them, and made smaller where they are too large for it."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any, Final

import anyio.to_thread
from PIL import Image, ImageOps

from server.publishing.channel import Caller, Json, Picture, Problem
from server.publishing.channels.bluesky_calls import NAME, address_of, authorized, refused
from server.publishing.http import UPLOAD_SECONDS
from server.publishing.remedies import ChannelError, Remedy

MAX_PICTURES: Final = 4
MAX_BYTES: Final = 1_000_000
# What the service makes pictures of; it takes others and shows nothing.
TYPES: Final = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
_SIDES: Final = (2000, 1600, 1200, 800)
_QUALITIES: Final = (88, 78, 65)


async def upload(caller: Caller, picture: Picture) -> dict[str, Json]:
    """Send a picture and return it as a record shows it. The same bytes sent twice are one there."""
    data, content_type, width, height = await picture.read(), picture.content_type, picture.width, picture.height
    if len(data) > MAX_BYTES:
        try:
            data, width, height = await anyio.to_thread.run_sync(smaller, data)
        except (OSError, ValueError, Image.DecompressionBombError) as error:
            sentence = (
                f"The picture {picture.name} is too large for Bluesky and could not be made smaller. Use another."
            )
            raise ChannelError(Remedy.FIX_CONTENT, sentence, evidence=type(error).__name__) from error
        content_type = "image/jpeg"
    answer = await caller.http.call(
        "POST",
        address_of(caller.account.base_url, "com.atproto.repo.uploadBlob"),
        changes=True,
        headers={**authorized(caller), "Content-Type": content_type},
        content=data,
        seconds=UPLOAD_SECONDS,
    )
    if not answer.is_success:
        raise refused(answer, f"{NAME} did not take the picture {picture.name}")
    blob: Any = answer.entries().get("blob")
    if not isinstance(blob, dict):
        sentence = f"{NAME} took the picture {picture.name} without saying where it is."
        raise ChannelError(Remedy.RETRY, sentence, evidence=answer.evidence)
    return {"image": blob, "alt": picture.alt, "aspectRatio": {"width": max(1, width), "height": max(1, height)}}


def smaller(data: bytes) -> tuple[bytes, int, int]:
    """Return a picture as a JPEG of at most `MAX_BYTES`, as large as that allows, and its width and height.

    It computes for up to seconds. Raises OSError or ValueError if it cannot be read.
    """
    with Image.open(BytesIO(data)) as opened:
        turned = ImageOps.exif_transpose(opened)
        seen = turned.convert("RGBA") if turned.has_transparency_data else turned.convert("RGB")
    if seen.mode == "RGBA":
        ground = Image.new("RGB", seen.size, "white")
        ground.paste(seen, mask=seen.getchannel("A"))
        seen = ground
    for side in _SIDES:
        seen.thumbnail((side, side))
        for quality in _QUALITIES:
            file = BytesIO()
            seen.save(file, "JPEG", quality=quality, optimize=True)
            if file.tell() <= MAX_BYTES:
                return file.getvalue(), seen.width, seen.height
    # 800 pixels of noise, at the lowest quality, have half of that.
    raise ValueError("no size is small enough")


def problems_of(pictures: Sequence[Picture]) -> list[Problem]:
    """Say which pictures Bluesky would refuse, and what will be done to others."""
    problems = []
    if len(pictures) > MAX_PICTURES:
        sentence = f"There are {len(pictures)} pictures; {MAX_PICTURES} are taken. Leave some out."
        problems.append(Problem("pictures", sentence))
    for number, picture in enumerate(pictures, start=1):
        where = f"picture {number}"
        if picture.content_type not in TYPES:
            problems.append(Problem(where, f"{picture.content_type} is not shown. Save it as JPEG or PNG."))
        elif picture.size_bytes > MAX_BYTES:
            sentence = (
                f"It has {picture.size_bytes:,} bytes; {MAX_BYTES:,} are taken. "
                "A smaller copy will be sent; for more say in it, make it smaller yourself."
            )
            problems.append(Problem(where, sentence, blocks=False))
        if not picture.alt.strip():
            sentence = "It has no description. Those who cannot see it are told nothing; write one."
            problems.append(Problem(where, sentence, blocks=False))
    return problems
