"""Every door of the application, tried by everybody: none is open to somebody whom `can` refuses, or the other way.

A route that is not in the table fails the test: whoever adds one says here what it asks.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.applications import Starlette
from starlette.routing import Mount, Route

from realtime.close import Refused
from realtime.ports import Credentials, Rights
from realtime.ports import DocumentId as LiveId
from server.accounts import guest_keys, tokens
from server.accounts.models import User
from server.assets.models import Asset
from server.db import Sessions
from server.documents import collections, lifecycle, links
from server.documents.access import CollectionActor, DocumentActor, DocumentVerb, actor_at, can
from server.documents.live.admission import Doorkeeper
from server.documents.models import (
    Collection,
    Document,
    DocumentRole,
    LinkVisit,
    ReviewGuest,
    ShareLink,
    utc_now,
)
from server.errors import NotFound
from server.publishing.models import ChannelAccount, Publication
from server.publishing.posts import FrozenPost, pack
from server.publishing.rules.models import Blackout
from server.review.models import Workflow
from server.workspaces import invitations, membership
from server.workspaces.access import Actor, Verb, actor_for
from server.workspaces.models import Role, Workspace
from tests.factories import actor as at_work
from tests.factories import make_member, make_user, make_workspace, name_on

D = DocumentVerb
OWNER, EDITOR, REVIEWER, VIEWER = DocumentRole


@dataclass(frozen=True)
class Somebody:
    """A kind of person: their role in the workspace, their name's role at the document, or that of a link."""

    member: Role | None = None
    named: DocumentRole | None = None
    link: DocumentRole | None = None
    is_nobody: bool = False


EVERYBODY: Final = {
    "admin": Somebody(Role.ADMIN),
    "scheduler": Somebody(Role.SCHEDULER),
    "member": Somebody(Role.MEMBER),
    "guest": Somebody(Role.GUEST),
    "owner": Somebody(Role.MEMBER, named=OWNER),
    "editor": Somebody(Role.GUEST, named=EDITOR),
    "reviewer": Somebody(Role.MEMBER, named=REVIEWER),
    "viewer": Somebody(Role.GUEST, named=VIEWER),
    "link editor": Somebody(link=EDITOR),
    "link viewer": Somebody(link=VIEWER),
    "stranger": Somebody(),
    "nobody": Somebody(is_nobody=True),
}


@dataclass(frozen=True)
class Case:
    """Somebody before a document that was made for this one question."""

    user: User | None
    here: Actor | None
    at: DocumentActor | None
    document: Document
    within: CollectionActor | None
    collection: Collection


Rule = Callable[[Case], bool]


@dataclass(frozen=True)
class Door:
    """What a route asks of somebody. `form` or `json` is a body that passes everything but the door.

    `exactly` False: whoever passes the rule may still be refused, because the thing is somebody else's.
    """

    rule: Rule
    form: dict[str, str] | None = None
    json: dict[str, Any] | None = None
    query: dict[str, str] | None = None
    exactly: bool = True


def _anybody(_: Case) -> bool:
    return True


def _signed_in(case: Case) -> bool:
    return case.user is not None


def _picture(case: Case) -> bool:
    works_here = case.here is not None and case.here.role is not Role.GUEST
    return works_here or can(case.at, D.VIEW, case.document)


def _may_ask(case: Case) -> bool:
    # Who has the role already is told so, which is an answer.
    return case.here is not None


def _may_invite_into(case: Case) -> bool:
    # Whoever changes an invitation stands for it, so they must be able to invite.
    return can(case.at, D.SHARE, case.document) and can(case.here, Verb.INVITE, case.document)


def _may_publish(case: Case) -> bool:
    return can(case.here, Verb.PUBLISH, case.document) and can(case.at, D.VIEW, case.document)


def _follows(case: Case) -> bool:
    # Whoever only reads by a link is told nothing of how people work.
    return can(case.at, D.DECIDE if case.here is None else D.VIEW, case.document)


def _sees_publication(case: Case) -> bool:
    # Schedulers see what goes out, also of documents that are not shared with them.
    publishes = can(case.here, Verb.PUBLISH, case.document)
    return publishes or (case.here is not None and can(case.at, D.VIEW, case.document))


def _may_move(case: Case) -> bool:
    return case.here is not None and can(case.at, D.MOVE, case.document)


def _may_move_to_the_top(case: Case) -> bool:
    return can(case.at, D.MOVE, case.document) and can(case.here, Verb.CREATE, case.document)


def _may_move_all_to_the_top(case: Case) -> bool:
    return can(case.within, D.MOVE, case.collection) and can(case.here, Verb.CREATE, case.document)


def here(verb: Verb, **parts: Any) -> Door:
    return Door(lambda case: can(case.here, verb, case.document), **parts)


def within(verb: DocumentVerb, **parts: Any) -> Door:
    return Door(lambda case: can(case.within, verb, case.collection), **parts)


def at(verb: DocumentVerb, **parts: Any) -> Door:
    return Door(lambda case: can(case.at, verb, case.document), **parts)


