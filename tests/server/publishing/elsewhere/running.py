"""Runs an application as a server of its own on this machine, and breaks chosen calls."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Fault(StrEnum):
    """What goes wrong with a call."""

    NOT_TAKEN = "not_taken"  # the connection breaks off before anything was done
    ANSWER_LOST = "answer_lost"  # the request is carried out, then the connection breaks off
    SILENCE = "silence"  # the request is carried out, and no answer ever comes
    BUSY = "busy"  # 503, nothing done


@dataclass
class Place:
    """A running server. `calls`: what came, "METHOD /path", in order; `faults`: by number of the call, from 0."""

    url: str
    calls: list[str] = field(default_factory=list)
    faults: dict[int, Fault] = field(default_factory=dict)
    _open: set["asyncio.Event"] = field(default_factory=set)

    def breaks(self, fault: Fault, *, after: int = 0) -> None:
        """Let the call that comes after so many others, from now, go wrong."""
        self.faults[len(self.calls) + after] = fault


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def running(app: ASGIApp) -> AsyncIterator[Place]:
    """Serve `app` on a free port of this machine until the context ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    place = Place(f"http://127.0.0.1:{listener.getsockname()[1]}")
    config = uvicorn.Config(
        _breaking(app, place), http="h11", ws="none", lifespan="off", log_config=None, timeout_graceful_shutdown=1
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started:
            await asyncio.sleep(0.005)
        yield place
    finally:
        for waiting in place._open:
            waiting.set()
        server.should_exit = True
        await serving
        listener.close()


def _breaking(app: ASGIApp, place: Place) -> ASGIApp:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        number = len(place.calls)
        place.calls.append(f"{scope['method']} {scope['path']}")
        fault = place.faults.pop(number, None)
        if fault is Fault.NOT_TAKEN:
            _hang_up(send)
            return
        if fault is Fault.BUSY:
            await send({"type": "http.response.start", "status": 503, "headers": [(b"retry-after", b"1")]})
            await send({"type": "http.response.body", "body": b"busy"})
            return
        if fault is None:
            await app(scope, receive, send)
            return

        async def swallow(message: Message) -> None:
            """Keep the answer back: the request is carried out, and its sender does not hear of it."""

        await app(scope, receive, swallow)
        if fault is Fault.SILENCE:
            end = asyncio.Event()
            place._open.add(end)
            await end.wait()
        _hang_up(send)

    return broken


def _hang_up(send: Callable[..., object]) -> None:
    # `send` is a method of uvicorn's cycle of one request, which knows its connection; ASGI cannot break one off.
    cycle = send.__self__  # type: ignore[attr-defined]  # bound method
    cycle.transport.abort()
    # Nobody is left to answer: without this uvicorn would say so in its log.
    cycle.disconnected = True
    cycle.response_started = True
    cycle.response_complete = True
