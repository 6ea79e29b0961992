"""What channels with OAuth 2 share: the address where a person agrees, what they come back with, and tokens.

The calls are the channels' own, through `Http`: a client that calls by itself would pass by the look at addresses and
the limits there.
"""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from server.publishing.remedies import ChannelError, Remedy

_BYTES = 32
_MAX_SAID_CHARACTERS = 200
# Longer than any token lives, shorter than what a datetime holds.
_MAX_SECONDS = 10 * 366 * 24 * 3600


def new_secret() -> str:
    """Return what nobody guesses, for a `state` or a PKCE verifier (RFC 7636 takes 43 to 128 characters)."""
    return secrets.token_urlsafe(_BYTES)


def consent_url(
    authorize_url: str,
    *,
    client_id: str,
    return_to: str,
    scope: str,
    state: str,
    verifier: str | None = None,
    **more: str,
) -> str:
    """Return where a person agrees. With a `verifier` the code that comes back is good only together with it."""
    if verifier is not None:
        more = {
            **more,
            "code_challenge": str(create_s256_code_challenge(verifier)),
            "code_challenge_method": "S256",
        }
    made = prepare_grant_uri(authorize_url, client_id, "code", redirect_uri=return_to, scope=scope, state=state, **more)
    return str(made)


def code_from(answer: Mapping[str, str], *, state: str, channel: str) -> str:
    """Return the code that a person came back with.

    Raises ChannelError if they did not agree, or if the answer belongs to no question of ours.
    """
    if not state or not hmac.compare_digest(answer.get("state", "").encode(), state.encode()):
        raise ChannelError(Remedy.RECONNECT, f"{channel} answered to another question. Begin to connect anew.")
    error = answer.get("error", "")
    if error == "access_denied":
        raise ChannelError(Remedy.RECONNECT, f"{channel} was not allowed to let Quillroom in. Nothing was connected.")
    if error:
        said = answer.get("error_description") or error
        raise ChannelError(
            Remedy.RECONNECT,
            f"{channel} did not let Quillroom in. Begin to connect anew.",
            evidence=said[:_MAX_SAID_CHARACTERS],
        )
    code = answer.get("code", "")
    if not code:
        raise ChannelError(Remedy.RECONNECT, f"{channel} sent you back without a code. Begin to connect anew.")
    return code


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a token endpoint gave. `refresh` is empty if it gave none."""

    access: str
    refresh: str
    scope: str
    expires_at: datetime | None


def read_tokens(said: Mapping[str, object], now: datetime) -> Tokens | None:
    """Read the answer of a token endpoint (RFC 6749, 5.1); None if there is no access token in it."""
    access, refresh = said.get("access_token"), said.get("refresh_token")
    if not isinstance(access, str) or not access:
        return None
    seconds = said.get("expires_in")
    if isinstance(seconds, str) and seconds.isascii() and seconds.isdigit():
        seconds = int(seconds[:12])
    lasts = isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 < seconds <= _MAX_SECONDS
    scope = said.get("scope")
    return Tokens(
        access,
        refresh if isinstance(refresh, str) else "",
        scope if isinstance(scope, str) else "",
        now + timedelta(seconds=float(seconds)) if lasts and isinstance(seconds, int | float) else None,
    )