# Open to all by their nature; what they ask, a secret or a password, has tests of its own.
OPEN: Final = {
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
    "GET /",
    "GET /sign-in",
    "POST /sign-in",
    "POST /sign-out",
    "GET /setup/{token}",
    "POST /setup/{token}",
    "GET /join/{token}",
    "POST /join/{token}",
    # By a secret of the person's own: tests/server/publishing/bulk/test_feeds.py.
    "GET /calendar/feeds/{secret}.ics",
    "GET /s/{secret}",
    "POST /s/{secret}",
    "GET /s/{secret}/text",
    "GET /s/{secret}/assets/{asset_id}",
    # By a cookie of the document's own, whoever somebody is elsewhere: tests/server/review/test_guests.py.
    "GET /r/{secret}",
    "GET /guest/{document_id}",
    "POST /guest/{document_id}/begin",
    "GET /guest/{document_id}/review",
    "POST /guest/{document_id}/decisions",
    "GET /guest/{document_id}/events",
    "GET /guest/{document_id}/assets/{asset_id}",
    "GET /guest/{document_id}/api/comments",
    "POST /guest/{document_id}/api/comments",
    "GET /guest/{document_id}/api/comments/people",
    "PUT /guest/{document_id}/api/comments/{comment_id}",
    "DELETE /guest/{document_id}/api/comments/{comment_id}",
    "POST /guest/{document_id}/api/comments/{comment_id}/resolve",
    "POST /guest/{document_id}/api/comments/{comment_id}/reopen",
    "PUT /guest/{document_id}/api/comments/{comment_id}/place",
    "PUT /guest/{document_id}/api/comments/{comment_id}/reactions",
    "GET /guest/{document_id}/api/suggestions",
    "POST /guest/{document_id}/api/suggestions/decisions",
    "GET /robots.txt",
    "GET /p/{site}",
    "GET /p/{site}/",
    "GET /p/{site}/feed.xml",
    "GET /p/{site}/atom.xml",
    "GET /p/{site}/feed.json",
    "GET /p/{site}/sitemap.xml",
    "GET /p/{site}/pictures/{page_id}/{file}",
    "GET /p/{site}/{slug}",
    "GET /mail/stop/{token}",
    "POST /mail/stop/{token}",
    "GET /api/v1/openapi.json",
}
# About nobody but whoever asks.
PERSONAL: Final = {
    "GET /account",
    "POST /account/profile",
    "POST /account/password",
    "POST /account/sessions/end-others",
    "POST /account/sessions/{session_id}/end",
    "POST /account/tokens",
    "POST /account/tokens/{token_id}/revoke",
    "GET /notifications",
    "GET /notifications/newest",
    "GET /notifications/unread",
    "POST /notifications/read",
    "GET /notifications/{notice_id}",
    "POST /notifications/{notice_id}/read",
    "GET /account/notifications",
    "POST /account/notifications",
    "GET /api/v1/me",
    "GET /api/v1/channels",
    # What they come back with is for who was sent; tests/server/publishing/accounts/test_accounts.py.
    "GET /channels/{kind}/return",
    # Holds its answer open; tests/server/workspaces/test_stream.py.
    "GET /events",
}
_PAGE: Final = "/documents/{document_id}"
_API: Final = "/api/v1/documents/{document_id}"
_SHELF: Final = "/collections/{collection_id}"
_COLLECTION: Final = "/api/v1/collections/{collection_id}"
_REVISION: Final = f"{_API}/revisions/{{revision_id}}"
_COMMENT: Final = f"{_API}/comments/{{comment_id}}"
_WORKFLOWS: Final = "/api/v1/workspaces/{workspace_id}/workflows"
_ACCOUNTS: Final = "/api/v1/workspaces/{workspace_id}/accounts"
_ACCOUNT: Final = f"{_ACCOUNTS}/{{account_id}}"
_BLACKOUTS: Final = "/api/v1/workspaces/{workspace_id}/blackouts"
_PUBLICATIONS: Final = "/api/v1/publications"
_PUBLICATION: Final = f"{_PUBLICATIONS}/{{publication_id}}"
_SENT: Final = "/publications/{publication_id}"
DOORS: Final[dict[str, Door]] = {
    "POST /workspace/invitations": here(Verb.INVITE, form={}),
    "POST /workspaces/{workspace_id}/open": here(Verb.VIEW, form={}),
    "GET /workspace": here(Verb.VIEW),
    "POST /workspace/name": here(Verb.MANAGE, form={"name": "Other"}),
    "POST /workspace/members/{user_id}/role": here(Verb.MANAGE, form={"role": "member"}),
    "POST /workspace/members/{user_id}/remove": here(Verb.MANAGE, form={}),
    "POST /workspace/invitations/{invitation_id}/revoke": here(Verb.MANAGE, form={}),
    "POST /workspace/invitations/{invitation_id}/role": here(Verb.MANAGE, form={"role": "guest"}),
    "POST /workspace/invitations/{invitation_id}/send": here(Verb.MANAGE, form={}),
    "GET /api/v1/workspace/members": here(Verb.VIEW),
    "PUT /api/v1/workspace/members/{user_id}": here(Verb.MANAGE, json={"role": "member"}),
    "DELETE /api/v1/workspace/members/{user_id}": here(Verb.MANAGE),
    "GET /api/v1/workspace/invitations": here(Verb.INVITE),
    "POST /api/v1/workspace/invitations": here(Verb.INVITE, json={}),
    "PATCH /api/v1/workspace/invitations/{invitation_id}": here(Verb.MANAGE, json={"role": "guest"}),
    "POST /api/v1/workspace/invitations/{invitation_id}/send": here(Verb.MANAGE),
    "DELETE /api/v1/workspace/invitations/{invitation_id}": here(Verb.MANAGE),
    "GET /operations": here(Verb.MANAGE),
    f"GET {_ACCOUNTS}": here(Verb.CREATE),
    f"POST {_ACCOUNTS}": here(Verb.PUBLISH, json={"channel": "reddit"}),
    f"GET {_ACCOUNT}": here(Verb.CREATE),
    f"PATCH {_ACCOUNT}": here(Verb.PUBLISH, json={"name": "Foxes"}),
    f"DELETE {_ACCOUNT}": here(Verb.PUBLISH),
    f"POST {_ACCOUNT}/check": here(Verb.PUBLISH),
    f"POST {_ACCOUNT}/refresh": here(Verb.PUBLISH),
    "GET /workspace/channels": here(Verb.CREATE),
    "POST /workspace/channels/connect/{kind}": here(Verb.PUBLISH, form={}),
    "GET /workspace/channels/{account_id}": here(Verb.CREATE),
    "POST /workspace/channels/{account_id}": here(Verb.PUBLISH, form={"name": "Foxes"}),
    "GET /workspace/channels/{account_id}/posts": here(Verb.CREATE),
    # Of an account that is no site there is nothing to say.
    "POST /workspace/channels/{account_id}/site": here(Verb.PUBLISH, form={"description": "Foxes"}, exactly=False),
    "POST /workspace/channels/{account_id}/check": here(Verb.PUBLISH, form={}),
    "POST /workspace/channels/{account_id}/refresh": here(Verb.PUBLISH, form={}),
    "POST /workspace/channels/{account_id}/disconnect": here(Verb.PUBLISH, form={"sure": "yes"}),
    f"GET {_ACCOUNT}/posting-rules": here(Verb.CREATE),
    f"PUT {_ACCOUNT}/posting-rules": here(Verb.PUBLISH, json={"zone": "UTC"}),
    f"GET {_ACCOUNT}/free-slots": here(Verb.CREATE),
    f"GET {_ACCOUNT}/queue": here(Verb.CREATE),
    f"POST {_ACCOUNT}/queue": here(Verb.PUBLISH, json={"publication_id": str(UUID(int=1)), "place": 0}),
    f"POST {_ACCOUNT}/queue/fill-gaps": here(Verb.PUBLISH),
    f"POST {_PUBLICATIONS}/series": Door(
        _may_publish,
        json={
            "document_id": "{document_id}",
            "account_id": "{account_id}",
            "time": {"wall_time": "2030-06-01T09:00:00", "zone": "UTC"},
            "repeat": {"unit": "weeks", "count": 4},
        },
    ),
    f"POST {_PUBLICATIONS}/fill": here(Verb.PUBLISH, json={"document_ids": [], "account_ids": []}),
    f"GET {_BLACKOUTS}": here(Verb.CREATE),
    f"POST {_BLACKOUTS}": here(Verb.PUBLISH, json={"name": "Closed", "first": "2030-06-01"}),
    f"DELETE {_BLACKOUTS}/{{blackout_id}}": here(Verb.PUBLISH),
    "GET /workspace/channels/{account_id}/times": here(Verb.CREATE),
    "POST /workspace/channels/{account_id}/times": here(Verb.PUBLISH, form={"zone": "UTC"}),
    "POST /workspace/channels/{account_id}/times/slots": here(Verb.PUBLISH, form={"remove": "0"}),
    "GET /workspace/channels/{account_id}/queue": here(Verb.CREATE),
    # Of what is in no queue, and with nothing chosen, there is nothing to do.
    "POST /workspace/channels/{account_id}/queue": here(
        Verb.PUBLISH, form={"publication": str(UUID(int=1)), "place": "0"}
    ),
    "POST /workspace/channels/{account_id}/queue/fill-gaps": here(Verb.PUBLISH, form={}),
    "GET /calendar/fill": here(Verb.PUBLISH),
    "GET /calendar/plan": here(Verb.PUBLISH),
    "POST /calendar/fill": here(Verb.PUBLISH, form={"do": "check"}),
    "GET /workspace/blackouts": here(Verb.CREATE),
    "POST /workspace/blackouts": here(Verb.PUBLISH, form={"name": "Closed", "first": "2030-06-01"}),
    "POST /workspace/blackouts/{blackout_id}/remove": here(Verb.PUBLISH, form={}),
    f"GET {_PUBLICATIONS}": here(Verb.VIEW),
    f"POST {_PUBLICATIONS}": Door(_may_publish, json={"document_id": "{document_id}", "account_id": "{account_id}"}),
    f"POST {_PUBLICATIONS}/check": Door(
        _may_publish, json={"document_id": "{document_id}", "account_id": "{account_id}"}
    ),
    f"GET {_PUBLICATION}": Door(_sees_publication),
    "GET /calendar": here(Verb.VIEW),
    "GET /calendar/export": here(Verb.VIEW),
    "GET /calendar/tabs": here(Verb.VIEW),
    "GET /calendar/import": here(Verb.PUBLISH),
    "POST /calendar/import": here(Verb.PUBLISH, form={}),
    "GET /calendar/import/template": here(Verb.PUBLISH),
    # Of somebody else's import there is nothing to see.
    "GET /calendar/import/{import_id}": here(Verb.PUBLISH, exactly=False),
    "POST /calendar/import/{import_id}": here(Verb.PUBLISH, form={}, exactly=False),
    "GET /calendar/feed": here(Verb.VIEW),
    "POST /calendar/feed": here(Verb.VIEW, form={}),
    "POST /calendar/feed/end": here(Verb.VIEW, form={}),
    f"POST {_PUBLICATIONS}/import": here(Verb.PUBLISH, json={"csv": "document,account,time\na,b,c"}),
    "GET /calendar/rehearsal": here(Verb.CREATE),
    "GET /workspace/activity": here(Verb.MANAGE),
    "GET /api/v1/rehearsal": here(Verb.CREATE),
    f"GET {_PAGE}/publish": Door(lambda case: case.here is not None and can(case.at, D.VIEW, case.document)),
    f"GET {_PAGE}/channels": Door(lambda case: case.here is not None and can(case.at, D.VIEW, case.document)),
    # Guests see the accounts alone for which something is written: tests/server/publishing/planning.
    f"GET {_PAGE}/channels/{{account_id}}": Door(
        lambda case: can(case.here, Verb.CREATE, case.document) and can(case.at, D.VIEW, case.document)
    ),
    f"POST {_PAGE}/publish": Door(
        lambda case: case.here is not None and can(case.at, D.VIEW, case.document), form={"do": "check"}
    ),
    f"GET {_API}/variants": Door(lambda case: case.here is not None and can(case.at, D.VIEW, case.document)),
    f"POST {_PAGE}/variants/{{account_id}}/preview": Door(
        lambda case: case.here is not None and can(case.at, D.VIEW, case.document), json={"body": []}
    ),
    # Of a content that was never sent for review there is nothing to see.
    f"GET {_PAGE}/variants/{{account_id}}/preview": Door(
        lambda case: case.here is not None and can(case.at, D.DECIDE, case.document), exactly=False
    ),
    f"GET {_SENT}": Door(_sees_publication),
    f"POST {_SENT}/move": here(Verb.PUBLISH, form={"time": "2030-06-01T09:00", "zone": "UTC"}),
    f"POST {_SENT}/cancel": here(Verb.PUBLISH, form={}),
    # Its document's newest text is for those who see the document.
    f"POST {_SENT}/renew": here(Verb.PUBLISH, form={}, exactly=False),
    f"POST {_SENT}/again": here(Verb.PUBLISH, form={}),
    f"GET {_SENT}/newest": here(Verb.PUBLISH, exactly=False),
    f"POST {_SENT}/newest": here(Verb.PUBLISH, form={}, exactly=False),
    f"GET {_SENT}/take-down": here(Verb.PUBLISH),
    f"POST {_SENT}/take-down": here(Verb.PUBLISH, form={}),
    f"POST {_SENT}/replay": here(Verb.PUBLISH, form={}),
    f"POST {_SENT}/leave": here(Verb.PUBLISH, form={}),
    f"POST {_SENT}/look": here(Verb.PUBLISH, form={}),
    f"GET {_SENT}/figures.csv": Door(_sees_publication),
    f"GET {_PAGE}/figures": Door(lambda case: case.here is not None and can(case.at, D.VIEW, case.document)),
    f"GET {_PAGE}/figures.csv": Door(lambda case: case.here is not None and can(case.at, D.VIEW, case.document)),
    "GET /workspace/channels/{account_id}/figures": here(Verb.CREATE),
    "GET /workspace/channels/{account_id}/figures.csv": here(Verb.CREATE),
    f"POST {_SENT}/copy": here(
        Verb.PUBLISH, form={"time": "2030-06-01T09:00", "account": str(UUID(int=1))}, exactly=False
    ),
    f"POST {_SENT}/settle": here(Verb.PUBLISH, form={"finding": "look_again"}),
    f"PATCH {_PUBLICATION}": here(Verb.PUBLISH, json={}),
    f"DELETE {_PUBLICATION}": here(Verb.PUBLISH),
    f"POST {_PUBLICATION}/try-again": here(Verb.PUBLISH),
    f"GET {_PUBLICATION}/faring": Door(_sees_publication),
    f"POST {_PUBLICATION}/look": here(Verb.PUBLISH),
    f"POST {_PUBLICATION}/update": here(Verb.PUBLISH, json={}),
    f"POST {_PUBLICATION}/take-down": here(Verb.PUBLISH),
    f"POST {_PUBLICATION}/replay": here(Verb.PUBLISH),
    f"POST {_PUBLICATION}/leave": here(Verb.PUBLISH),
    f"POST {_PUBLICATION}/settle": here(Verb.PUBLISH, json={"finding": "look_again"}),
    f"GET {_API}/review": Door(_follows),
    f"POST {_API}/review": at(D.EDIT, json={}),
    f"POST {_API}/review/decisions": at(D.DECIDE, json={"verdict": "approve", "content": "a" * 64}, exactly=False),
    f"POST {_API}/review/withdraw": at(D.EDIT, exactly=False),
    f"GET {_WORKFLOWS}": here(Verb.CREATE),
    f"POST {_WORKFLOWS}": here(Verb.MANAGE, json={"name": "Law", "steps": [{"name": "Law"}]}),
    f"PUT {_WORKFLOWS}/{{workflow_id}}": here(Verb.MANAGE, json={"name": "Law", "steps": [{"name": "Law"}]}),
    f"DELETE {_WORKFLOWS}/{{workflow_id}}": here(Verb.MANAGE),
    "GET /workspace/review": here(Verb.MANAGE),
    "POST /workspace/review": here(Verb.MANAGE, form={"name": "Law", "step-0-name": "Law"}),
    "POST /workspace/review/{workflow_id}": here(Verb.MANAGE, form={"name": "Law", "step-0-name": "Law"}),
    "POST /workspace/review/{workflow_id}/remove": here(Verb.MANAGE, form={}),
    "GET /reviews": here(Verb.VIEW),
    f"GET {_PAGE}/review": Door(_follows),
    f"GET {_PAGE}/activity": Door(_follows),
    f"POST {_PAGE}/review": at(D.EDIT, form={}),
    # Whoever may decide does so where a review names them, and one is under way.
    f"POST {_PAGE}/review/decisions": at(D.DECIDE, form={"verdict": "approve", "content": "a" * 64}, exactly=False),
    f"POST {_PAGE}/review/withdraw": at(D.EDIT, form={}, exactly=False),
    f"POST {_PAGE}/review/guests": Door(_may_invite_into, form={"name": "Carol"}),
    f"POST {_PAGE}/review/guests/{{guest_id}}/link": Door(_may_invite_into, form={}),
    f"POST {_PAGE}/review/guests/{{guest_id}}/extend": Door(_may_invite_into, form={}),
    f"POST {_PAGE}/review/guests/{{guest_id}}/revoke": at(D.SHARE, form={}),
    f"GET {_API}/review/guests": at(D.SHARE),
    f"POST {_API}/review/guests": Door(_may_invite_into, json={"name": "Carol"}),
    f"PATCH {_API}/review/guests/{{guest_id}}": Door(
        _may_invite_into, json={"expires_at": (utc_now() + timedelta(days=9)).isoformat()}
    ),
    f"POST {_API}/review/guests/{{guest_id}}/link": Door(_may_invite_into),
    f"DELETE {_API}/review/guests/{{guest_id}}": at(D.SHARE),
    "GET /documents": here(Verb.VIEW),
    "POST /documents": here(Verb.CREATE, form={}),
    "GET /api/v1/documents": here(Verb.VIEW),
    "POST /api/v1/documents": here(Verb.CREATE, json={}),
    "POST /collections": here(Verb.CREATE, form={"name": "Plans"}),
    "GET /collections/new": here(Verb.CREATE),
    f"GET {_SHELF}/rename": within(D.RENAME),
    f"GET {_SHELF}/move": within(D.MOVE),
    f"GET {_SHELF}/remove": within(D.TRASH),
    f"POST {_SHELF}/rename": within(D.RENAME, form={"name": "Plans"}),
    f"POST {_SHELF}/move": Door(_may_move_all_to_the_top, form={}),
    f"POST {_SHELF}/remove": within(D.TRASH, form={}),
    f"GET {_SHELF}/sharing": within(D.SHARE),
    f"POST {_SHELF}/sharing/people": within(D.SHARE, form={"who": "victim@example.org", "role": "viewer"}),
    f"POST {_SHELF}/sharing/people/{{user_id}}": within(D.SHARE, form={"role": "viewer"}),
    f"POST {_SHELF}/sharing/reach": within(D.SHARE, form={"reach": "viewer"}),
    f"GET {_PAGE}/move": Door(_may_move),
    f"POST {_PAGE}/move": Door(_may_move_to_the_top, form={}),
    f"GET {_PAGE}": at(D.VIEW),
    f"GET {_PAGE}/visitors": at(D.VIEW),
    f"GET {_PAGE}/export": at(D.VIEW),
    f"POST {_PAGE}/rename": at(D.RENAME, form={"title": "x"}),
    f"POST {_PAGE}/trash": at(D.TRASH, form={}),
    f"POST {_PAGE}/restore": at(D.RESTORE, form={}),
    f"POST {_PAGE}/invitations": Door(
        lambda case: can(case.at, D.SHARE, case.document) and can(case.here, Verb.INVITE, case.document), form={}
    ),
    f"POST {_PAGE}/assets": at(D.UPLOAD, form={}),
    "GET /assets/{asset_id}": Door(_picture),
    f"GET {_PAGE}/sharing": at(D.SHARE),
    f"POST {_PAGE}/sharing/people": at(D.SHARE, form={"who": "victim@example.org", "role": "viewer"}),
    f"POST {_PAGE}/sharing/people/{{user_id}}": at(D.SHARE, form={"role": "viewer"}),
    f"POST {_PAGE}/sharing/reach": at(D.SHARE, form={"reach": "viewer"}),
    f"POST {_PAGE}/sharing/links": at(D.SHARE, form={"role": "viewer"}),
    f"POST {_PAGE}/sharing/links/{{link_id}}/revoke": at(D.SHARE, form={}),
    f"POST {_PAGE}/sharing/invitations/{{invitation_id}}/revoke": at(D.SHARE, form={}),
    f"POST {_PAGE}/sharing/requests/{{user_id}}": at(D.SHARE, form={"role": "viewer"}),
    f"POST {_PAGE}/sharing/invitations/{{invitation_id}}/role": Door(_may_invite_into, form={"role": "viewer"}),
    f"POST {_PAGE}/sharing/invitations/{{invitation_id}}/send": Door(_may_invite_into, form={}),
    f"POST {_PAGE}/requests": Door(_may_ask, form={"role": "editor"}),
    f"GET {_PAGE}/requests": Door(lambda case: _may_ask(case) or can(case.at, D.VIEW, case.document)),
    f"GET {_PAGE}/notifications": at(D.VIEW),
    f"POST {_PAGE}/notifications": at(D.VIEW, form={"attention": "following"}),
    f"GET {_PAGE}/history": at(D.EDIT),
    f"GET {_PAGE}/history/authors": at(D.EDIT),
    f"POST {_PAGE}/history/name": at(D.EDIT, form={"name": "x"}),
    f"POST {_PAGE}/history/remove": at(D.EDIT, form={"user_id": str(UUID(int=1))}),
    f"POST {_PAGE}/history/{{revision_id}}/name": at(D.EDIT, form={"name": "x"}),
    f"POST {_PAGE}/history/{{revision_id}}/restore": at(D.EDIT, form={}),
    f"POST {_PAGE}/history/{{revision_id}}/copy": Door(
        lambda case: can(case.at, D.EDIT, case.document) and can(case.here, Verb.CREATE, case.document), form={}
    ),
    "GET /api/v1/collections": here(Verb.VIEW),
    "POST /api/v1/collections": here(Verb.CREATE, json={"name": "Plans"}),
    f"PATCH {_COLLECTION}": within(D.RENAME, json={"name": "Plans"}),
    f"DELETE {_COLLECTION}": within(D.TRASH),
    f"GET {_COLLECTION}/collaborators": within(D.SHARE),
    f"PUT {_COLLECTION}/collaborators/{{user_id}}": within(D.SHARE, json={"role": "viewer"}),
    f"DELETE {_COLLECTION}/collaborators/{{user_id}}": within(D.SHARE),
    f"POST {_COLLECTION}/owner": within(D.OWN, json={"user_id": "{user_id}"}),
    f"PUT {_COLLECTION}/sharing": within(D.SHARE, json={"reach": "people"}),
    f"PUT {_API}/collection": Door(_may_move_to_the_top, json={"collection_id": None}),
    f"GET {_API}": at(D.VIEW),
    f"PATCH {_API}": at(D.RENAME, json={"title": "x"}),
    f"DELETE {_API}": at(D.TRASH),
    f"POST {_API}/restore": at(D.RESTORE),
    f"GET {_API}/content": at(D.VIEW),
    f"GET {_API}/suggestions": at(D.VIEW),
    f"POST {_API}/suggestions/decisions": at(
        D.REVIEW, json={"verdict": "accepted", "suggestions": [{"author_id": str(UUID(int=1)), "id": "s"}]}
    ),
    f"PUT {_API}/content": at(D.EDIT, json={"format": "markdown", "content": "x"}),
    f"GET {_API}/collaborators": at(D.SHARE),
    f"POST {_API}/collaborators": at(D.SHARE, json={"email": "victim@example.org", "role": "viewer"}),
    f"PUT {_API}/collaborators/{{user_id}}": at(D.SHARE, json={"role": "viewer"}),
    f"DELETE {_API}/collaborators/{{user_id}}": at(D.SHARE),
    f"POST {_API}/owner": at(D.OWN, json={"user_id": "{user_id}"}),
    f"GET {_API}/sharing": at(D.VIEW),
    f"PUT {_API}/sharing": at(D.SHARE, json={"reach": "people"}),
    f"GET {_API}/invitations": at(D.SHARE),
    f"DELETE {_API}/invitations/{{invitation_id}}": at(D.SHARE),
    f"PATCH {_API}/invitations/{{invitation_id}}": Door(_may_invite_into, json={"role": "viewer"}),
    f"POST {_API}/invitations/{{invitation_id}}/send": Door(_may_invite_into),
    f"GET {_API}/links": at(D.SHARE),
    f"POST {_API}/links": at(D.SHARE, json={}),
    f"PATCH {_API}/links/{{link_id}}": at(D.SHARE, json={}),
    f"DELETE {_API}/links/{{link_id}}": at(D.SHARE),
    f"GET {_API}/comments": at(D.VIEW),
    f"POST {_API}/comments": at(D.COMMENT, json={"text": "x"}),
    f"GET {_API}/comments/people": at(D.COMMENT),
    f"PUT {_COMMENT}": at(D.COMMENT, json={"text": "x"}, exactly=False),
    f"DELETE {_COMMENT}": at(D.OWN),
    f"POST {_COMMENT}/resolve": at(D.REVIEW),
    f"POST {_COMMENT}/reopen": at(D.REVIEW),
    f"PUT {_COMMENT}/place": at(D.REVIEW, json={"quote": "Words"}),
    f"PUT {_COMMENT}/reactions": at(D.COMMENT, json={"reactions": []}),
    f"GET {_API}/revisions": at(D.EDIT),
    f"POST {_API}/revisions": at(D.EDIT, json={"name": "x"}),
    f"GET {_REVISION}": at(D.EDIT),
    f"PATCH {_REVISION}": at(D.EDIT, json={"name": "x"}),
    f"POST {_REVISION}/restore": at(D.EDIT, json={}),
    f"POST {_API}/removals": at(D.EDIT, json={"user_id": "{user_id}"}),
    f"GET {_API}/authorship": at(D.EDIT),
    f"GET {_API}/compare": at(D.EDIT, query={"from": "{revision_id}"}),
}


