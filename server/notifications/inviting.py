"""Sending an invitation to the address that it is for."""

from starlette.requests import Request

from server.notifications.noting import invite_by_mail, tell
from server.workspaces.models import Invitation


async def send(request: Request, invitation: Invitation) -> bool:
    """Let the link go out by mail, and commit. Returns whether it will: not without a mail server, or past a limit.

    The invitation stands in any case, and its link can be handed on by hand.
    """
    db, state = request.state.db, request.app.state
    title = ""
    if invitation.document_id is not None:
        title = await state.document_title(db, invitation.document_id) or ""
    is_due = await invite_by_mail(db, invitation, title=title)
    await db.commit()
    await tell(state.events, state.queue)
    return is_due and bool(state.settings.smtp_url)
