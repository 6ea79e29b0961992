"""What goes out of a document: its approved content as one post, in the form that a channel takes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from prosemirror.model import Node
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.assets.kinds import Kind
from server.assets.models import Asset
from server.assets.storage import key_for
from server.documents.plain_text import excerpt, plain_text
from server.documents.schema import schema
from server.documents.suggestions import PENDING_ATTRIBUTES
from server.documents.variants import Whole, whole
from server.documents.write_html import write_html
from server.publishing.channel import Channel, Problem
from server.publishing.posts import Additions, FrozenPicture, FrozenPost

MAX_SUMMARY_CHARACTERS: Final = 300
# Of this installation, by its path alone: only such pictures are shown in a review and signed with the text.
_ASSET: Final = re.compile(r"^/assets/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:[?#].*)?$")
# Ours alone, and of no use elsewhere.
_OURS: Final = {"id", *PENDING_ATTRIBUTES}


@dataclass(frozen=True, slots=True)
class ApprovedContent:
    """What was approved of a document. `body` is its text as ProseMirror's JSON; `content_hash` is over all of it.

    `variants`: what it says otherwise, by account; see `documents.variants`. `pictures`: the SHA-256 of those that were
    signed, as hex, by id; None where nothing was signed.
    """

    document_id: UUID
    workspace_id: UUID
    revision_id: UUID | None
    content_hash: bytes
    title: str
    body: Mapping[str, Any]
    variants: Mapping[str, Any] = field(default_factory=dict)
    pictures: Mapping[str, str | None] | None = None

    def on(self, account_id: UUID) -> Whole:
        """Return what it says on an account."""
        return whole(self.title, self.body, self.variants.get(str(account_id)))


async def pictures_of(db: AsyncSession, workspace_id: UUID, *said: Whole) -> dict[UUID, Asset]:
    """Return the pictures that are shown, by id. One that is gone, or another workspace's, is left out."""
    wanted = {asset_id for each in said for asset_id in _shown(each.body)}
    if not wanted:
        return {}
    found = await db.scalars(select(Asset).where(col(Asset.id).in_(wanted), col(Asset.workspace_id) == workspace_id))
    return {asset.id: asset for asset in found}


def signed(content: ApprovedContent, assets: Mapping[UUID, Asset]) -> dict[UUID, Asset]:
    """Return the pictures that are what was signed: no other goes out, however the text came to show it."""
    return {
        asset_id: asset
        for asset_id, asset in assets.items()
        if content.pictures is None or content.pictures.get(str(asset_id)) == asset.sha256.hex()
    }


def added(said: Whole, channel: Channel, additions: Additions) -> Additions:
    """Return additions with what the text itself says of link, tags and options, where nothing else is wished."""
    asked = {option.name for option in channel.options}
    own = {name: value for name, value in said.options.items() if name in asked}
    return Additions(
        said.link if additions.link is None else additions.link,
        said.tags if additions.tags is None else additions.tags,
        {**own, **(additions.options or {})},
    )


def compose(said: Whole, channel: Channel, assets: Mapping[UUID, Asset], additions: Additions) -> FrozenPost:
    """Return the post that a channel gets. Pictures that lie elsewhere than here are not part of it: see `left_out`.

    `additions`: whole, as `added` returns them.
    """
    pictures: list[FrozenPicture] = []
    named = _rewritten(said.body, assets, pictures)
    written = Node.from_json(schema, named)
    words = Node.from_json(schema, _without_pictures(named))
    can = channel.capabilities
    return FrozenPost(
        title=said.title if can.titles else "",
        text=plain_text(words).strip(),
        html=str(write_html(written)),
        summary=excerpt(words, MAX_SUMMARY_CHARACTERS),
        link=additions.link,
        tags=additions.tags or (),
        pictures=tuple(pictures) if can.pictures else (),
        replies=tuple(_plain(reply) for reply in said.replies),
        options=dict(additions.options or {}),
    )


def shown(said: Whole, channel: Channel, assets: Mapping[UUID, Asset]) -> dict[str, str]:
    """Return where the pictures of a post that `compose` makes lie here, by the names that they have in it."""
    kept = _kept_ids(said, assets) if channel.capabilities.pictures else []
    return {_name(number, assets[asset_id]): f"/assets/{asset_id}" for number, asset_id in enumerate(kept, start=1)}


