"""A Mastodon server: where people agree, who an account is, and what the server takes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from server.publishing.channel import Account, Connection, Json
from server.publishing.channels.mastodon_calls import host_of, refused, whole
from server.publishing.http import Http
from server.publishing.remedies import ChannelError, Remedy


@dataclass(frozen=True, slots=True)
class Known:
    """Where a server lets people agree and gives tokens. `proves`: whether it knows PKCE with S256."""

    authorize_url: str
    token_url: str
    proves: bool


async def discovered(http: Http, base_url: str) -> Known:
    """Ask a server where people agree; older ones do not say, and have it where it always was. Raises ChannelError."""
    usual = Known(f"{base_url}/oauth/authorize", f"{base_url}/oauth/token", proves=False)
    answer = await http.call("GET", f"{base_url}/.well-known/oauth-authorization-server", changes=False)
    if answer.status // 100 == 5:
        raise refused(answer, f"{host_of(base_url)} did not say how to sign in")
    try:
        entries = answer.entries() if answer.is_success else {}
    except ChannelError:
        # Older servers and others answer with a page of their own.
        return usual
    addresses = [str(entries.get(name) or "") for name in ("authorization_endpoint", "token_endpoint")]
    # The secret and the code go to the server that was named, and nowhere else.
    if not all(address.startswith(f"{base_url}/") for address in addresses):
        addresses = [usual.authorize_url, usual.token_url]
    methods = entries.get("code_challenge_methods_supported")
    return Known(addresses[0], addresses[1], proves=isinstance(methods, list) and "S256" in methods)


def instance(said: str) -> str:
    """Read a server's address from what a person wrote: a host, an address, or an account's full name."""
    text = said.strip()
    address = text if "://" in text else "https://" + text.rpartition("@")[2]
    try:
        parts = urlsplit(address)
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode()
    except ValueError:
        parts, port, host = urlsplit(""), None, ""
    if parts.scheme not in {"http", "https"} or not host or parts.username or " " in host:
        sentence = f"“{text[:100]}” is not the address of a server. Write it like mastodon.social."
        raise ChannelError(Remedy.RECONNECT, sentence)
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")


def allows(scopes: Sequence[str], wanted: str) -> bool:
    """Whether scopes that were given hold another, by itself or in a wider one."""
    return wanted in scopes or wanted.partition(":")[0] in scopes


async def look(http: Http, base_url: str, tokens: Mapping[str, str]) -> Connection:
    """Ask who the account is and what its server takes. Raises ChannelError."""
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    answer = await http.call("GET", f"{base_url}/api/v1/accounts/verify_credentials", changes=False, headers=headers)
    if not answer.is_success:
        raise refused(answer, f"{host_of(base_url)} does not show the account")
    who = answer.entries()
    if not who.get("id"):
        sentence = f"{host_of(base_url)} does not say whose account it is."
        raise ChannelError(Remedy.OPERATOR, sentence, evidence=answer.evidence)
    facts = await _facts(http, base_url, headers)
    name = f"@{who.get('username') or who.get('acct') or '?'}@{facts.get('domain') or host_of(base_url)}"
    return Connection(name, base_url, str(who["id"]), facts, tokens)


async def _facts(http: Http, base_url: str, headers: Mapping[str, str]) -> dict[str, Json]:
    """Ask the server for its limits; where it says nothing, `_USUAL` holds."""
    answer = await http.call("GET", f"{base_url}/api/v2/instance", changes=False, headers=headers)
    if answer.status == 404:
        # Older servers, and some that are not Mastodon.
        answer = await http.call("GET", f"{base_url}/api/v1/instance", changes=False, headers=headers)
    if not answer.is_success:
        raise refused(answer, f"{host_of(base_url)} does not tell its limits")
    entries = answer.entries()
    configuration = _mapping(entries.get("configuration"))
    statuses = _mapping(configuration.get("statuses"))
    media = _mapping(configuration.get("media_attachments"))
    types = media.get("supported_mime_types")
    found: dict[str, Json] = {
        "version": str(entries.get("version", ""))[:100],
        "domain": str(entries.get("domain") or entries.get("uri") or "")[:253],
        "max_characters": whole(statuses.get("max_characters")),
        "max_pictures": whole(statuses.get("max_media_attachments")),
        "picture_bytes": whole(media.get("image_size_limit")),
        "picture_pixels": whole(media.get("image_matrix_limit")),
        "alt": whole(media.get("description_limit")),
        "picture_types": [
            kind
            for kind in (types if isinstance(types, list) else [])
            if isinstance(kind, str) and kind.startswith("image/")
        ],
    }
    return {name: value for name, value in found.items() if value}


def keeps_keys(account: Account) -> bool:
    """Whether the server is a Mastodon: of others nobody has confirmed that they know idempotency keys."""
    version = str(account.facts.get("version", ""))
    return re.match(r"[2-9]\.", version) is not None and "compatible" not in version.lower()


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
