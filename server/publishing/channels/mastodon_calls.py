"""Calls to a Mastodon server, and what its answers mean."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlsplit

from server.publishing.channel import Caller
from server.publishing.http import Answer
from server.publishing.remedies import ChannelError, Remedy

NAME: Final = "Mastodon"


def authorized(caller: Caller) -> dict[str, str]:
    """Return the headers of a call by the account."""
    return {"Authorization": f"Bearer {caller.account.secrets.get('access_token', '')}"}


async def get(caller: Caller, path: str, params: Mapping[str, str] | None = None) -> Answer:
    """Read something of the account's server. Raises ChannelError if no answer comes."""
    url = caller.account.base_url + path
    return await caller.http.call("GET", url, changes=False, headers=authorized(caller), params=params)


def refused(answer: Answer, what: str) -> ChannelError:
    """Class an answer that is no success. `what`: what did not work, as the beginning of a sentence."""
    reason = _reason(answer)
    evidence = answer.evidence
    status = answer.status
    if status == 401:
        sentence = f"{what}: the access it once gave is not valid any more. Connect the account again."
        return ChannelError(Remedy.RECONNECT, sentence, evidence=evidence)
    if status == 403:
        sentence = f"{what}: the account may not do that{reason}. Look at the account there, then connect it again."
        return ChannelError(Remedy.RECONNECT, sentence, evidence=evidence)
    if status == 404:
        return ChannelError(
            Remedy.FIX_CONTENT, f"{what}: it, or what it answers, is not there (any more).", evidence=evidence
        )
    if status == 422:
        if "finished processing" in reason:
            sentence = "The server is still working on a picture."
            return ChannelError(Remedy.RETRY, sentence, after_seconds=5, evidence=evidence)
        return ChannelError(Remedy.FIX_CONTENT, f"{what}{reason}. Change the post.", evidence=evidence)
    if status == 413:
        return ChannelError(Remedy.FIX_CONTENT, f"{what}: it is too large. Make it smaller.", evidence=evidence)
    if status == 429:
        sentence = f"{what}: the account has sent its share for now."
        return ChannelError(Remedy.QUOTA, sentence, after_seconds=_reset_seconds(answer), evidence=evidence)
    if status >= 500 or status == 408:
        remedy = Remedy.UNKNOWN if answer.changes else Remedy.RETRY
        after = answer.retry_after_seconds()
        return ChannelError(remedy, f"{what}: the server has trouble.", after_seconds=after, evidence=evidence)
    return ChannelError(Remedy.OPERATOR, f"{what}: it answered in a way nobody expected{reason}.", evidence=evidence)


def _reason(answer: Answer) -> str:
    """Return what the server gives as reason, in parentheses; or nothing."""
    try:
        entries = answer.entries()
    except ChannelError:
        return ""
    error = entries.get("error_description") or entries.get("error")
    return f" ({error[:200]})" if isinstance(error, str) and error else ""


def _reset_seconds(answer: Answer) -> float | None:
    reset = time_of(answer.headers.get("x-ratelimit-reset"))
    if reset is None:
        return answer.retry_after_seconds()
    # By the server's own clock, where it tells it: its `Date` and the reset are of the same one.
    try:
        now = parsedate_to_datetime(answer.headers.get("date", ""))
    except ValueError:
        now = datetime.now(UTC)
    return max(1.0, (reset - now).total_seconds())


def id_of(answer: Answer) -> str:
    """Return the id of what was made. Raises ChannelError if none was said."""
    found = answer.entries().get("id")
    if not found:
        remedy = Remedy.UNKNOWN if answer.changes else Remedy.RETRY
        raise ChannelError(remedy, f"{NAME} answered without saying what it made.", evidence=answer.evidence)
    return str(found)


def entries_of_list(answer: Answer) -> list[dict[str, Any]]:
    """Read the body as a list of objects. Raises ChannelError."""
    value = answer.value()
    if not isinstance(value, list):
        raise ChannelError(Remedy.RETRY, f"{NAME} answered with JSON of another form.", evidence=answer.evidence)
    return [entry for entry in value if isinstance(entry, dict)]


def whole(value: object) -> int | None:
    """Return a count or a limit; None if it is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def time_of(value: object) -> datetime | None:
    """Read a time in ISO form; None if it is none."""
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return time.replace(tzinfo=UTC) if time is not None and time.tzinfo is None else time


def host_of(base_url: str) -> str:
    """Return how people call a server."""
    return urlsplit(base_url).netloc or NAME


def entries_without_evidence(answer: Answer) -> dict[str, Any]:
    """Read an answer that holds secrets: what cannot be read of it is not shown."""
    try:
        return answer.entries()
    except ChannelError as error:
        raise ChannelError(Remedy.RETRY, str(error), evidence=f"HTTP {answer.status}") from None
