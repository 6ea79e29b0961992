"""Publications for programs: `/api/v1/publications`."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from starlette.exceptions import HTTPException
from starlette.requests import Request

from server.documents.models import utc_now
from server.errors import Invalid
from server.publishing.models import Publication
from server.publishing.planning import planning, repeating, scheduling
from server.publishing.planning.approving import note_standing
from server.publishing.planning.planning import EVENT, Means, NextSlot, Wanted, Wish
from server.publishing.planning.repeating import Reach
from server.publishing.planning.scheduling import Planned
from server.publishing.planning.shapes import (
    CancelQuery,
    FindingSaid,
    NewPublication,
    PublicationChange,
    PublicationChecked,
    PublicationList,
    PublicationRead,
    PublicationsQuery,
)
from server.web.negotiation import strong_tags
from server.web.operations import AnyOperation, Call, NoBody, NoQuery, Operation, Reply
from server.web.operations import routes as routes_of
from server.workspaces.access import Verb
from server.workspaces.middleware import current_actor

_ALL: Final = "/api/v1/publications"
_ONE: Final = f"{_ALL}/{{publication_id:uuid}}"
_MATCH: Final = {"If-Match": "A `version` in quotes; if it is another one by now, nothing happens (412)."}
# A nudge for what is due within so long; the worker looks by itself every few seconds, too.
_SOON: Final = timedelta(minutes=1)


async def list_publications(call: Call[PublicationsQuery, NoBody]) -> Reply[PublicationList]:
    """List the publications of your workspace, by the time at which they are due.

    Admins and schedulers get all, others those of documents that they see. Follow `next_cursor` until it is null.
    """
    query = call.query
    page = await planning.listed(
        call.request.state.db,
        current_actor(call.request),
        Wanted(
            since=query.since,
            until=query.until,
            states=frozenset({query.state}) if query.state is not None else None,
            account_id=query.account_id,
            document_id=query.document_id,
            tag=query.tag,
        ),
        limit=query.limit,
        cursor=query.cursor,
    )
    return Reply(PublicationList.of(page))


async def plan_publication(call: Call[NoQuery, NewPublication]) -> Reply[PublicationRead]:
    """Publish what is approved of a document on an account, now or at a time; admins and schedulers may.

    The text that goes out is frozen here. 409 while nothing is approved or no slot is free, 422 with what the channel
    would refuse. A time that breaks the account's posting rules is planned; `warnings` say which.
    """
    request = call.request
    planned = await planning.plan(request.state.db, current_actor(request), means_of(request), _wish(call.body))
    return await _changed(request, planned.publication, planned)


async def check_publication(call: Call[NoQuery, NewPublication]) -> Reply[PublicationChecked]:
    """Say what would go out and what the channel would refuse, without planning it. The channel is not asked."""
    request = call.request
    db, actor, means = request.state.db, current_actor(request), means_of(request)
    content = await planning.approved_content(db, actor, means, call.body.document_id)
    return Reply(PublicationChecked.of(await planning.draft(db, actor, means, content, _wish(call.body))))


async def read_publication(call: Call[NoQuery, NoBody]) -> Reply[PublicationRead]:
    """Read a publication: what goes out, when, and every attempt in a sentence. `ETag` is its version."""
    request = call.request
    return await _read(request, _id(request))


async def change_publication(call: Call[NoQuery, PublicationChange]) -> Reply[PublicationRead]:
    """Move a publication, or let it send what is approved now. Possible until it is being sent."""
    request, body = call.request, call.body
    db, actor, publication_id = request.state.db, current_actor(request), _id(request)
    # Before anything else: whoever may not do this is told so, whatever they ask for.
    version = await _required(request, publication_id)
    planned: Planned | None = None
    if body.reach is Reach.LATER:
        return await _change_later(call, version)
    if body.content is not None:
        additions = body.content.additions()
        planned = await planning.renew(
            db, actor, means_of(request), publication_id, additions=additions, version=version
        )
        version = planned.publication.version
    if body.time is not None:
        planned = await scheduling.move(db, actor, publication_id, body.time.when(), version=version)
    if planned is None:
        raise Invalid(sentence="Say what to change: `time`, `content`, or both.")
    return await _changed(request, planned.publication, planned)


async def cancel_publication(call: Call[CancelQuery, NoBody]) -> Reply[PublicationRead]:
    """Let a publication not go out. Possible until it is being sent; it stays in the list."""
    request = call.request
    db, actor, publication_id = request.state.db, current_actor(request), _id(request)
    version = await _required(request, publication_id)
    if call.query.reach is Reach.LATER:
        for each in await repeating.cancel_later(db, actor, publication_id, version=version):
            await tell_of(request, each)
        return await _read(request, publication_id)
    publication = await scheduling.cancel(db, actor, publication_id, version=version)
    return await _changed(request, publication)


async def _change_later(call: Call[NoQuery, PublicationChange], version: int | None) -> Reply[PublicationRead]:
    """Change a publication of a series and those after it: all of them, or none."""
    request, body = call.request, call.body
    db, actor, publication_id = request.state.db, current_actor(request), _id(request)
    planned: list[Planned] = []
    if body.content is not None:
        additions, means = body.content.additions(), means_of(request)
        planned = await repeating.renew_later(db, actor, means, publication_id, version=version, additions=additions)
        version = None
    if body.time is not None:
        planned = await repeating.move_later(db, actor, publication_id, body.time.when(), version=version)
    if not planned:
        raise Invalid(sentence="Say what to change: `time`, `content`, or both.")
    for each in planned:
        await tell_of(request, each.publication)
    return await _read(request, publication_id, planned[0])


async def try_publication_again(call: Call[NoQuery, NoBody]) -> Reply[PublicationRead]:
    """Send now what failed or was cancelled, from where it stopped."""
    request = call.request
    db, actor, publication_id = request.state.db, current_actor(request), _id(request)
    await planning.find(db, actor, publication_id, Verb.PUBLISH)
    publication = await scheduling.try_again(db, actor, publication_id)
    return await _changed(request, publication)


async def settle_publication(call: Call[NoQuery, FindingSaid]) -> Reply[PublicationRead]:
    """Say what became of a publication whose outcome is unknown: it is live, it is not, or look again."""
    request, body = call.request, call.body
    db, actor, publication_id = request.state.db, current_actor(request), _id(request)
    await planning.find(db, actor, publication_id, Verb.PUBLISH)
    publication = await scheduling.settle_unknown(db, actor, publication_id, body.finding, link=body.link)
    return await _changed(request, publication)


def means_of(request: Request) -> Means:
    """Return what planning needs of the application."""
    return Means(request.app.state.reach, request.app.state.approved_content)


async def tell_of(request: Request, publication: Publication) -> None:
    """Commit what was done, let pages and workers know of it."""
    if publication.document_id is not None:
        await note_standing(request.state.db, publication.document_id)
    await request.state.db.commit()
    state = request.app.state
    if publication.next_at <= utc_now() + _SOON:
        await state.queue.enqueue("publish_due")
    data = {"publication_id": str(publication.id)}
    if publication.document_id is None:
        await state.events.publish(publication.workspace_id, EVENT, data)
    else:
        # Schedulers see publications of documents that they do not see.
        of_document = {**data, "document_id": str(publication.document_id)}
        await state.events.publish(publication.workspace_id, EVENT, of_document, otherwise=data)


def _wish(body: NewPublication) -> Wish:
    if body.time is not None and body.when is not None:
        raise Invalid({"when": "Give a `time` or a `when`, not both."})
    when = NextSlot() if body.when is not None else body.time.when() if body.time is not None else None
    return Wish(body.document_id, body.account_id, when, body.additions())


async def _required(request: Request, publication_id: UUID) -> int | None:
    """Return the version that the publication must have, None if any will do. Raises NotFound, Forbidden, or 412."""
    db, actor = request.state.db, current_actor(request)
    seen = await planning.find(db, actor, publication_id, Verb.PUBLISH)
    header = request.headers.get("If-Match")
    listed = strong_tags(header) if header is not None else None
    if listed is None:
        return None
    version = seen.entry.version
    if str(version) not in listed:
        raise HTTPException(412, "Somebody changed this in the meantime. Look at it again.")
    return version


async def _changed(
    request: Request, publication: Publication, planned: Planned | None = None
) -> Reply[PublicationRead]:
    await tell_of(request, publication)
    return await _read(request, publication.id, planned)


async def _read(request: Request, publication_id: UUID, planned: Planned | None = None) -> Reply[PublicationRead]:
    seen = await planning.find(request.state.db, current_actor(request), publication_id)
    return Reply(PublicationRead.telling(seen, planned), headers={"ETag": f'"{seen.entry.version}"'})


def _id(request: Request) -> UUID:
    publication_id: UUID = request.path_params["publication_id"]
    return publication_id


OPERATIONS: Final[Sequence[AnyOperation]] = (
    Operation(
        name="listPublications",
        method="GET",
        path=_ALL,
        summary="List publications",
        handle=list_publications,
        query=PublicationsQuery,
        body=NoBody,
        answer=PublicationList,
        refusals=(404,),
    ),
    Operation(
        name="planPublication",
        method="POST",
        path=_ALL,
        summary="Plan a publication, or publish now",
        handle=plan_publication,
        query=NoQuery,
        body=NewPublication,
        answer=PublicationRead,
        status=201,
        refusals=(403, 404, 409),
        answers_with={"ETag": "Its version."},
    ),
    Operation(
        name="checkPublication",
        method="POST",
        path=f"{_ALL}/check",
        summary="Check a publication without planning it",
        handle=check_publication,
        query=NoQuery,
        body=NewPublication,
        answer=PublicationChecked,
        refusals=(403, 404, 409),
    ),
    Operation(
        name="readPublication",
        method="GET",
        path=_ONE,
        summary="Read a publication",
        handle=read_publication,
        query=NoQuery,
        body=NoBody,
        answer=PublicationRead,
        refusals=(404,),
        answers_with={"ETag": "Its version."},
    ),
    Operation(
        name="changePublication",
        method="PATCH",
        path=_ONE,
        summary="Move or change a publication",
        handle=change_publication,
        query=NoQuery,
        body=PublicationChange,
        answer=PublicationRead,
        refusals=(403, 404, 409, 412),
        asks_with=_MATCH,
        answers_with={"ETag": "Its version."},
    ),
    Operation(
        name="cancelPublication",
        method="DELETE",
        path=_ONE,
        summary="Cancel a publication",
        handle=cancel_publication,
        query=CancelQuery,
        body=NoBody,
        answer=PublicationRead,
        refusals=(403, 404, 409, 412),
        asks_with=_MATCH,
        answers_with={"ETag": "Its version."},
    ),
    Operation(
        name="retryPublication",
        method="POST",
        path=f"{_ONE}/try-again",
        summary="Try a publication again",
        handle=try_publication_again,
        query=NoQuery,
        body=NoBody,
        answer=PublicationRead,
        refusals=(403, 404, 409),
        answers_with={"ETag": "Its version."},
    ),
    Operation(
        name="settlePublication",
        method="POST",
        path=f"{_ONE}/settle",
        summary="Say what became of a publication",
        handle=settle_publication,
        query=NoQuery,
        body=FindingSaid,
        answer=PublicationRead,
        refusals=(403, 404, 409),
        answers_with={"ETag": "Its version."},
    ),
)

routes: Final = routes_of(OPERATIONS)