def _doors_of(app: Starlette) -> set[str]:
    found = set()
    for route in app.routes:
        if isinstance(route, Route):
            path = route.path.replace(":uuid", "")
            found |= {f"{method} {path}" for method in (route.methods or set()) - {"HEAD"}}
        else:
            assert isinstance(route, Mount)
            assert route.path.startswith("/static")
    return found


@dataclass
class House:
    """A workspace whose Zoe made everything, a victim whom others do things to, and somebody who tries the doors."""

    app: Starlette
    sessions: Sessions
    workspace: Workspace
    zoe: User
    victim: User
    user: User | None
    client: httpx.AsyncClient
    zoes: httpx.AsyncClient
    who: Somebody
    parameters: dict[str, str] = field(default_factory=dict)

    async def case(self) -> Case:
        """Make a document, somebody's place at it, and one of each thing that may hang on it."""
        async with self.sessions.begin() as db:
            document = await lifecycle.create(db, at_work(self.zoe, self.workspace, Role.ADMIN), title="Plan")
            document.reach = "people"
            await name_on(db, document, self.victim, VIEWER)
            if self.user is not None and self.who.named is not None:
                await name_on(db, document, self.user, self.who.named)
            if self.user is not None and self.who.link is not None:
                link = ShareLink(document_id=document.id, secret_hash=uuid4().bytes, role=self.who.link.value)
                db.add(link)
                await db.flush()
                db.add(LinkVisit(link_id=link.id, user_id=self.user.id))
            await self._hang_on(db, document)
            collection = await self._collection(db)
            return await self._stand(db, document, collection)

    async def make_what_is_behind(self, name: str) -> None:
        """Make what only some doors lead to, if the document has none yet."""
        document = f"/api/v1/documents/{self.parameters['document_id']}"
        if ("compare" in name or "revision_id" in name) and "revision_id" not in self.parameters:
            made = await self.zoes.post(f"{document}/revisions", json={"name": "First"})
            assert made.status_code == 201, made.text
            self.parameters["revision_id"] = made.json()["id"]
        if "comment_id" in name and "comment_id" not in self.parameters:
            made = await self.zoes.post(f"{document}/comments", json={"text": "Hm"})
            assert made.status_code == 201, made.text
            self.parameters["comment_id"] = made.json()["comments"][0]["id"]

    async def _hang_on(self, db: AsyncSession, document: Document) -> None:
        _, link, _ = await links.create(db, self.zoe, document.id, VIEWER, expires_at=utc_now() + timedelta(hours=1))
        zoe = at_work(self.zoe, self.workspace, Role.ADMIN)
        # It leads to the document, as one of the workspace's and as one of the document's own.
        invitation, _ = await invitations.create(
            db, zoe, self.workspace.id, document.id, role=Role.GUEST, document_role=VIEWER.value
        )
        asset = Asset(
            workspace_id=self.workspace.id,
            document_id=document.id,
            sha256=uuid4().bytes * 2,
            media_type="image/png",
            width=1,
            height=1,
            size_bytes=1,
        )
        carol = await guest_keys.create(db, "Carol")
        guest = ReviewGuest(
            user_id=carol.id,
            document_id=document.id,
            name="Carol",
            may_comment=True,
            may_suggest=True,
            may_approve=True,
            expires_at=utc_now() + timedelta(days=1),
            ends_when_approved=True,
            reads_after=True,
        )
        db.add(guest)
        account = ChannelAccount(
            workspace_id=self.workspace.id, channel="reddit", name="u/fox", remote_id=str(document.id), secrets=b"x"
        )
        workflow = Workflow(workspace_id=self.workspace.id, name="Law", steps=[])
        day = utc_now().date()
        blackout = Blackout(workspace_id=self.workspace.id, name="Closed", first_day=day, last_day=day)
        db.add_all([asset, account, workflow, blackout])
        await db.flush()
        tomorrow = utc_now() + timedelta(days=1)
        publication = Publication(
            workspace_id=self.workspace.id,
            document_id=document.id,
            account_id=account.id,
            content_hash=bytes(32),
            post=pack(FrozenPost("", "It jumps.", "<p>It jumps.</p>")),
            wall_time=tomorrow.replace(tzinfo=None),
            zone="UTC",
            due_at=tomorrow,
            next_at=tomorrow,
        )
        db.add(publication)
        await db.flush()
        self.parameters = {
            "document_id": str(document.id),
            "workspace_id": str(self.workspace.id),
            "user_id": str(self.victim.id),
            "link_id": str(link.id),
            "invitation_id": str(invitation.id),
            "asset_id": str(asset.id),
            "guest_id": str(carol.id),
            "account_id": str(account.id),
            "workflow_id": str(workflow.id),
            "publication_id": str(publication.id),
            "blackout_id": str(blackout.id),
            "kind": "reddit",
            "import_id": str(uuid4()),
            "session_id": str(uuid4()),
            "token_id": str(uuid4()),
        }

    async def _collection(self, db: AsyncSession) -> Collection:
        """Make a collection on which they are named as on the document; by a link nobody comes into one."""
        collection = await collections.create(
            db, at_work(self.zoe, self.workspace, Role.ADMIN), self.zoe, "Plans", None
        )
        collection.reach = "people"
        await collections.name(db, self.zoe, collection.id, self.victim.id, VIEWER)
        if self.user is not None and self.who.named is not None:
            await collections.name(db, self.zoe, collection.id, self.user.id, self.who.named)
        self.parameters["collection_id"] = str(collection.id)
        return collection

    async def _stand(self, db: AsyncSession, document: Document, collection: Collection) -> Case:
        if self.user is None:
            return Case(None, None, None, document, None, collection)
        _, actor = await actor_at(db, self.user, document.id)
        try:
            _, within = await collections.find(db, self.user, collection.id)
        except NotFound:
            within = None
        try:
            here: Actor | None = await actor_for(db, self.user, self.workspace.id)
        except NotFound:
            here = None
        return Case(self.user, here, actor, document, within, collection)

    async def knock(self, name: str, door: Door) -> httpx.Response:
        method, path = name.split(" ")
        body: dict[str, Any] = {}
        if door.form is not None:
            body = {"data": door.form}
        elif door.json is not None:
            body = {"json": {key: self._filled(value) for key, value in door.json.items()}}
        # A picture is asked for without its bytes, which are not there.
        asked = "HEAD" if path.startswith("/assets/") else method
        if door.query is not None:
            body["params"] = {key: self._filled(value) for key, value in door.query.items()}
        return await self.client.request(asked, path.format(**self.parameters), **body)

    def _filled(self, value: Any) -> Any:
        return value.format(**self.parameters) if isinstance(value, str) and value.startswith("{") else value


