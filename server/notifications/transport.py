"""Speaking SMTP, in steps that say what a failure means. Blocking: for a thread, every wait limited.

A mail server acts on a mail only when it has its whole text. So `ask` goes as far as possible without it, whatever goes
wrong there is harmless, and `hand_over` does the one step that cannot be taken back.
"""

import contextlib
import re
import smtplib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, urlsplit

TIMEOUT_SECONDS: Final = 20.0
# The whole text has to be looked at by filters before the answer comes; RFC 5321 would wait ten minutes.
ANSWER_SECONDS: Final = 120.0
SUBMISSION_PORT: Final = 587
TLS_PORT: Final = 465
GO_ON: Final = 354
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_DOT_AT_START: Final = re.compile(rb"(?m)^\.")


class Later(Exception):
    """Nothing was sent. It may work another time: the server is away, busy, or set up wrongly."""


class Refused(Exception):
    """Nothing was sent, nor would be another time: the server does not take this mail, or not for this address."""


class Unknown(Exception):
    """The text was on its way when the connection was lost. Nobody can ask the server whether it took it."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in. With `tls` from the first byte on; else it is begun where the server offers it."""

    host: str
    port: int
    tls: bool = False
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def is_here(self) -> bool:
        """Whether it is on this machine, where nobody listens on the way."""
        return self.host in _LOOPBACK


def server_at(url: str) -> MailServer:
    """Read `smtp://user:password@host:587` or `smtps://…`. Raises ValueError with a sentence."""
    parts = urlsplit(url)
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
        message = "must look like smtp://user:password@host:587, or smtps:// with port 465"
        raise ValueError(message)
    tls = parts.scheme == "smtps"
    return MailServer(
        host=parts.hostname,
        port=parts.port or (TLS_PORT if tls else SUBMISSION_PORT),
        tls=tls,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


def check(server: MailServer) -> None:
    """Connect and sign in, as for a mail. Raises Later."""
    _end(_connect(server))


def ask(server: MailServer, *, sender: str, recipient: str) -> smtplib.SMTP:
    """Ask whether the server takes a mail from and to these addresses. Returns the open conversation.

    Raises Later, Refused.
    """
    conversation = _connect(server)
    try:
        with _later():
            options = _options(conversation, sender + recipient)
            # Who sends is the same for all mails: a refusal is about our settings, not about this mail.
            _expect(conversation.mail(sender, options), final=False)
            _expect(conversation.rcpt(recipient), final=True)
    except (Later, Refused):
        _end(conversation)
        raise
    return conversation


def hand_over(conversation: smtplib.SMTP, text: bytes) -> str:
    """Give the text (lines end with CRLF), wait for the answer and return it. Raises Later, Refused, Unknown."""
    try:
        with _later():
            code, answer = conversation.docmd("DATA")
        if code != GO_ON:
            _expect((code, answer), final=True)
            raise Later(_words(code, answer))
        if conversation.sock is not None:
            conversation.sock.settimeout(ANSWER_SECONDS)
        try:
            conversation.send(_DOT_AT_START.sub(b"..", text).removesuffix(b"\r\n") + b"\r\n.\r\n")
            code, answer = conversation.getreply()
        except (OSError, smtplib.SMTPException) as error:
            raise Unknown(f"The connection was lost while the mail was on its way ({type(error).__name__}).") from error
        _expect((code, answer), final=True)
        return _words(code, answer)
    finally:
        _end(conversation)


def drop(conversation: smtplib.SMTP) -> None:
    """Go away without having sent anything."""
    _end(conversation)


def _connect(server: MailServer) -> smtplib.SMTP:
    with _later():
        context = ssl.create_default_context()
        conversation: smtplib.SMTP
        if server.tls:
            conversation = smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT_SECONDS, context=context)
        else:
            conversation = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_SECONDS)
        try:
            _sign_in(conversation, server, context)
        except BaseException:
            conversation.close()
            raise
        return conversation


def _sign_in(conversation: smtplib.SMTP, server: MailServer, context: ssl.SSLContext) -> None:
    conversation.ehlo_or_helo_if_needed()
    if not server.tls and not server.is_here:
        if conversation.has_extn("starttls"):
            conversation.starttls(context=context)
            conversation.ehlo()
        elif server.user:
            raise Later("The mail server offers no TLS, and the password is not sent without it.")
    if server.user:
        conversation.login(server.user, server.password)


def _options(conversation: smtplib.SMTP, addresses: str) -> list[str]:
    """What a mail to these addresses needs of the server. Raises Refused if it has not got it."""
    if addresses.isascii():
        return []
    if not conversation.has_extn("smtputf8"):
        raise Refused("The mail server does not take addresses with letters beyond ASCII.")
    # The standard library writes commands in ASCII until it is told otherwise.
    conversation.command_encoding = "utf-8"
    return ["SMTPUTF8"]


@contextlib.contextmanager
def _later() -> Iterator[None]:
    """Take every failure of the conversation for one that may pass."""
    try:
        yield
    except smtplib.SMTPResponseException as error:
        raise Later(_words(error.smtp_code, error.smtp_error)) from error
    except (OSError, smtplib.SMTPException, ValueError) as error:
        raise Later(f"The mail server could not be spoken to ({type(error).__name__}).") from error


def _expect(reply: tuple[int, bytes], *, final: bool) -> None:
    """Raise Later or Refused unless the reply is yes. `final`: whether a no of the 500s is one for good."""
    code, answer = reply
    if code // 100 == 2:
        return
    if code // 100 == 5 and final:
        raise Refused(_words(code, answer))
    raise Later(_words(code, answer))


def _words(code: int, answer: bytes | str) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return f"{code} {' '.join(text.split())}"[:300]


def _end(conversation: smtplib.SMTP) -> None:
    with contextlib.suppress(OSError, smtplib.SMTPException):
        conversation.quit()
    conversation.close()
