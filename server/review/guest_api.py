"""Guests of a review for programs: `/api/v1/documents/{document_id}/review/guests`, for whoever may invite them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from types import NoneType
from typing import Final
from uuid import UUID

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from server.accounts.identity import signed_in
from server.documents.models import Document
from server.errors import NotFound
from server.review import guests
from server.review.guest_panel import link_to, spread
from server.review.guests import Listed, Wish
from server.settings import Settings
from server.web.operations import (
    Answer,
    AnyOperation,
    BodyInput,
    Call,
    Instant,
    NoBody,
    NoQuery,
    Operation,
    Reply,
)
from server.web.operations import routes as routes_of


class NewGuest(BodyInput):
    """Somebody without an account, to look at this one document."""

    name: str = Field(min_length=1, max_length=guests.MAX_NAME_CHARACTERS)
    email: str | None = Field(default=None, max_length=254, description="Where the link is sent; null: nowhere.")
    note: str = Field(default="", max_length=guests.MAX_NOTE_CHARACTERS, description="A word to them.")
    may_comment: bool = True
    may_suggest: bool = True
    may_approve: bool = Field(default=True, description="Where a step of the workflow is for guests.")
    expires_at: Instant | None = Field(default=None, description="Null: in two weeks.", strict=False)
    ends_when_approved: bool = Field(default=True, description="Whether the link is over once they approved.")
    reads_after: bool = Field(default=True, description="Whether they can read what they approved until it expires.")


class GuestChange(BodyInput):
    """Until when a link shall work; one that is over works again."""

    expires_at: Instant = Field(strict=False)


class GuestSeen(Answer):
    """A guest of a review. `state`: `open`, `expired`, `done` (they approved) or `revoked`."""

    id: UUID
    name: str
    email: str | None
    state: str
    may_comment: bool
    may_suggest: bool
    may_approve: bool
    expires_at: datetime
    ends_when_approved: bool
    reads_after: bool
    invited_by: str
    invited_at: datetime
    opened_at: datetime | None
    last_used_at: datetime | None
    approved_at: datetime | None


class GuestMade(Answer):
    """A guest with their link, which is shown this once. `mailed`: it goes to them by mail, too."""

    guest: GuestSeen
    url: str
    mailed: bool


class GuestList(Answer):
    """The guests of a document, the newest first, without links; at most sixty, so there are no pages."""

    guests: list[GuestSeen]


async def list_guests(call: Call[NoQuery, NoBody]) -> Reply[GuestList]:
    """List those who were invited to look at a document without an account, also those whose link is over."""
    db, document_id = _place(call.request)
    found = await guests.listed(db, signed_in(call.request), document_id)
    return Reply(GuestList(guests=[_seen(each) for each in found]))


async def invite_guest(call: Call[NoQuery, NewGuest]) -> Reply[GuestMade]:
    """Invite somebody without an account to look at a document, to comment, suggest or approve.

    Whoever has the `url` comes in under their name, to this document alone. 409: there are too many guests.
    """
    request, body = call.request, call.body
    db, document_id = _place(request)
    wish = Wish(
        name=body.name,
        email=body.email,
        note=body.note,
        comment=body.may_comment,
        suggest=body.may_suggest,
        approve=body.may_approve,
        expires_at=body.expires_at,
        ends_when_approved=body.ends_when_approved,
        reads_after=body.reads_after,
    )
    made = await guests.invite(db, signed_in(request), document_id, wish)
    await spread(request, made.document)
    settings: Settings = request.app.state.settings
    is_mailed = made.is_mailed and bool(settings.smtp_url)
    guest = await _one(request, made.guest.user_id)
    return Reply(GuestMade(guest=guest, url=link_to(request, made.secret), mailed=is_mailed))


async def change_guest(call: Call[NoQuery, GuestChange]) -> Reply[GuestSeen]:
    """Let a guest's link work until another time."""
    request = call.request
    db, document_id = _place(request)
    guest_id: UUID = request.path_params["guest_id"]
    await guests.extend(db, signed_in(request), document_id, guest_id, call.body.expires_at)
    await spread(request, await db.get_one(Document, document_id))
    return Reply(await _one(request, guest_id))


