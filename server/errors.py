"""What can go wrong for a person, each as a type that says what the caller should do next.

Every error carries one sentence for a person. `server/web/errors.py` turns them into pages and problem details.
"""

from collections.abc import Mapping


class DomainError(Exception):
    """A refusal that is not a defect: `str(error)` is a sentence that may be shown."""

    sentence = "That is not possible."

    def __init__(self, sentence: str | None = None) -> None:
        super().__init__(sentence or self.sentence)


class NotFound(DomainError):
    """It does not exist, or the asker must not learn that it does."""

    sentence = "There is nothing at this address, or it is not shared with you."


class Forbidden(DomainError):
    """The asker is known and may see it, but may not do this."""

    sentence = "You do not have permission to do that."


class Unauthenticated(DomainError):
    """Nobody is signed in, or the token is wrong, expired or revoked."""

    sentence = "Please sign in first."


class Conflict(DomainError):
    """The thing changed meanwhile or exists already; look again before a second attempt."""

    sentence = "This has changed in the meantime. Reload and try again."


class Invalid(DomainError):
    """The input cannot be used. `fields` maps a field's name to a sentence about it."""

    sentence = "Some of the information cannot be used. Check the marked fields."

    def __init__(self, fields: Mapping[str, str] | None = None, sentence: str | None = None) -> None:
        super().__init__(sentence)
        self.fields: dict[str, str] = dict(fields or {})


class TooLarge(DomainError):
    """More bytes, pixels or characters than allowed; the same request will never pass."""

    sentence = "That is larger than this server accepts."


class Unsupported(DomainError):
    """A kind of content that is never taken, whatever its details; another kind will do."""

    sentence = "That kind of content is not accepted here."


class TooMany(DomainError):
    """Too often; come back after `retry_after_seconds`."""

    sentence = "Too many attempts. Wait a little and try again."

    def __init__(self, retry_after_seconds: int, sentence: str | None = None) -> None:
        super().__init__(sentence)
        self.retry_after_seconds = retry_after_seconds


class Unavailable(DomainError):
    """A part that is needed does not answer now; the same request may pass later."""

    sentence = "Quillroom cannot reach a part it needs. Nothing was changed; try again in a moment."
