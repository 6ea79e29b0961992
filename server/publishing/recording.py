"""What stands in the workspace's ledger of publications: each deed of a person, and how each of them ended.

Every function here notes one deed in the transaction of the deed itself, and takes no lock: neither many plans in one
go nor the publisher wait for anybody.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.signing import signed
from server.audit import ledger
from server.audit.ledger import By
from server.audit.models import LedgerEntry, WaitingEntry
from server.documents.models import Document
from server.publishing.models import ChannelAccount, Publication
from server.publishing.states import State

KIND: Final = "publication."
MAX_NAME_CHARACTERS: Final = 80
MAX_BESIDES_CHARACTERS: Final = 300
MOST_DEEDS: Final = 200
# Whose deed it is when nobody pressed anything.
PUBLISHER: Final = By(None, "Quillroom")


@dataclass(frozen=True, slots=True)
class Told:
    """What was done, and when."""

    at: datetime
    sentence: str


async def planned(db: AsyncSession, publication: Publication, user_id: UUID) -> None:
    """Note that somebody planned it, or sent it at once."""
    words = "{by} planned {what} for {where}, {when}." + _literal(_besides(publication))
    await _by(db, publication, user_id, "planned", words, **_additions(publication))


async def moved(db: AsyncSession, publication: Publication, user_id: UUID, before: datetime) -> None:
    """Note that somebody gave it another time. `before`: when it was due until now."""
    words = "{by} moved {what} for {where} to {when}."
    await _by(db, publication, user_id, "moved", words, before=_instant(before))


async def changed(db: AsyncSession, publication: Publication, user_id: UUID) -> None:
    """Note that somebody let it send something else."""
    words = "{by} changed what {what} sends to {where}." + _literal(_besides(publication))
    await _by(db, publication, user_id, "changed", words, **_additions(publication))


async def cancelled(db: AsyncSession, publication: Publication, user_id: UUID) -> None:
    """Note that somebody let it not go out."""
    await _by(db, publication, user_id, "cancelled", "{by} cancelled {what} for {where}.")


async def tried_again(db: AsyncSession, publication: Publication, user_id: UUID) -> None:
    """Note that somebody sent again what had failed, or was cancelled."""
    await _by(db, publication, user_id, "tried_again", "{by} sent {what} to {where} again.")


async def settled(db: AsyncSession, publication: Publication, user_id: UUID, finding: str) -> None:
    """Note that somebody said what became of it."""
    said = {
        "live": "{by} found {what} on {where}.",
        "not_live": "{by} did not find {what} on {where}, and sent it again.",
    }.get(finding, "{by} had it looked again whether {what} is on {where}.")
    await _by(db, publication, user_id, "settled", said, finding=finding)


async def ended(db: AsyncSession, publication: Publication, state: State) -> None:
    """Note how it ended, for now: it is out, it is not, or nobody knows. Other states are no end."""
    problem = f" {publication.problem}" if publication.problem else ""
    said = {
        State.PUBLISHED: "{what} went out on {where}.",
        State.FAILED: f"{{what}} did not go out on {{where}}.{_literal(problem)}",
        State.UNKNOWN: f"Nobody knows whether {{what}} is on {{where}}.{_literal(problem)}",
    }.get(state)
    if said is not None:
        data = {"url": publication.url} if publication.url else {}
        await _write(db, publication, PUBLISHER, state.value, said, **data)


async def deeds_of(db: AsyncSession, publication: Publication) -> list[Told]:
    """Return what people did with a publication, the newest `MOST_DEEDS`, oldest first."""
    found: list[Told] = []
    for table, order in ((LedgerEntry, col(LedgerEntry.number)), (WaitingEntry, col(WaitingEntry.id))):
        wanted = select(col(table.at), col(table.sentence)).where(
            col(table.workspace_id) == publication.workspace_id,
            col(table.kind).startswith(KIND, autoescape=True),
            col(table.actor_id).is_not(None),
            col(table.data)["publication"].astext == str(publication.id),
        )
        if publication.document_id is not None:
            wanted = wanted.where(col(table.document_id) == publication.document_id)
        found += [
            Told(at, sentence) for at, sentence in await db.execute(wanted.order_by(order.desc()).limit(MOST_DEEDS))
        ]
    return sorted(found, key=lambda told: told.at)[-MOST_DEEDS:]


async def _by(db: AsyncSession, publication: Publication, user_id: UUID, deed: str, words: str, **data: object) -> None:
    await _write(db, publication, await signed(db, user_id), deed, words, **data)


async def _write(db: AsyncSession, publication: Publication, by: By, deed: str, words: str, **data: object) -> None:
    account = await db.get(ChannelAccount, publication.account_id) if publication.account_id else None
    document = await db.get(Document, publication.document_id) if publication.document_id else None
    where = account.name if account is not None else "an account that is gone"
    wall = publication.wall_time
    when = f"{wall.day} {wall:%B %Y, %H:%M} {publication.zone}"
    await ledger.append_later(
        db,
        publication.workspace_id,
        by,
        kind=f"{KIND}{deed}",
        sentence=words.format(by=by.name, what=f"“{_name(publication, document)}”", where=where, when=when),
        document_id=publication.document_id,
        data={
            "publication": str(publication.id),
            "account": str(publication.account_id) if publication.account_id else None,
            "channel": account.channel if account is not None else None,
            "due": _instant(publication.due_at),
            "hash": publication.content_hash.hex(),
            "edition": publication.edition,
            **data,
        },
    )


def _additions(publication: Publication) -> dict[str, Any]:
    """Return what goes out besides the approved text, which nobody signs: whoever plans says it."""
    post = publication.post
    return {"link": post["link"], "tags": post["tags"], "options": post["options"]}


def _besides(publication: Publication) -> str:
    post = publication.post
    said = [*(f"#{tag}" for tag in post["tags"]), *([post["link"]] if post["link"] else [])]
    said += [f"{name}: {value}" for name, value in post["options"].items()]
    words = ", ".join(said)
    cut = words if len(words) <= MAX_BESIDES_CHARACTERS else words[: MAX_BESIDES_CHARACTERS - 1].rstrip() + "…"
    return f" With it goes {cut}" + ("" if cut.endswith("…") else ".") if cut else ""


def _name(publication: Publication, document: Document | None) -> str:
    words = " ".join(str(publication.post["text"]).split())
    name = publication.post["title"] or (document.title if document is not None else "") or words
    name = name if len(name) <= MAX_NAME_CHARACTERS else name[: MAX_NAME_CHARACTERS - 1].rstrip() + "…"
    return name or "Untitled"


def _literal(text: str) -> str:
    """Return a channel's own words so that nothing in them is taken for a place to fill."""
    return text.replace("{", "{{").replace("}", "}}")


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()
