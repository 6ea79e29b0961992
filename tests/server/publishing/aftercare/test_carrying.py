"""Changes of published posts: announced, repeated until they are known to be made, and never against one another."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from uuid import UUID

import anyio
import pytest
from redis.asyncio import Redis
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.db import Sessions, transaction
from server.publishing.aftercare import carrying
from server.publishing.aftercare.carrying import carry_out_due
from server.publishing.aftercare.models import Change, Deed, Standing
from server.publishing.models import Publication
from server.publishing.posts import FrozenPost, pack
from server.publishing.publisher import patience
from server.publishing.publisher.delivering import publish_due
from server.publishing.remedies import ChannelError, Remedy
from server.publishing.states import State
from tests.server.publishing.press import Press, open_press


class Killed(BaseException):
    """The worker is gone, in the middle of what it does."""


@pytest.fixture
async def press(sessions: Sessions, redis: Redis) -> AsyncIterator[Press]:
    opened = await open_press(sessions, redis)
    async with opened.workshop.http.client:
        yield opened


async def out(press: Press, text: str = "The fox", *, replies: tuple[str, ...] = ()) -> UUID:
    """Publish something."""
    planned = await press.plan(text, replies=replies)
    await publish_due(press.workshop)
    assert (await press.row(planned)).state == State.PUBLISHED
    return planned


async def ask(
    press: Press, publication_id: UUID, text: str | None, *, replies: tuple[str, ...] = (), deed: Deed | None = None
) -> UUID:
    """Ask for another text; for None, to take it down; or for what else is said."""
    deed = deed or (Deed.TAKE_DOWN if text is None else Deed.UPDATE)
    text = text if deed is Deed.UPDATE else None
    change = Change(
        publication_id=publication_id,
        deed=deed.value,
        post=None if text is None else pack(FrozenPost("", text, f"<p>{text}</p>", replies=replies)),
        content_hash=None if text is None else b"\x01" * 32,
        next_at=press.clock(),
        created_at=press.clock(),
    )
    async with transaction(press.sessions) as db:
        db.add(change)
    return change.id


async def change_of(press: Press, change_id: UUID) -> Change:
    async with press.sessions() as db:
        return await db.get_one(Change, change_id)


async def carry(press: Press) -> list[str]:
    """Let a worker make what is due; returns how the changes ended that people were told of."""
    told: list[str] = []

    async def tell(db: AsyncSession, publication: Publication, change: Change) -> None:
        told.append(change.state)

    await carry_out_due(press.workshop, tell)
    return told


def once(call: str, error: BaseException) -> Callable[[str], None]:
    """Raise at the first call of a kind."""
    left = [error]

    def hook(made: str) -> None:
        if made == call and left:
            raise left.pop()

    return hook


async def test_a_published_post_is_brought_up_to_another_text_and_the_row_says_so(press: Press) -> None:
    published = await out(press, replies=("Its tail",))
    before = await press.row(published)
    asked = await ask(press, published, "The red fox", replies=("Its long tail",))

    assert await carry(press) == ["done"]

    assert press.texts == ["The red fox", "Its long tail"]
    row = await press.row(published)
    assert (row.state, row.post["text"], row.content_hash) == (State.PUBLISHED, "The red fox", b"\x01" * 32)
    assert row.changed_at == press.clock()
    assert row.version == before.version + 1
    assert row.handle is not None
    assert row.handle["data"]["updates"] == 1
    assert (await change_of(press, asked)).state == Standing.DONE
    assert (await press.attempts(published))[-1] == ("update", "done")


async def test_a_post_is_taken_down_and_stays_known(press: Press) -> None:
    published = await out(press)
    await ask(press, published, None)

    assert await carry(press) == ["done"]

    assert press.texts == []
    row = await press.row(published)
    assert (row.state, row.taken_down_at) == (State.PUBLISHED, press.clock())
    assert (await press.attempts(published))[-1] == ("delete", "done")


@pytest.mark.parametrize("text", ["The red fox", None], ids=["update", "take down"])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_lost_answer_is_followed_by_the_same_call(press: Press, text: str | None, when: str) -> None:
    published = await out(press)
    asked = await ask(press, published, text)
    lost = ChannelError(Remedy.UNKNOWN, "No answer came.")
    setattr(press.wall, when, once("update" if text else "delete", lost))

    assert await carry(press) == []
    waiting = await change_of(press, asked)
    assert (waiting.state, waiting.called_at) == (Standing.WAITING, press.clock())
    press.clock.pass_by(seconds=patience.LOOK_AFTER.total_seconds())

    assert await carry(press) == ["done"]
    assert press.texts == ([text] if text else [])
    assert (await change_of(press, asked)).called_at is None


@pytest.mark.parametrize("text", ["The red fox", None], ids=["update", "take down"])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_worker_that_dies_at_the_call_is_followed_by_another(press: Press, text: str | None, when: str) -> None:
    published = await out(press)
    asked = await ask(press, published, text)
    setattr(press.wall, when, once("update" if text else "delete", Killed()))
    with pytest.raises(BaseExceptionGroup) as killed:
        await carry(press)
    assert killed.group_contains(Killed)
    setattr(press.wall, when, lambda _: None)
    assert await carry(press) == []
    lease = (await change_of(press, asked)).lease_until
    assert lease is not None
    press.clock.now = lease

    assert await carry(press) == ["done"]

    assert press.texts == ([text] if text else [])
    calls = [outcome for call, outcome in await press.attempts(published) if call in {"update", "delete"}]
    assert calls == [None, "done"]


async def test_a_refusal_is_for_people_and_leaves_the_publication_as_it_was(press: Press) -> None:
    published = await out(press)
    asked = await ask(press, published, "The red fox")
    press.wall.before = once("update", ChannelError(Remedy.FIX_CONTENT, "Too red.", evidence="422"))

    assert await carry(press) == ["failed"]

    change = await change_of(press, asked)
    assert (change.problem, change.evidence, change.called_at) == ("Too red.", "422", None)
    row = await press.row(published)
    assert (row.state, row.post["text"], row.changed_at) == (State.PUBLISHED, "The fox", None)


async def test_of_a_thread_some_may_be_changed_when_it_is_refused(press: Press) -> None:
    published = await out(press, replies=("Its tail",))
    asked = await ask(press, published, "The red fox", replies=("Its long tail",))
    press.wall.before = once("update", ChannelError(Remedy.FIX_CONTENT, "Too red."))

    await carry(press)

    assert (await change_of(press, asked)).called_at == press.clock()


async def test_an_account_that_is_to_be_left_alone_is_left_alone(press: Press) -> None:
    first, second = await out(press, "First"), await out(press, "Second")
    one, other = await ask(press, first, None), await ask(press, second, None)
    press.wall.before = once("delete", ChannelError(Remedy.QUOTA, "Enough.", after_seconds=600))

    told = await carry(press)

    waits = [await change_of(press, each) for each in (one, other)]
    # The other lane may have been at it in the same moment.
    assert len(told) <= 1
    assert {each.state for each in waits} <= {Standing.WAITING.value, Standing.DONE.value}
    later = [each for each in waits if each.state == Standing.WAITING]
    assert later
    assert all((each.next_at - press.clock()).total_seconds() >= 600 for each in later)
    # What is to be published goes on.
    await out(press, "Third")


async def test_a_hold_stops_an_update_and_lets_a_post_be_taken_down(press: Press) -> None:
    async def stopped(db: AsyncSession, document_id: UUID | None, content_hash: bytes) -> str | None:
        return "A reviewer holds this document."

    published = await out(press)
    object.__setattr__(press.workshop, "stopped", stopped)
    asked = await ask(press, published, "The red fox")
    assert await carry(press) == []
    change = await change_of(press, asked)
    assert (change.state, change.problem) == (Standing.WAITING, "A reviewer holds this document.")
    async with transaction(press.sessions) as db:
        (await db.get_one(Change, asked)).state = Standing.LEFT.value
    await ask(press, published, None)

    assert await carry(press) == ["done"]
    assert press.texts == []


@pytest.mark.parametrize("deed", [Deed.UPDATE, Deed.REPLAY])
async def test_a_hold_stops_also_what_is_tried_again_after_a_lost_answer(press: Press, deed: Deed) -> None:
    async def stopped(db: AsyncSession, document_id: UUID | None, content_hash: bytes) -> str | None:
        return "A reviewer holds this document."

    published = await out(press)
    asked = await ask(press, published, "The red fox", deed=deed)
    call = deed.value
    press.wall.before = once(call, ChannelError(Remedy.UNKNOWN, "The connection broke off."))
    assert await carry(press) == []
    assert (await change_of(press, asked)).called_at is not None

    object.__setattr__(press.workshop, "stopped", stopped)
    for _ in range(3):
        press.clock.now += timedelta(hours=1)
        assert await carry(press) == []
    assert press.wall.calls.count(call) == 1
    assert press.texts == ["The fox"]
    assert (await change_of(press, asked)).problem == "A reviewer holds this document."


async def test_what_was_left_meanwhile_is_not_saved(press: Press) -> None:
    published = await out(press)
    asked = await ask(press, published, "The red fox")
    claimed = await carrying.claim(press.sessions, press.clock())
    assert claimed is not None
    async with transaction(press.sessions) as db:
        change = await db.get_one(Change, asked)
        change.state, change.fence = Standing.LEFT.value, change.fence + 1

    async def tell(db: AsyncSession, publication: Publication, change: Change) -> None:
        raise AssertionError("It is not this worker's any more.")

    await carrying._Carrying(press.workshop, tell, claimed).run()

    assert press.texts == ["The fox"]
    assert (await press.row(published)).post["text"] == "The fox"


async def test_any_number_of_workers_make_each_change_once(press: Press) -> None:
    for number in range(6):
        await ask(press, await out(press, f"Fox {number}"), f"Red fox {number}")

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(carry, press)

    assert press.wall.calls.count("update") == 6
    async with press.sessions() as db:
        left = await db.scalar(select(func.count()).select_from(Change).where(col(Change.state) != Standing.DONE.value))
    assert left == 0
