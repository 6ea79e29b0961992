"""Calls to the outside: to hosts that people named, so every address is looked at, every wait and answer limited.

A call says whether it `changes` something there. If such a call breaks off after the connection stood, nobody here
knows whether it was carried out: that is Remedy.UNKNOWN, and never made again blindly. Redirects are not followed: they
turn a POST into a GET and lead past the look at the address; each comes back as the answer it is.
"""

import ipaddress
import json
import socket
import ssl
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

import anyio
import httpx

from server.publishing.remedies import ChannelError, Remedy

CONNECT_SECONDS: Final = 10.0
ANSWER_SECONDS: Final = 30.0
UPLOAD_SECONDS: Final = 300.0
MAX_ANSWER_BYTES: Final = 4 * 1024 * 1024
MAX_EVIDENCE_CHARACTERS: Final = 300
# Calls at a time of one process; further ones wait within their own limit.
MAX_CONNECTIONS: Final = 32
# What zlib calls the format of gzip, with its largest window.
_GZIP: Final = 16 + zlib.MAX_WBITS
# Ways to write an IPv4 address in IPv6 that nobody needs to be called by: a translator of one's own, compatible, SIIT.
_IPV4_INSIDE: Final = tuple(ipaddress.ip_network(net) for net in ("64:ff9b:1::/48", "::/96", "::ffff:0:0:0/96"))
# What no registry of this Python knows yet, or knows no longer: documentation, segments of routes, the old site's own.
_IPV6_APART: Final = tuple(ipaddress.ip_network(net) for net in ("3fff::/20", "5f00::/16", "fec0::/10"))
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whole. `changes`: whether the call was one that changes something."""

    status: int
    headers: Mapping[str, str]  # names in small letters
    body: bytes = field(repr=False)
    changes: bool = False

    @property
    def is_success(self) -> bool:
        """Whether the status is one of the 200s."""
        return self.status // 100 == 2

    def value(self) -> object:
        """Read the body as JSON.

        Raises ChannelError if it is none: an answer that nobody can read, to a call that may have been carried out,
        leaves open what happened.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            remedy = Remedy.UNKNOWN if self.changes and self.is_success else Remedy.RETRY
            raise ChannelError(
                remedy, "It answered with something that is not JSON.", evidence=self.evidence
            ) from error

    def entries(self) -> dict[str, Any]:
        """Read the body as a JSON object. Raises ChannelError as `value` does."""
        value = self.value()
        if not isinstance(value, dict):
            remedy = Remedy.UNKNOWN if self.changes and self.is_success else Remedy.RETRY
            raise ChannelError(remedy, "It answered with JSON of another form.", evidence=self.evidence)
        return value

    @property
    def evidence(self) -> str:
        """The answer in short, for whoever has to judge it."""
        words = " ".join(self.body[: 4 * MAX_EVIDENCE_CHARACTERS].decode("utf-8", "replace").split())
        return f"HTTP {self.status}: {words}"[:MAX_EVIDENCE_CHARACTERS]

    def retry_after_seconds(self, now: datetime | None = None) -> float | None:
        """How long `Retry-After` asks to wait, given as seconds or as a date."""
        said = self.headers.get("retry-after", "").strip()
        if not said:
            return None
        if said.isascii() and said.isdigit():
            return float(said[:9])
        try:
            until = parsedate_to_datetime(said)
        except ValueError:
            return None
        if until.tzinfo is None:
            until = until.replace(tzinfo=UTC)
        return max(0.0, (until - (now or datetime.now(UTC))).total_seconds())


@dataclass(frozen=True, slots=True)
class Http:
    """A way to the network. Made by `open_http`; channels get it from the publisher."""

    client: httpx.AsyncClient = field(repr=False)
    answer_seconds: float = ANSWER_SECONDS

    async def call(
        self,
        method: str,
        url: str,
        *,
        changes: bool,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        body: object = None,
        form: Mapping[str, str | Sequence[str]] | None = None,
        content: bytes | None = None,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
        auth: tuple[str, str] | None = None,
        seconds: float | None = None,
    ) -> Answer:
        """Make one call and return the answer, whatever its status.

        `body` is sent as JSON, `form` as a form (multipart with `files`: field to name, bytes, content type), `content`
        as it is. `seconds`: for the whole call, instead of the usual limit. Raises ChannelError: RETRY if nothing was
        carried out, UNKNOWN if it may have been.
        """
        lost = Remedy.UNKNOWN if changes else Remedy.RETRY
        try:
            host = urlsplit(url).hostname or url[:200]
            request = self.client.build_request(
                method,
                url,
                headers=dict(headers or {}),
                params=httpx.QueryParams(params) if params is not None else None,
                json=body,
                data=dict(form) if form is not None else None,
                content=content,
                files=dict(files) if files is not None else None,
            )
        except (httpx.InvalidURL, ValueError) as error:
            raise ChannelError(Remedy.RECONNECT, f"{url[:200]} is not an address that can be called.") from error
        try:
            with anyio.fail_after(seconds or self.answer_seconds):
                response = await self.client.send(
                    request, auth=httpx.BasicAuth(*auth) if auth else None, stream=True, follow_redirects=False
                )
                try:
                    content_read = await _read(response)
                finally:
                    with anyio.CancelScope(shield=True), anyio.move_on_after(1):
                        await response.aclose()
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise ChannelError(Remedy.RETRY, f"{host} cannot be reached.", evidence=type(error).__name__) from error
        except (TimeoutError, httpx.TimeoutException) as error:
            raise ChannelError(lost, f"{host} did not answer in time.", evidence="no answer") from error
        except httpx.UnsupportedProtocol as error:
            raise ChannelError(Remedy.RECONNECT, "Only https:// addresses can be called.") from error
        except (httpx.HTTPError, _TooMuch) as error:
            raise ChannelError(lost, f"The connection to {host} broke off.", evidence=type(error).__name__) from error
        return Answer(
            response.status_code,
            {name.lower(): value for name, value in response.headers.items()},
            content_read,
            changes,
        )


