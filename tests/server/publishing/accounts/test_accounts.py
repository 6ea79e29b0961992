"""Accounts are connected by whom may, kept without open secrets, renewed in time, and missed before anything is due."""

from dataclasses import replace
from datetime import timedelta

import anyio
import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select, update
from sqlmodel import col
from starlette.responses import JSONResponse, Response

from server.accounts.models import utc_now
from server.errors import Forbidden, Invalid, NotFound, Unavailable
from server.notifications.models import Kind, PersonalNotice
from server.publishing.accounts import accounts, jobs, refreshing
from server.publishing.accounts.accounts import ConsentOver, refresh_time
from server.publishing.accounts.jobs import Sealed
from server.publishing.channel import Account
from server.publishing.models import ChannelAccount, ChannelConsent, Health
from server.publishing.remedies import ChannelError, Remedy
from server.publishing.vault import Vault
from server.workspaces.models import Role
from tests.factories import actor, make_member
from tests.server.publishing.conftest import Desk
from tests.server.publishing.elsewhere.running import Fault

ME = "/api/v1/me"
TOKEN = "/api/v1/access_token"


async def test_an_account_is_connected_with_its_secrets_encrypted(desk: Desk) -> None:
    account = await desk.connect()

    assert account.name == "u/fox"
    assert account.responsible_id == account.connected_by == desk.user.id
    assert account.secrets is not None
    assert desk.elsewhere.access.encode() not in account.secrets
    opened = accounts.open_account(desk.reach, account)
    assert opened.secrets["access_token"] == desk.elsewhere.access
    assert desk.elsewhere.access not in repr(opened) + repr(account)
    assert account.expires_at is not None
    assert account.refresh_at is not None
    assert utc_now() < account.refresh_at < account.expires_at


async def test_a_consent_is_for_one_person_once_and_for_minutes(desk: Desk) -> None:
    answer = await desk.ask()
    async with desk.sessions() as db:
        other = await make_member(db, desk.workspace, role=Role.ADMIN, name="Eve")
        await db.commit()
        with pytest.raises(ConsentOver):
            await accounts.finish(db, desk.reach, other, "reddit", answer)
    async with desk.sessions() as db:
        kept = (await db.scalars(select(ChannelConsent))).one()
        assert b"shh" not in kept.kept
        await accounts.finish(db, desk.reach, desk.user, "reddit", answer)
        with pytest.raises(ConsentOver):
            await accounts.finish(db, desk.reach, desk.user, "reddit", answer)

    late = await desk.ask()
    async with desk.sessions() as db:
        await db.execute(update(ChannelConsent).values(expires_at=utc_now()))
        await db.commit()
        with pytest.raises(ConsentOver):
            await accounts.finish(db, desk.reach, desk.user, "reddit", late)
    await desk.ask()
    async with desk.sessions() as db:
        await db.execute(update(ChannelConsent).values(expires_at=utc_now()))
        await db.commit()
    assert await jobs.forget_consents(desk.sessions) == 1


async def test_what_the_person_refused_is_said_and_nothing_connected(desk: Desk) -> None:
    answer = await desk.ask()
    async with desk.sessions() as db:
        with pytest.raises(Invalid, match="not allowed"):
            refused = {"state": answer["state"], "error": "access_denied"}
            await accounts.finish(db, desk.reach, desk.user, "reddit", refused)
        assert await accounts.listed(db, desk.actor) == []


async def test_a_channel_that_cannot_be_reached_is_told_apart_from_one_that_refuses(desk: Desk) -> None:
    answer = await desk.ask()
    desk.place.breaks(Fault.NOT_TAKEN)
    async with desk.sessions() as db:
        with pytest.raises(Unavailable, match="try again"):
            await accounts.finish(db, desk.reach, desk.user, "reddit", answer)
    unknown = replace(desk.reach, apps={})
    async with desk.sessions() as db:
        with pytest.raises(Invalid, match="not set up here"):
            await accounts.connect(db, unknown, desk.actor, "reddit", {})
        with pytest.raises(Invalid):
            await accounts.connect(db, unknown, desk.actor, "pigeon", {})
        with pytest.raises(Invalid) as refused:
            await accounts.connect(db, desk.reach, desk.actor, "reddit", {"colour": "red"})
    assert refused.value.fields == {"colour": "This channel does not ask for that."}


async def test_an_account_that_is_connected_again_is_the_same(desk: Desk) -> None:
    first = await desk.connect()
    async with desk.sessions() as db:
        await accounts.change(db, desk.actor, first.id, name="Our foxes")
        await db.commit()
    again = await desk.connect()
    assert (again.id, again.name) == (first.id, "Our foxes")

    async with desk.sessions() as db:
        await accounts.disconnect(db, desk.reach, desk.actor, first.id)
        await db.commit()
        assert await accounts.listed(db, desk.actor) == []
    gone = await desk.read(first)
    assert gone.secrets is None
    with pytest.raises(ChannelError, match="disconnected"):
        accounts.open_account(desk.reach, gone)
    assert (await desk.connect()).id == first.id


