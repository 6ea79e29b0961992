"""Every operation of this domain, once. The routes and the OpenAPI document are both made of this table.

The document is of the tables of all domains: `app.state.operations`.
"""

import json
from functools import lru_cache
from importlib.metadata import version
from types import NoneType
from typing import Final

from server.documents.api import contents, documents, sharing
from server.documents.api.shapes import (
    MAX_CONTENT_BODY_BYTES,
    CollaboratorAdded,
    CollaboratorList,
    CollaboratorRole,
    CollaboratorSeen,
    ContentQuery,
    ContentReplaced,
    DocumentList,
    DocumentSeen,
    LinkChange,
    LinkList,
    LinkMade,
    LinkSeen,
    ListQuery,
    Me,
    NewCollaborator,
    NewContent,
    NewDocument,
    NewLink,
    NewOwner,
    SharingChange,
    SharingSeen,
    TitleChange,
)
from server.documents.content import MEDIA_TYPES
from server.settings import Settings
from server.web import openapi
from server.web.cookies import SESSION, cookie_name
from server.web.operations import AnyOperation, Call, NoBody, NoQuery, Operation, Reply
from server.web.operations import routes as routes_of

_DOCUMENT: Final = "/api/v1/documents/{document_id:uuid}"
_ABOUT: Final = (
    "Documents for programs. Send an API token (`quillroom token create`) as `Authorization: Bearer qr_…`. "
    "Errors are problem details (RFC 9457). For live editing, open a socket: docs/protocol.md."
)


async def describe_api(call: Call[NoQuery, NoBody]) -> Reply[str]:
    """Return this description."""
    state = call.request.app.state
    settings: Settings = state.settings
    text = _description(state.operations, settings.public_url, cookie_name(SESSION, secure=settings.secure))
    return Reply(text, headers={"Cache-Control": "no-cache"})


@lru_cache(maxsize=4)
def _description(operations: tuple[AnyOperation, ...], public_url: str, cookie: str) -> str:
    described = openapi.describe(
        operations,
        info={"title": "Quillroom", "version": version("quillroom"), "description": _ABOUT},
        server=public_url,
        cookie=cookie,
    )
    return json.dumps(described, ensure_ascii=False)


OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="getMe",
        method="GET",
        path="/api/v1/me",
        summary="Who am I?",
        handle=documents.me,
        query=NoQuery,
        body=NoBody,
        answer=Me,
    ),
    Operation(
        name="listDocuments",
        method="GET",
        path="/api/v1/documents",
        summary="List documents",
        handle=documents.list_documents,
        query=ListQuery,
        body=NoBody,
        answer=DocumentList,
        refusals=(404,),
    ),
    Operation(
        name="createDocument",
        method="POST",
        path="/api/v1/documents",
        summary="Create a document",
        handle=documents.create_document,
        query=NoQuery,
        body=NewDocument,
        answer=DocumentSeen,
        status=201,
        refusals=(404,),
        max_body_bytes=MAX_CONTENT_BODY_BYTES,
        answers_with={"Location": "The address of the new document."},
    ),
    Operation(
        name="getDocument",
        method="GET",
        path=_DOCUMENT,
        summary="Read a document",
        handle=documents.get_document,
        query=NoQuery,
        body=NoBody,
        answer=DocumentSeen,
        refusals=(404,),
    ),
    Operation(
        name="renameDocument",
        method="PATCH",
        path=_DOCUMENT,
        summary="Rename a document",
        handle=documents.rename_document,
        query=NoQuery,
        body=TitleChange,
        answer=DocumentSeen,
        refusals=(404, 409),
    ),
    Operation(
        name="trashDocument",
        method="DELETE",
        path=_DOCUMENT,
        summary="Move a document to the trash",
        handle=documents.trash_document,
        query=NoQuery,
        body=NoBody,
        answer=NoneType,
        status=204,
        refusals=(404,),
    ),
    Operation(
        name="restoreDocument",
        method="POST",
        path=f"{_DOCUMENT}/restore",
        summary="Take a document out of the trash",
        handle=documents.restore_document,
        query=NoQuery,
        body=NoBody,
        answer=DocumentSeen,
        refusals=(404,),
    ),
    Operation(
        name="readContent",
        method="GET",
        path=f"{_DOCUMENT}/content",
        summary="Read the content of a document",
        handle=contents.read_content,
        query=ContentQuery,
        body=NoBody,
        answer=str,
        media_types=tuple(MEDIA_TYPES.values()),
        refusals=(304, 404, 406),
        asks_with={
            "If-None-Match": "A version you have already; the answer is 304 if it is still the one.",
        },
        answers_with={"ETag": "The version of the content, in this form."},
    ),
    Operation(
        name="replaceContent",
        method="PUT",
        path=f"{_DOCUMENT}/content",
        summary="Replace the content of a document",
        handle=contents.replace_content,
        query=NoQuery,
        body=NewContent,
        answer=ContentReplaced,
        refusals=(404, 409, 412),
        max_body_bytes=MAX_CONTENT_BODY_BYTES,
        asks_with={"If-Match": "A version; if the document is at another one by now, nothing happens (412)."},
    ),
    Operation(
        name="listCollaborators",
        method="GET",
        path=f"{_DOCUMENT}/collaborators",
        summary="List who a document is shared with",
        handle=sharing.list_collaborators,
        query=NoQuery,
        body=NoBody,
        answer=CollaboratorList,
        refusals=(403, 404),
    ),
    Operation(
        name="addCollaborator",
        method="POST",
        path=f"{_DOCUMENT}/collaborators",
        summary="Share a document with somebody",
        handle=sharing.add_collaborator,
        query=NoQuery,
        body=NewCollaborator,
        answer=CollaboratorAdded,
        status=201,
        refusals=(404, 409),
    ),
    Operation(
        name="changeCollaborator",
        method="PUT",
        path=f"{_DOCUMENT}/collaborators/{{user_id:uuid}}",
        summary="Give somebody a role at a document",
        handle=sharing.change_collaborator,
        query=NoQuery,
        body=CollaboratorRole,
        answer=CollaboratorSeen,
        refusals=(404, 409),
    ),
    Operation(
        name="removeCollaborator",
        method="DELETE",
        path=f"{_DOCUMENT}/collaborators/{{user_id:uuid}}",
        summary="Take somebody's role away",
        handle=sharing.remove_collaborator,
        query=NoQuery,
        body=NoBody,
        answer=NoneType,
        status=204,
        refusals=(404, 409),
    ),
    Operation(
        name="handOver",
        method="POST",
        path=f"{_DOCUMENT}/owner",
        summary="Hand a document over",
        handle=sharing.hand_over,
        query=NoQuery,
        body=NewOwner,
        answer=CollaboratorList,
        refusals=(404, 409),
    ),
    Operation(
        name="readSharing",
        method="GET",
        path=f"{_DOCUMENT}/sharing",
        summary="What the workspace has of a document",
        handle=sharing.read_sharing,
        query=NoQuery,
        body=NoBody,
        answer=SharingSeen,
        refusals=(404,),
    ),
    Operation(
        name="changeSharing",
        method="PUT",
        path=f"{_DOCUMENT}/sharing",
        summary="Share a document with the workspace, or not",
        handle=sharing.change_sharing,
        query=NoQuery,
        body=SharingChange,
        answer=SharingSeen,
        refusals=(404,),
    ),
    Operation(
        name="listLinks",
        method="GET",
        path=f"{_DOCUMENT}/links",
        summary="List the links to a document",
        handle=sharing.list_links,
        query=NoQuery,
        body=NoBody,
        answer=LinkList,
        refusals=(403, 404),
    ),
    Operation(
        name="createLink",
        method="POST",
        path=f"{_DOCUMENT}/links",
        summary="Make a link to a document",
        handle=sharing.create_link,
        query=NoQuery,
        body=NewLink,
        answer=LinkMade,
        status=201,
        refusals=(404, 409),
    ),
    Operation(
        name="changeLink",
        method="PATCH",
        path=f"{_DOCUMENT}/links/{{link_id:uuid}}",
        summary="Change a link",
        handle=sharing.change_link,
        query=NoQuery,
        body=LinkChange,
        answer=LinkSeen,
        refusals=(404,),
    ),
    Operation(
        name="revokeLink",
        method="DELETE",
        path=f"{_DOCUMENT}/links/{{link_id:uuid}}",
        summary="Take a link back",
        handle=sharing.revoke_link,
        query=NoQuery,
        body=NoBody,
        answer=NoneType,
        status=204,
        refusals=(404,),
    ),
    Operation(
        name="describeApi",
        method="GET",
        path="/api/v1/openapi.json",
        summary="This description, as OpenAPI 3.1",
        handle=describe_api,
        query=NoQuery,
        body=NoBody,
        answer=str,
        signed_in=False,
    ),
)

routes: Final = routes_of(OPERATIONS)
