from collections.abc import AsyncIterator

import httpx
import pytest

from server.web import csrf
from server.web.bodies import MAX_FORM_BYTES
from tests.server.web.site import PLAIN, SECURE, browser, site


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with browser(site()) as client:
        yield client


async def token(client: httpx.AsyncClient) -> str:
    return (await client.get("/page")).text


async def test_a_form_of_ours_passes_and_the_route_reads_all_of_it(client: httpx.AsyncClient) -> None:
    answer = await client.post("/change", data={"csrf": await token(client), "note": "grüße 👩‍🚀"})
    assert (answer.status_code, answer.json()) == (200, {"note": "grüße 👩‍🚀"})


async def test_a_script_of_ours_passes_with_the_header(client: httpx.AsyncClient) -> None:
    sent = await token(client)
    answer = await client.post("/upload", content=b"x" * 100_000, headers={"X-CSRF-Token": sent})
    assert answer.json() == {"bytes": 100_000}


async def test_every_page_has_a_token_of_its_own_and_all_work(client: httpx.AsyncClient) -> None:
    first, second = await token(client), await token(client)
    assert first != second
    for sent in (first, second):
        assert (await client.post("/change", data={"csrf": sent})).status_code == 200


@pytest.mark.parametrize("sent", ["", "x", "é", "A" * 64, "A" * 10_000, "\0", None])
async def test_a_wrong_or_missing_token_is_refused(client: httpx.AsyncClient, sent: str | None) -> None:
    await token(client)
    answer = await client.post("/change", data={"note": "x"} if sent is None else {"csrf": sent})
    assert answer.status_code == 403
    assert "<h1>This page is out of date</h1>" in answer.text
    assert "Reload it" in answer.text


async def test_a_page_that_is_out_of_date_leads_back_to_itself(client: httpx.AsyncClient) -> None:
    for headers in (
        {"Referer": "http://quillroom.test/documents?view=trash"},
        {"HX-Request": "true", "HX-Current-URL": "http://quillroom.test/documents?view=trash"},
    ):
        answer = await client.post("/change", headers=headers)
        assert 'href="/documents?view=trash"' in answer.text
    for address in ("http://evil.example//evil.example/x", "javascript:alert(1)", "http://[x", "/\\evil.example"):
        answer = await client.post("/change", headers={"Referer": address})
        assert answer.status_code == 403
        assert "evil" not in answer.text
        assert "alert" not in answer.text


async def test_two_tokens_are_not_one(client: httpx.AsyncClient) -> None:
    sent = await token(client)
    body = f"csrf=wrong&csrf={sent}"
    answer = await client.post("/change", content=body, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 403


async def test_the_token_of_another_browser_is_refused(client: httpx.AsyncClient) -> None:
    async with browser(site()) as other:
        foreign = await token(other)
    await token(client)
    assert (await client.post("/change", data={"csrf": foreign})).status_code == 403


async def test_without_any_cookie_there_is_no_right_token(client: httpx.AsyncClient) -> None:
    sent = await token(client)
    client.cookies.clear()
    assert (await client.post("/change", data={"csrf": sent})).status_code == 403


async def test_a_token_does_not_travel_in_the_address_or_in_another_kind_of_body(client: httpx.AsyncClient) -> None:
    sent = await token(client)
    assert (await client.post(f"/change?csrf={sent}")).status_code == 403
    assert (await client.post("/change", json={"csrf": sent})).status_code == 403
    assert (await client.post("/change", files={"csrf": (None, sent)})).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "http://quillroom.test.evil.example"},
        {"Origin": "http://quillroom.test:8080"},
        {"Origin": "null"},
        {"Origin": "garbage"},
        {"Origin": "http://[evil"},
        {"Origin": PLAIN, "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "nonsense"},
    ],
)
async def test_another_site_is_refused_even_with_the_right_token(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    answer = await client.post("/change", data={"csrf": await token(client)}, headers=headers)
    assert answer.status_code == 403
    assert "another site" in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": PLAIN},
        {"Origin": "http://quillroom.test:80"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
        # Typed into the address bar, or a page reloaded.
        {"Sec-Fetch-Site": "none"},
    ],
)
async def test_our_own_pages_pass(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    answer = await client.post("/change", data={"csrf": await token(client)}, headers=headers)
    assert answer.status_code == 200


async def test_a_proxy_that_renames_the_host_and_ends_https_is_no_other_site() -> None:
    async with browser(site(public_url=SECURE), url="http://10.0.0.7:8000") as client:
        client.cookies.set("__Host-quillroom_visit", "v" * 43)
        answer = await client.post("/change", data={"csrf": csrf.issue("v" * 43)}, headers={"Origin": SECURE})
    assert answer.status_code == 200


async def test_a_bearer_token_needs_no_page(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v1/change", headers={"Authorization": "Bearer qr_x"})
    assert answer.status_code == 200


async def test_the_api_with_a_cookie_needs_the_token_and_says_so_as_a_problem(client: httpx.AsyncClient) -> None:
    sent = await token(client)
    refused = await client.post("/api/v1/change")
    assert (refused.status_code, refused.headers["content-type"]) == (403, "application/problem+json")
    assert (await client.post("/api/v1/change", headers={"X-CSRF-Token": sent})).status_code == 200


async def test_a_program_without_any_proof_is_asked_for_its_token(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v1/change", headers={"Accept": "*/*"})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="quillroom"')


async def test_a_form_that_is_too_long_is_not_read_to_its_end(client: httpx.AsyncClient) -> None:
    sent = await token(client)
    answer = await client.post("/change", data={"csrf": sent, "note": "x" * MAX_FORM_BYTES})
    assert answer.status_code == 413

    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield b"x" * 8192

    answer = await client.post(
        "/change", content=endless(), headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert answer.status_code == 413
    assert read <= MAX_FORM_BYTES // 8192 + 2


async def test_a_form_with_thousands_of_fields_is_refused(client: httpx.AsyncClient) -> None:
    body = "&".join(f"f{number}=1" for number in range(5000)) + f"&csrf={await token(client)}"
    answer = await client.post("/change", content=body, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 403


async def test_the_visit_cookie_comes_only_with_a_page_that_holds_a_token(client: httpx.AsyncClient) -> None:
    assert "set-cookie" not in (await client.get("/style")).headers
    cookie = (await client.get("/page")).headers["set-cookie"]
    assert cookie.startswith("quillroom_visit=")
    assert "httponly" in cookie.lower()
    assert "samesite=lax" in cookie.lower()
    assert "secure" not in cookie.lower()
    assert "set-cookie" not in (await client.get("/page")).headers


async def test_over_https_cookies_are_bound_to_the_host() -> None:
    async with browser(site(public_url=SECURE), url=SECURE) as client:
        cookie = (await client.get("/page")).headers["set-cookie"]
        assert cookie.startswith("__Host-quillroom_visit=")
        assert "secure" in cookie.lower()
        assert "path=/" in cookie.lower()
        assert "domain" not in cookie.lower()