async def test_who_disconnects_hears_what_remains_to_be_done_there(desk: Desk) -> None:
    account = await desk.connect()
    async with desk.sessions() as db:
        remains = await accounts.disconnect(db, desk.reach, desk.actor, account.id)
    assert remains == ""
    assert desk.elsewhere.refresh == "taken back"


@pytest.mark.parametrize("fault", [Fault.NOT_TAKEN, Fault.BUSY, Fault.SILENCE])
async def test_an_account_is_disconnected_whatever_its_channel_says(
    desk: Desk, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "REVOKE_SECONDS", 0.5)
    account = await desk.connect()
    desk.place.breaks(fault)

    async with desk.sessions() as db:
        remains = await accounts.disconnect(db, desk.reach, desk.actor, account.id)

    assert "Reddit" in remains
    assert (await desk.read(account)).secrets is None


async def test_members_see_accounts_and_only_publishers_touch_them(desk: Desk) -> None:
    account = await desk.connect()
    async with desk.sessions() as db:
        member = await make_member(db, desk.workspace)
        scheduler = await make_member(db, desk.workspace, role=Role.SCHEDULER, name="Sal")
        stranger = await make_member(db, desk.workspace, role=Role.GUEST, name="Gus")
        as_member, as_guest = actor(member, desk.workspace), actor(stranger, desk.workspace, Role.GUEST)
        as_scheduler = actor(scheduler, desk.workspace, Role.SCHEDULER)

        assert [each.responsible_name for each in await accounts.listed(db, as_member)] == [desk.user.name]
        with pytest.raises(Forbidden):
            await accounts.listed(db, as_guest)
        for refused in (as_member, as_guest):
            with pytest.raises(Forbidden):
                await accounts.connect(db, desk.reach, refused, "reddit", {})
            with pytest.raises(Forbidden):
                await accounts.change(db, refused, account.id, name="Mine")
            with pytest.raises(Forbidden):
                await accounts.disconnect(db, desk.reach, refused, account.id)
        elsewhere = replace(as_scheduler, workspace_id=account.id)
        with pytest.raises(NotFound):
            await accounts.find(db, elsewhere, account.id)

        changed = await accounts.change(db, as_scheduler, account.id, responsible_id=scheduler.id)
        assert changed.responsible_id == scheduler.id
        with pytest.raises(Invalid):
            await accounts.change(db, as_scheduler, account.id, responsible_id=member.id)
        with pytest.raises(Invalid):
            await accounts.change(db, as_scheduler, account.id, name=" ")


async def test_of_two_processes_one_renews_and_both_have_the_new_token(desk: Desk) -> None:
    # Each refresh token is good once, as with some channels: a second use of it would end the account.
    desk.elsewhere.rotates = True
    account = await desk.connect()
    used = accounts.open_account(desk.reach, account)
    before = desk.tokens_asked_for()
    got: list[Account] = []

    async def process() -> None:
        got.append(await refreshing.refresh(desk.sessions, desk.reach, used))

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(process)

    assert desk.tokens_asked_for() == before + 1
    assert {each.secrets["access_token"] for each in got} == {desk.elsewhere.access}
    assert {each.secrets["refresh_token"] for each in got} == {desk.elsewhere.refresh}


async def test_what_ends_before_long_is_renewed_ahead(desk: Desk) -> None:
    account = await desk.connect()
    assert await refreshing.refresh_due(desk.sessions, desk.reach) == 0

    await _set(desk, account, refresh_at=utc_now() - timedelta(seconds=1))
    assert await refreshing.refresh_due(desk.sessions, desk.reach) == 1

    renewed = await desk.read(account)
    assert renewed.refresh_at is not None
    assert renewed.refresh_at > utc_now()
    assert accounts.open_account(desk.reach, renewed).secrets["access_token"] == desk.elsewhere.access


def test_a_token_is_renewed_a_week_ahead_or_at_half_its_life() -> None:
    now = utc_now()
    assert refresh_time(now + timedelta(hours=1), now) == now + timedelta(minutes=30)
    assert refresh_time(now + timedelta(days=60), now) == now + timedelta(days=53)
    assert refresh_time(now - timedelta(hours=1), now) == now - timedelta(hours=1)


