"""What a page is told of a text for an account while somebody writes it."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from markupsafe import Markup
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.applications import Starlette

from server.db import Sessions, transaction
from server.documents.models import Collaborator, DocumentRole
from server.documents.ydoc import YDoc
from server.publishing import posts
from server.publishing.channel import Account, Channel, Post
from server.publishing.channels.bluesky import Bluesky
from server.publishing.channels.mastodon import Mastodon
from server.publishing.channels.reddit import Reddit
from server.publishing.channels.webhook import Webhook
from server.publishing.channels.wordpress import WordPress
from server.publishing.models import ChannelAccount, Publication
from server.publishing.planning import looks, previewing
from server.publishing.planning.previewing import meters_of
from server.publishing.posts import FrozenPost
from server.workspaces.models import Role
from tests.server.documents.overlaying import paragraph as paragraph_of
from tests.server.documents.overlaying import put, write
from tests.server.publishing.planner import Planner, open_planner
from tests.server.publishing.subjects.subject import PNG, a_picture

HOSTILE = '<script>alert("x")</script> & "quotes" https://example.org/"onload="x'


def paragraph(words: str) -> dict[str, Any]:
    return {"type": "paragraph", "content": [{"type": "text", "text": words}]}


@pytest.fixture
async def planner(app: Starlette, sessions: Sessions) -> Planner:
    """Return a workspace with accounts on the channels themselves."""
    made = await open_planner(app, sessions)
    app.state.reach.channels.update({each.kind: each for each in (Mastodon(), Bluesky(), Reddit(), WordPress())})
    return made


async def connected(planner: Planner, channel: str, name: str, **facts: object) -> UUID:
    async with transaction(planner.sessions) as db:
        account = ChannelAccount(
            workspace_id=planner.workspace.id,
            channel=channel,
            name=name,
            base_url="https://mastodon.example",
            facts=facts,
            secrets=b"",
        )
        db.add(account)
    return account.id


async def ask(program: httpx.AsyncClient, document_id: UUID, account_id: UUID, **sent: Any) -> httpx.Response:
    return await program.post(f"/documents/{document_id}/variants/{account_id}/preview", json=sent)


async def test_whoever_writes_is_told_how_full_it_is_what_is_amiss_and_how_it_looks(planner: Planner) -> None:
    document_id = await planner.document()
    account_id = await connected(planner, "mastodon", "@ada@mastodon.example", max_characters=40)
    async with await planner.program() as program:
        answer = await ask(
            program,
            document_id,
            account_id,
            title="Not shown there",
            body=[paragraph("It jumps over #foxes and @ben")],
            link="https://example.org/a-very-long-address-that-counts-as-twenty-three",
            tags=["fox"],
            options={"content_warning": "Foxes"},
            replies=[[paragraph("And then.")]],
        )
    told = answer.json()
    assert answer.status_code == 200, answer.text
    whole = (
        "It jumps over #foxes and @ben\n\nhttps://example.org/a-very-long-address-that-counts-as-twenty-three\n\n#fox"
    )
    assert told["parts"] == [whole, "And then."]
    meters = {each["name"]: (each["used"], each["most"], each["unit"]) for each in told["meters"]}
    # 29 letters, two lines between, 23 for the address, two lines, the tag; and the warning with each.
    assert meters["Text"] == (29 + 2 + 23 + 2 + 4 + 5, 40, "characters")
    assert meters["Post 2"] == (9 + 5, 40, "characters")
    assert meters["Pictures"] == (0, 4, "pictures")
    assert [(each["where"], each["blocks"]) for each in told["problems"]] == [("text", True)]
    assert "Shorten it by 25." in told["problems"][0]["sentence"]
    assert told["html"].count("<article") == 2
    assert ">Foxes</summary>" in told["html"]
    assert "Not shown there" not in told["html"]


async def test_a_program_reads_what_goes_out_on_each_account(app: Starlette, planner: Planner) -> None:
    document_id = await planner.document()
    account_id = await connected(planner, "mastodon", "@ada@mastodon.example", max_characters=40)

    def adapt(doc: YDoc) -> None:
        put(doc, "start", value=True, account=str(account_id))
        write(doc, "start", paragraph_of("A start that is much longer than there is room"), account=str(account_id))
        put(doc, "tags", "fox", str(account_id))

    await app.state.live.edit(document_id, adapt)
    async with await planner.program() as program:
        answer = await program.get(f"/api/v1/documents/{document_id}/variants")
    assert answer.status_code == 200, answer.text
    [board, mastodon] = answer.json()["variants"]
    assert (board["account_name"], board["is_own"], board["parts"]) == ("Our board", False, [""])
    assert (mastodon["account_id"], mastodon["is_own"]) == (str(account_id), True)
    assert mastodon["parts"] == ["A start that is much longer than there is room\n\n#fox"]
    assert {"name": "Text", "used": 52, "most": 40, "unit": "characters"} in mastodon["meters"]
    assert mastodon["problems"][0]["blocks"] is True
    # In parts; and guests see those alone that have a text of their own.
    path = f"/api/v1/documents/{document_id}/variants"
    async with await planner.program() as program:
        first = (await program.get(path, params={"limit": 1})).json()
        second = (await program.get(path, params={"limit": 1, "cursor": first["next_cursor"]})).json()
    assert [each["account_name"] for each in first["variants"]] == ["Our board"]
    assert [each["account_id"] for each in second["variants"]] == [str(account_id)]
    assert second["next_cursor"] is None
    guest = await planner.member(Role.GUEST)
    async with transaction(planner.sessions) as db:
        db.add(
            Collaborator(
                workspace_id=planner.workspace.id, document_id=document_id, user_id=guest.id, role=DocumentRole.VIEWER
            )
        )
    async with await planner.program(guest) as guests:
        seen = (await guests.get(path)).json()
    assert [each["account_id"] for each in seen["variants"]] == [str(account_id)]


async def test_what_a_channel_asks_for_is_told_and_nothing_breaks_without_it(planner: Planner) -> None:
    document_id = await planner.document()
    account_id = await connected(planner, "reddit", "u/ada")
    body = [paragraph("It jumps."), {"type": "image", "attrs": {"src": "https://elsewhere.test/a.png"}}]
    async with await planner.program() as program:
        told = (await ask(program, document_id, account_id, body=body, link="nowhere", options={"nsfw": "?"})).json()
    assert {each["where"] for each in told["problems"]} == {"title", "subreddit", "link", "nsfw", "pictures"}
    assert "No subreddit yet" in told["html"]


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"body": "It jumps."},
        {"body": [{"type": "marquee"}]},
        {"body": [{"type": "listItem"}]},
        {"body": [{"type": "paragraph", "content": [{"type": "text", "text": ""}]}]},
        {"body": [{"type": "paragraph", "content": [paragraph("within")]}]},
        {"body": [{"type": "paragraph", "attrs": [1], "content": []}]},
        {"body": [{"type": "paragraph", "content": [{"type": "text", "text": "a", "marks": [{"type": "blink"}]}]}]},
        {"body": [], "replies": [[]] * 21},
        {"body": [], "more": 1},
    ],
)
async def test_what_no_page_sends_is_refused(planner: Planner, sent: dict[str, Any]) -> None:
    document_id = await planner.document()
    account_id = await connected(planner, "mastodon", "@ada@mastodon.example")
    async with await planner.program() as program:
        assert (await ask(program, document_id, account_id, **sent)).status_code == 422


async def test_a_text_of_many_levels_and_one_that_is_too_long_are_refused(planner: Planner) -> None:
    document_id = await planner.document()
    account_id = await connected(planner, "mastodon", "@ada@mastodon.example")
    deep = paragraph("deep")
    for _ in range(80):
        deep = {"type": "blockquote", "content": [deep]}
    async with await planner.program() as program:
        assert (await ask(program, document_id, account_id, body=[deep])).status_code == 422
        long = [paragraph("x" * 1000)] * 600
        assert (await ask(program, document_id, account_id, body=long)).status_code == 413


async def test_an_account_of_another_workspace_and_a_document_of_others_are_not_there(planner: Planner) -> None:
    document_id = await planner.document()
    account_id = await connected(planner, "mastodon", "@ada@mastodon.example")
    guest = await planner.member(Role.GUEST)
    async with await planner.program() as program, await planner.program(guest) as guests:
        assert (await ask(program, document_id, uuid4(), body=[])).status_code == 404
        assert (await ask(guests, document_id, account_id, body=[])).status_code == 404


@pytest.mark.parametrize("channel", [Mastodon(), Bluesky(), Reddit(), WordPress(), Webhook()], ids=lambda it: it.kind)
def test_no_words_become_markup(channel: Channel) -> None:
    post = Post(
        publication_id=uuid4(),
        key="key",
        due_at=datetime.now(UTC),
        title=HOSTILE,
        text=HOSTILE,
        html=str(Markup("<p>{}</p>").format(HOSTILE)),
        summary=HOSTILE,
        link="https://example.org/?a=<b>",
        tags=(HOSTILE,),
        replies=(HOSTILE,),
        pictures=(a_picture(PNG, alt=HOSTILE),),
        options=dict.fromkeys(("content_warning", "flair", "categories", "subreddit"), HOSTILE),
    )
    account = Account(uuid4(), channel.kind, HOSTILE, base_url="https://example.org")
    html = looks.draw(channel, account, post, {"fox.png": '/assets/1"onerror="x'})
    assert "<script" not in html
    assert '"onload="' not in html
    assert '"onerror="' not in html


def test_a_meter_of_bytes_shows_where_they_are_what_stops_it() -> None:
    family = "👩‍👩‍👧‍👦" * 150
    post = Post(uuid4(), "key", datetime.now(UTC), "", family, "")
    meters = meters_of(Bluesky(), Account(uuid4(), "bluesky", "ada"), post)
    assert [(each.used, each.unit, each.is_over) for each in meters if each.name == "Text"] == [
        (150, "characters", False),
        (150 * 25, "bytes", True),
    ]


async def test_the_event_of_a_publication_is_shown_as_it_is_sent(db: AsyncSession) -> None:
    due = datetime(2030, 6, 1, 9, tzinfo=UTC)
    publication = Publication(
        id=uuid4(),
        workspace_id=uuid4(),
        content_hash=bytes(32),
        post=posts.pack(FrozenPost("The fox", "It jumps.", "<p>It jumps.</p>")),
        wall_time=due.replace(tzinfo=None),
        zone="UTC",
        due_at=due,
        next_at=due,
    )
    account = ChannelAccount(workspace_id=publication.workspace_id, channel="webhook", name="Ours", secrets=b"")
    shown = await previewing.of_publication(db, publication, account, Webhook())
    assert str(publication.id) in shown
    assert "2030-06-01T09:00:00Z" in shown
