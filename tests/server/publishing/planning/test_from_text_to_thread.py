"""From a text that was adapted to an account, through its review, to a thread there: what was approved goes out."""

from pycrdt import Map, XmlElement, XmlText
from redis.asyncio import Redis
from sqlalchemy import update
from sqlmodel import col

from server.db import Sessions, transaction
from server.documents import ydoc
from server.documents.ydoc import YDoc
from server.publishing.accounts.accounts import Reach
from server.publishing.models import ChannelAccount, Publication
from server.publishing.planning import planning
from server.publishing.planning.approving import approved_content
from server.publishing.planning.planning import Means, Wish
from server.publishing.posts import Additions
from server.publishing.states import State
from server.publishing.vault import Vault
from server.review.models import Verdict
from server.workspaces.models import Role
from tests.factories import actor
from tests.server.documents.overlaying import paragraph, put, write
from tests.server.publishing.printer import Printer, open_printer
from tests.server.review.desk import Desk


async def test_what_was_approved_for_an_account_goes_out_there_as_a_thread(sessions: Sessions, redis: Redis) -> None:
    desk = await Desk.set_up(sessions, redis)
    async with open_printer("mastodon", sessions, redis) as printer:
        means = await _in(desk, printer)
        account = str(printer.account_id)

        def adapt(doc: YDoc) -> None:
            second = str(ydoc.read_node(doc).child(1).attrs["id"])
            put(doc, f"block/{second}", {"kind": "adapted", "base": "Two"}, account)
            write(doc, f"block/{second}", paragraph("Two, adapted"), account=account)
            put(doc, "tags", "fox", account)
            put(doc, "option/visibility", "unlisted", account)
            put(doc, "reply/a", {"at": 1}, account)
            write(doc, "reply/a", paragraph("And then it ran."), account=account)

        await desk.change(adapt)
        await desk.request()
        await desk.decide(desk.ben, Verdict.APPROVE)
        # Written since, and approved by nobody.
        await desk.change(lambda doc: put(doc, "tags", "late", account))
        assert await desk.is_changed()

        planned = await _plan(desk, printer, means)
        printer.wait_until(planned.due_at)
        row = await printer.run(planned.id)
        assert row.state == State.PUBLISHED, row.problem
        assert printer.subject.seen() == ["One\n\nTwo, adapted\n\n#fox", "And then it ran."]
        assert row.content_hash == (await desk.standing()).approved_hash


async def test_what_a_publication_sends_anew_is_what_the_text_for_its_account_says_by_then(
    sessions: Sessions, redis: Redis
) -> None:
    desk = await Desk.set_up(sessions, redis)
    async with open_printer("mastodon", sessions, redis) as printer:
        means = await _in(desk, printer)
        account = str(printer.account_id)
        await desk.change(lambda doc: put(doc, "link", "https://example.org/old", account))
        await desk.change(lambda doc: put(doc, "tags", "fox", account))
        await desk.request()
        await desk.decide(desk.ben, Verdict.APPROVE)
        planned = await _plan(desk, printer, means, Additions(tags=("wished",)))
        assert (planned.post["link"], planned.post["tags"]) == ("https://example.org/old", ["wished"])

        def follow_again(doc: YDoc) -> None:
            doc.get("variants", type=Map).clear()
            first = ydoc.fragment(doc).children[0]
            assert isinstance(first, XmlElement)
            assert isinstance(first.children[0], XmlText)
            first.children[0].insert(3, " more")

        await desk.change(follow_again)
        await desk.request()
        await desk.decide(desk.ben, Verdict.APPROVE)
        async with transaction(sessions) as db:
            who = actor(desk.ada, desk.workspace, Role.ADMIN)
            await planning.renew(db, who, means, planned.id, additions=None, version=None)
        post = (await printer.row(planned.id)).post
        # The link went with the text that had it; what somebody wished for this publication stays.
        assert (post["text"], post["link"], post["tags"]) == ("One more\n\nTwo", None, ["wished"])


async def _in(desk: Desk, printer: Printer) -> Means:
    """Put the account into the desk's workspace."""
    async with transaction(desk.sessions) as db:
        await db.execute(
            update(ChannelAccount)
            .where(col(ChannelAccount.id) == printer.account_id)
            .values(workspace_id=desk.workspace.id)
        )
    return Means(
        Reach(printer.workshop.channels, {}, printer.workshop.http, lambda: Vault(()), "https://studio.test"),
        approved_content,
    )


async def _plan(desk: Desk, printer: Printer, means: Means, additions: Additions | None = None) -> Publication:
    async with transaction(desk.sessions) as db:
        wish = Wish(desk.document.id, printer.account_id, None, additions or Additions())
        planned = await planning.plan(db, actor(desk.ada, desk.workspace, Role.ADMIN), means, wish)
    return planned.publication
