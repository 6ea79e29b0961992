import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.server.web.site import SECURE, browser, site


def policy_of(answer: httpx.Response) -> dict[str, list[str]]:
    parts = [part.split() for part in answer.headers["content-security-policy"].split(";")]
    return {part[0]: part[1:] for part in parts}


async def test_a_page_may_load_from_here_only() -> None:
    async with browser(site()) as client:
        answer = await client.get("/page")
    policy = policy_of(answer)
    assert policy["default-src"] == ["'none'"]
    assert policy["script-src"] == policy["style-src"] == policy["form-action"] == policy["font-src"] == ["'self'"]
    assert policy["connect-src"] == ["'self'", "ws://quillroom.test"]
    assert policy["base-uri"] == policy["frame-ancestors"] == ["'none'"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "private, no-cache"
    assert "strict-transport-security" not in answer.headers


async def test_https_is_kept_to() -> None:
    async with browser(site(public_url=SECURE), url=SECURE) as client:
        answer = await client.get("/page")
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    assert policy_of(answer)["connect-src"] == ["'self'", "wss://quillroom.test"]


@pytest.mark.parametrize("host", ["x; script-src *", "a b", "evil'", "x,y", "é", ""])
async def test_a_host_header_cannot_write_into_the_policy(host: str) -> None:
    async with browser(site()) as client:
        answer = await client.get("/page", headers=[(b"host", host.encode("latin-1"))])
    assert policy_of(answer)["connect-src"] == ["'self'"]
    assert policy_of(answer)["script-src"] == ["'self'"]


async def test_errors_carry_the_headers_too() -> None:
    async with browser(site()) as client:
        answer = await client.get("/nowhere")
    assert answer.status_code == 404
    assert policy_of(answer)["default-src"] == ["'none'"]


async def test_a_response_with_a_policy_of_its_own_keeps_it() -> None:
    async def file(_request: Request) -> Response:
        return Response(headers={"Content-Security-Policy": "sandbox", "Cache-Control": "max-age=5"})

    async with browser(site(routes=[Route("/file", file)])) as client:
        answer = await client.get("/file")
    assert answer.headers["content-security-policy"] == "sandbox"
    assert answer.headers["cache-control"] == "max-age=5"
    assert answer.headers["x-content-type-options"] == "nosniff"
