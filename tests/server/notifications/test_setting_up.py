"""What an operator sets, and what they are told about it."""

import pytest
from pydantic import ValidationError

from server.doctor import Finding, examine
from server.notifications.transport import Later, MailServer, check, server_at
from server.settings import Settings
from tests.server.notifications.catch_all import CatchAll, Fault


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example.org", MailServer("mail.example.org", 587)),
        ("smtp://localhost:25", MailServer("localhost", 25)),
        ("smtps://ada:a%40b%2Fc@mail.example.org", MailServer("mail.example.org", 465, True, "ada", "a@b/c")),
    ],
)
def test_addresses_of_mail_servers(url: str, server: MailServer) -> None:
    assert server_at(url) == server
    assert Settings(smtp_url=url, smtp_from="a@b.example").smtp_url == url


@pytest.mark.parametrize(
    "url", ["mail.example.org", "http://mail.example.org", "smtp://", "smtp://host:port", "smtp://[x"]
)
def test_what_is_no_address_of_one_is_said_without_the_password(url: str) -> None:
    with pytest.raises(ValidationError, match="must look like smtp://"):
        Settings(smtp_url=url, smtp_from="a@b.example")


@pytest.mark.parametrize("sender", ["Quillroom", "a b@c", "Quillroom <x>", "A <a@b.example>\r\nBcc: c@d.example"])
def test_a_sender_is_an_address(sender: str) -> None:
    with pytest.raises(ValidationError, match="must look like Quillroom"):
        Settings(smtp_url="smtp://localhost", smtp_from=sender)


def test_a_mail_server_needs_a_sender() -> None:
    with pytest.raises(ValidationError, match="QUILLROOM_SMTP_FROM"):
        Settings(smtp_url="smtp://localhost")


async def _finding(settings: Settings) -> Finding:
    return next(finding for finding in await examine(settings) if finding.what == "Mail")


async def test_the_doctor_looks_at_the_mail_server(settings: Settings, mailing: Settings, caught: CatchAll) -> None:
    nothing = await _finding(settings)
    assert (nothing.fine, "QUILLROOM_SMTP_URL" in nothing.words) == (True, True)
    assert (await _finding(mailing)).fine
    caught.faults = [Fault.GONE_AT_START]
    assert not (await _finding(mailing)).fine
    assert not caught.taken


async def test_a_password_is_not_sent_in_the_open(caught: CatchAll, monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    from server.notifications import transport

    monkeypatch.setattr(transport, "_LOOPBACK", frozenset[str]())
    with pytest.raises(Later, match="not sent without"):
        await asyncio.to_thread(check, MailServer("127.0.0.1", caught.port, user="ada", password="secret"))