@asynccontextmanager
async def _program(app: Starlette, sessions: Sessions, user: User | None) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Accept": "application/json"}
    if user is not None:
        async with sessions.begin() as db:
            _, text = await tokens.create(db, user, "test")
        headers["Authorization"] = f"Bearer {text}"
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://quillroom.test", headers=headers) as client:
        yield client


@pytest.fixture
async def house(app: Starlette, sessions: Sessions, kind: str) -> AsyncIterator[House]:
    who = EVERYBODY[kind]
    async with sessions.begin() as db:
        zoe = await make_user(db, name="Zoe")
        workspace = await make_workspace(db, zoe)
        victim = await make_user(db, name="Victim", email="victim@example.org")
        await membership.join(db, workspace_id=workspace.id, user_id=victim.id, role=Role.MEMBER)
        user = None
        if who.member is not None:
            user = await make_member(db, workspace, role=who.member, name="Somebody")
        elif not who.is_nobody:
            user = await make_user(db, name="Somebody")
    async with _program(app, sessions, user) as client, _program(app, sessions, zoe) as zoes:
        yield House(app, sessions, workspace, zoe, victim, user, client, zoes, who)


async def test_every_door_is_in_the_table(app: Starlette) -> None:
    assert _doors_of(app) == {*OPEN, *PERSONAL, *DOORS}


