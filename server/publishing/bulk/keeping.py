"""Imports that somebody looks at before they are carried out: kept for an hour, and for them alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.documents.models import utc_now
from server.errors import Conflict, NotFound
from server.publishing.bulk import importing, reading
from server.publishing.bulk.models import KeptImport
from server.publishing.bulk.verdicts import Fate, Verdict
from server.publishing.planning.approving import note_standing
from server.publishing.planning.planning import Means
from server.web.text import clean_line
from server.workspaces.access import Actor, Verb, require

LASTS: Final = timedelta(hours=1)
# Somebody who tries again and again looks at the last ones.
MOST_KEPT: Final = 5
MAX_NAME_CHARACTERS: Final = 200
MOST_IGNORED_SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class Shown:
    """A dry run as it was shown. `notes` are about all of the file; `is_done`: it was carried out since."""

    id: UUID
    name: str
    zone: str
    verdicts: Sequence[Verdict]
    notes: Sequence[str]
    is_done: bool


class Differs(Conflict):
    """What would happen is not what was shown; the new verdicts are kept in its place. `rows`: the numbers of those."""

    sentence = "Something changed since you looked, so nothing was planned. Look at the rows again."

    def __init__(self, rows: Sequence[int]) -> None:
        super().__init__()
        self.rows = rows


async def rehearse(db: AsyncSession, actor: Actor, means: Means, *, name: str, content: str, zone: str) -> UUID:
    """Keep a spreadsheet and what would become of its rows. Returns its id. Commits.

    Raises Forbidden, Invalid for `file` or `zone`, importing.UnderWay.
    """
    require(actor, Verb.PUBLISH, actor)
    sheet = reading.read(content)
    verdicts = await importing.examine(db, actor, means, sheet, zone)
    await db.rollback()
    kept = KeptImport(
        id=uuid4(),
        workspace_id=actor.workspace_id,
        user_id=actor.user_id,
        name=clean_line(name)[:MAX_NAME_CHARACTERS],
        content=content,
        zone=zone,
        shown=[each.to_json() for each in verdicts],
        notes=_notes(sheet.ignored),
        expires_at=utc_now() + LASTS,
    )
    kept_id = kept.id
    await _forget(db, actor)
    db.add(kept)
    await db.commit()
    return kept_id


async def find(db: AsyncSession, actor: Actor, import_id: UUID) -> Shown:
    """Return an import of one's own. Raises NotFound, Forbidden."""
    return _shown(await _find(db, actor, import_id))


async def carry_out(db: AsyncSession, actor: Actor, means: Means, import_id: UUID) -> Shown:
    """Plan what was shown: all of it, or nothing. Commits. What was carried out stays so.

    Raises NotFound, Forbidden, importing.UnderWay, and Differs if it would be anything else by now.
    """
    require(actor, Verb.PUBLISH, actor)
    # Before the row: who presses twice is told so.
    await importing.take_turn(db, actor)
    kept = await _find(db, actor, import_id, hold=True)
    if kept.carried_out_at is not None:
        return _shown(kept)
    before = [Verdict.from_json(each) for each in kept.shown]
    after = await importing.examine(db, actor, means, reading.read(kept.content), kept.zone)
    differing = [
        new.number for old, new in zip(before, after, strict=True) if (old.fate, old.proof) != (new.fate, new.proof)
    ]
    if differing:
        await db.rollback()
        shown = [each.to_json() for each in after]
        await db.execute(update(KeptImport).where(col(KeptImport.id) == import_id).values(shown=shown))
        await db.commit()
        raise Differs(differing)
    kept.shown = [each.to_json() for each in after]
    kept.carried_out_at = utc_now()
    await settle(db, after)
    done = _shown(kept)
    await db.commit()
    return done


async def settle(db: AsyncSession, verdicts: Sequence[Verdict]) -> None:
    """Let the documents know that publications of them are planned, or planned again."""
    planned = {each.document_id for each in verdicts if each.fate in {Fate.PLANNED, Fate.MOVED} and each.document_id}
    # In one order, so that two who do it at once do not wait for each other.
    for document_id in sorted(planned):
        await note_standing(db, document_id)


async def forget_expired(db: AsyncSession) -> int:
    """Remove what nobody carried out in time. Returns how many went."""
    gone = delete(KeptImport).where(col(KeptImport.expires_at) <= utc_now()).returning(col(KeptImport.id))
    return len((await db.scalars(gone)).all())


async def _forget(db: AsyncSession, actor: Actor) -> None:
    mine = (
        select(col(KeptImport.id))
        .where(col(KeptImport.workspace_id) == actor.workspace_id, col(KeptImport.user_id) == actor.user_id)
        .order_by(col(KeptImport.created_at).desc())
        .offset(MOST_KEPT - 1)
    )
    await db.execute(delete(KeptImport).where(col(KeptImport.id).in_(mine)))


async def _find(db: AsyncSession, actor: Actor, import_id: UUID, *, hold: bool = False) -> KeptImport:
    require(actor, Verb.PUBLISH, actor)
    found: KeptImport | None = await db.get(KeptImport, import_id, with_for_update=hold, populate_existing=True)
    is_theirs = found is not None and (found.workspace_id, found.user_id) == (actor.workspace_id, actor.user_id)
    if found is None or not is_theirs or found.expires_at <= utc_now():
        raise NotFound("This import is not kept any more: it is for an hour. Bring the file again.")
    return found


def _shown(kept: KeptImport) -> Shown:
    return Shown(
        kept.id,
        kept.name,
        kept.zone,
        [Verdict.from_json(each) for each in kept.shown],
        list(kept.notes),
        kept.carried_out_at is not None,
    )


def _notes(ignored: Sequence[str]) -> list[str]:
    if not ignored:
        return []
    names = ", ".join(f"“{each[:40]}”" for each in ignored[:MOST_IGNORED_SHOWN])
    return [f"Nothing is known of these columns, and they are left out: {names}."]