async def test_an_account_that_was_revoked_asks_its_person_once(desk: Desk) -> None:
    account = await desk.connect()
    async with desk.sessions() as db:
        await make_member(db, desk.workspace, role=Role.ADMIN, name="Another admin")
        await db.commit()
    desk.elsewhere.refresh = "revoked"
    await _set(desk, account, refresh_at=utc_now())

    for _ in range(2):
        assert await refreshing.refresh_due(desk.sessions, desk.reach) == 0
        await refreshing.check_due(desk.sessions, desk.reach)

    broken = await desk.read(account)
    assert broken.health == Health.RECONNECT.value
    assert "Connect the account again" in broken.health_sentence
    async with desk.sessions() as db:
        notices = (await db.scalars(select(PersonalNotice))).all()
    assert [(each.user_id, each.kind, each.title) for each in notices] == [
        (desk.user.id, Kind.RECONNECT.value, "u/fox on Reddit")
    ]
    assert notices[0].path == "/workspace/channels"

    # Connected again, all is well; revoked again, the person hears it again.
    mended = await desk.connect()
    assert (mended.id, mended.health, mended.health_sentence) == (account.id, Health.OK.value, "")
    desk.elsewhere.refresh = "revoked"
    with pytest.raises(ChannelError) as refused:
        await refreshing.refresh(desk.sessions, desk.reach, accounts.open_account(desk.reach, mended))
    assert refused.value.remedy is Remedy.RECONNECT
    async with desk.sessions() as db:
        assert len((await db.scalars(select(PersonalNotice))).all()) == 2


async def test_everybody_who_may_publish_is_asked_if_the_person_no_longer_may(desk: Desk) -> None:
    account = await desk.connect()
    async with desk.sessions() as db:
        sal = await make_member(db, desk.workspace, role=Role.SCHEDULER, name="Sal")
        await make_member(db, desk.workspace, name="Only a member")
        await db.commit()
    await _set(desk, account, responsible_id=None)
    desk.elsewhere.suspended = True

    assert await refreshing.check(desk.sessions, desk.reach, account.id) == {desk.user.id, sal.id}
    assert (await desk.read(account)).health == Health.RECONNECT.value


@pytest.mark.parametrize("answer", [Response("oops", 503), JSONResponse({"error": 429}, 429)], ids=["down", "busy"])
async def test_a_failure_that_passes_is_shown_and_forgotten(desk: Desk, answer: Response) -> None:
    account = await desk.connect()
    await _set(desk, account, checked_at=utc_now() - timedelta(days=1))
    desk.elsewhere.refuses(ME, answer)

    assert await refreshing.check_due(desk.sessions, desk.reach) == 1
    failing = await desk.read(account)
    assert failing.health == Health.FAILING.value
    assert failing.health_sentence.startswith("Reddit ")
    assert await refreshing.check_due(desk.sessions, desk.reach) == 0

    await _set(desk, account, checked_at=utc_now() - timedelta(minutes=11))
    assert await refreshing.check_due(desk.sessions, desk.reach) == 1
    assert (await desk.read(account)).health == Health.OK.value
    async with desk.sessions() as db:
        assert (await db.scalars(select(PersonalNotice))).all() == []


async def test_a_check_renews_a_token_that_has_run_out(desk: Desk) -> None:
    account = await desk.connect()
    desk.elsewhere.access = "another"

    await refreshing.check(desk.sessions, desk.reach, account.id)

    mended = await desk.read(account)
    assert mended.health == Health.OK.value
    assert accounts.open_account(desk.reach, mended).secrets["access_token"] == desk.elsewhere.access


async def test_a_renewal_that_cannot_be_made_now_is_made_later(desk: Desk) -> None:
    account = await desk.connect()
    await _set(desk, account, refresh_at=utc_now())
    desk.elsewhere.refuses(TOKEN, Response("oops", 502))

    assert await refreshing.refresh_due(desk.sessions, desk.reach) == 0

    failing = await desk.read(account)
    assert failing.health == Health.FAILING.value
    assert failing.refresh_at is not None
    assert failing.refresh_at > utc_now()
    await _set(desk, account, refresh_at=utc_now())
    assert await refreshing.refresh_due(desk.sessions, desk.reach) == 1
    assert (await desk.read(account)).health == Health.OK.value


async def test_secrets_move_to_the_newest_key_and_the_old_one_can_go(desk: Desk) -> None:
    account = await desk.connect()
    [old], new = desk.reach.vault.keys, Fernet.generate_key().decode()
    both = Vault((new, old))

    later = replace(desk.reach, open_vault=lambda: Vault((new,)))
    meanwhile = replace(desk.reach, open_vault=lambda: both)

    assert await jobs.reseal(desk.sessions, later) == 0
    assert await jobs.reseal(desk.sessions, meanwhile) == 1
    assert await jobs.reseal(desk.sessions, meanwhile) == 0

    assert await jobs.count_sealed(desk.sessions, desk.reach.open_vault) == Sealed(1, 1, 1, ("u/fox",))
    assert await jobs.count_sealed(desk.sessions, later.open_vault) == Sealed(1)
    moved = await desk.read(account)
    assert moved.key_id == both.key_id
    assert accounts.open_account(later, moved).secrets["access_token"] == desk.elsewhere.access
    with pytest.raises(ChannelError, match="key is missing") as lost:
        accounts.open_account(desk.reach, moved)
    assert lost.value.remedy is Remedy.OPERATOR


async def _set(desk: Desk, account: ChannelAccount, **values: object) -> None:
    async with desk.sessions() as db:
        await db.execute(update(ChannelAccount).where(col(ChannelAccount.id) == account.id).values(**values))
        await db.commit()