@pytest.mark.parametrize("kind", EVERYBODY)
async def test_no_door_disagrees(house: House) -> None:
    wrong = []
    case: Case | None = None
    for name, door in DOORS.items():
        case = case or await house.case()
        await house.make_what_is_behind(name)
        if "/remove" in name or name == "DELETE /api/v1/workspace/members/{user_id}":
            # For the next ones somebody must be left.
            async with house.sessions.begin() as db:
                gone = await make_member(db, house.workspace, name="Leaver")
            house.parameters["user_id"] = str(gone.id)
        answer = await house.knock(name, door)
        is_allowed, was_allowed = door.rule(case), answer.status_code not in {401, 403, 404}
        if answer.status_code >= 500 or (was_allowed and not is_allowed):
            wrong.append(f"{name}: {answer.status_code}, though the rule says no")
        elif is_allowed and not was_allowed and door.exactly:
            wrong.append(f"{name}: {answer.status_code}, though the rule says yes")
        elif not is_allowed and answer.status_code not in _refusals(case, name):
            wrong.append(f"{name}: {answer.status_code} and not {_refusals(case, name)}")
        if was_allowed and not name.startswith("GET"):
            # Something changed. What was only read, or refused, is as it was.
            case = None
    assert not wrong, "\n".join(wrong)


