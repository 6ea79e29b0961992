"""The command line says the same as the page, for every workspace."""

from datetime import timedelta

from server.db import Sessions, transaction
from server.documents import lifecycle
from server.documents.models import utc_now
from server.publishing.models import ChannelAccount, Health, Publication
from server.publishing.posts import FrozenPost, pack
from server.publishing.rehearsal.reporting import report
from server.settings import Settings
from server.workspaces.models import Role
from tests.factories import actor, make_team
from tests.server.publishing.press import approved


async def test_every_workspace_is_rehearsed(sessions: Sessions, settings: Settings) -> None:
    assert await _said(settings) == (["There is no workspace yet."], False)
    user, workspace = await make_team(sessions)
    assert await _said(settings) == ([f"{workspace.name}: nothing is planned for the next 30 days."], False)
    due_at = utc_now() + timedelta(days=2)
    async with transaction(sessions) as db:
        account = ChannelAccount(
            workspace_id=workspace.id, channel="sandbox", name="Our sandbox", facts={"plays": "any"}, secrets=b""
        )
        db.add(account)
        await db.flush()
        document = await lifecycle.create(db, actor(user, workspace, Role.ADMIN), title="The fox")
        await approved(db, workspace.id, document.id, bytes(32))
        for words in ("One", "Two"):
            db.add(
                Publication(
                    workspace_id=workspace.id,
                    account_id=account.id,
                    document_id=document.id,
                    content_hash=bytes(32),
                    post=pack(FrozenPost("", words, f"<p>{words}</p>")),
                    wall_time=due_at.replace(tzinfo=None),
                    zone="UTC",
                    due_at=due_at,
                    next_at=due_at,
                    created_by=user.id,
                )
            )
    lines, fails = await _said(settings)
    assert lines == [f"{workspace.name}: of 2 planned for the next 30 days, 2 will go out as they are."]
    assert not fails
    async with transaction(sessions) as db:
        (await db.get_one(ChannelAccount, account.id)).health = Health.RECONNECT.value
    lines, fails = await _said(settings)
    assert fails
    assert len([each for each in lines if each.startswith("  Will fail, ") and f"({user.name})" in each]) == 2


async def _said(settings: Settings) -> tuple[list[str], bool]:
    said = await report(settings, 30)
    return list(said.lines), said.fails
