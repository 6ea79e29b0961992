"""The OpenAPI document: valid, complete, and public."""

import json
import re
from pathlib import Path

import httpx
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.applications import Starlette
from starlette.routing import Route

from server.app import OPERATIONS
from server.settings import Settings
from server.web import openapi
from server.web.negotiation import preferred, strong_tags, tags
from server.web.operations import routes as routes_of

routes = routes_of(OPERATIONS)


def described() -> openapi.Json:
    info = {"title": "Quillroom", "version": "1", "description": ""}
    found = openapi.describe(OPERATIONS, info=info, server="http://quillroom.test", cookie="quillroom_session")
    # As programs get it: nothing in it may depend on Python.
    parsed: openapi.Json = json.loads(json.dumps(found))
    return parsed


def test_it_is_valid() -> None:
    OpenAPIV31SpecValidator(described()).validate()


def test_every_route_is_in_it_and_nothing_else() -> None:
    registered = {
        (method.lower(), route.path.replace(":uuid", "")) for route in routes for method in (route.methods or set())
    }
    written = {(method, path) for path, operations in described()["paths"].items() for method in operations}
    # HEAD comes with every GET.
    assert {each for each in registered if each[0] != "head"} == written
    assert all(route.path.startswith("/api/v1/") for route in routes)


def test_names_are_unique() -> None:
    names = [operation.name for operation in OPERATIONS]
    assert len(names) == len(set(names))
    assert len({(operation.method, operation.path) for operation in OPERATIONS}) == len(OPERATIONS)


def test_every_operation_says_who_may_ask_and_what_can_go_wrong() -> None:
    for path, operations in described()["paths"].items():
        for method, operation in operations.items():
            assert operation["description"]
            assert "default" in operation["responses"]
            if path == "/api/v1/openapi.json":
                assert operation["security"] == [{}]
                continue
            assert {"token": []} in operation["security"]
            assert ({"session": []} in operation["security"]) == (method == "get")
            assert "401" in operation["responses"]


def test_the_page_for_people_shows_every_operation() -> None:
    page = Path(__file__).parents[3].joinpath("docs/api.md").read_text(encoding="utf-8")
    shown = set()
    for call in re.findall(r"^q (.+)$", page, re.MULTILINE):
        path = re.split(r"[ ?]", call.replace('"', ""))[0]
        path = path.replace("$REVISION", "$DOCUMENT/revisions/{revision_id}")
        path = path.replace("$DOCUMENT", "$QUILLROOM/documents/{document_id}").replace("$QUILLROOM", "/api/v1")
        asked = re.search(r"--request ([A-Z]+)", call)
        shown.add((asked[1] if asked else "POST" if "--json" in call else "GET", path))
    wanted = {(operation.method, operation.path.replace(":uuid", "")) for operation in OPERATIONS}
    assert shown == wanted - {("GET", "/api/v1/openapi.json")}
    assert "/api/v1/openapi.json" in page


async def test_it_needs_no_token() -> None:
    app = Starlette(routes=[route for route in routes if isinstance(route, Route)])
    app.state.settings = Settings(base_url="https://quillroom.test")
    app.state.operations = OPERATIONS
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="https://quillroom.test") as client:
        found = (await client.get("/api/v1/openapi.json")).json()
    assert found["openapi"].startswith("3.1.")
    assert found["servers"] == [{"url": "https://quillroom.test"}]
    assert found["components"]["securitySchemes"]["session"]["name"] == "__Host-quillroom_session"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [("", "a/x"), ("b/y", "b/y"), ("a/*;q=0.2, b/*;q=0.3", "b/y"), ("c/z", None), (",", "a/x"), ("*/*;q=2", None)],
)
def test_preferences_are_weighed(accept: str, expected: str | None) -> None:
    assert preferred(accept, ["a/x", "b/y"]) == expected


def test_tags_are_read() -> None:
    assert tags('"a", W/"b",  "c,d"') == frozenset({"a", "b", "c,d"})
    assert strong_tags('"a", W/"b"') == frozenset({"a"})
    assert tags(" * ") is None
    assert strong_tags('"unfinished') == frozenset()
