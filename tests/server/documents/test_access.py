"""Somebody's role at a document is the strongest of all that gives them one, wherever it is looked up."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncSession

from realtime.close import Refused
from realtime.ports import Credentials, Rights
from realtime.ports import DocumentId as LiveId
from server.accounts import sessions as browser_sessions
from server.accounts.models import User
from server.db import Sessions
from server.documents import lifecycle
from server.documents.access import (
    ALLOWED,
    DocumentActor,
    DocumentVerb,
    actor_at,
    actors_at,
    can,
    reaches,
    require,
    who_sees,
)
from server.documents.live.admission import Doorkeeper
from server.documents.models import (
    Collaborator,
    Collection,
    Document,
    DocumentRole,
    Lineage,
    LinkVisit,
    Reach,
    ShareLink,
    utc_now,
)
from server.errors import Forbidden, NotFound, Unauthenticated
from server.workspaces.access import actor_for
from server.workspaces.models import Role, Workspace
from tests.factories import make_member, make_user, make_workspace

OWNER, EDITOR, REVIEWER, VIEWER = DocumentRole
V = DocumentVerb
READING = {V.VIEW}
REVIEWING = READING | {V.COMMENT, V.SUGGEST, V.DECIDE}
EDITING = REVIEWING | {V.EDIT, V.UPLOAD, V.REVIEW, V.RENAME, V.MOVE, V.TRASH, V.RESTORE, V.SHARE}


@dataclass(frozen=True)
class Thing:
    document_id: UUID


HERE = Thing(uuid4())


def at(role: DocumentRole | None) -> DocumentActor:
    return DocumentActor(
        user_id=uuid4(), workspace_id=uuid4(), document_id=HERE.document_id, workspace_role=None, role=role
    )


@pytest.mark.parametrize("role", DocumentRole)
@pytest.mark.parametrize("verb", DocumentVerb)
def test_the_table_of_roles(role: DocumentRole, verb: DocumentVerb) -> None:
    expected = {OWNER: set(V), EDITOR: EDITING, REVIEWER: REVIEWING, VIEWER: READING}[role]
    assert can(at(role), verb, HERE) is (verb in expected)


def test_a_stronger_role_may_all_that_a_weaker_one_may() -> None:
    assert set(ALLOWED) == set(DocumentRole)
    for role in DocumentRole:
        for other in DocumentRole:
            assert reaches(role, other) is (ALLOWED[role] >= ALLOWED[other])


@pytest.mark.parametrize("verb", DocumentVerb)
def test_a_role_counts_at_its_document_only(verb: DocumentVerb) -> None:
    for actor, thing in ((at(OWNER), Thing(uuid4())), (at(None), HERE), (None, HERE)):
        assert not can(actor, verb, thing)
        with pytest.raises(NotFound):
            require(actor, verb, thing)


def test_who_may_read_learns_that_the_rest_is_forbidden() -> None:
    require(at(VIEWER), V.VIEW, HERE)
    with pytest.raises(Forbidden):
        require(at(VIEWER), V.COMMENT, HERE)


@dataclass(frozen=True)
class Given:
    """All that may give somebody a role at a document. Collections stand from the top down."""

    member: Role | None
    named: DocumentRole | None = None
    around: Sequence[tuple[DocumentRole | None, tuple[Reach, DocumentRole | None] | None]] = ()
    reach: tuple[Reach, DocumentRole | None] | None = None
    link: DocumentRole | None = None
    link_over: bool = False
    noise: DocumentRole | None = field(default=None)

    @property
    def role(self) -> DocumentRole | None:
        """The rules once more, over values and in other words than the statement's."""
        if self.member is Role.ADMIN:
            return OWNER
        found = [self.link if not self.link_over else None]
        if self.member is not None:
            found += [self.named, *(named for named, _ in self.around)]
        if self.member in (Role.MEMBER, Role.SCHEDULER):
            said = [reach for reach in (*(reach for _, reach in self.around), self.reach) if reach is not None]
            found.append(said[-1][1] if said else EDITOR)
        return max((role for role in found if role), key=lambda role: len(ALLOWED[role]), default=None)


FOR_MANY = st.sampled_from([EDITOR, REVIEWER, VIEWER])
REACHES = st.none() | st.just((Reach.PEOPLE, None)) | st.tuples(st.just(Reach.WORKSPACE), FOR_MANY)
NAMED = st.none() | st.sampled_from(DocumentRole)
GIVEN = st.builds(
    Given,
    member=st.none() | st.sampled_from(Role),
    named=NAMED,
    around=st.lists(st.tuples(NAMED, REACHES), max_size=3),
    reach=REACHES,
    link=st.none() | FOR_MANY,
    link_over=st.booleans(),
    noise=NAMED,
)


