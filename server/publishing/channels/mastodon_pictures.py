"""Pictures on Mastodon: sent before the post that shows them, and worked on there for a while."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

import anyio

from server.publishing.channel import Caller, Finding, Handle, Limits, Picture, Post, Problem, Stage, Status
from server.publishing.channels.mastodon_calls import NAME, authorized, get, id_of, refused, time_of
from server.publishing.http import UPLOAD_SECONDS
from server.publishing.remedies import ChannelError, Remedy

# Pictures that belong to no post are thrown away there after some time, which nobody says; they are sent again sooner.
PICTURES_KEPT: Final = timedelta(hours=1)
# How often, and how far apart, it is asked whether a picture is ready, while somebody waits for a change.
LOOKS: Final = 40
LOOK_SECONDS: Final = 0.5


def pictures_of(handle: Handle) -> list[dict[str, Any]]:
    """Return what is kept of the pictures that were sent, as `upload` gives it."""
    pictures = handle.data.get("pictures")
    return list(pictures) if isinstance(pictures, list) else []


async def upload(caller: Caller, picture: Picture) -> dict[str, Any]:
    """Send a picture; return what is kept of it: `id`, `mark`, and whether it is `ready`."""
    data = await picture.read()
    answer = await caller.http.call(
        "POST",
        f"{caller.account.base_url}/api/v2/media",
        changes=True,
        headers=authorized(caller),
        form={"description": picture.alt},
        files={"file": (picture.name, data, picture.content_type)},
        seconds=UPLOAD_SECONDS,
    )
    if not answer.is_success:
        raise refused(answer, f"{NAME} did not take the picture {picture.name}")
    return {"id": id_of(answer), "mark": mark_of(picture), "ready": answer.status != 202}


def mark_of(picture: Picture) -> str:
    """Return what tells whether a picture was sent before: its name, its size and its words."""
    told = f"{picture.name}\0{picture.size_bytes}\0{picture.width}\0{picture.height}\0{picture.alt}"
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def stage_after(post: Post, pictures: Sequence[Mapping[str, Any]]) -> Stage:
    """Return how far a post is with so many pictures sent."""
    if pictures and not pictures[-1]["ready"]:
        return Stage.PROCESSING
    return Stage.READY if len(pictures) >= len(post.pictures) else Stage.PREPARING


async def look_at_picture(caller: Caller, post: Post, handle: Handle) -> Status:
    """Look whether the server is done with the picture that was sent last. Raises ChannelError."""
    *before, last = pictures_of(handle)
    answer = await get(caller, f"/api/v1/media/{quote(last['id'], safe='')}")
    if answer.status == 206:
        return Status(Finding.PROCESSING, handle, "The server is still working on a picture.")
    if answer.is_success:
        pictures = [*before, {**last, "ready": True}]
        return Status(Finding.CARRIED_OUT, handle.moved(stage_after(post, pictures), pictures=pictures))
    if answer.status == 404:
        return Status(Finding.ABSENT, handle.moved(Stage.PREPARING, pictures=before), "The picture is gone.")
    if answer.status == 422:
        return Status(Finding.REFUSED, handle, f"The server could not read a picture: {answer.evidence}")
    raise refused(answer, f"{NAME} does not show a picture")


async def wait_for(caller: Caller, picture: dict[str, Any]) -> dict[str, Any]:
    """Wait until a picture is ready. Raises ChannelError if the server takes too long.

    Only for a change of a post: nothing is kept between two tries of that, and each sends the picture anew.
    """
    for _ in range(LOOKS):
        answer = await get(caller, f"/api/v1/media/{quote(picture['id'], safe='')}")
        if answer.status != 206:
            break
        await anyio.sleep(LOOK_SECONDS)
    else:
        raise ChannelError(Remedy.RETRY, "The server works on a picture for very long.", after_seconds=60)
    if not answer.is_success:
        raise refused(answer, f"{NAME} does not show a picture")
    return {**picture, "ready": True}


def are_old(handle: Handle, now: datetime) -> bool:
    """Whether the pictures were sent so long ago that the server may have thrown them away."""
    sent_at = time_of(handle.data.get("pictures_at"))
    return sent_at is not None and now > sent_at + PICTURES_KEPT


def problems_of(pictures: Sequence[Picture], limits: Limits) -> list[Problem]:
    """Say which pictures the server would refuse, and why."""
    problems = []
    if len(pictures) > limits.pictures:
        sentence = f"There are {len(pictures)} pictures; {limits.pictures} are taken. Leave some out."
        problems.append(Problem("pictures", sentence))
    for number, picture in enumerate(pictures, start=1):
        where = f"picture {number}"
        if limits.picture_types and picture.content_type not in limits.picture_types:
            sentence = f"{picture.content_type} is not taken. Save it as JPEG or PNG."
            problems.append(Problem(where, sentence))
        if limits.picture_bytes and picture.size_bytes > limits.picture_bytes:
            sentence = f"It has {picture.size_bytes:,} bytes; {limits.picture_bytes:,} are taken. Make it smaller."
            problems.append(Problem(where, sentence))
        if limits.picture_pixels and picture.width * picture.height > limits.picture_pixels:
            sentence = (
                f"It has {picture.width} × {picture.height} pixels; together {limits.picture_pixels:,} are taken. "
                "Make it smaller."
            )
            problems.append(Problem(where, sentence))
        if not picture.alt.strip():
            sentence = "It has no description. Those who cannot see it are told nothing; write one."
            problems.append(Problem(where, sentence, blocks=False))
        elif limits.alt and len(picture.alt) > limits.alt:
            sentence = f"Its description has {len(picture.alt)} characters; {limits.alt} are taken. Shorten it."
            problems.append(Problem(where, sentence))
        if picture.content_type == "image/gif" and len(pictures) > 1:
            sentence = "If this GIF moves it counts as a video, and a video stands alone. Post it by itself."
            problems.append(Problem(where, sentence, blocks=False))
    return problems
