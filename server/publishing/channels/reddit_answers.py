"""What Reddit's answers mean, each classed by what helps."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from server.publishing.http import Answer
from server.publishing.remedies import ChannelError, Remedy

_WAIT: Final = re.compile(r"(\d{1,6})\s*(millisecond|second|minute|hour)", re.IGNORECASE)
_UNIT_SECONDS: Final = {"millisecond": 0.001, "second": 1.0, "minute": 60.0, "hour": 3600.0}
# What `json.errors` says, in an answer with status 200: the remedy, and the sentence.
_CODES: Final[Mapping[str, tuple[Remedy, str]]] = {
    "QUOTA_FILLED": (Remedy.QUOTA, "This account has posted as much as Reddit lets it for now."),
    "SUBREDDIT_RATELIMIT": (Remedy.QUOTA, "This account has posted as much in this subreddit as it may for now."),
    "SUBREDDIT_NOEXIST": (Remedy.FIX_CONTENT, "There is no such subreddit. Choose another one."),
    "SUBREDDIT_NOTALLOWED": (Remedy.FIX_CONTENT, "This account may not post in this subreddit. Choose another one."),
    "SUBREDDIT_REQUIRED": (Remedy.FIX_CONTENT, "Name the subreddit."),
    "BAD_SR_NAME": (Remedy.FIX_CONTENT, "This is not the name of a subreddit. Choose another one."),
    "NO_SELFS": (Remedy.FIX_CONTENT, "This subreddit takes links only, no texts."),
    "NO_LINKS": (Remedy.FIX_CONTENT, "This subreddit takes texts only, no links."),
    "NO_TEXT": (Remedy.FIX_CONTENT, "Reddit wants a title and a text."),
    "NO_URL": (Remedy.FIX_CONTENT, "Reddit wants the address of the link."),
    "BAD_URL": (Remedy.FIX_CONTENT, "Reddit does not take the address of the link."),
    "TOO_LONG": (Remedy.FIX_CONTENT, "The title or the text is longer than Reddit takes. Shorten it."),
    "DOMAIN_BANNED": (Remedy.FIX_CONTENT, "Reddit takes no links to this site."),
    "BAD_FLAIR_TARGET": (Remedy.FIX_CONTENT, "This flair cannot be used here. Choose another one."),
    "BAD_FLAIR_TEMPLATE_ID": (Remedy.FIX_CONTENT, "This flair is gone. Choose another one."),
    "USER_REQUIRED": (Remedy.REFRESH, "Reddit asks the account to sign in again."),
    "VERIFIED_USER_REQUIRED": (
        Remedy.RECONNECT,
        "Reddit wants this account's e-mail address confirmed. Confirm it there, then connect the account again.",
    ),
    "BAD_CAPTCHA": (
        Remedy.RECONNECT,
        "Reddit does not trust this account yet. Post there once by hand, then connect the account again.",
    ),
    "BANNED_IP": (Remedy.OPERATOR, "Reddit has shut out the address of this server."),
}
_QUOTA_SECONDS: Final = 3600.0
UNREADABLE: Final = "Reddit answered with something that cannot be read."


def wait_in(sentence: str) -> float | None:
    """Return the seconds that a sentence like "try again in 9 minutes" asks to wait."""
    found = _WAIT.search(sentence)
    return int(found[1]) * _UNIT_SECONDS[found[2].lower()] if found else None


def refused(answer: Answer) -> ChannelError:
    """Class an answer by its status."""
    status, evidence = answer.status, answer.evidence
    match status:
        case 401:
            return ChannelError(Remedy.REFRESH, "Reddit takes this access token no longer.", evidence=evidence)
        case 403 if "insufficient_scope" in (answer.headers.get("www-authenticate", "") + evidence):
            sentence = "The account was connected without a right that this needs. Connect it again."
            return ChannelError(Remedy.RECONNECT, sentence, evidence=evidence)
        case 403 | 404:
            sentence = "This subreddit is closed to the account, or gone. Choose another one."
            return ChannelError(Remedy.FIX_CONTENT, sentence, evidence=evidence)
        case 413:
            return ChannelError(Remedy.FIX_CONTENT, "The post is larger than Reddit takes.", evidence=evidence)
        case 429:
            wait = answer.retry_after_seconds()
            if wait is None:
                wait = _seconds(answer.headers.get("x-ratelimit-reset"))
            sentence = "Reddit was asked more often than it lets this installation. It goes on by itself."
            return ChannelError(Remedy.QUOTA, sentence, after_seconds=wait, evidence=evidence)
        case _ if status >= 500 or status == 408:
            remedy = Remedy.UNKNOWN if answer.changes else Remedy.RETRY
            sentence = "Reddit has a failure of its own now."
            return ChannelError(remedy, sentence, after_seconds=answer.retry_after_seconds(), evidence=evidence)
        case _ if status >= 400:
            return ChannelError(Remedy.FIX_CONTENT, "Reddit does not take the post as it is.", evidence=evidence)
        case _:
            sentence = "Reddit answered in a way that is not known here."
            return ChannelError(Remedy.OPERATOR, sentence, evidence=evidence)


def no_subreddit(answer: Answer, subreddit: str) -> ChannelError:
    """Class an answer that shows no subreddit."""
    if answer.status == 403 and "insufficient_scope" in (answer.headers.get("www-authenticate", "") + answer.evidence):
        return refused(answer)
    reasons = {"private": "is private", "banned": "was banned by Reddit", "quarantined": "is quarantined"}
    try:
        reason = str(answer.entries().get("reason", ""))
    except ChannelError:
        reason = ""
    what = reasons.get(reason, "cannot be seen by this account" if answer.status == 403 else "does not exist")
    return ChannelError(
        Remedy.FIX_CONTENT, f"r/{subreddit} {what}. Choose another subreddit.", evidence=answer.evidence
    )


def errors_of(answer: Answer) -> list[tuple[str, str]]:
    """Return what `json.errors` says: codes, each with its sentence."""
    said = answer.entries().get("json")
    errors = said.get("errors") if isinstance(said, dict) else None
    if not isinstance(errors, list):
        return []
    rows = [each for each in errors if isinstance(each, list) and each]
    return [(str(row[0]), str(row[1]) if len(row) > 1 else "") for row in rows]


def raise_first(errors: Sequence[tuple[str, str]], answer: Answer) -> None:
    """Raise the first error, classed by its code. All come in an answer that nothing was carried out."""
    if not errors:
        return
    code, said = errors[0]
    if code == "RATELIMIT":
        wait = wait_in(said)
        raise ChannelError(
            Remedy.QUOTA,
            "Reddit lets this account post only now and then. It goes on by itself.",
            after_seconds=_QUOTA_SECONDS if wait is None else wait,
            evidence=f"{code}: {said}",
        )
    remedy, sentence = _CODES.get(code, (Remedy.FIX_CONTENT, f"Reddit does not take the post: {said or code}"))
    after = _QUOTA_SECONDS if remedy is Remedy.QUOTA else None
    raise ChannelError(remedy, sentence, after_seconds=after, evidence=f"{code}: {said}" if said else answer.evidence)


def within(answer: Answer, *names: str) -> dict[str, Any]:
    """Return an object within the answer. Raises ChannelError if there is none."""
    found: object = answer.entries()
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    if not isinstance(found, dict):
        remedy = Remedy.UNKNOWN if answer.changes else Remedy.RETRY
        raise ChannelError(remedy, UNREADABLE, evidence=answer.evidence)
    return found


def number_of(value: object) -> int | None:
    """Return a count; None if it is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _seconds(value: str | None) -> float | None:
    try:
        return max(0.0, float(value)) if value else None
    except ValueError:
        return None
