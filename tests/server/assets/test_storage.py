import os
import tempfile
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO
from uuid import uuid4

import pytest
import uvicorn
from obstore.store import LocalStore, ObjectStore, S3Store

from server.assets import storage
from server.assets.kinds import Kind
from server.assets.ranges import Span
from server.errors import NotFound, Unavailable
from server.settings import Settings
from tests.server.assets.s3 import Bucket


def file_of(data: bytes) -> IO[bytes]:
    file = tempfile.TemporaryFile()
    file.write(data)
    file.seek(0)
    return file


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


@pytest.fixture
def endpoint(bucket: Bucket) -> Iterator[str]:
    """The bucket, listening."""
    import socket

    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(bucket.app(), log_level="critical", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)
    listening.close()


@pytest.fixture(params=["directory", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    """Both kinds of store, opened by settings."""
    if request.param == "directory":
        return storage.open_store(Settings(data_dir=tmp_path / "with spaces äö"))
    return storage.open_store(s3_settings(request.getfixturevalue("endpoint"), tmp_path))


def s3_settings(endpoint: str, data_dir: Path) -> Settings:
    return Settings(
        data_dir=data_dir,
        storage_url="s3://pictures/quill/room",
        storage_endpoint=endpoint,
        storage_region="eu-central-1",
        storage_access_key_id="AKIDEXAMPLE",
        storage_secret_access_key="secret",
    )


@pytest.mark.parametrize("size", [1, 300_000, 11_000_000], ids=["tiny", "some", "in-parts"])
async def test_what_was_put_is_there_in_whole_and_in_part(store: ObjectStore, size: int) -> None:
    data = os.urandom(1000) * (size // 1000) + os.urandom(size % 1000)
    key = storage.key_for(uuid4(), b"\1" * 32, Kind.PNG)
    assert not await storage.holds(store, key, size_bytes=size)
    with file_of(data) as file:
        await storage.put(store, key, file)
    assert await storage.holds(store, key, size_bytes=size)
    assert not await storage.holds(store, key, size_bytes=size + 1)
    chunks = [chunk async for chunk in await storage.read(store, key, Span(0, size))]
    assert b"".join(chunks) == data
    assert max(map(len, chunks)) <= 2 * storage.READ_BYTES or isinstance(store, S3Store)
    part = [chunk async for chunk in await storage.read(store, key, Span(size // 2, size))]
    assert b"".join(part) == data[size // 2 :]


async def test_what_is_listed_is_ours_and_what_is_deleted_is_gone(store: ObjectStore) -> None:
    import obstore

    workspace_id = uuid4()
    key = storage.key_for(workspace_id, b"\2" * 32, Kind.JPEG)
    with file_of(b"x") as file:
        await storage.put(store, key, file)
    await obstore.put_async(store, "somebody-elses/file.png", b"x")
    await obstore.put_async(store, f"{workspace_id.hex}/readme.txt", b"x")
    [found] = [each async for page in storage.pages(store) for each in page]
    assert (found.key, found.workspace_id, found.sha256) == (key, workspace_id, b"\2" * 32)
    assert abs(found.changed_at - datetime.now(UTC)) < timedelta(minutes=1)
    await storage.delete(store, key)
    await storage.delete(store, key)
    with pytest.raises(NotFound):
        await storage.read(store, key, Span(0, 1))


async def test_a_bucket_gets_signed_requests_under_its_prefix(endpoint: str, bucket: Bucket, tmp_path: Path) -> None:
    store = storage.open_store(s3_settings(endpoint, tmp_path))
    with file_of(b"x") as file:
        await storage.put(store, "a/b.png", file)
    assert bucket.objects == {"quill/room/a/b.png": b"x"}
    assert "AKIDEXAMPLE/" in bucket.authorizations[0]
    assert "/eu-central-1/s3/" in bucket.authorizations[0]
    assert not (tmp_path / "assets").exists()


async def test_a_bucket_that_refuses_is_an_outage(endpoint: str, bucket: Bucket, tmp_path: Path) -> None:
    store = storage.open_store(s3_settings(endpoint, tmp_path))
    bucket.failing = True
    with file_of(b"x") as file, pytest.raises(Unavailable):
        await storage.put(store, "a/b.png", file)
    with pytest.raises(Unavailable):
        await storage.read(store, "a/b.png", Span(0, 1))


def test_the_directory_is_for_nobody_else(tmp_path: Path) -> None:
    store = storage.open_store(Settings(data_dir=tmp_path / "data"))
    assert isinstance(store, LocalStore)
    assert (tmp_path / "data" / "assets").stat().st_mode & 0o777 == 0o700
    elsewhere = tmp_path / "else where"
    storage.open_store(Settings(storage_url=elsewhere.as_uri()))
    assert elsewhere.is_dir()


@pytest.mark.parametrize("url", ["http://x/y", "s3://", "pictures", "file://server/share", "gs://bucket"])
def test_an_address_that_is_no_store_is_refused_in_words(url: str) -> None:
    with pytest.raises(ValueError, match="QUILLROOM_STORAGE_URL"):
        storage.open_store(Settings(storage_url=url))


def test_what_a_killed_process_left_half_written_goes(tmp_path: Path) -> None:
    folder = tmp_path / "w"
    folder.mkdir()
    old, young, whole = folder / "a.png#1", folder / "b.png#1", folder / "c.png"
    for path in (old, young, whole):
        path.write_bytes(b"x")
    os.utime(old, (0, 0))
    os.utime(whole, (0, 0))
    assert storage.delete_unfinished(tmp_path, before=datetime.now(UTC) - timedelta(days=1)) == 1
    assert sorted(path.name for path in folder.iterdir()) == ["b.png#1", "c.png"]


def test_a_key_tells_its_digest_and_another_name_none() -> None:
    assert storage.digest_of(storage.key_for(uuid4(), b"\4" * 32, Kind.PNG)) == b"\4" * 32
    assert storage.digest_of("notes.txt") is None
