"""What the doctor finds, and that it tells what to do."""

import os
from pathlib import Path

import asyncpg
import pytest

from server import doctor
from server.doctor import Finding, examine
from server.settings import Settings


async def _found(settings: Settings, **changed: object) -> dict[str, Finding]:
    return {finding.what: finding for finding in await examine(settings.model_copy(update=changed))}


async def test_a_sound_installation_has_only_what_this_test_takes_from_it(settings: Settings) -> None:
    # The test servers trade durability for speed, and nothing needs to have been built for this test.
    wrong = {finding.what for finding in await examine(settings) if not finding.fine}
    assert wrong <= {"Postgres", "Browser bundle", "Public address"}


async def test_servers_that_do_not_answer_are_named_without_their_passwords(settings: Settings) -> None:
    found = await _found(
        settings,
        database_url="postgresql://somebody:a-secret@127.0.0.1:1/nothing",
        redis_url="redis://:a-secret@127.0.0.1:1/0",
    )
    assert not found["Postgres"].fine
    assert "DATABASE_URL" in found["Postgres"].words
    assert not found["Tables"].fine
    assert not found["Redis"].fine
    assert "REDIS_URL" in found["Redis"].words
    assert all("a-secret" not in finding.words for finding in found.values())


async def test_a_database_that_may_lose_what_is_saved_is_found(settings: Settings) -> None:
    found = (await _found(settings))["Postgres"]
    assert not found.fine
    assert "may be lost" in found.words


async def test_tables_of_another_version_are_found(settings: Settings) -> None:
    connection = await asyncpg.connect(settings.database_url)
    await connection.execute("UPDATE alembic_version SET version_num = 'of another time'")
    await connection.close()
    found = (await _found(settings))["Tables"]
    assert not found.fine
    assert "quillroom migrate" in found.words


async def test_servers_that_are_too_old_are_found(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "OLDEST_POSTGRES", 990000)
    monkeypatch.setattr(doctor, "OLDEST_REDIS", (99, 0))
    found = await _found(settings)
    assert "too old" in found["Postgres"].words
    assert "too old" in found["Redis"].words


async def test_a_full_disk_is_found(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "FEWEST_FREE_BYTES", 1 << 62)
    found = (await _found(settings))["Disk"]
    assert not found.fine
    assert "make room" in found.words


async def test_a_bundle_that_was_not_built_is_found(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(doctor, "MANIFEST", tmp_path / "manifest.json")
    found = (await _found(settings))["Browser bundle"]
    assert not found.fine
    assert "make build" in found.words


@pytest.mark.parametrize(
    ("host", "base_url", "fine"),
    [
        ("127.0.0.1", "", True),
        ("0.0.0.0", "", False),
        ("0.0.0.0", "http://studio.example.org", False),
        ("0.0.0.0", "https://studio.example.org", True),
    ],
)
async def test_an_address_without_tls_is_found(settings: Settings, host: str, base_url: str, *, fine: bool) -> None:
    found = (await _found(settings, host=host, base_url=base_url))["Public address"]
    assert found.fine is fine
    assert fine or "QUILLROOM_BASE_URL" in found.words


async def test_storage_that_cannot_be_written_is_found(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = (await _found(settings, storage_url=f"file://{tmp_path}/file/inside"))["Object storage"]
    assert not found.fine
    assert "QUILLROOM_STORAGE_URL" in found.words


async def test_looking_leaves_nothing_in_the_storage(settings: Settings) -> None:
    await examine(settings)
    assets = settings.data_dir / "assets"
    assert [name for _, _, names in os.walk(assets) for name in names] == []


async def test_the_ledger_is_followed_and_a_broken_chain_named(settings: Settings, db_url: str) -> None:
    (empty,) = await doctor.examine_ledger(settings)
    assert empty.fine
    connection = await asyncpg.connect(db_url)
    try:
        workspace_id = await connection.fetchval(
            "INSERT INTO workspaces (id, name, created_at) VALUES (gen_random_uuid(), 'Ink', now()) RETURNING id"
        )
        await connection.execute(
            "INSERT INTO ledger_heads (workspace_id, number, hash) VALUES ($1, 1, '')", workspace_id
        )
    finally:
        await connection.close()
    (found,) = await doctor.examine_ledger(settings)
    assert not found.fine
    assert str(workspace_id) in found.what
    assert "entry 1" in found.words
