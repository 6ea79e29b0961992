"""Calls to hosts that people named: looked at first, limited, and honest about what is not known."""

import asyncio
import gzip
import tracemalloc
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from server.publishing import http as module
from server.publishing.http import MAX_ANSWER_BYTES, Answer, Http, is_public, open_http
from server.publishing.remedies import ChannelError, Remedy
from tests.server.publishing.elsewhere.running import Fault, Place, running


async def echo(request: Request) -> Response:
    words = await request.body()
    return PlainTextResponse(
        words + request.headers["host"].encode(), headers={"x-agent": request.headers["user-agent"]}
    )


async def away(request: Request) -> Response:
    return RedirectResponse("/echo", 302)


async def endless(request: Request) -> Response:
    return PlainTextResponse("x" * (MAX_ANSWER_BYTES + 1))


async def packed(request: Request) -> Response:
    """Answer with what is asked for, packed so often."""
    words, times = b"x" * int(request.query_params["size"]), int(request.query_params["times"])
    for _ in range(times):
        words = gzip.compress(words)
    how = request.query_params.get("how") or ", ".join(["gzip"] * times)
    return Response(words, headers={"content-encoding": how, "x-asked": request.headers["accept-encoding"]})


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    app = Starlette(
        routes=[
            Route(path, act, methods=["GET", "POST"])
            for path, act in (("/echo", echo), ("/away", away), ("/much", endless), ("/packed", packed))
        ]
    )
    async with running(app) as place:
        yield place


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    http = open_http(private_networks=True, answer_seconds=1)
    yield http
    await http.client.aclose()


async def test_an_answer_comes_whole_and_a_redirect_as_it_is(place: Place, http: Http) -> None:
    answer = await http.call("POST", f"{place.url}/echo", changes=True, content=b"Hello ")
    assert answer.is_success
    # The name stands in the request, although the connection is to the address that was looked at.
    assert answer.body.decode() == f"Hello {place.url.removeprefix('http://')}"
    assert (await http.call("GET", f"{place.url}/away", changes=False)).status == 302


@pytest.mark.parametrize("remedy", [Remedy.UNKNOWN, Remedy.RETRY])
@pytest.mark.parametrize("fault", [Fault.ANSWER_LOST, Fault.SILENCE, None])
async def test_what_breaks_off_is_unknown_only_if_it_could_have_changed_something(
    place: Place, http: Http, fault: Fault | None, remedy: Remedy
) -> None:
    if fault is not None:
        place.breaks(fault)
    path = "/echo" if fault is not None else "/much"

    with pytest.raises(ChannelError) as failed:
        await http.call("POST", f"{place.url}{path}", changes=remedy is Remedy.UNKNOWN, content=b"x")

    assert failed.value.remedy is remedy


async def test_who_cannot_be_reached_did_nothing(http: Http) -> None:
    listener = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    listener.close()
    await listener.wait_closed()

    for address in (f"http://127.0.0.1:{port}/", "http://no-such-host.invalid/"):
        with pytest.raises(ChannelError) as failed:
            await http.call("POST", address, changes=True)
        assert failed.value.remedy is Remedy.RETRY


@pytest.mark.parametrize(
    "address", ["ftp://example.org/", "//example.org/", "https://", "http://[::1", "javascript:1", ""]
)
async def test_what_is_no_address_of_the_web_is_not_called(http: Http, address: str) -> None:
    with pytest.raises(ChannelError) as failed:
        await http.call("GET", address, changes=False)
    assert failed.value.remedy in {Remedy.RECONNECT, Remedy.RETRY}


async def test_private_networks_are_not_called_unless_allowed_by_whatever_name(place: Place) -> None:
    http = open_http()
    port = place.url.rpartition(":")[2]
    for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0x7f.1", "2130706433"):
        with pytest.raises(ChannelError) as failed:
            await http.call("GET", f"http://{host}:{port}/echo", changes=False)
        assert "private network" in str(failed.value) or failed.value.remedy is Remedy.RETRY
    assert place.calls == []
    await http.client.aclose()


async def test_a_name_that_leads_inside_is_refused_and_public_ones_need_tls(
    monkeypatch: pytest.MonkeyPatch, place: Place
) -> None:
    addresses = {"inside.test": ["10.0.0.7"], "outside.test": ["93.184.216.34"]}

    async def resolve(host: str, port: int) -> list[str]:
        return addresses[host]

    monkeypatch.setattr(module, "_resolve", resolve)
    http = open_http(private_networks=False)
    with pytest.raises(ChannelError, match="private network"):
        await http.call("GET", "https://inside.test/", changes=False)
    with pytest.raises(ChannelError, match="https://"):
        await http.call("GET", "http://outside.test/", changes=False)
    await http.client.aclose()


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:93.184.216.34", "64:ff9b::5db8:d822"]
)
def test_addresses_of_the_open_internet(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "10.1.2.3",
        "127.0.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "::1",
        "fe80::1%eth0",
        "fd00::1",
        "fec0::1",
        "3fff::1",
        "5f00::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "2002:a00:1::",
        "64:ff9b:1::7f00:1",
        "::127.0.0.1",
        "::ffff:0:127.0.0.1",
        "no address",
    ],
)
def test_addresses_that_lead_inside_or_nowhere(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("120", 120),
        ("Sat, 21 Nov 2026 12:01:00 GMT", 60),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0),
        ("soon", None),
        ("", None),
        ("-5", None),
    ],
)
def test_when_to_come_back_is_read_as_seconds_or_as_a_date(said: str, seconds: float | None) -> None:
    answer = Answer(429, {"retry-after": said} if said else {}, b"")
    assert answer.retry_after_seconds(datetime(2026, 11, 21, 12, tzinfo=UTC)) == seconds


def test_an_answer_that_nobody_can_read_leaves_open_what_happened() -> None:
    for body in (b"<html>", b"[1]"):
        with pytest.raises(ChannelError) as failed:
            Answer(200, {}, body, changes=True).entries()
        assert failed.value.remedy is Remedy.UNKNOWN
        assert failed.value.evidence
        with pytest.raises(ChannelError) as failed:
            Answer(200, {}, body, changes=False).entries()
        assert failed.value.remedy is Remedy.RETRY


async def test_an_answer_that_is_packed_all_the_same_is_unpacked_once(place: Place, http: Http) -> None:
    answer = await http.call("GET", f"{place.url}/packed?size=1000&times=1", changes=False)

    assert answer.body == b"x" * 1000
    assert answer.headers["x-asked"] == "identity"


@pytest.mark.parametrize(
    "query",
    [
        "size=40000000&times=1",
        "size=40000000&times=2",
        "size=1000&times=2",
        "size=1000&times=1&how=br",
        "size=1000&times=0&how=gzip",
    ],
)
async def test_no_answer_unpacks_to_more_than_anybody_has_to_read(place: Place, http: Http, query: str) -> None:
    asked = f"{place.url}/packed?{query}"
    tracemalloc.start()
    try:
        with pytest.raises(ChannelError):
            await http.call("GET", asked, changes=False, seconds=30)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    # The server of the test, in this very process, holds the whole of it once.
    assert most < 40_000_000 + 4 * MAX_ANSWER_BYTES