_MOVES: Final = {f"PUT {_API}/collection", f"GET {_PAGE}/move", f"POST {_PAGE}/move"}


def _refusals(case: Case, name: str) -> set[int]:
    """Nobody is to sign in; who may not know of it finds nothing; who knows is told that it is not for them."""
    if case.user is None:
        # A form without the token of its page is refused for that.
        return {401} if name.startswith("GET") or "/api/" in name else {401, 403}
    if name == f"POST {_PAGE}/requests":
        return {404}
    if "/invitations" in name and "{document_id}" in name and can(case.at, D.SHARE, case.document):
        # It leads into the workspace, which those who are not in it must not learn of.
        return {403} if case.here is not None else {404}
    if "{publication_id}" in name:
        return {403} if _sees_publication(case) else {404}
    if "publications" in name and can(case.here, Verb.PUBLISH, case.document):
        # They may publish, but must not learn of a document that is not shared with them.
        return {404}
    if "{collection_id}" in name:
        return {403} if can(case.within, D.VIEW, case.collection) else {404}
    if name in _MOVES and can(case.at, D.MOVE, case.document):
        # To the top of a workspace, which is for its members.
        return {403} if case.here is not None else {404}
    if name == f"GET {_PAGE}/variants/{{account_id}}/preview":
        # Who reads may not look into the review; and accounts are the workspace's.
        return {403, 404} if can(case.at, D.VIEW, case.document) else {404}
    if name.endswith((f"{_PAGE}/publish", "/preview", "/variants", f"{_PAGE}/figures", f"{_PAGE}/figures.csv")):
        return {404}
    if name.startswith(f"GET {_PAGE}/channels"):
        # Nor of the accounts of a workspace that they are not in, or not at work in.
        return {404}
    if "{document_id}" in name or "{asset_id}" in name:
        is_shown_how_to_ask = name == f"GET {_PAGE}" and case.here is not None
        return {403} if is_shown_how_to_ask or can(case.at, D.VIEW, case.document) else {404}
    return {403} if case.here is not None else {404}


