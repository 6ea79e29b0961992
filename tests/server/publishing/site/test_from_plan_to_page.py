"""From a plan to a page: the worker's publisher, with the site and the sandbox of this installation."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from uuid import UUID

import httpx
import pytest
from redis.asyncio import Redis
from starlette.applications import Starlette

from server.assets import storage
from server.db import Sessions, transaction
from server.documents import lifecycle
from server.events import Events
from server.publishing.accounts import accounts
from server.publishing.accounts.accounts import Reach
from server.publishing.channels.sandbox import Outcome
from server.publishing.models import ChannelAccount, Publication
from server.publishing.planning import scheduling
from server.publishing.planning.scheduling import Finding
from server.publishing.posts import FrozenPicture, FrozenPost, pack
from server.publishing.pressing import Press
from server.publishing.states import OPEN, State
from server.review.models import Review, ReviewState
from server.workspaces.access import Actor
from server.workspaces.models import Role
from tests.factories import actor, make_team
from tests.server.publishing.site.conftest import ANSWERS, a_photo

_RUNS = 12
_KEY = f"{'0' * 32}/{'1' * 64}.jpg"


@dataclass
class House:
    """A workspace, and the worker that publishes for it."""

    sessions: Sessions
    reach: Reach
    admin: Actor
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    async def connect(self, kind: str, **answers: str) -> ChannelAccount:
        async with self.sessions() as db:
            made = await accounts.connect(db, self.reach, self.admin, kind, answers)
        assert not isinstance(made, str)
        return made.account

    async def plan(self, account: ChannelAccount, post: FrozenPost) -> Publication:
        document_id = await self._approved(account.workspace_id)
        planned = Publication(
            workspace_id=account.workspace_id,
            document_id=document_id,
            account_id=account.id,
            content_hash=bytes(32),
            post=pack(post),
            wall_time=self.now.replace(tzinfo=None),
            zone="UTC",
            due_at=self.now,
            next_at=self.now,
        )
        async with transaction(self.sessions) as db:
            db.add(planned)
        return planned

    async def _approved(self, workspace_id: UUID) -> UUID:
        """Make a document of which just this content was approved."""
        async with transaction(self.sessions) as db:
            document = await lifecycle.create(db, self.admin, title="The fox")
            review = Review(
                document_id=document.id,
                workspace_id=workspace_id,
                workflow="One approval",
                steps=[],
                own_content=False,
                hash=bytes(32),
                state=ReviewState.APPROVED.value,
                ended_at=self.now,
            )
            db.add(review)
        return document.id

    async def run(self, press: Press, planned: Publication) -> Publication:
        """Let the worker run, and time pass, until the publication is out or a person has to help."""
        for _ in range(_RUNS):
            await press.run()
            async with self.sessions() as db:
                row = await db.get_one(Publication, planned.id)
            if row.state not in OPEN:
                return row
            self.now = max(self.now + timedelta(seconds=1), row.next_at)
        raise AssertionError(f"{row.state}: {row.problem}")


@pytest.fixture
async def house(app: Starlette, sessions: Sessions) -> House:
    user, workspace = await make_team(sessions)
    return House(sessions, app.state.reach, actor(user, workspace, Role.ADMIN))


@pytest.fixture
def press(app: Starlette, house: House, redis: Redis) -> Press:
    return Press(
        sessions=house.sessions,
        reach=house.reach,
        store=app.state.store,
        redis=redis,
        events=Events(redis),
        clock=lambda: house.now,
    )


async def test_what_is_planned_for_a_site_can_be_read_there(
    app: Starlette, client: httpx.AsyncClient, house: House, press: Press
) -> None:
    photo = a_photo()
    data = await photo.read()
    await storage.put(app.state.store, _KEY, BytesIO(data))
    picture = FrozenPicture(_KEY, "picture-1.jpg", "image/jpeg", len(data), 1200, 800, "A fox in the snow")
    post = FrozenPost(
        "The fox", "It jumps.", '<p>It jumps.</p><img src="picture-1.jpg" alt="A fox in the snow">', pictures=(picture,)
    )

    row = await house.run(press, await house.plan(await house.connect("site", **ANSWERS), post))

    assert row.state == State.PUBLISHED, row.problem
    assert row.url
    page = await client.get(row.url)
    assert "It jumps." in page.text
    assert 'alt="A fox in the snow"' in page.text
    assert "picture-1.jpg" not in page.text


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Outcome.WELL, State.PUBLISHED),
        (Outcome.SLOW, State.PUBLISHED),
        (Outcome.REFUSED, State.FAILED),
        (Outcome.LIMITED, State.PUBLISHED),
        (Outcome.LOST_AND_FOUND, State.PUBLISHED),
        (Outcome.LOST, State.UNKNOWN),
    ],
)
async def test_a_sandbox_shows_what_follows_from_each_outcome(
    house: House, press: Press, outcome: Outcome, state: State
) -> None:
    sandbox = await house.connect("sandbox", plays="any")
    planned = await house.plan(sandbox, FrozenPost("The fox", "It jumps.", "", options={"outcome": outcome.value}))

    row = await house.run(press, planned)

    assert row.state == state, row.problem
    assert bool(row.problem) == (state is not State.PUBLISHED)


async def test_what_a_sandbox_lost_goes_out_when_a_person_says_that_it_is_not_there(house: House, press: Press) -> None:
    sandbox = await house.connect("sandbox", plays="mastodon")
    post = FrozenPost("", "It jumps.", "", options={"outcome": Outcome.LOST.value})
    lost = await house.run(press, await house.plan(sandbox, post))
    assert lost.evidence

    async with transaction(house.sessions) as db:
        await scheduling.settle_unknown(db, house.admin, lost.id, Finding.NOT_LIVE, now=house.now)

    assert (await house.run(press, lost)).state == State.PUBLISHED
