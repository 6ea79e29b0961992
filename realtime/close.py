"""Close codes: what a client is told, and whether it should come back.

4400-4499 are final: the same client with the same data would be refused again. 4500-4599, and the standard 1012 and
1013, pass: come back, with jitter. Source: docs/protocol.md, "Close codes"; RFC 6455, section 7.4.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Close:
    """One way a connection, or one document on it, ends.

    `reason` is a sentence for a person and fits a close frame (123 bytes of UTF-8).
    """

    code: int
    name: str
    reason: str

    @property
    def come_back(self) -> bool:
        """Whether a client does well to reconnect by itself."""
        return not (self.code in (1002, 1003, 1007, 1008, 1009) or 4400 <= self.code < 4500)

    def __str__(self) -> str:
        """The form in which a multiplexed connection is told of one document: `4403 forbidden: sentence`."""
        return f"{self.code} {self.name}: {self.reason}"


class Refused(Exception):
    """This peer may not go on; `close` says why. The room and the other peers do not notice."""

    def __init__(self, close: Close) -> None:
        super().__init__(str(close))
        self.close = close


NORMAL = Close(1000, "normal", "The connection was closed.")
PROTOCOL_ERROR = Close(1002, "protocol-error", "That is not how WebSocket frames are made.")
TEXT_FRAME = Close(1003, "text-frame", "Only binary frames are understood here.")
NO_CODE = 1005
"""What is noted for an end that names no code; never sent."""
LOST = 1006
"""What is noted for a connection that just ended; never sent."""
INVALID_TEXT = Close(1007, "invalid-text", "A text was not UTF-8.")
TOO_BIG = Close(1009, "frame-too-big", "That message is larger than this server takes.")
# The window in which clients spread their return; ours waits a random part of it.
RESTARTING = Close(1012, "restarting", "The server is restarting. Come back in a few seconds. retry-after=5")
TRY_LATER = Close(1013, "try-later", "The server is busy. Come back in a few seconds. retry-after=5")

MALFORMED = Close(4400, "malformed", "A message could not be read.")
UNAUTHENTICATED = Close(4401, "unauthenticated", "Sign in, or send a token that is valid.")
FORBIDDEN = Close(4403, "forbidden", "You may not do this in this document.")
NOT_FOUND = Close(4404, "not-found", "There is no such document, or you have no access to it.")
SUGGESTIONS_ONLY = Close(4405, "suggestions-only", "You may suggest changes here, not make them.")
FOREIGN_ORIGIN = Close(4406, "foreign-origin", "Pages of other sites may not connect here.")
AUTH_TIMEOUT = Close(4408, "authentication-timeout", "No token arrived in time.")
OTHER_LINEAGE = Close(4409, "other-lineage", "The document was replaced since this copy was made.")
TRASHED = Close(4410, "trashed", "The document is in the trash.")
DOCUMENT_TOO_LARGE = Close(4413, "document-too-large", "The document has reached its largest size.")
UNKNOWN_MESSAGE = Close(4415, "unknown-message", "That type of message is not understood here.")
MISSING_HISTORY = Close(4422, "missing-history", "An update builds on text that this document never held.")

NOT_LOADED = Close(4500, "not-loaded", "The document could not be loaded. Nothing is lost; try again.")
NOT_SAVING = Close(4503, "not-saving", "The database does not answer and memory is full. Edits stay with you.")
TOO_SLOW = Close(4508, "too-slow", "The connection did not take what was sent for too long.")
ROOM_FULL = Close(4520, "room-full", "Too many people have this document open.")
TOO_MANY_OWN = Close(4521, "too-many-own", "You have this document open too many times. Close some of them.")
TOO_MANY_MESSAGES = Close(4529, "too-many-messages", "Too many messages came in a short time.")

ALL: tuple[Close, ...] = (
    NORMAL,
    PROTOCOL_ERROR,
    TEXT_FRAME,
    INVALID_TEXT,
    TOO_BIG,
    RESTARTING,
    TRY_LATER,
    MALFORMED,
    UNAUTHENTICATED,
    FORBIDDEN,
    NOT_FOUND,
    SUGGESTIONS_ONLY,
    FOREIGN_ORIGIN,
    AUTH_TIMEOUT,
    OTHER_LINEAGE,
    TRASHED,
    DOCUMENT_TOO_LARGE,
    UNKNOWN_MESSAGE,
    MISSING_HISTORY,
    NOT_LOADED,
    NOT_SAVING,
    TOO_SLOW,
    ROOM_FULL,
    TOO_MANY_OWN,
    TOO_MANY_MESSAGES,
)
