"""What the commands say and how they end, on servers that exist."""

import os
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import asyncpg
import pytest

from server.accounts import passwords, people, tokens
from server.accounts.sessions import start as start_session
from server.db import Sessions, transaction
from tests.running import PASSWORD, ROOT

LIMIT_SECONDS = 60

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Awaitable[Done]]


@pytest.fixture
def run(db_url: str, redis_url: str, tmp_path: Path) -> Run:
    """Run a command as an operator with servers of their own does; settings by name change the environment."""
    environment = os.environ | {
        "DATABASE_URL": db_url,
        "REDIS_URL": redis_url,
        "QUILLROOM_DATA_DIR": str(tmp_path / "data"),
    }

    def start(words: tuple[str, ...], given: str, settings: dict[str, str]) -> Done:
        return subprocess.run(
            [sys.executable, "-m", "server", *words],
            cwd=ROOT,
            env=environment | settings,
            input=given,
            encoding="utf-8",
            # So that a test can give bytes that are no text.
            errors="surrogateescape",
            capture_output=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )

    async def run(*words: str, given: str = "", **settings: str) -> Done:
        done = await anyio.to_thread.run_sync(start, words, given, settings)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return run


async def _rows(db_url: str, query: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(db_url)
    try:
        return list(await connection.fetch(query))
    finally:
        await connection.close()


async def _create(run: Run, email: str, name: str, *more: str, password: str = PASSWORD) -> Done:
    words = ("user", "create", "--email", email, "--name", name, "--password-stdin", *more)
    return await run(*words, given=f"{password}\n")


async def test_the_first_account_founds_a_workspace_and_the_next_one_joins_it(run: Run, db_url: str) -> None:
    first = await _create(run, "Ada@Example.org", "Ada")
    second = await _create(run, "ben@example.org", "Ben", "--role", "guest")
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert "Ada can sign in as ada@example.org" in first.stdout
    rows = await _rows(db_url, "SELECT name, role, workspace_id FROM members JOIN users ON id = user_id ORDER BY name")
    assert [(row["name"], row["role"]) for row in rows] == [("Ada", "admin"), ("Ben", "guest")]
    assert len({row["workspace_id"] for row in rows}) == 1
    assert len(await _rows(db_url, "SELECT 1 FROM documents")) == 1, "the workspace begins with one sample"


@pytest.mark.parametrize(
    ("email", "name", "password", "says"),
    [
        ("ada@example.org", "Ada", PASSWORD, "already|account"),
        ("not an address", "Ada", PASSWORD, "address|e-mail"),
        ("new@example.org", " ", PASSWORD, "name"),
        ("new@example.org", "New", "short", "password|characters"),
    ],
)
async def test_an_account_that_cannot_be_made_is_refused_in_words(
    run: Run, db_url: str, email: str, name: str, password: str, says: str
) -> None:
    assert (await _create(run, "ada@example.org", "Ada")).returncode == 0
    refused = await _create(run, email, name, password=password)
    assert refused.returncode == 1
    assert re.search(says, refused.stderr, re.IGNORECASE), refused.stderr
    assert len(await _rows(db_url, "SELECT 1 FROM users")) == 1


async def _reset(run: Run, email: str, password: str | None) -> Done:
    given = "" if password is None else f"{password}\r\n"
    return await run("user", "password", "--email", email, "--password-stdin", given=given)


async def test_a_forgotten_password_is_replaced_and_every_browser_signed_out(
    run: Run, db_url: str, sessions: Sessions
) -> None:
    await _create(run, "ada@example.org", "Ada")
    await _create(run, "ben@example.org", "Ben")
    async with transaction(sessions) as db:
        for email in ("ada@example.org", "ben@example.org"):
            user = await people.find_by_email(db, email)
            assert user is not None
            await start_session(db, user, lasts=timedelta(days=1))
            await tokens.create(db, user, name="a script")
    done = await _reset(run, "Ada@Example.org", "vier stille Flüsse")
    assert done.returncode == 0, done.stderr
    assert "Ada signs in as ada@example.org" in done.stdout
    hashes = {row["email"]: row["password_hash"] for row in await _rows(db_url, "SELECT * FROM users")}
    assert (await passwords.verify("vier stille Flüsse", hashes["ada@example.org"]))[0]
    assert not (await passwords.verify(PASSWORD, hashes["ada@example.org"]))[0]
    assert (await passwords.verify(PASSWORD, hashes["ben@example.org"]))[0]
    signed_in = await _rows(db_url, "SELECT email FROM sessions JOIN users ON users.id = user_id")
    assert [row["email"] for row in signed_in] == ["ben@example.org"]
    assert len(await _rows(db_url, "SELECT 1 FROM api_tokens WHERE revoked_at IS NULL")) == 2


@pytest.mark.parametrize(
    ("email", "password", "says"),
    [
        ("nobody@example.org", PASSWORD, "Nobody has the address nobody@example.org"),
        ("not an address", PASSWORD, "e-mail"),
        ("ada@example.org", "short", "characters"),
        ("ada@example.org", "ada@example.org", "first"),
        ("ada@example.org", None, "standard input"),
        ("ada@example.org", "\udcff" * 12, "UTF-8"),
    ],
)
async def test_a_password_that_cannot_be_set_is_refused_in_words(
    run: Run, db_url: str, email: str, password: str | None, says: str
) -> None:
    await _create(run, "ada@example.org", "Ada")
    before = await _rows(db_url, "SELECT * FROM users")
    refused = await _reset(run, email, password)
    assert refused.returncode == 1
    assert says in refused.stderr
    assert await _rows(db_url, "SELECT * FROM users") == before


async def test_the_account_of_somebody_shut_out_is_not_opened_by_a_password(run: Run, sessions: Sessions) -> None:
    await _create(run, "ada@example.org", "Ada")
    async with transaction(sessions) as db:
        user = await people.find_by_email(db, "ada@example.org")
        assert user is not None
        await people.disable(db, user.id)
    refused = await _reset(run, "ada@example.org", "four quiet herons")
    assert (refused.returncode, "disabled" in refused.stderr) == (1, True)


async def test_a_token_is_shown_once_and_only_its_hash_is_kept(run: Run, db_url: str) -> None:
    await _create(run, "ada@example.org", "Ada")
    made = await run("token", "create", "--email", "ada@example.org", "--name", "a script", "--days", "7")
    assert made.returncode == 0
    token = made.stdout.strip()
    assert re.fullmatch(r"qr_[\w-]{40,}", token)
    (row,) = await _rows(db_url, "SELECT * FROM api_tokens")
    assert token not in str(dict(row))
    in_a_week = datetime.now(UTC) + timedelta(days=7)
    assert abs(row["expires_at"] - in_a_week) < timedelta(minutes=5)


async def test_a_token_for_nobody_is_refused_in_words(run: Run) -> None:
    refused = await run("token", "create", "--email", "nobody@example.org", "--name", "a script")
    assert refused.returncode == 1
    assert "nobody@example.org" in refused.stderr


@pytest.mark.parametrize("days", ["0", "-1", "99999999999"])
async def test_a_token_that_would_never_work_is_refused_in_words(run: Run, db_url: str, days: str) -> None:
    await _create(run, "ada@example.org", "Ada")
    refused = await run("token", "create", "--email", "ada@example.org", "--name", "a script", "--days", days)
    assert refused.returncode != 0
    assert "days" in refused.stderr
    assert await _rows(db_url, "SELECT 1 FROM api_tokens") == []


async def test_migrating_what_is_current_changes_nothing(run: Run) -> None:
    done = await run("migrate")
    assert (done.returncode, done.stdout) == (0, "The database is up to date.\n")


@pytest.mark.parametrize(
    "command",
    [("migrate",), ("serve",), ("token", "create", "--email", "a@example.org", "--name", "x")],
    ids=lambda command: command[0],
)
async def test_a_database_that_does_not_answer_is_told_in_a_sentence(run: Run, command: tuple[str, ...]) -> None:
    if command[0] == "serve":
        command = ("serve", "--port", "27999")
    failed = await run(*command, DATABASE_URL="postgresql://somebody:a-secret@127.0.0.1:1/nothing")
    assert failed.returncode == 1
    assert "DATABASE_URL" in failed.stderr
    assert "a-secret" not in failed.stderr + failed.stdout


async def test_a_redis_that_does_not_answer_is_told_in_a_sentence_by_the_worker(run: Run) -> None:
    failed = await run("worker", REDIS_URL="redis://:a-secret@127.0.0.1:1/0")
    assert failed.returncode == 1
    assert "REDIS_URL" in failed.stderr
    assert "a-secret" not in failed.stderr + failed.stdout


@pytest.mark.parametrize(
    ("command", "variable", "value", "says"),
    [
        ("migrate", "QUILLROOM_PORT", "70000", "QUILLROOM_PORT: "),
        ("doctor", "QUILLROOM_BASE_URL", "studio.example.org", "http"),
        ("migrate", "DATABASE_URL", "mysql://u:a-secret@host/name", "postgresql://"),
        ("serve", "DATABASE_URL", "mysql://u:a-secret@host/name", "postgresql://"),
        ("doctor", "REDIS_URL", "memcached://u:a-secret@host", "redis://"),
        ("serve", "REDIS_URL", "memcached://u:a-secret@host", "redis://"),
        ("doctor", "QUILLROOM_STORAGE_URL", "ftp://u:a-secret@host", "STORAGE_URL"),
    ],
)
async def test_a_setting_that_cannot_be_used_is_named(
    run: Run, command: str, variable: str, value: str, says: str
) -> None:
    refused = await run(command, **{variable: value})
    assert refused.returncode == 1
    assert says in refused.stderr + refused.stdout
    assert "a-secret" not in refused.stderr + refused.stdout
