"""The channel in docs/channels.md is one: it passes the contract of all channels."""

import re
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from server.publishing.channel import Account, Caller, Channel, Connection
from server.publishing.http import open_http
from server.publishing.remedies import ChannelError, Remedy
from tests.server.publishing import test_contract as contract
from tests.server.publishing.elsewhere.running import running
from tests.server.publishing.subjects.subject import Subject, a_post, an_id

_PAGE = Path(__file__).resolve().parents[3] / "docs" / "channels.md"
_TOKEN = "t0ken"


@dataclass
class _Notices:
    put_up: dict[str, str] = field(default_factory=dict)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/me", self.me),
                Route("/notices/{name}", self.put, methods=["PUT"]),
                Route("/notices/{name}", self.take_down, methods=["DELETE"]),
            ]
        )

    def seen(self) -> list[str]:
        return list(self.put_up.values())

    async def me(self, request: Request) -> Response:
        return self._refusal(request) or JSONResponse({"name": "Ada", "id": 7})

    async def put(self, request: Request) -> Response:
        refusal = self._refusal(request)
        if refusal is None:
            self.put_up[request.path_params["name"]] = (await request.json())["text"]
        return refusal or Response(status_code=204)

    async def take_down(self, request: Request) -> Response:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        return Response(status_code=404 if self.put_up.pop(request.path_params["name"], None) is None else 204)

    def _refusal(self, request: Request) -> Response | None:
        return None if request.headers.get("authorization") == f"Bearer {_TOKEN}" else Response("who?", 401)


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    [source] = re.findall(r'```python\n("""A noticeboard.*?)```', _PAGE.read_text("utf-8"), re.DOTALL)
    path = tmp_path_factory.mktemp("example") / "board_channel.py"
    path.write_text(source, "utf-8")
    spec = spec_from_file_location("board_channel", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["board_channel"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["board_channel"]


@pytest.fixture
async def subject(board: ModuleType) -> AsyncIterator[Subject]:
    async with _opened(board.Board()) as opened:
        yield opened


@asynccontextmanager
async def _opened(channel: Channel) -> AsyncIterator[Subject]:
    notices = _Notices()
    http = open_http(private_networks=True, answer_seconds=5)
    async with http.client, running(notices.app()) as place:
        connected = await channel.connect(http, {"site": place.url, "token": _TOKEN}, app={}, return_to="")
        assert isinstance(connected, Connection)
        account = Account(an_id(), "board", connected.name, connected.base_url, secrets=connected.secrets)
        yield Subject(channel, Caller(http, account), place, notices.seen)


async def test_it_keeps_what_every_channel_keeps(board: ModuleType) -> None:
    for promise in (
        contract.test_it_publishes_once_and_says_where,
        contract.test_an_account_can_be_looked_at,
        contract.test_what_was_published_can_be_taken_back,
        contract.test_what_was_published_can_be_changed,
    ):
        async with _opened(board.Board()) as subject:
            await promise(subject)
    for loss in (
        contract.test_whatever_call_breaks_off_it_is_there_once_or_a_person_is_asked,
        contract.test_a_publisher_that_dies_after_any_step_makes_no_second_post,
    ):
        async with _opened(board.Board()) as subject:
            await loss(subject, a_post)


async def test_it_says_what_is_too_long_and_who_is_not_let_in(subject: Subject) -> None:
    [problem] = subject.channel.validate(a_post(subject, "x" * 501), subject.caller.account)
    assert problem.sentence == "501 characters are too many: 500 fit. Shorten the text."

    with pytest.raises(ChannelError) as refused:
        await subject.channel.connect(
            subject.caller.http, {"site": subject.place.url, "token": "other"}, app={}, return_to=""
        )
    assert refused.value.remedy is Remedy.RECONNECT