async def test_what_is_personal_is_for_people_only(app: Starlette, sessions: Sessions) -> None:
    async with _program(app, sessions, None) as nobody:
        for name in PERSONAL:
            method, path = name.split(" ")
            ids = {each: uuid4() for each in ("session_id", "token_id", "notice_id", "kind")}
            answer = await nobody.request(method, path.format(**ids), data={})
            # A form of nobody's is refused for its missing token first.
            assert answer.status_code in {401, 403}, name


@pytest.mark.parametrize("kind", EVERYBODY)
async def test_the_room_opens_as_the_pages_do(house: House) -> None:
    keeper = Doorkeeper(house.sessions)
    case = await house.case()
    bearer = house.client.headers.get("Authorization", "").removeprefix("Bearer ") or None
    try:
        admitted = await keeper.admit(LiveId(str(case.document.id)), Credentials(cookie=None, bearer=bearer))
    except Refused:
        assert not can(case.at, D.VIEW, case.document)
    else:
        assert can(case.at, D.VIEW, case.document)
        assert (admitted.rights is Rights.WRITE) is can(case.at, D.EDIT, case.document)
        assert (admitted.rights is not Rights.READ) is can(case.at, D.SUGGEST, case.document)
        assert UUID(str(admitted.user["id"])) == (case.user.id if case.user else None)
