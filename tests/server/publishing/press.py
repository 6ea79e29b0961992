"""A workspace with an account on a board, a clock set by hand, and a publisher for it."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from redis.asyncio import Redis
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.db import Sessions, transaction
from server.documents import lifecycle
from server.documents.models import utc_now
from server.publishing.channel import Account
from server.publishing.http import open_http
from server.publishing.models import Attempt, ChannelAccount, Publication
from server.publishing.posts import FrozenPost, pack
from server.publishing.publisher.delivering import LEAD, Workshop
from server.publishing.publisher.pace import Pace
from server.publishing.remedies import ChannelError, Remedy
from server.publishing.states import State
from server.review.models import Review, ReviewState, Standing
from server.workspaces.access import Actor
from server.workspaces.models import Role
from tests.factories import actor, make_user, make_workspace
from tests.server.publishing.board import BoardChannel, Wall

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@dataclass
class Clock:
    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **parts: float) -> None:
        self.now += timedelta(**parts)


@dataclass
class Press:
    """All of it together."""

    sessions: Sessions
    workshop: Workshop
    wall: Wall
    clock: Clock
    workspace_id: UUID
    account_id: UUID
    scheduler: Actor
    told: list[State] = field(default_factory=list)

    async def plan(self, text: str = "The fox", *, replies: tuple[str, ...] = (), due_at: datetime = NOON) -> UUID:
        publication = Publication(
            workspace_id=self.workspace_id,
            account_id=self.account_id,
            content_hash=bytes(32),
            post=pack(FrozenPost("", text, f"<p>{text}</p>", replies=replies)),
            wall_time=due_at.replace(tzinfo=None),
            zone="UTC",
            due_at=due_at,
            next_at=due_at - LEAD,
        )
        async with transaction(self.sessions) as db:
            db.add(publication)
        return publication.id

    async def approve(self, publication_id: UUID) -> UUID:
        """Let a publication be of a document whose approval it is. Returns the document's id."""
        async with transaction(self.sessions) as db:
            publication = await db.get_one(Publication, publication_id)
            publication.document_id = await self.document(db)
            await approved(db, publication.workspace_id, publication.document_id, publication.content_hash)
            return publication.document_id

    async def row(self, publication_id: UUID) -> Publication:
        async with self.sessions() as db:
            found = await db.get(Publication, publication_id)
        assert found is not None
        return found

    async def attempts(self, publication_id: UUID) -> list[tuple[str, str | None]]:
        async with self.sessions() as db:
            rows = await db.scalars(
                select(Attempt).where(col(Attempt.publication_id) == publication_id).order_by(col(Attempt.begun_at))
            )
            return [(each.call, each.outcome) for each in rows]

    async def document(self, db: AsyncSession) -> UUID:
        document = await lifecycle.create(db, self.as_role(Role.ADMIN), title="The fox")
        return document.id

    def as_role(self, role: Role) -> Actor:
        return replace(self.scheduler, role=role)

    @property
    def texts(self) -> list[str]:
        return [text for _, text in self.wall.posts]


async def approved(db: AsyncSession, workspace_id: UUID, document_id: UUID, signed: bytes) -> None:
    """Let a content of a document be approved."""
    now = utc_now()
    await db.merge(Standing(document_id=document_id, status="approved", approved_hash=signed, approved_at=now))
    db.add(
        Review(
            document_id=document_id,
            workspace_id=workspace_id,
            workflow="One approval",
            steps=[],
            own_content=False,
            hash=signed,
            state=ReviewState.APPROVED.value,
            ended_at=now,
        )
    )
    await db.flush()


async def open_press(sessions: Sessions, redis: Redis, *, tells: bool = True) -> Press:
    async with transaction(sessions) as db:
        user = await make_user(db)
        workspace = await make_workspace(db, user)
        account = ChannelAccount(workspace_id=workspace.id, channel="board", name="Board", secrets=b"")
        db.add(account)
    wall, clock, told = Wall(), Clock(), []

    async def tell(db: AsyncSession, publication: Publication, state: State) -> None:
        told.append(state)

    async def refresh(account: Account) -> Account:
        raise ChannelError(Remedy.RECONNECT, "Connect it again.")

    async def read_picture(key: str) -> bytes:
        raise AssertionError(key)

    workshop = Workshop(
        sessions=sessions,
        http=open_http(),
        channels={"board": BoardChannel(wall, tells=tells)},
        open_account=lambda row: Account(id=row.id, channel=row.channel, name=row.name),
        refresh=refresh,
        read_picture=read_picture,
        pace=Pace(redis),
        tell=tell,
        clock=clock,
    )
    return Press(
        sessions, workshop, wall, clock, workspace.id, account.id, actor(user, workspace, Role.SCHEDULER), told
    )
