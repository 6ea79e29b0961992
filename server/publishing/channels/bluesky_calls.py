"""Calls to an account's server on Bluesky (its PDS), what the answers mean, and sessions."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from server.publishing.channel import Caller, Connection
from server.publishing.http import Answer
from server.publishing.remedies import ChannelError, Remedy

NAME: Final = "Bluesky"
_REFRESH: Final = frozenset({"ExpiredToken", "AuthenticationRequired", "InvalidToken"})
_ACCOUNT: Final = frozenset({"AccountTakedown", "AccountSuspended", "AccountDeactivated", "AuthFactorTokenRequired"})
# Above this a `ratelimit-reset` is a time, below it a number of seconds: the documentation does not say which it is.
_EPOCH: Final = 1_000_000_000


def address_of(base_url: str, method: str) -> str:
    """Return where a method is called: "com.atproto.repo.putRecord"."""
    return f"{base_url}/xrpc/{method}"


def authorized(caller: Caller) -> dict[str, str]:
    """Return the headers of a call by the account."""
    return {"Authorization": f"Bearer {caller.account.secrets.get('access', '')}"}


async def ask(caller: Caller, method: str, params: Mapping[str, str]) -> Answer:
    """Read something of the account's server. Raises ChannelError if no answer comes."""
    url = address_of(caller.account.base_url, method)
    return await caller.http.call("GET", url, changes=False, headers=authorized(caller), params=params)


async def tell(caller: Caller, method: str, body: object) -> Answer:
    """Change something on the account's server. Raises ChannelError if no answer comes."""
    url = address_of(caller.account.base_url, method)
    return await caller.http.call("POST", url, changes=True, headers=authorized(caller), body=body)


def error_of(answer: Answer) -> tuple[str, str]:
    """Return the name and the words of what a server refuses; empty where it gives none."""
    try:
        entries = answer.entries()
    except ChannelError:
        return "", ""
    return str(entries.get("error") or "")[:100], str(entries.get("message") or "")[:200]


def refused(answer: Answer, what: str) -> ChannelError:
    """Class an answer that is no success. `what`: what did not work, as the beginning of a sentence."""
    error, message = error_of(answer)
    reason = f" ({message or error})" if message or error else ""
    evidence = answer.evidence
    status = answer.status
    if status == 429 or error == "RateLimitExceeded":
        sentence = f"{what}: the account has sent its share for now."
        return ChannelError(Remedy.QUOTA, sentence, after_seconds=_reset_seconds(answer), evidence=evidence)
    if status >= 500 or status == 408:
        remedy = Remedy.UNKNOWN if answer.changes else Remedy.RETRY
        after = answer.retry_after_seconds()
        return ChannelError(remedy, f"{what}: the server has trouble.", after_seconds=after, evidence=evidence)
    if error in _ACCOUNT:
        sentence = f"{what}: Bluesky has closed or locked the account{reason}. Look at it there, then connect it again."
        return ChannelError(Remedy.RECONNECT, sentence, evidence=evidence)
    # An access token that has run out is told with 400.
    if status == 401 or error in _REFRESH:
        return ChannelError(Remedy.REFRESH, f"{what}: the access token has run out.", evidence=evidence)
    if status == 403:
        sentence = f"{what}: the account may not do that{reason}. Look at it there, then connect it again."
        return ChannelError(Remedy.RECONNECT, sentence, evidence=evidence)
    if error == "InvalidSwap":
        return ChannelError(Remedy.RETRY, f"{what}: the account was just changed elsewhere.", evidence=evidence)
    if error in {"BlobTooLarge", "InvalidMimeType"} or status == 413:
        sentence = f"{what}: a picture is too large or of a kind that is not taken{reason}. Use another one."
        return ChannelError(Remedy.FIX_CONTENT, sentence, evidence=evidence)
    if status in {400, 422}:
        return ChannelError(Remedy.FIX_CONTENT, f"{what}{reason}. Change the post.", evidence=evidence)
    return ChannelError(Remedy.OPERATOR, f"{what}: it answered in a way nobody expected{reason}.", evidence=evidence)


def connection_of(answer: Answer, base_url: str) -> Connection:
    """Read a session that was just begun or renewed. Raises ChannelError.

    `base_url`: the server that was asked; the account lives where its own document says.
    """
    try:
        entries = answer.entries()
        access, refresh, _ = (str(entries[name]) for name in ("accessJwt", "refreshJwt", "did"))
    except (ChannelError, KeyError):
        # What came holds tokens: nobody is shown it.
        sentence = f"{urlsplit(base_url).netloc} answered a sign-in in a way nobody expected."
        raise ChannelError(Remedy.RETRY, sentence, evidence=f"HTTP {answer.status}") from None
    return looked_at(entries, base_url, {"access": access, "refresh": refresh})


def looked_at(entries: Mapping[str, Any], base_url: str, tokens: Mapping[str, str]) -> Connection:
    """Read what a server says about an account. Raises ChannelError if it is closed."""
    handle = str(entries.get("handle", ""))
    if entries.get("active") is False:
        state = str(entries.get("status") or "not active")[:50]
        sentence = f"The account @{handle} is {state}. Open it again on Bluesky, then connect it."
        raise ChannelError(Remedy.RECONNECT, sentence, evidence=f"status: {state}")
    return Connection(
        f"@{handle}",
        _home(entries.get("didDoc")) or base_url,
        str(entries.get("did", "")),
        {"handle": handle},
        tokens,
        _end_of(tokens["access"]),
    )


def _home(document: object) -> str | None:
    """Return the address of the server that holds the account, as its DID document says."""
    services = document.get("service") if isinstance(document, dict) else None
    for service in services if isinstance(services, list) else []:
        if isinstance(service, dict) and str(service.get("id", "")).endswith("#atproto_pds"):
            endpoint = str(service.get("serviceEndpoint", "")).rstrip("/")
            if urlsplit(endpoint).scheme in {"http", "https"}:
                return endpoint
    return None


def _end_of(token: str) -> datetime | None:
    """Return when a token ends, as it says itself; None if it does not."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return datetime.fromtimestamp(claims["exp"], UTC)
    except (IndexError, KeyError, TypeError, ValueError, OverflowError, OSError):
        return None


def _reset_seconds(answer: Answer) -> float | None:
    said = answer.headers.get("ratelimit-reset", "")
    if not (said.isascii() and said.isdigit()):
        return answer.retry_after_seconds()
    seconds = float(said[:12])
    if seconds > _EPOCH:
        seconds -= datetime.now(UTC).timestamp()
    return max(1.0, seconds)
