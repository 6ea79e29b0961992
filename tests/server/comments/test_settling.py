"""A thread about a suggestion ends with it, and is taken up again when it stands again."""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette

from server.documents.schema import mark, text
from tests.server.documents.programs import program
from tests.server.suggestions.test_recording import Desk, block, desk, whose

__all__ = ["desk"]
Json = dict[str, Any]


async def test_a_thread_ends_with_its_suggestion_and_is_taken_up_with_it(app: Starlette, desk: Desk) -> None:
    ada, rex = desk.ada, desk.rex
    comments = f"/documents/{desk.document.id}/comments"
    suggested = block(text("One "), text("new ", [mark("insertion", whose(rex))]), text("old line."))
    about = {"author_id": str(rex.id), "id": "s1"}
    async with program(app, desk.sessions, ada) as owner, program(app, desk.sessions, rex) as reviewer:

        async def thread() -> Json:
            [found] = (await owner.ask("GET", comments)).json()["threads"]
            return dict(found)

        unknown = await owner.ask("POST", comments, json={"text": "Why?", "suggestion": about})
        assert unknown.status_code == 409
        await desk.says(suggested, by=[rex])
        begun = await owner.ask("POST", comments, json={"text": "Why?", "suggestion": about, "place": {"quote": "new"}})
        assert begun.status_code == 201, begun.text
        assert begun.json()["suggestion"]["sentences"] == ["Add “new ”"]
        # There is one thread about it, whoever begins it twice.
        again = await reviewer.ask("POST", comments, json={"text": "It is short.", "suggestion": about})
        assert again.json()["id"] == begun.json()["id"]
        assert [each["text"] for each in (await thread())["comments"]] == ["Why?", "It is short."]
        answer = await reviewer.ask(
            "POST", comments, json={"text": "x", "suggestion": about, "thread_id": begun.json()["id"]}
        )
        assert answer.status_code == 422

        # Who decides tells so; the document says that it was done.
        decisions = f"/documents/{desk.document.id}/suggestions/decisions"
        told = await owner.ask("POST", decisions, json={"verdict": "rejected", "suggestions": [about]})
        assert told.status_code == 204, told.text
        assert (await thread())["resolved_at"] is None
        await desk.says(block(text("One old line.")), by=[rex, ada])
        ended = await thread()
        assert (ended["suggestion"]["state"], ended["suggestion"]["decided_by"]["name"]) == ("rejected", "Ada Lovelace")
        assert ended["resolved_by"]["name"] == "Ada Lovelace"
        assert (await owner.ask("GET", comments, params={"state": "open"})).json()["threads"] == []
        # Undone, both stand again; what somebody put aside by hand stays so.
        await desk.says(suggested, by=[ada])
        reopened = await thread()
        assert (reopened["suggestion"]["state"], reopened["resolved_at"]) == ("pending", None)
        await owner.ask("POST", f"{comments}/{reopened['comments'][0]['id']}/resolve")
        await desk.says(block(text("One old line.")), by=[ada])
        await desk.says(suggested, by=[ada])
        assert (await thread())["resolved_at"] is not None


async def test_who_may_tell_what_became_of_suggestions(app: Starlette, desk: Desk) -> None:
    rex, ada = desk.rex, desk.ada
    path = f"/documents/{desk.document.id}/suggestions"
    names = [f"s{n}" for n in range(3)]
    pieces = [text(name, [mark("insertion", whose(rex, name))]) for name in names]
    await desk.says(block(text("One "), *pieces), by=[rex])
    own = [{"author_id": str(rex.id), "id": name} for name in names]
    async with program(app, desk.sessions, ada) as owner, program(app, desk.sessions, rex) as reviewer:
        for verdict, which in (("accepted", own), ("rejected", [{"author_id": str(ada.id), "id": "a"}])):
            answer = await reviewer.ask("POST", f"{path}/decisions", json={"verdict": verdict, "suggestions": which})
            assert answer.status_code == 403
        withdrawn = {"verdict": "rejected", "suggestions": own[:1]}
        assert (await reviewer.ask("POST", f"{path}/decisions", json=withdrawn)).status_code == 204
        await desk.says(block(text("One "), text("s1"), pieces[2]), by=[rex, ada])
        # Told a moment late: what happened is known, and now also by whom.
        accepted = {"verdict": "accepted", "suggestions": own[1:2]}
        assert (await owner.ask("POST", f"{path}/decisions", json=accepted)).status_code == 204

        async def listed(state: str, **query: Any) -> Json:
            answer = await owner.ask("GET", path, params={"state": state, **query})
            assert answer.status_code == 200, answer.text
            return dict(answer.json())

        everything = (await listed("all"))["suggestions"]
        assert {each["id"]: (each["state"], (each["decided_by"] or {}).get("name")) for each in everything} == {
            "s0": ("withdrawn", "Rex"),
            "s1": ("accepted", "Ada Lovelace"),
            "s2": ("pending", None),
        }
        assert [each["id"] for each in (await listed("accepted"))["suggestions"]] == ["s1"]
        page = await listed("all", limit=2)
        rest = await listed("all", limit=2, cursor=page["next_cursor"])
        assert (len(page["suggestions"]), len(rest["suggestions"]), rest["next_cursor"]) == (2, 1, None)
        for state, cursor in (("all", "x"), ("all", "W10="), ("pending", "-1"), ("pending", "x")):
            answer = await owner.ask("GET", path, params={"state": state, "cursor": cursor})
            assert answer.status_code == 422
