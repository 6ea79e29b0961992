"""The page of what is live: for those who manage a workspace of this installation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.documents.models import Document
from server.operations import words
from server.operations.exchange import Exchange
from server.operations.stock import merge, total
from server.web.render import render, wants_fragment
from server.workspaces import access
from server.workspaces.access import Verb
from server.workspaces.middleware import current_actor
from server.workspaces.models import Member


async def show(request: Request) -> Response:
    """Show the live documents of all processes, with the titles of those that the person may see."""
    actor = current_actor(request)
    if wants_fragment(request) and not access.can(actor, Verb.MANAGE, actor):
        # They managed it when they opened the page. Loaded anew it says so once, instead of every three seconds.
        return Response(status_code=204, headers={"HX-Refresh": "true"})
    access.require(actor, Verb.MANAGE, actor)
    exchange: Exchange = request.app.state.exchange
    others = await exchange.others()
    processes = [exchange.own(), *(others or ())]
    documents = merge(processes)
    totals = total(processes)
    return render(
        request,
        "operations/live.html",
        alone=others is None,
        refreshes="still" not in request.query_params,
        processes=processes,
        totals=totals,
        documents=documents,
        titles=await _titles(request.state.db, actor.user_id, [each.document_id for each in documents]),
        left_out=totals.documents - len(documents),
        size=words.size,
        duration=words.duration,
    )


async def _titles(db: AsyncSession, user_id: UUID, document_ids: Sequence[UUID]) -> Mapping[UUID, str]:
    """The titles of those among the documents that are in a workspace of the person's: all its members may see them."""
    rows = await db.execute(
        select(col(Document.id), col(Document.title))
        .join(Member, col(Member.workspace_id) == col(Document.workspace_id))
        .where(col(Member.user_id) == user_id, col(Document.id).in_(document_ids))
    )
    return {row.id: row.title for row in rows}


routes = [Route("/operations", show, methods=["GET"])]
