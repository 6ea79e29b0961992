"""Comments over the API: what each operation does, and what it refuses to whom."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import delete, event, select, update
from sqlmodel import col
from starlette.applications import Starlette

from server.accounts.models import User
from server.comments import threads
from server.comments.models import MAX_QUOTE_CHARACTERS, MAX_TEXT_CHARACTERS, Comment
from server.db import Sessions
from server.documents.models import Collaborator, Document, DocumentRole
from server.events import Event, Stream
from server.notifications.models import Attention, DocumentAttention, PersonalNotice
from server.workspaces.models import Role
from tests.factories import make_member, make_team, name_on
from tests.server.documents.programs import Program, program

Json = dict[str, Any]
START = {"item": {"client": 7, "clock": 3}, "assoc": 0}
PLACE = {
    "kind": "text",
    "anchor": {"start": START, "end": {"type": {"client": 7, "clock": 1}, "assoc": -1}},
    "block_id": "b-1",
    "quote": "the aim",
    "before": "This is ",
    "after": " of it.",
}


@dataclass
class Office:
    """A document that only named people see, each program named for its role there."""

    app: Starlette
    path: str
    document_id: str
    owner: Program
    editor: Program
    reviewer: Program
    viewer: Program
    nobody: Program
    stream: Stream
    known: set[UUID] = field(default_factory=set)

    async def say(self, who: Program, text: str = "Why?", **fields: Any) -> Json:
        answer = await who.ask("POST", self.path, json={"text": text, **fields})
        assert answer.status_code == 201, answer.text
        thread: Json = answer.json()
        return thread

    async def threads(self, who: Program | None = None, **query: Any) -> list[Json]:
        answer = await (who or self.owner).ask("GET", self.path, params=query)
        assert answer.status_code == 200, answer.text
        found: list[Json] = answer.json()["threads"]
        return found

    async def noted(self) -> list[tuple[str, str, str]]:
        """Return what was noted since the last time: for whom, of what kind, and the words."""
        async with self.app.state.sessions() as db:
            rows = [each for each in await db.scalars(select(PersonalNotice)) if each.id not in self.known]
            names = {each.id: each.name for each in await db.scalars(select(User))}
        self.known |= {each.id for each in rows}
        assert all(each.path.startswith(f"/documents/{self.document_id}#comment-") for each in rows)
        return sorted((names[each.user_id], each.kind, each.text) for each in rows)

    async def hear(self) -> Event:
        while True:
            heard = await anext(self.stream)
            if heard.name == "comments":
                return heard


@pytest.fixture
async def office(app: Starlette, sessions: Sessions) -> AsyncIterator[Office]:
    ada, workspace = await make_team(sessions, name="Ada Lovelace")
    async with program(app, sessions, ada) as owner, AsyncExitStack() as stack:
        document_id = await owner.create(title="Plan", content="This is the aim of it.")
        async with sessions.begin() as db:
            document = await db.get_one(Document, document_id)
            people = [
                await make_member(db, workspace, role=Role.GUEST, name=name) for name in ("Eve", "Rex", "Vic", "Nil")
            ]
            for person, role in zip(
                people, (DocumentRole.EDITOR, DocumentRole.REVIEWER, DocumentRole.VIEWER), strict=False
            ):
                await name_on(db, document, person, role)
        editor, reviewer, viewer, nobody = [
            await stack.enter_async_context(program(app, sessions, person)) for person in people
        ]
        stream = await stack.enter_async_context(app.state.events.subscribe(workspace.id))
        yield Office(
            app, f"/documents/{document_id}/comments", document_id, owner, editor, reviewer, viewer, nobody, stream
        )


def refused(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    return str(answer.json()["detail"])


def fields(answer: httpx.Response) -> set[str]:
    assert answer.status_code == 422, answer.text
    return {each["field"] for each in answer.json()["errors"]}


@contextmanager
def counted(app: Starlette) -> Iterator[list[str]]:
    engine = app.state.sessions.kw["bind"].sync_engine
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def test_a_thread_goes_its_way_and_open_pages_hear_of_each_step(office: Office) -> None:
    thread = await office.say(office.reviewer, "Is it?", place=PLACE)
    assert (await office.hear()).data == {"document_id": office.document_id, "thread_id": thread["id"]}
    assert thread["place"]["quote"] == "the aim"
    start = thread["place"]["anchor"]["start"]
    assert {name: value for name, value in start.items() if value is not None} == START
    [first] = thread["comments"]
    assert (first["text"], first["author"]["name"], first["edited_at"]) == ("Is it?", "Rex", None)

    answered = await office.say(office.editor, "It is.", thread_id=thread["id"])
    assert [each["text"] for each in answered["comments"]] == ["Is it?", "It is."]
    await office.hear()
    changed = await office.reviewer.ask("PUT", f"{office.path}/{first['id']}", json={"text": "Is it really?"})
    assert changed.json()["comments"][0]["edited_at"] is not None
    await office.hear()
    for _ in range(2):
        resolved = await office.editor.ask("POST", f"{office.path}/{first['id']}/resolve")
        assert resolved.json()["resolved_by"]["name"] == "Eve"
        await office.hear()
    assert await office.threads(state="open") == []
    assert await office.threads(office.viewer, state="resolved") == [resolved.json()]
    reopened = await office.editor.ask("POST", f"{office.path}/{answered['comments'][1]['id']}/reopen")
    assert reopened.json()["resolved_at"] is None
    assert await office.threads(state="open") == [reopened.json()]


async def test_an_answer_reopens_what_was_resolved(office: Office) -> None:
    thread = await office.say(office.reviewer)
    await office.owner.ask("POST", f"{office.path}/{thread['comments'][0]['id']}/resolve")
    assert (await office.say(office.reviewer, "Not yet.", thread_id=thread["id"]))["resolved_at"] is None


async def test_each_role_may_what_the_table_says(office: Office) -> None:
    thread = await office.say(office.owner, place=PLACE)
    comment = f"{office.path}/{thread['comments'][0]['id']}"
    asked = [
        ("POST", office.path, {"text": "Hm."}),
        ("POST", office.path, {"text": "Hm.", "thread_id": thread["id"]}),
        ("PUT", f"{comment}/place", PLACE),
        ("PUT", f"{comment}/reactions", {"reactions": ["heart"]}),
        ("GET", f"{office.path}/people", None),
    ]
    for method, path, body in asked:
        for who, status in ((office.viewer, {403}), (office.nobody, {404}), (office.reviewer, {200, 201})):
            answer = await who.ask(method, path, **({"json": body} if body else {}))
            assert answer.status_code in status, (method, path, answer.text)
    for who, may in ((office.viewer, [False] * 3), (office.reviewer, [True, False, False]), (office.owner, [True] * 3)):
        told = (await who.ask("GET", office.path)).json()
        assert [told["may_comment"], told["may_resolve_any"], told["may_delete_any"]] == may
    refused(await office.nobody.ask("GET", office.path), 404)
    # A reviewer resolves their own threads, an editor any; words belong to whoever wrote them.
    refused(await office.reviewer.ask("POST", f"{comment}/resolve"), 403)
    assert (await office.editor.ask("POST", f"{comment}/resolve")).status_code == 200
    refused(await office.reviewer.ask("POST", f"{comment}/reopen"), 403)
    refused(await office.editor.ask("PUT", comment, json={"text": "Mine"}), 403)
    refused(await office.editor.ask("DELETE", comment), 403)
    own = await office.say(office.reviewer)
    assert (await office.reviewer.ask("POST", f"{office.path}/{own['comments'][0]['id']}/resolve")).status_code == 200
    assert (await office.owner.ask("DELETE", f"{office.path}/{own['comments'][0]['id']}")).status_code == 204


async def test_a_comment_belongs_to_its_document(office: Office) -> None:
    thread = await office.say(office.owner)
    other = f"/documents/{await office.owner.create()}/comments"
    comment = thread["comments"][0]["id"]
    refused(await office.owner.ask("PUT", f"{other}/{comment}", json={"text": "x"}), 404)
    refused(await office.owner.ask("POST", f"{other}/{comment}/resolve"), 404)
    refused(await office.owner.ask("POST", other, json={"text": "x", "thread_id": thread["id"]}), 404)
    refused(await office.owner.ask("DELETE", f"{office.path}/{uuid4()}"), 404)
    refused(await office.owner.ask("POST", other, json={"text": "x", "id": comment}), 409)


async def test_what_was_answered_leaves_an_empty_place_and_the_last_takes_the_thread(office: Office) -> None:
    thread = await office.say(office.reviewer, "First")
    answered = await office.say(office.editor, "Second", thread_id=thread["id"])
    first, second = (f"{office.path}/{each['id']}" for each in answered["comments"])
    await office.reviewer.ask("PUT", f"{first}/reactions", json={"reactions": ["eyes"]})
    assert (await office.reviewer.ask("DELETE", first)).status_code == 204
    [left] = await office.threads()
    assert [(each["text"], each["deleted"], each["reactions"]) for each in left["comments"]] == [
        ("", True, []),
        ("Second", False, []),
    ]
    refused(await office.reviewer.ask("PUT", first, json={"text": "again"}), 404)
    assert (await office.editor.ask("DELETE", second)).status_code == 204
    assert await office.threads() == []
    refused(await office.editor.ask("POST", office.path, json={"text": "x", "thread_id": thread["id"]}), 404)


async def test_a_repeated_request_adds_nothing(office: Office) -> None:
    sent = {"text": "Once", "place": PLACE, "id": str(uuid4())}
    made = [(await office.reviewer.ask("POST", office.path, json=sent)).json() for _ in range(2)]
    assert made[0] == made[1]
    answer = {"text": "Also once", "thread_id": made[0]["id"], "id": str(uuid4())}
    for _ in range(2):
        assert (await office.owner.ask("POST", office.path, json=answer)).status_code == 201
    [thread] = await office.threads()
    assert [each["text"] for each in thread["comments"]] == ["Once", "Also once"]


async def test_people_are_mentioned_who_can_see_it(office: Office) -> None:
    found = (await office.reviewer.ask("GET", f"{office.path}/people")).json()["people"]
    assert [each["name"] for each in found] == ["Ada Lovelace", "Eve", "Rex", "Vic"]
    found = (await office.reviewer.ask("GET", f"{office.path}/people", params={"q": "love"})).json()["people"]
    assert [each["name"] for each in found] == ["Ada Lovelace"]
    ada, nobody = found[0]["id"], office.nobody.user.id
    thread = await office.say(office.reviewer, f"Ask <@{ada}>, and <@{ada}> again")
    assert thread["comments"][0]["mentions"] == found
    for who in (nobody, uuid4()):
        assert fields(await office.reviewer.ask("POST", office.path, json={"text": f"<@{who}>?"})) == {"text"}


async def test_whom_it_concerns_hears_of_it_once(office: Office, sessions: Sessions) -> None:
    eve, vic = office.editor.user.id, office.viewer.user.id
    async with sessions.begin() as db:
        for user_id in (vic, office.nobody.user.id):
            following = Attention.FOLLOWING.value
            db.add(DocumentAttention(user_id=user_id, document_id=UUID(office.document_id), attention=following))
    sent = {"place": PLACE, "id": str(uuid4())}
    for _ in range(2):
        thread = await office.say(office.reviewer, f"Is it, <@{eve}>?", **sent)
    # Whoever follows a document but may not see it any more hears nothing.
    assert await office.noted() == [
        ("Ada Lovelace", "reply", "Is it, @Eve?"),
        ("Eve", "mention", "Is it, @Eve?"),
        ("Vic", "reply", "Is it, @Eve?"),
    ]
    async with sessions() as db:
        [mention] = await db.scalars(select(PersonalNotice).where(col(PersonalNotice.user_id) == eve))
    assert (mention.title, mention.quote, mention.document_id) == ("Plan", "the aim", UUID(office.document_id))
    assert mention.path.endswith(thread["comments"][0]["id"])

    answered = await office.say(office.owner, f"Ask <@{vic}>.", thread_id=thread["id"])
    assert await office.noted() == [
        ("Eve", "reply", "Ask @Vic."),
        ("Rex", "reply", "Ask @Vic."),
        ("Vic", "mention", "Ask @Vic."),
    ]
    path = f"{office.path}/{answered['comments'][1]['id']}"
    for text in (f"Ask <@{vic}> or <@{eve}>!", f"Ask <@{eve}>."):
        await office.owner.ask("PUT", path, json={"text": text})
    assert await office.noted() == [("Eve", "mention", "Ask @Vic or @Eve!")]

    async with sessions.begin() as db:
        await db.execute(delete(Collaborator).where(col(Collaborator.user_id) == eve))
    for act, kind in (("resolve", "resolution"), ("reopen", "reopening")):
        for _ in range(2):
            assert (await office.owner.ask("POST", f"{path}/{act}")).status_code == 200
        assert await office.noted() == [("Rex", kind, "Is it, @Eve?")]


async def test_what_is_deleted_is_taken_back_from_those_who_were_told(office: Office, sessions: Sessions) -> None:
    thread = await office.say(office.reviewer, f"<@{office.editor.user.id}>!", place=PLACE)
    answered = await office.say(office.editor, "What?", thread_id=thread["id"])
    first, second = (f"{office.path}/{each['id']}" for each in answered["comments"])
    await office.editor.ask("POST", f"{first}/resolve")
    assert len(await office.noted()) == 5

    async def left() -> set[str]:
        async with sessions() as db:
            return {each.kind for each in await db.scalars(select(PersonalNotice))}

    await office.reviewer.ask("DELETE", first)
    assert await left() == {"reply"}
    await office.editor.ask("DELETE", second)
    assert await left() == set()


async def test_reactions_count_each_person_once(office: Office) -> None:
    thread = await office.say(office.owner)
    comment = f"{office.path}/{thread['comments'][0]['id']}"
    for who in (office.editor, office.editor, office.reviewer):
        last = await who.ask("PUT", f"{comment}/reactions", json={"reactions": ["heart"]})
    [heart] = last.json()["comments"][0]["reactions"]
    assert (heart["kind"], [each["name"] for each in heart["people"]]) == ("heart", ["Eve", "Rex"])
    last = await office.editor.ask("PUT", f"{comment}/reactions", json={"reactions": ["eyes", "done", "eyes"]})
    told = {each["kind"]: [one["name"] for one in each["people"]] for each in last.json()["comments"][0]["reactions"]}
    assert told == {"heart": ["Rex"], "eyes": ["Eve"], "done": ["Eve"]}
    last = await office.editor.ask("PUT", f"{comment}/reactions", json={"reactions": []})
    assert [each["kind"] for each in last.json()["comments"][0]["reactions"]] == ["heart"]
    wrong = await office.owner.ask("PUT", f"{comment}/reactions", json={"reactions": ["rocket"]})
    assert fields(wrong) == {"reactions.0"}


async def test_a_thread_moves_to_another_place(office: Office) -> None:
    thread = await office.say(office.owner, place=PLACE)
    await office.hear()
    place = {"kind": "block", "anchor": None, "block_id": "b-2", "quote": "", "before": "", "after": ""}
    path = f"{office.path}/{thread['comments'][0]['id']}/place"
    moved = (await office.editor.ask("PUT", path, json=place)).json()
    assert moved["place"] == place
    assert (await office.hear()).data["thread_id"] == thread["id"]
    assert await office.threads() == [moved]


async def test_who_only_comments_attaches_the_threads_of_others_to_the_same_words_alone(office: Office) -> None:
    thread = await office.say(office.owner, place=PLACE)
    path = f"{office.path}/{thread['comments'][0]['id']}/place"
    elsewhere = {**PLACE, "block_id": "b-9", "before": "Here is ", "after": " again."}
    # As a browser does by itself when words were cut and pasted.
    moved = await office.reviewer.ask("PUT", path, json=elsewhere)
    assert moved.json()["place"]["block_id"] == "b-9"
    for wrong in (
        {**elsewhere, "quote": "the aims"},
        {**elsewhere, "kind": "block"},
        {"kind": "block", "block_id": "b-9"},
        {},
    ):
        refused(await office.reviewer.ask("PUT", path, json=wrong), 403)
    assert await office.threads() == [moved.json()]
    own = await office.say(office.reviewer, place=PLACE)
    theirs = f"{office.path}/{own['comments'][0]['id']}/place"
    assert (await office.reviewer.ask("PUT", theirs, json={"quote": "the goal"})).status_code == 200
    # About the whole document: there are no words that could have come back.
    whole = await office.say(office.owner)
    refused(await office.reviewer.ask("PUT", f"{office.path}/{whole['comments'][0]['id']}/place", json={}), 403)


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, {"text"}),
        ({"text": " \n\u200b "}, {"text"}),
        ({"text": "x" * (MAX_TEXT_CHARACTERS + 1)}, {"text"}),
        ({"text": "x", "colour": 1}, {"colour"}),
        ({"text": "x", "place": {**PLACE, "kind": "page"}}, {"place.kind"}),
        ({"text": "x", "place": {**PLACE, "quote": "x" * (MAX_QUOTE_CHARACTERS + 1)}}, {"place.quote"}),
        ({"text": "x", "place": {**PLACE, "block_id": "a b"}}, {"place.block_id"}),
        ({"text": "x", "place": {**PLACE, "anchor": {"start": START}}}, {"place.anchor.end"}),
        ({"text": "x", "place": {"anchor": {"start": START, "end": {"tname": "meta"}}}}, {"place.anchor.end.tname"}),
        (
            {"text": "x", "place": {"anchor": {"start": {"item": {"client": -1, "clock": 0}}, "end": START}}},
            {"place.anchor.start.item.client"},
        ),
        ({"text": "x", "place": {"anchor": {"start": {"code": "x"}, "end": START}}}, {"place.anchor.start.code"}),
        ({"text": "x", "place": PLACE, "thread_id": str(uuid4())}, {"place"}),
    ],
)
async def test_what_cannot_be_used_is_refused_by_its_field(office: Office, body: Json, wrong: set[str]) -> None:
    assert fields(await office.reviewer.ask("POST", office.path, json=body)) == wrong
    assert await office.threads() == []


async def test_words_are_kept_as_lines_without_what_cannot_be_seen(office: Office) -> None:
    thread = await office.say(office.reviewer, "  One\r\n\ttwo\x07\x00 \n", place={**PLACE, "quote": "a\x00b "})
    assert thread["comments"][0]["text"] == "One\n\ttwo"
    assert thread["place"]["quote"] == "ab "


async def test_in_the_trash_threads_are_read_and_not_changed(office: Office) -> None:
    thread = await office.say(office.reviewer)
    await office.owner.ask("DELETE", f"/documents/{office.document_id}")
    told = (await office.reviewer.ask("GET", office.path)).json()
    assert (told["threads"], told["may_comment"]) == ([thread], False)
    refused(await office.reviewer.ask("POST", office.path, json={"text": "x"}), 409)
    refused(await office.reviewer.ask("POST", f"{office.path}/{thread['comments'][0]['id']}/resolve"), 409)


async def test_a_list_is_paged_without_gaps_and_one_thread_can_be_asked_for(office: Office) -> None:
    ids = [(await office.say(office.reviewer, f"Number {number}"))["id"] for number in range(5)]
    found: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        page = (await office.viewer.ask("GET", office.path, params=query)).json()
        found += [each["id"] for each in page["threads"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert found == ids
    assert [each["id"] for each in await office.threads(thread_id=ids[2])] == [ids[2]]
    assert await office.threads(thread_id=str(uuid4())) == []
    for cursor in ("x", "W10=", "WyIyMDI2LTAxLTAxVDAwOjAwOjAwIiwgIngiXQ=="):
        assert fields(await office.owner.ask("GET", office.path, params={"cursor": cursor})) == {"cursor"}


async def test_a_long_list_takes_no_more_statements_than_a_short_one(office: Office) -> None:
    async def cost() -> int:
        with counted(office.app) as statements:
            await office.threads(office.viewer, limit=100)
        return len(statements)

    for who in (office.reviewer, office.editor):
        thread = await office.say(who, f"<@{office.owner.user.id}>")
        await office.owner.ask(
            "PUT", f"{office.path}/{thread['comments'][0]['id']}/reactions", json={"reactions": ["heart"]}
        )
    short = await cost()
    for number in range(12):
        who = (office.owner, office.editor, office.reviewer)[number % 3]
        thread = await office.say(who, f"<@{office.viewer.user.id}> {number}")
        await office.say(office.owner, "So?", thread_id=thread["id"])
        await office.reviewer.ask(
            "PUT", f"{office.path}/{thread['comments'][0]['id']}/reactions", json={"reactions": ["eyes"]}
        )
    assert await cost() == short


async def test_a_program_in_a_loop_is_told_to_wait(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "MAX_IN_A_MINUTE", 3)
    thread = await office.say(office.reviewer)
    for _ in range(2):
        await office.say(office.reviewer, thread_id=thread["id"])
    for body in ({"text": "More"}, {"text": "More", "thread_id": thread["id"]}):
        answer = await office.reviewer.ask("POST", office.path, json=body)
        assert "Go on in" in refused(answer, 429)
        assert 0 < int(answer.headers["Retry-After"]) <= 60
    # Others write on, and so do they when the minute is over.
    await office.say(office.editor)
    async with office.app.state.sessions.begin() as db:
        await db.execute(update(Comment).values(created_at=col(Comment.created_at) - timedelta(minutes=1)))
    await office.say(office.reviewer, "More")
    assert len(await office.threads()) == 3


async def test_who_wants_more_open_threads_resolves_some(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "MAX_OPEN_THREADS", 2)
    first, _ = [await office.say(office.reviewer) for _ in range(2)]
    assert "Resolve some" in refused(await office.reviewer.ask("POST", office.path, json={"text": "Third"}), 409)
    await office.say(office.editor, "Answers are taken.", thread_id=first["id"])
    its = f"{office.path}/{first['comments'][0]['id']}"
    assert (await office.editor.ask("POST", f"{its}/resolve")).status_code == 200
    await office.say(office.reviewer, "Third")
    # It is as full again: what was resolved stays so.
    refused(await office.editor.ask("POST", f"{its}/reopen"), 409)
    refused(await office.editor.ask("POST", office.path, json={"text": "Still", "thread_id": first["id"]}), 409)


async def test_one_comment_sent_several_times_at_once_is_one(office: Office) -> None:
    body = {"text": "Once", "id": str(uuid4()), "place": PLACE}
    answers = await asyncio.gather(*(office.editor.ask("POST", office.path, json=body) for _ in range(5)))
    assert {each.status_code for each in answers} <= {201, 409}
    [thread] = await office.threads()
    assert [each["text"] for each in thread["comments"]] == ["Once"]
    assert (await office.editor.ask("POST", office.path, json=body)).status_code == 201