async def _set_up(db: AsyncSession, workspace: Workspace, given: Given) -> tuple[User, Document]:
    user = (
        await make_user(db) if given.member is None else await make_member(db, workspace, role=given.member, name="Bo")
    )
    other = await make_member(db, workspace, name="Other")
    path: list[UUID] = []
    for named, reach in given.around:
        path.append(uuid4())
        db.add(
            Collection(
                id=path[-1],
                workspace_id=workspace.id,
                parent_id=path[-2] if len(path) > 1 else None,
                path=list(path),
                name="C",
                reach=reach and reach[0].value,
                reach_role=reach and reach[1] and reach[1].value,
            )
        )
        await db.flush()
        if given.member is not None:
            _name(db, workspace, user, named, collection_id=path[-1])
        _name(db, workspace, other, given.noise, collection_id=path[-1])
    document = Document(
        workspace_id=workspace.id,
        collection_id=path[-1] if path else None,
        reach=given.reach and given.reach[0].value,
        reach_role=given.reach and given.reach[1] and given.reach[1].value,
    )
    elsewhere = Document(workspace_id=workspace.id)
    db.add_all([document, elsewhere])
    await db.flush()
    db.add(Lineage(document_id=document.id))
    if given.member is not None:
        _name(db, workspace, user, given.named, document_id=document.id)
        _name(db, workspace, user, given.noise, document_id=elsewhere.id)
    _name(db, workspace, other, given.noise, document_id=document.id)
    await _open(db, document, user, given.link, is_over=given.link_over)
    await _open(db, document, other, given.noise and VIEWER)
    await _open(db, elsewhere, user, given.noise and EDITOR)
    return user, document


def _name(
    db: AsyncSession,
    workspace: Workspace,
    user: User,
    role: DocumentRole | None,
    *,
    document_id: UUID | None = None,
    collection_id: UUID | None = None,
) -> None:
    if role is not None:
        db.add(
            Collaborator(
                workspace_id=workspace.id,
                document_id=document_id,
                collection_id=collection_id,
                user_id=user.id,
                role=role.value,
            )
        )


async def _open(
    db: AsyncSession, document: Document, user: User, role: DocumentRole | None, *, is_over: bool = False
) -> None:
    if role is None:
        return
    now = utc_now()
    link = ShareLink(document_id=document.id, secret_hash=uuid4().bytes, role=role.value)
    if is_over and role is EDITOR:
        link.revoked_at = now
    elif is_over:
        link.expires_at = now - timedelta(seconds=1)
    else:
        link.expires_at = now + timedelta(hours=1)
    db.add(link)
    await db.flush()
    db.add(LinkVisit(link_id=link.id, user_id=user.id))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given=GIVEN)
async def test_every_place_that_asks_finds_the_strongest_role(sessions: Sessions, given: Given) -> None:
    async with sessions() as db:
        workspace = await make_workspace(db, await make_user(db))
        user, document = await _set_up(db, workspace, given)
        cookie = await browser_sessions.start(db, user, lasts=timedelta(days=1))
        await db.commit()
        found, actor = await actor_at(db, user, document.id)
        assert (found.id, actor.role, actor.workspace_role) == (document.id, given.role, given.member)
        assert await actors_at(db, user, [document.id, uuid4()]) == {document.id: actor}
        if given.member is not None:
            member = await actor_for(db, user, workspace.id)
            listed = {row.document.id: row.actor for row in (await lifecycle.page(db, member)).rows}
            assert listed.get(document.id) == (actor if given.role else None)
            assert (await lifecycle.counts(db, member)).all == len(listed)
            hearing = await who_sees(db, [document.id, uuid4()], [user.id, uuid4()])
            assert hearing == ({document.id: {user.id}} if given.role else {})
    try:
        admitted = await Doorkeeper(sessions).admit(LiveId(str(document.id)), Credentials(cookie=cookie, bearer=None))
    except Refused:
        assert given.role is None
    else:
        assert given.role is not None
        assert (admitted.rights is Rights.WRITE) is can(actor, V.EDIT, document)
        assert (admitted.rights is not Rights.READ) is can(actor, V.SUGGEST, document)


async def test_nobody_signed_in_and_no_document(db: AsyncSession) -> None:
    with pytest.raises(Unauthenticated):
        await actor_at(db, None, uuid4())
    with pytest.raises(NotFound):
        await actor_at(db, await make_user(db), uuid4())