def left_out(said: Whole, channel: Channel, assets: Mapping[UUID, Asset]) -> list[Problem]:
    """Say which pictures of a text do not go out with it."""
    found = []
    if channel.capabilities.pictures:
        images = list(_images(said.body))
        elsewhere = sum(_asset_of(each) is None for each in images)
        gone = len(images) - elsewhere - len(_kept_ids(said, assets))
        if elsewhere:
            some = "A picture" if elsewhere == 1 else f"{elsewhere} pictures"
            found.append(f"{some} at another address will be left out. Upload it to the document to send it.")
        if gone:
            some = "A picture" if gone == 1 else f"{gone} pictures"
            found.append(f"{some} whose file is gone will be left out. Upload it again to send it.")
    if any(True for reply in said.replies for _ in _images(reply)):
        found.append("Pictures in further posts will be left out. Put them into the first one.")
    return [Problem("pictures", sentence, blocks=False) for sentence in found]


def _kept_ids(said: Whole, assets: Mapping[UUID, Asset]) -> list[UUID]:
    return [asset_id for asset_id in _shown(said.body) if asset_id in assets]


def _name(number: int, asset: Asset) -> str:
    return f"picture-{number}{Kind.from_media_type(asset.media_type).extension}"


def _plain(described: Mapping[str, Any]) -> str:
    return plain_text(Node.from_json(schema, _without_pictures(described))).strip()


def _images(described: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if described.get("type") == "image":
        yield described
    for child in described.get("content", ()):
        yield from _images(child)


def _shown(described: Mapping[str, Any]) -> Iterator[UUID]:
    """Yield the ids of the pictures of this installation, one for each time that it is shown."""
    return (asset_id for each in _images(described) if (asset_id := _asset_of(each)) is not None)


def _asset_of(described: Mapping[str, Any]) -> UUID | None:
    if described.get("type") != "image":
        return None
    address = _ASSET.match(str(described.get("attrs", {}).get("src") or ""))
    return UUID(address[1]) if address else None


def _rewritten(
    described: Mapping[str, Any], assets: Mapping[UUID, Asset], pictures: list[FrozenPicture]
) -> dict[str, Any]:
    """Return a node without what is ours alone, its pictures under the names that they have in the post."""
    written = dict(described)
    attributes = {name: value for name, value in described.get("attrs", {}).items() if name not in _OURS}
    if described.get("type") == "image":
        asset_id = _asset_of(described)
        if asset_id is not None and asset_id in assets:
            attributes["src"] = _picture(assets[asset_id], attributes, pictures)
    if attributes:
        written["attrs"] = attributes
    else:
        written.pop("attrs", None)
    if "content" in described:
        written["content"] = [_rewritten(child, assets, pictures) for child in _kept(described["content"], assets)]
    return written


def _kept(children: Sequence[Mapping[str, Any]], assets: Mapping[UUID, Asset]) -> list[Mapping[str, Any]]:
    """Leave out pictures whose bytes are not here: what was approved of them could be another one tomorrow."""
    return [child for child in children if child.get("type") != "image" or _asset_of(child) in assets]


def _picture(asset: Asset, attributes: Mapping[str, Any], pictures: list[FrozenPicture]) -> str:
    kind = Kind.from_media_type(asset.media_type)
    # Shown twice, it is two pictures of the post, each with its own description.
    name = _name(len(pictures) + 1, asset)
    pictures.append(
        FrozenPicture(
            key=key_for(asset.workspace_id, asset.sha256, kind),
            name=name,
            content_type=asset.media_type,
            size_bytes=asset.size_bytes,
            width=asset.width,
            height=asset.height,
            alt=str(attributes.get("alt") or ""),
        )
    )
    return name


def _without_pictures(described: Mapping[str, Any]) -> dict[str, Any]:
    written = dict(described)
    if "content" in described:
        written["content"] = [_without_pictures(child) for child in described["content"] if child["type"] != "image"]
    return written
