"""What a document says, as one value that can be signed: title, accepted text, variants, and the pictures in it.

Two documents that say the same have the same content hash, whatever the ids of their blocks and the way they came to
it; so an edit that is undone restores it, and one that changes nothing leaves it. Approvals sign it, the publisher
reads only what was signed.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from prosemirror.model import Node
from pycrdt import Array, Map, Text
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.assets.models import Asset
from server.documents import variants, ydoc
from server.documents.ydoc import YDoc

_ASSETS: Final = "/assets/"
_BLOCK_ID: Final = "id"


@dataclass(frozen=True, slots=True)
class Words:
    """What a document says, as JSON; blocks keep their ids here, which the hash leaves out.

    `variants`: by account, as `variants.whole` reads it; blocks that follow the document are not in it again.
    """

    title: str
    body: dict[str, Any]
    variants: dict[str, Any]

    @property
    def pictures(self) -> frozenset[UUID]:
        """The pictures of this installation that are shown."""
        return frozenset(_pictures(self.body)) | frozenset(_pictures(self.variants))

    @property
    def digest(self) -> bytes:
        """A hash of all but what the pictures show."""
        return _hash({"title": self.title, "body": _bare(self.body), "variants": _bare(self.variants, ids=True)})


def read(doc: YDoc) -> Words:
    """Read a document. Milliseconds a hundred kilobytes: use a thread."""
    return words(ydoc.read_title(doc), ydoc.read_node(doc), doc)


def words(title: str, accepted: Node, doc: YDoc) -> Words:
    """Return what was read of a document already, with the rest of it."""
    return Words(title, _plain(accepted.to_json()), _plain(variants.resolve(doc, title, accepted)))


async def digests(db: AsyncSession, pictures: Collection[UUID]) -> dict[str, str | None]:
    """Return the SHA-256 of each picture's bytes by its id, as hex; None for one that is gone."""
    if not pictures:
        return {}
    rows = await db.execute(select(col(Asset.id), col(Asset.sha256)).where(col(Asset.id).in_(pictures)))
    found = {asset_id: sha.hex() for asset_id, sha in rows}
    return {str(each): found.get(each) for each in pictures}


def content_hash(digest: bytes, pictures: Mapping[str, str | None]) -> bytes:
    """Return the hash that approvals sign: of `Words.digest` and of what the pictures show."""
    return _hash({"words": digest.hex(), "pictures": dict(pictures)})


def _hash(value: dict[str, Any]) -> bytes:
    written = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(written.encode("utf-8", "surrogatepass")).digest()


def _bare(value: Any, *, ids: bool = False) -> Any:  # noqa: ANN401 - any JSON
    """Leave out the ids of blocks, and join runs of text that differ in nothing: how often it was cut says nothing."""
    if isinstance(value, Mapping):
        if not ids and isinstance(value.get("attrs"), Mapping):
            attrs = {name: each for name, each in value["attrs"].items() if name != _BLOCK_ID}
            value = {**value, "attrs": attrs}
        return {name: _bare(each, ids=ids) for name, each in value.items()}
    if not isinstance(value, list):
        return value
    joined: list[Any] = []
    for each in (_bare(one, ids=ids) for one in value):
        before = joined[-1] if joined else {}
        if _is_text(before) and _is_text(each) and before.get("marks") == each.get("marks"):
            joined[-1] = {**before, "text": before["text"] + each["text"]}
        else:
            joined.append(each)
    return joined


def _is_text(value: Any) -> bool:  # noqa: ANN401 - any JSON
    return isinstance(value, dict) and value.get("type") == "text" and isinstance(value.get("text"), str)


def _plain(value: Any) -> Any:  # noqa: ANN401 - any shared value
    """Return JSON that the database gives back as it was."""
    if isinstance(value, Text):
        return _plain(str(value))
    if isinstance(value, Mapping | Map):
        return {_plain(str(name)): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple | Array):
        # A text of which nothing is left is none: ProseMirror knows no empty ones.
        return [kept for each in value if not _is_text(kept := _plain(each)) or kept["text"]]
    if isinstance(value, float):
        return int(value) if value.is_integer() else repr(value)
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "replace").decode()
    if value is None or isinstance(value, bool | int):
        return value
    return str(value)


def _pictures(value: Any) -> list[UUID]:  # noqa: ANN401 - any JSON
    if isinstance(value, Mapping):
        return [found for each in value.values() for found in _pictures(each)]
    if isinstance(value, list):
        return [found for each in value for found in _pictures(each)]
    if isinstance(value, str) and value.startswith(_ASSETS):
        try:
            return [UUID(value[len(_ASSETS) : len(_ASSETS) + 36])]
        except ValueError:
            return []
    return []