async def link_guest(call: Call[NoQuery, NoBody]) -> Reply[GuestMade]:
    """Make one more link for a guest, for when the first is lost; those that they have work as before."""
    request = call.request
    db, document_id = _place(request)
    guest, secret = await guests.new_link(db, signed_in(request), document_id, request.path_params["guest_id"])
    seen = await _one(request, guest.user_id)
    return Reply(GuestMade(guest=seen, url=link_to(request, secret), mailed=False))


async def remove_guest(call: Call[NoQuery, NoBody]) -> Reply[None]:
    """Take a guest's link back, for good: what they have open ends at once. What they said stays."""
    request = call.request
    db, document_id = _place(request)
    document = await guests.revoke(db, signed_in(request), document_id, request.path_params["guest_id"])
    await spread(request, document)
    return Reply(None)


def _place(request: Request) -> tuple[AsyncSession, UUID]:
    return request.state.db, request.path_params["document_id"]


async def _one(request: Request, guest_id: UUID) -> GuestSeen:
    db, document_id = _place(request)
    for each in await guests.listed(db, signed_in(request), document_id):
        if each.guest.user_id == guest_id:
            return _seen(each)
    raise NotFound


def _seen(listed: Listed) -> GuestSeen:
    guest = listed.guest
    return GuestSeen(
        id=guest.user_id,
        name=guest.name,
        email=guest.email,
        state=listed.state,
        may_comment=guest.may_comment,
        may_suggest=guest.may_suggest,
        may_approve=guest.may_approve,
        expires_at=guest.expires_at,
        ends_when_approved=guest.ends_when_approved,
        reads_after=guest.reads_after,
        invited_by=listed.invited_by,
        invited_at=guest.invited_at,
        opened_at=guest.opened_at,
        last_used_at=guest.last_used_at,
        approved_at=guest.approved_at,
    )


_GUESTS: Final = "/api/v1/documents/{document_id:uuid}/review/guests"
_GUEST: Final = f"{_GUESTS}/{{guest_id:uuid}}"

OPERATIONS: Final[Sequence[AnyOperation]] = (
    Operation(
        name="listGuests",
        method="GET",
        path=_GUESTS,
        summary="List the guests of a review",
        handle=list_guests,
        query=NoQuery,
        body=NoBody,
        answer=GuestList,
        refusals=(403, 404),
    ),
    Operation(
        name="inviteGuest",
        method="POST",
        path=_GUESTS,
        summary="Invite somebody without an account to a review",
        handle=invite_guest,
        query=NoQuery,
        body=NewGuest,
        answer=GuestMade,
        status=201,
        refusals=(403, 404, 409),
    ),
    Operation(
        name="changeGuest",
        method="PATCH",
        path=_GUEST,
        summary="Let a guest's link work until another time",
        handle=change_guest,
        query=NoQuery,
        body=GuestChange,
        answer=GuestSeen,
        refusals=(403, 404, 409),
    ),
    Operation(
        name="linkGuest",
        method="POST",
        path=f"{_GUEST}/link",
        summary="Make one more link for a guest",
        handle=link_guest,
        query=NoQuery,
        body=NoBody,
        answer=GuestMade,
        status=201,
        refusals=(403, 404, 409),
    ),
    Operation(
        name="removeGuest",
        method="DELETE",
        path=_GUEST,
        summary="Take a guest's link back",
        handle=remove_guest,
        query=NoQuery,
        body=NoBody,
        answer=NoneType,
        status=204,
        refusals=(403, 404),
    ),
)

routes: Final = routes_of(OPERATIONS)