def open_http(
    *, private_networks: bool = False, answer_seconds: float = ANSWER_SECONDS, user_agent: str = "Quillroom"
) -> Http:
    """Make a way to the network; close it with `http.client.aclose()`.

    `private_networks`: whether hosts of this machine and of private networks may be called, and those without TLS.
    """
    return Http(
        httpx.AsyncClient(
            transport=_Looking(private_networks=private_networks),
            timeout=httpx.Timeout(answer_seconds, connect=CONNECT_SECONDS),
            headers={"User-Agent": user_agent, "Accept-Encoding": "identity"},
            # A proxy in the environment would look up the names by itself, and reach what must not be reached.
            trust_env=False,
        ),
        answer_seconds,
    )


class _TooMuch(Exception):
    """An answer is longer than anybody has to read, or packed in a way that hides how long it is."""


async def _read(response: httpx.Response) -> bytes:
    """Read an answer whole, as far as the bound allows; raises _TooMuch.

    As it came over the wire: httpx would unpack a packed one without any bound, as often as it says that it is packed.
    """
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in {"", "identity", "gzip", "x-gzip"}:
        raise _TooMuch
    read = bytearray()
    async for chunk in response.aiter_raw():
        read += chunk
        if len(read) > MAX_ANSWER_BYTES:
            raise _TooMuch
    return bytes(read) if encoding in {"", "identity"} else _unpacked(bytes(read))


def _unpacked(packed: bytes) -> bytes:
    """Unpack what a host packed though it was asked not to, once, as far as the bound allows. Raises _TooMuch."""
    unpacking = zlib.decompressobj(_GZIP)
    try:
        read = unpacking.decompress(packed, MAX_ANSWER_BYTES + 1)
    except zlib.error:
        raise _TooMuch from None
    if len(read) > MAX_ANSWER_BYTES or unpacking.unconsumed_tail or not unpacking.eof:
        raise _TooMuch
    return read


class _Looking(httpx.AsyncBaseTransport):
    """Resolves each host itself, refuses private addresses, and connects to exactly the address it looked at."""

    def __init__(self, *, private_networks: bool) -> None:
        self._private_networks = private_networks
        # Connections are not kept: the pool knows them by address alone, and one that was made and certified for
        # another host at the same address would be taken.
        self._inner = httpx.AsyncHTTPTransport(
            verify=_trusted(),
            trust_env=False,
            limits=httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=0),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        addresses = await _resolve(host, request.url.port or (443 if request.url.scheme == "https" else 80))
        allowed = [address for address in addresses if self._private_networks or is_public(address)]
        if not allowed:
            raise ChannelError(
                Remedy.RECONNECT,
                f"{host} is in a private network. QUILLROOM_CHANNEL_PRIVATE_NETWORKS=true allows that.",
            )
        if request.url.scheme != "https" and is_public(allowed[0]):
            raise ChannelError(Remedy.RECONNECT, f"{host} must be called with https://, so that nobody listens.")
        request.extensions = {**request.extensions, "sni_hostname": host}
        request.url = request.url.copy_with(host=allowed[0])
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


@cache
def _trusted() -> ssl.SSLContext:
    """Return whom the world trusts; read once, as it takes longer than all else that begins with an application."""
    return httpx.create_ssl_context(trust_env=False)


async def _resolve(host: str, port: int) -> list[str]:
    try:
        with anyio.fail_after(CONNECT_SECONDS):
            found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError) as error:
        raise httpx.ConnectError(f"{host} is not known") from error
    return [str(address[0]) for *_, address in found]


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet, also seen through what carries IPv4 in IPv6."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        if ip in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
        if ip.sixtofour is not None or ip.teredo is not None or any(ip in net for net in (*_IPV4_INSIDE, *_IPV6_APART)):
            return False
    return ip.is_global and not ip.is_multicast
