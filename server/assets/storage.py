"""Where the bytes lie: a directory of this machine, or a bucket of any S3-compatible provider."""

import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import unquote, urlsplit
from uuid import UUID

import obstore
import structlog
from anyio import to_thread
from obstore.exceptions import BaseError as StoreError
from obstore.store import LocalStore, ObjectStore, S3Store

from server.assets.kinds import Kind
from server.assets.ranges import Span
from server.errors import NotFound, Unavailable
from server.settings import Settings

log = structlog.get_logger(__name__)

READ_BYTES: Final = 256 * 1024
CONNECT_SECONDS: Final = 5
REQUEST_SECONDS: Final = 60
LIST_PAGE: Final = 500
_RETRIES: Final = 3

_KEY: Final = re.compile(r"([0-9a-f]{32})/([0-9a-f]{64})\.(?:png|jpg|gif|webp|avif)")
_UNFINISHED: Final = re.compile(r".+#\d+")


@dataclass(frozen=True, slots=True)
class Stored:
    """An object of ours in the store."""

    key: str
    workspace_id: UUID
    sha256: bytes
    changed_at: datetime


def open_store(settings: Settings) -> ObjectStore:
    """Return the store that the settings name; it connects when first used.

    Raises ValueError, with a sentence for the operator, for an address it cannot use.
    """
    parts = urlsplit(settings.storage_location)
    if parts.scheme == "file" and parts.netloc in {"", "localhost"}:
        directory = Path(unquote(parts.path))
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return LocalStore(directory)
    if parts.scheme == "s3" and parts.netloc:
        options: dict[str, Any] = {
            "endpoint": settings.storage_endpoint,
            "region": settings.storage_region,
            "access_key_id": settings.storage_access_key_id,
            "secret_access_key": settings.storage_secret_access_key,
        }
        return S3Store(
            parts.netloc,
            prefix=unquote(parts.path).strip("/") or None,
            client_options={
                "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
                "timeout": timedelta(seconds=REQUEST_SECONDS),
                "allow_http": settings.storage_endpoint.startswith("http://"),
            },
            retry_config={"max_retries": _RETRIES, "retry_timeout": timedelta(seconds=REQUEST_SECONDS)},
            # What is left out comes from the machine itself (its environment, its role in the cloud).
            **{name: value for name, value in options.items() if value},
        )
    message = "QUILLROOM_STORAGE_URL must look like file:///directory or s3://bucket/prefix"
    raise ValueError(message)


def key_for(workspace_id: UUID, sha256: bytes, kind: Kind) -> str:
    """Return where a picture lies. Each workspace has its own place: no workspace's bytes hang on another's."""
    return f"{workspace_id.hex}/{sha256.hex()}{kind.extension}"


def digest_of(key: str) -> bytes | None:
    """Return the SHA-256 of the picture that lies there; None for a key that is none of ours."""
    found = _KEY.fullmatch(key)
    return bytes.fromhex(found[2]) if found else None


async def put(store: ObjectStore, key: str, file: IO[bytes]) -> None:
    """Write the whole file; it is there completely, or not at all. Raises Unavailable."""
    with _outage("write", key):
        await obstore.put_async(store, key, file)
        if isinstance(store, LocalStore) and store.prefix is not None:
            # The row will be on disk after its commit, and the bytes must not come later than that.
            await to_thread.run_sync(_flush, store.prefix / key)


async def holds(store: ObjectStore, key: str, *, size_bytes: int) -> bool:
    """Whether the object is there, completely. Raises Unavailable."""
    try:
        with _outage("look for", key):
            return (await obstore.head_async(store, key))["size"] == size_bytes
    except FileNotFoundError:
        return False


async def read(store: ObjectStore, key: str, span: Span) -> AsyncIterator[bytes]:
    """Open the object and return its bytes in steps. Raises NotFound, Unavailable - now, not while reading."""
    try:
        with _outage("read", key):
            found = await obstore.get_async(store, key, options={"range": (span.start, span.stop)})
    except FileNotFoundError as error:
        log.error("a picture is missing in the store", key=key)
        sentence = "This picture's file is missing. Ask whoever runs this server to look into its log."
        raise NotFound(sentence) from error
    return aiter(found.stream(min_chunk_size=READ_BYTES))


async def delete(store: ObjectStore, key: str) -> None:
    """Remove the object, if it is there. Raises Unavailable."""
    try:
        with _outage("delete", key):
            await obstore.delete_async(store, key)
    except FileNotFoundError:
        return


async def pages(store: ObjectStore) -> AsyncIterator[list[Stored]]:
    """Give all objects of ours, some at a time. What has another form of name is not ours. Raises Unavailable."""
    with _outage("list", ""):
        async for page in obstore.list(store, chunk_size=LIST_PAGE):
            yield [
                Stored(
                    key=each["path"],
                    workspace_id=UUID(found[1]),
                    sha256=bytes.fromhex(found[2]),
                    changed_at=each["last_modified"],
                )
                for each in page
                if (found := _KEY.fullmatch(each["path"]))
            ]


def delete_unfinished(directory: Path, *, before: datetime) -> int:
    """Remove files that a killed process has left half written. Returns how many."""
    count = 0
    for path in directory.glob("*/*#*"):
        if _UNFINISHED.fullmatch(path.name) and path.stat().st_mtime < before.timestamp():
            path.unlink(missing_ok=True)
            count += 1
    return count


@contextmanager
def _outage(verb: str, key: str) -> Iterator[None]:
    """Turn what the store answers into Unavailable; FileNotFoundError passes."""
    try:
        yield
    except FileNotFoundError:
        raise
    except (StoreError, OSError) as error:
        # The first line is the reason; behind it comes the inside of the client.
        log.error("the store of pictures failed", verb=verb, key=key, reason=str(error).partition("\n")[0])
        sentence = "The place where pictures are kept does not answer. Nothing was changed; try again in a moment."
        raise Unavailable(sentence) from error


def _flush(path: Path) -> None:
    for each in (path, path.parent):
        descriptor = os.open(each, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
