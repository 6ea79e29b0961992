"""Whom it concerns what became of a published post: who asked, and who planned it."""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from server.accounts.signing import NOBODY_KNOWN, signed
from server.audit import ledger
from server.documents.models import Document
from server.notifications.models import Kind
from server.notifications.noting import Notice, note
from server.publishing.aftercare.models import Change, Deed, Standing
from server.publishing.models import ChannelAccount, Publication
from server.publishing.planning.approving import note_standing

_FAILED: Final = {
    Deed.UPDATE: "It could not be brought up to the newest text on {account}. {problem}",
    Deed.TAKE_DOWN: "It could not be taken down from {account}. {problem}",
    Deed.REPLAY: "It could not be sent to {account} once more. {problem}",
}
_DONE: Final = {
    Deed.UPDATE: ("publication.updated", "{name} brought “{title}” on {account} up to what is approved now."),
    Deed.TAKE_DOWN: ("publication.taken_down", "{name} took “{title}” down from {account}."),
    Deed.REPLAY: ("publication.replayed", "{name} sent “{title}” to {account} once more, as the same."),
}


async def tell_change(db: AsyncSession, publication: Publication, change: Change) -> frozenset[UUID]:
    """Note how a change ended, in the transaction that ends it. Returns whom it is news for (`noting.tell`)."""
    deed = Deed(change.deed)
    account, document = await _around(db, publication)
    if change.state == Standing.DONE:
        if publication.document_id is not None:
            await note_standing(db, publication.document_id)
        kind, sentence = _DONE[deed]
        by = await signed(db, change.asked_by) if change.asked_by is not None else ledger.By(None, NOBODY_KNOWN)
        await ledger.append_later(
            db,
            publication.workspace_id,
            by,
            kind=kind,
            sentence=sentence.format(name=by.name, title=_title(publication, document), account=account),
            document_id=publication.document_id,
            data={"publication": str(publication.id), "content": publication.content_hash.hex()},
        )
        return frozenset()
    words = _FAILED[deed].format(account=account, problem=change.problem)
    return await _note(db, publication, document, [change.asked_by, publication.created_by], words, what=str(change.id))


async def tell_gone(db: AsyncSession, publication: Publication, why: str) -> frozenset[UUID]:
    """Note that a channel shows a post no longer. Returns whom it is news for."""
    account, document = await _around(db, publication)
    person = publication.created_by
    if publication.account_id is not None and person is None:
        row = await db.get(ChannelAccount, publication.account_id)
        person = row.responsible_id if row is not None else None
    words = f"It can no longer be seen on {account}. {why}".strip()
    since = publication.gone_since.isoformat() if publication.gone_since is not None else ""
    return await _note(db, publication, document, [person], words, what=f"gone:{since}")


async def _around(db: AsyncSession, publication: Publication) -> tuple[str, Document | None]:
    account = await db.get(ChannelAccount, publication.account_id) if publication.account_id else None
    document = await db.get(Document, publication.document_id) if publication.document_id else None
    return (account.name if account is not None else "an account that is gone"), document


def _title(publication: Publication, document: Document | None) -> str:
    return str(publication.post["title"]) or (document.title if document is not None else "") or "Untitled"


async def _note(
    db: AsyncSession,
    publication: Publication,
    document: Document | None,
    people: Iterable[UUID | None],
    words: str,
    *,
    what: str,
) -> frozenset[UUID]:
    notice = Notice(
        kind=Kind.STUCK,
        to=list(dict.fromkeys(person for person in people if person is not None)),
        workspace_id=publication.workspace_id,
        document_id=document.id if document is not None else None,
        actor_id=None,
        title=publication.post["title"] or (document.title if document is not None else ""),
        quote=publication.post["text"],
        text=words,
        path=f"/publications/{publication.id}",
        dedupe_key=f"publication:{publication.id}:{what}",
    )
    return await note(db, notice)
