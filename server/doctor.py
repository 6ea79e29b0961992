"""What can be wrong with an installation, looked at from inside, and what to do about it."""

import asyncio
import shutil
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final
from uuid import uuid4

import obstore
from obstore.exceptions import BaseError
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from server import db
from server.assets.storage import open_store
from server.audit import ledger
from server.migrating import is_current
from server.notifications import transport
from server.publishing.accounts.jobs import count_sealed
from server.publishing.vault import CannotOpen, open_vault
from server.settings import Settings
from server.web.static import MANIFEST

OLDEST_POSTGRES = 140000
OLDEST_REDIS = (6, 2)
FEWEST_FREE_BYTES = 1024**3


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `words`: how it is and, if it is not fine, what to do."""

    what: str
    fine: bool
    words: str


# A worker chains what was noted for the ledger within seconds.
CHAINED_WITHIN: Final = timedelta(minutes=10)


async def examine(settings: Settings) -> list[Finding]:
    """Look at every part. Never raises: what cannot be reached is a finding."""
    return [
        _python(),
        _bundle(),
        _disk(settings),
        _address(settings),
        await _database(settings),
        await _schema(settings),
        await _redis(settings),
        await _storage(settings),
        await _mail(settings),
        await _secrets(settings),
    ]


def _python() -> Finding:
    return Finding("Python", fine=True, words=sys.version.split()[0])


def _bundle() -> Finding:
    if MANIFEST.exists():
        return Finding("Browser bundle", fine=True, words="built")
    return Finding("Browser bundle", fine=False, words="not built: run `make build`")


def _disk(settings: Settings) -> Finding:
    directory = next(path for path in (settings.data_dir, *settings.data_dir.parents) if path.exists())
    free = shutil.disk_usage(directory).free
    words = f"{free / 1024**3:.1f} GiB free at {directory}"
    if free < FEWEST_FREE_BYTES:
        return Finding("Disk", fine=False, words=f"{words}: make room, Postgres stops when it cannot write")
    return Finding("Disk", fine=True, words=words)


def _address(settings: Settings) -> Finding:
    beyond = settings.host not in {"127.0.0.1", "::1", "localhost"}
    if beyond and not settings.secure:
        words = (
            f"{settings.public_url} is reached beyond this machine without https: put a proxy with TLS in front and "
            "set QUILLROOM_BASE_URL to its https:// address"
        )
        return Finding("Public address", fine=False, words=words)
    return Finding("Public address", fine=True, words=settings.public_url)


async def _database(settings: Settings) -> Finding:
    engine = db.create_engine(settings.database_url)
    try:
        async with engine.connect() as connection:
            version = int(str(await connection.scalar(text("SHOW server_version_num"))))
            durable = await connection.scalar(text("SHOW fsync")) == "on"
            confirmed = await connection.scalar(text("SHOW synchronous_commit")) != "off"
    except (SQLAlchemyError, OSError, ValueError) as error:
        return Finding("Postgres", fine=False, words=f"does not answer ({_kind(error)}): check DATABASE_URL")
    finally:
        await engine.dispose()
    name = f"version {version // 10000}.{version % 10000}"
    if version < OLDEST_POSTGRES:
        return Finding("Postgres", fine=False, words=f"{name} is too old: use 14 or newer")
    if not (durable and confirmed):
        return Finding(
            "Postgres", fine=False, words=f"{name}, but fsync or synchronous_commit is off: what is Saved may be lost"
        )
    return Finding("Postgres", fine=True, words=name)


async def _schema(settings: Settings) -> Finding:
    try:
        current = await is_current(settings.database_url)
    except (SQLAlchemyError, OSError, ValueError) as error:
        return Finding("Tables", fine=False, words=f"cannot be looked at ({_kind(error)})")
    if not current:
        return Finding("Tables", fine=False, words="are not of this version: run `quillroom migrate`")
    return Finding("Tables", fine=True, words="up to date")


async def _redis(settings: Settings) -> Finding:
    redis = db.create_redis(settings.redis_url)
    try:
        version = str((await redis.info("server"))["redis_version"])
    except (RedisError, OSError) as error:
        return Finding("Redis", fine=False, words=f"does not answer ({_kind(error)}): check REDIS_URL")
    finally:
        await redis.aclose()
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_REDIS:
        return Finding("Redis", fine=False, words=f"version {version} is too old: use 6.2 or newer")
    return Finding("Redis", fine=True, words=f"version {version}")


async def _storage(settings: Settings) -> Finding:
    probe = f"doctor-{uuid4().hex}"
    try:
        store = open_store(settings)
        # Not the awaitable ones: a process that ends right after those is now and then aborted by their runtime.
        await asyncio.to_thread(obstore.put, store, probe, b"quillroom")
        await asyncio.to_thread(obstore.delete, store, probe)
    except (BaseError, OSError, ValueError) as error:
        return Finding(
            "Object storage", fine=False, words=f"cannot be written ({_kind(error)}): check QUILLROOM_STORAGE_URL"
        )
    return Finding("Object storage", fine=True, words="can be written")


async def _mail(settings: Settings) -> Finding:
    if not settings.smtp_url:
        return Finding("Mail", fine=True, words="not set up, so none is sent: QUILLROOM_SMTP_URL names a mail server")
    try:
        await asyncio.to_thread(transport.check, transport.server_at(settings.smtp_url))
    except transport.Later as error:
        # What the server said, which holds no password.
        return Finding("Mail", fine=False, words=f"cannot be handed in ({error}): check QUILLROOM_SMTP_URL")
    return Finding("Mail", fine=True, words=f"the mail server takes mail from {settings.smtp_from}")


async def _secrets(settings: Settings) -> Finding:
    engine = db.create_engine(settings.database_url)
    try:
        found = await count_sealed(db.create_sessions(engine), partial(open_vault, settings))
    except CannotOpen as error:
        return Finding("Secrets of accounts", fine=False, words=str(error))
    except (SQLAlchemyError, OSError, ValueError) as error:
        return Finding("Secrets of accounts", fine=False, words=f"cannot be looked at ({_kind(error)})")
    finally:
        await engine.dispose()
    if found.lost:
        words = (
            f"{found.lost} of {found.all} cannot be opened: put their key back into QUILLROOM_SECRET_KEYS, or connect "
            f"these accounts again: {', '.join(found.names_lost)}"
        )
        return Finding("Secrets of accounts", fine=False, words=words)
    if found.older:
        words = f"{found.older} of {found.all} are not encrypted with the newest key yet: the worker does that"
        return Finding("Secrets of accounts", fine=True, words=words)
    return Finding("Secrets of accounts", fine=True, words=f"{found.all}, all encrypted with the newest key")


async def examine_ledger(settings: Settings) -> list[Finding]:
    """Follow the ledger of every workspace from its beginning. Never raises, as `examine`."""
    engine = db.create_engine(settings.database_url, statement_seconds=None)
    try:
        async with db.create_sessions(engine)() as session:
            chains = await ledger.verify(session)
            waiting_since = await ledger.waiting_since(session)
    except (SQLAlchemyError, OSError, ValueError) as error:
        return [Finding("Ledger", fine=False, words=f"cannot be looked at ({_kind(error)})")]
    finally:
        await engine.dispose()
    found = [_chain(chain) for chain in chains] or [Finding("Ledger", fine=True, words="nothing is in it yet")]
    if waiting_since is not None and datetime.now(UTC) - waiting_since > CHAINED_WITHIN:
        words = f"deeds wait to be chained since {waiting_since:%Y-%m-%d %H:%M} UTC: see whether the worker runs"
        found.append(Finding("Ledger", fine=False, words=words))
    return found


def _chain(chain: ledger.Chain) -> Finding:
    what = f"Ledger of workspace {chain.workspace_id}"
    if chain.broken_at is not None:
        words = (
            f"entry {chain.broken_at}: {chain.reason}. Somebody wrote past Quillroom, or the database was damaged: "
            "compare with a backup"
        )
        return Finding(what, fine=False, words=words)
    return Finding(what, fine=True, words=f"{chain.entries} entries, the newest {chain.head.hex()}")


def _kind(error: Exception) -> str:
    # Never the message: it may hold an address with a password.
    return type(error).__name__
