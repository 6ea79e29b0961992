"""What is done for publishing at regular times."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, select
from sqlmodel import col

from server.accounts.models import utc_now
from server.db import Sessions, transaction
from server.publishing.accounts.accounts import Reach
from server.publishing.models import ChannelAccount, ChannelConsent
from server.publishing.vault import CannotOpen, Vault

A_RUN: Final = 500
MOST_NAMES: Final = 5
_CONNECTED: Final = select(col(ChannelAccount.id)).where(col(ChannelAccount.disconnected_at).is_(None))


@dataclass(frozen=True, slots=True)
class Sealed:
    """How many secrets there are, how many wait for the newest key, and how many no key opens, with a few names."""

    all: int = 0
    older: int = 0
    lost: int = 0
    names_lost: tuple[str, ...] = ()


async def count_sealed(sessions: Sessions, open_vault: Callable[[], Vault]) -> Sealed:
    """Try to open the secrets of all accounts. Raises CannotOpen if there are some, and no key at all."""
    async with sessions() as db:
        rows = (
            await db.execute(
                select(col(ChannelAccount.name), col(ChannelAccount.secrets), col(ChannelAccount.key_id))
                .where(col(ChannelAccount.disconnected_at).is_(None))
                .order_by(col(ChannelAccount.name))
            )
        ).all()
    if not rows:
        return Sealed()
    vault = open_vault()
    lost = [row.name for row in rows if not _opens(vault, row.secrets)]
    older = sum(1 for row in rows if row.key_id != vault.key_id)
    return Sealed(len(rows), older, len(lost), tuple(lost[:MOST_NAMES]))


async def forget_consents(sessions: Sessions) -> int:
    """Remove the questions that nobody came back with. Returns how many."""
    async with transaction(sessions) as db:
        over = delete(ChannelConsent).where(col(ChannelConsent.expires_at) <= utc_now())
        gone = (await db.scalars(over.returning(col(ChannelConsent.state_hash)))).all()
    return len(gone)


async def reseal(sessions: Sessions, reach: Reach) -> int:
    """Encrypt with the newest key what is encrypted with others. Returns how many; what no key opens stays."""
    done = 0
    async with transaction(sessions) as db:
        if await db.scalar(select(_CONNECTED.exists())) is not True:
            # Without any there is no need for a key, either.
            return 0
        vault = reach.vault
        # Those that are being renewed come next time.
        rows = await db.scalars(
            select(ChannelAccount)
            .where(col(ChannelAccount.disconnected_at).is_(None), col(ChannelAccount.key_id) != vault.key_id)
            .limit(A_RUN)
            .with_for_update(skip_locked=True)
        )
        for row in rows:
            try:
                row.secrets = vault.seal(vault.open(row.secrets or b""))
            except CannotOpen:
                continue
            row.key_id = vault.key_id
            done += 1
    return done


def _opens(vault: Vault, sealed: bytes) -> bool:
    try:
        vault.open(sealed)
    except CannotOpen:
        return False
    return True
