import html
import re
from collections.abc import AsyncIterator

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from server import errors
from tests.server.web.site import PLAIN, browser, site

CASES = [
    (errors.Forbidden(), 403),
    (errors.NotFound(), 404),
    (HTTPException(404), 404),
    (errors.Conflict(), 409),
    (errors.TooLarge(), 413),
    (errors.Invalid({"title": "Fill this in."}), 422),
    (errors.TooMany(90), 429),
    (RuntimeError("secret of the inside"), 500),
    (errors.Unavailable(), 503),
    (RedisConnectionError("secret of the inside"), 503),
    # A private Postgres whose socket is gone, and a file of ours that is missing.
    (FileNotFoundError(2, "secret of the inside"), 503),
    (FileNotFoundError(2, "No such file", "secret of the inside"), 500),
    (OperationalError("SELECT secret of the inside", {}, Exception("secret of the inside")), 503),
]


def raising(error: Exception) -> list[Route]:
    async def fail(_request: Request) -> Response:
        raise error

    return [Route("/fail", fail), Route("/api/v1/fail", fail)]


@pytest.mark.parametrize(("error", "status"), CASES)
async def test_a_person_gets_a_page(error: Exception, status: int) -> None:
    async with browser(site(routes=raising(error))) as client:
        answer = await client.get("/fail")
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["cache-control"] == "no-store"
    assert "<h1>" in answer.text
    assert "secret of the inside" not in answer.text
    if isinstance(error, errors.DomainError):
        assert str(error) in html.unescape(answer.text)


@pytest.mark.parametrize(("error", "status"), CASES)
async def test_a_program_gets_a_problem(error: Exception, status: int) -> None:
    async with browser(site(routes=raising(error))) as client:
        answer = await client.get("/api/v1/fail")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert "secret of the inside" not in answer.text


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (errors.NotFound(), "urn:quillroom:problem:not-found"),
        (errors.TooMany(5), "urn:quillroom:problem:too-many"),
        (RedisConnectionError(), "urn:quillroom:problem:unavailable"),
        (RuntimeError(), "about:blank"),
    ],
)
async def test_programs_can_tell_problems_apart(error: Exception, kind: str) -> None:
    async with browser(site(routes=raising(error))) as client:
        assert (await client.get("/api/v1/fail")).json()["type"] == kind


async def test_a_problem_names_the_fields_at_fault() -> None:
    async with browser(site(routes=raising(errors.Invalid({"title": "Fill this in."})))) as client:
        problem = (await client.get("/api/v1/fail")).json()
    assert problem["errors"] == [{"field": "title", "detail": "Fill this in."}]


async def test_who_came_too_often_learns_when_to_come_back() -> None:
    async with browser(site(routes=raising(errors.TooMany(90)))) as client:
        assert (await client.get("/fail")).headers["retry-after"] == "90"
        assert (await client.get("/api/v1/fail")).headers["retry-after"] == "90"


@pytest.mark.parametrize(
    ("method", "path", "headers", "again"),
    [
        ("GET", "/fail?q=a%20b&view=trash", {}, "/fail?q=a%20b&amp;view=trash"),
        ("POST", "/fail", {"Referer": "http://quillroom.test/documents/7"}, "/documents/7"),
        ("GET", "/fail", {"HX-Request": "true", "HX-Current-URL": "http://quillroom.test/documents"}, "/documents"),
    ],
)
async def test_what_does_not_answer_now_is_asked_for_again(
    method: str, path: str, headers: dict[str, str], again: str
) -> None:
    async def fail(_request: Request) -> Response:
        raise errors.Unavailable

    async with browser(site(routes=[Route("/fail", fail, methods=["GET", "POST"])])) as client:
        answer = await client.request(method, path, headers={"Authorization": "Bearer qr_x", **headers})
    assert answer.status_code == 503
    assert re.search(rf'<a [^>]*href="{re.escape(again)}"[^>]*data-error-action[^>]*>\s*<span>Try again', answer.text)


@pytest.mark.parametrize("path", ["//evil.example/x", "/\\evil.example", "/%5Cevil.example"])
async def test_an_address_that_would_leave_the_site_is_not_asked_for_again(path: str) -> None:
    async def fail(_request: Request) -> Response:
        raise errors.Unavailable

    async with browser(site(routes=[Route("/{rest:path}", fail)])) as client:
        answer = await client.get(f"{PLAIN}{path}")
    assert answer.status_code == 503
    assert not re.search(r'href="(//|/\\|[^"/])[^"]*evil', answer.text)


async def test_nobody_is_led_to_the_sign_in_page_and_back() -> None:
    async with browser(site(routes=raising(errors.Unauthenticated()))) as client:
        answer = await client.get("/fail?a=b")
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/fail%3Fa%3Db")
        fragment = await client.get("/fail", headers={"HX-Request": "true", "HX-Current-URL": "http://x/documents/7"})
        assert fragment.headers["hx-redirect"] == "/sign-in?next=/documents/7"
        problem = await client.get("/api/v1/fail")
        assert (problem.status_code, problem.headers["www-authenticate"]) == (401, 'Bearer realm="quillroom"')


async def test_htmx_gets_a_page_with_the_sentence_to_show() -> None:
    async with browser(site(routes=raising(errors.Conflict("It was renamed.")))) as client:
        answer = await client.get("/fail", headers={"HX-Request": "true", "Accept": "*/*"})
    assert answer.status_code == 409
    assert "data-error-detail>It was renamed." in answer.text


async def test_a_script_of_a_page_gets_a_problem() -> None:
    async with browser(site(routes=raising(errors.TooLarge()))) as client:
        answer = await client.get("/fail", headers={"Accept": "*/*", "Sec-Fetch-Dest": "empty"})
    assert answer.headers["content-type"] == "application/problem+json"


async def test_the_wrong_method_is_said_with_the_right_ones() -> None:
    async with browser(site()) as client:
        page = await client.get("/change")
        problem = await client.get("/api/v1/change")
    assert (page.status_code, page.headers["allow"]) == (405, "POST")
    assert (problem.status_code, problem.headers["allow"]) == (405, "POST")
    assert problem.headers["content-type"] == "application/problem+json"


async def test_methods_of_every_route_at_an_address_are_named() -> None:
    async def fine(request: Request) -> Response:
        return Response()

    routes = [Route("/notes", fine, methods=["GET"]), Route("/notes", fine, methods=["DELETE"]), Route("/other", fine)]
    async with browser(site(routes=routes)) as client:
        answer = await client.patch("/notes", headers={"Authorization": "Bearer qr_x"})
    assert (answer.status_code, answer.headers["allow"]) == (405, "DELETE, GET, HEAD")


async def test_what_was_asked_for_is_shown_as_text() -> None:
    async with browser(site(routes=raising(errors.NotFound("No <script>alert(1)</script>")))) as client:
        answer = await client.get("/fail")
    assert "<script>alert" not in answer.text


async def test_an_answer_that_has_begun_is_broken_off_not_completed_with_a_page() -> None:
    async def begun(_request: Request) -> Response:
        async def chunks() -> AsyncIterator[bytes]:
            yield b"begun"
            message = "half way"
            raise RuntimeError(message)

        return StreamingResponse(chunks())

    app = site(routes=[Route("/begun", begun)])
    async with browser(app) as client:
        answer = await client.get("/begun")
    assert answer.text == "begun"
