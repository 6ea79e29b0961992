"""How pictures come to Reddit: it leases a place at its store, where the picture is laid down before it is posted."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from server.publishing.http import Answer
from server.publishing.remedies import ChannelError, Remedy

PICTURE_TYPES: Final = frozenset({"image/jpeg", "image/png", "image/gif"})
_LARGEST: Final = re.compile(r"<MaxSizeAllowed>(\d{1,12})</MaxSizeAllowed>")


@dataclass(frozen=True, slots=True)
class Lease:
    """Where a picture may be laid down. `fields` go before it, in this order; they are signed."""

    url: str
    fields: Mapping[str, str] = field(repr=False)

    @property
    def address(self) -> str:
        """The picture's address in the post."""
        return f"{self.url.rstrip('/')}/{self.fields['key']}"


def read_lease(answer: Answer, *, scheme_of: str) -> Lease:
    """Read a lease; its address comes without a scheme, and gets that of `scheme_of`. Raises ChannelError."""
    said = answer.entries().get("args")
    given = said if isinstance(said, dict) else {}
    action, rows = given.get("action"), given.get("fields")
    fields = {
        str(row.get("name")): str(row.get("value", ""))
        for row in (rows if isinstance(rows, list) else [])
        if isinstance(row, dict)
    }
    if not isinstance(action, str) or not action.startswith("//") or "key" not in fields:
        # Without the answer, which may hold what the store trusts.
        raise ChannelError(
            Remedy.RETRY, "Reddit gave no place to lay the picture down.", evidence=f"HTTP {answer.status}"
        )
    return Lease(f"{urlsplit(scheme_of).scheme}:{action}", fields)


def refusal_of_upload(answer: Answer) -> ChannelError:
    """Class what the store says, in XML."""
    words = answer.body[:4096].decode("utf-8", "replace")
    if "EntityTooLarge" in words:
        largest = _LARGEST.search(words)
        limit = f" It takes at most {int(largest[1]):,} bytes." if largest else ""
        return ChannelError(
            Remedy.FIX_CONTENT, f"The picture is larger than Reddit takes.{limit}", evidence=answer.evidence
        )
    return ChannelError(Remedy.RETRY, "Reddit's store did not take the picture.", evidence=answer.evidence)
