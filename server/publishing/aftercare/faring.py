"""How posts fare, gathered: of one publication, of a document, of an account."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.documents.access import shared_with
from server.documents.models import Document
from server.publishing.aftercare import charts
from server.publishing.aftercare.charts import Chart
from server.publishing.aftercare.models import Figures
from server.publishing.models import ChannelAccount, Publication
from server.publishing.planning.sheets import harmless
from server.publishing.states import State
from server.workspaces.access import Actor, Verb, can

NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {"views": "Views", "likes": "Likes", "replies": "Replies", "shares": "Shares"}
)
# So many of the newest publications are shown together, and written into a file.
MOST_SHOWN: Final = 40
MOST_SENT: Final = 20_000
COLUMNS: Final = ("publication", "document", "account", "channel", "published_at", "link", "taken_at", *NAMES)


@dataclass(frozen=True, slots=True)
class Fared:
    """A publication with what its channel told last. None: it does not tell, or was not asked yet."""

    publication_id: UUID
    name: str
    account_name: str
    channel: str
    published_at: datetime
    taken_at: datetime | None
    figures: Mapping[str, int | None]
    is_gone: bool


async def of_document(db: AsyncSession, actor: Actor, document_id: UUID) -> list[Fared]:
    """Return how the newest publications of a document fare, oldest first."""
    return await _gather(db, _newest(actor).where(col(Publication.document_id) == document_id))


async def of_account(db: AsyncSession, actor: Actor, account_id: UUID) -> list[Fared]:
    """Return how the newest publications on an account fare, oldest first, of documents that the actor sees."""
    return await _gather(db, _newest(actor).where(col(Publication.account_id) == account_id))


def grown(figures: Sequence[Figures], labels: Sequence[str]) -> list[Chart]:
    """Draw how the figures of one publication grew, each that is told."""
    drawn = []
    for name, words in NAMES.items():
        told = [
            ((each.taken_at, getattr(each, name)), label)
            for each, label in zip(figures, labels, strict=True)
            if getattr(each, name) is not None
        ]
        chart = charts.line(words, [value for value, _ in told], [label for _, label in told])
        if chart is not None:
            drawn.append(chart)
    return drawn


def compared(fared: Sequence[Fared], labels: Sequence[str]) -> list[Chart]:
    """Draw publications beside one another, each figure that is told of any."""
    drawn = []
    for name, words in NAMES.items():
        told = [
            (label, value)
            for each, label in zip(fared, labels, strict=True)
            if (value := each.figures.get(name)) is not None
        ]
        chart = charts.columns(words, told)
        if chart is not None:
            drawn.append(chart)
    return drawn


async def sheet(
    db: AsyncSession,
    actor: Actor,
    *,
    publication_id: UUID | None = None,
    document_id: UUID | None = None,
    account_id: UUID | None = None,
) -> str:
    """Return all figures of a publication, a document or an account as CSV, newest publications first."""
    found = (
        select(
            col(Publication.id),
            col(Document.title).label("document"),
            col(ChannelAccount.name).label("account"),
            col(ChannelAccount.channel),
            col(Publication.published_at),
            col(Publication.url),
            col(Figures.taken_at),
            *(getattr(Figures, name) for name in NAMES),
        )
        .join(Figures, col(Figures.publication_id) == col(Publication.id))
        .outerjoin(Document, col(Document.id) == col(Publication.document_id))
        .outerjoin(ChannelAccount, col(ChannelAccount.id) == col(Publication.account_id))
        .where(_visible(actor))
        .order_by(col(Publication.published_at).desc(), col(Publication.id), col(Figures.taken_at))
        .limit(MOST_SENT)
    )
    for column, wanted in (
        (col(Publication.id), publication_id),
        (col(Publication.document_id), document_id),
        (col(Publication.account_id), account_id),
    ):
        if wanted is not None:
            found = found.where(column == wanted)
    return _write((await db.execute(found)).all())


def _write(rows: Iterable[Any]) -> str:
    written = io.StringIO()
    lines = csv.writer(written)
    lines.writerow(COLUMNS)
    for row in rows:
        lines.writerow([_cell(value) for value in row])
    return written.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    return harmless(value) if isinstance(value, str) else str(value)


def _visible(actor: Actor) -> Any:  # noqa: ANN401 - a condition of SQLAlchemy
    here = col(Publication.workspace_id) == actor.workspace_id
    return here if can(actor, Verb.PUBLISH, actor) else here & shared_with(actor).is_not(None)


def _newest(actor: Actor) -> Select[Any]:
    return (
        select(
            col(Publication.id),
            col(Publication.post)["title"].astext.label("title"),
            func.left(col(Publication.post)["text"].astext, 60).label("words"),
            col(Document.title).label("document"),
            col(ChannelAccount.name).label("account"),
            col(ChannelAccount.channel),
            col(Publication.published_at),
            (col(Publication.gone_since).is_not(None) | col(Publication.taken_down_at).is_not(None)).label("is_gone"),
        )
        .outerjoin(Document, col(Document.id) == col(Publication.document_id))
        .outerjoin(ChannelAccount, col(ChannelAccount.id) == col(Publication.account_id))
        .where(
            _visible(actor),
            col(Publication.state) == State.PUBLISHED.value,
            col(Publication.published_at).is_not(None),
        )
        .order_by(col(Publication.published_at).desc(), col(Publication.id))
        .limit(MOST_SHOWN)
    )


async def _gather(db: AsyncSession, found: Select[Any]) -> list[Fared]:
    rows = (await db.execute(found)).all()
    last: dict[UUID, Figures] = {}
    if rows:
        newest = (
            select(Figures)
            .where(col(Figures.publication_id).in_([row.id for row in rows]))
            .ext(distinct_on(col(Figures.publication_id)))
            .order_by(col(Figures.publication_id), col(Figures.taken_at).desc())
        )
        last = {each.publication_id: each for each in await db.scalars(newest)}
    return [_fared(row, last.get(row.id)) for row in reversed(rows)]


def _fared(row: Any, figures: Figures | None) -> Fared:  # noqa: ANN401 - a row of `_newest`
    return Fared(
        publication_id=row.id,
        name=row.title or row.document or " ".join((row.words or "").split()) or "Untitled",
        account_name=row.account or "an account that is gone",
        channel=row.channel or "",
        published_at=row.published_at,
        taken_at=figures.taken_at if figures is not None else None,
        figures={name: getattr(figures, name) if figures is not None else None for name in NAMES},
        is_gone=row.is_gone,
    )
