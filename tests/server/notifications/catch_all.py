"""A mail server that takes everything, keeps it, and fails in the ways a test asks for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from enum import Enum, auto


class Fault(Enum):
    """What goes wrong."""

    BUSY_AT_RCPT = auto()  # 451
    REFUSED_AT_RCPT = auto()  # 550
    REFUSED_AT_MAIL = auto()  # 553: about the sender
    BUSY_AFTER_TEXT = auto()  # 452
    REFUSED_AFTER_TEXT = auto()  # 554
    GONE_AT_START = auto()
    GONE_AT_DATA = auto()  # before it said 354
    GONE_AFTER_TEXT = auto()  # it has the mail and says nothing
    SLOW = auto()  # waits for `go_on` before it takes the text


@dataclass
class Taken:
    """A mail that was taken."""

    sender: str
    recipient: str
    text: bytes

    @property
    def message(self) -> EmailMessage:
        message = message_from_bytes(self.text, policy=default)
        assert isinstance(message, EmailMessage)
        return message

    def part(self, kind: str) -> str:
        part = self.message.get_body(preferencelist=(kind,))
        assert part is not None
        return str(part.get_content()).replace("\r\n", "\n")


@dataclass
class CatchAll:
    """The server's state; `faults` are used up one after another, one for each connection."""

    port: int = 0
    taken: list[Taken] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    connections: int = 0
    asked_for_text: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self._talk(reader, writer, self.faults.pop(0) if self.faults else None)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, fault: Fault | None) -> None:
        def say(line: str) -> None:
            writer.write(line.encode() + b"\r\n")

        if fault is Fault.GONE_AT_START:
            return
        say("220 catch-all")
        sender = recipient = ""
        while line := (await reader.readline()).decode().strip():
            match line.split(":")[0].split()[0].upper():
                case "EHLO" | "HELO":
                    say("250-catch-all\r\n250-SMTPUTF8\r\n250 8BITMIME")
                case "MAIL":
                    sender = line
                    say("553 who are you" if fault is Fault.REFUSED_AT_MAIL else "250 fine")
                case "RCPT":
                    recipient = line.partition("<")[2].partition(">")[0]
                    refusals = {Fault.BUSY_AT_RCPT: "451 come again", Fault.REFUSED_AT_RCPT: "550 nobody here"}
                    say(refusals.get(fault, "250 fine") if fault else "250 fine")
                case "DATA":
                    if fault is Fault.GONE_AT_DATA:
                        return
                    say("354 go on")
                    self.asked_for_text.set()
                    text = (await reader.readuntil(b"\r\n.\r\n")).removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n.")
                    if fault is Fault.SLOW:
                        await self.go_on.wait()
                    if fault in {Fault.BUSY_AFTER_TEXT, Fault.REFUSED_AFTER_TEXT}:
                        say("452 come again" if fault is Fault.BUSY_AFTER_TEXT else "554 not that")
                        continue
                    self.taken.append(Taken(sender, recipient, text))
                    if fault is Fault.GONE_AFTER_TEXT:
                        return
                    say("250 taken")
                case "QUIT":
                    say("221 bye")
                    return
                case _:
                    say("250 fine")


@asynccontextmanager
async def open_catch_all() -> AsyncIterator[CatchAll]:
    """Listen on a free port of this machine."""
    caught = CatchAll()
    server = await asyncio.start_server(caught.serve, "127.0.0.1", 0)
    caught.port = server.sockets[0].getsockname()[1]
    try:
        yield caught
    finally:
        # Whoever still waits in a conversation must not hold up the end.
        caught.go_on.set()
        server.close()
