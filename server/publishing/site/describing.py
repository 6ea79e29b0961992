"""What a site says of itself: its description and its language."""

import re
from collections.abc import Mapping
from typing import Final

from server.errors import Invalid
from server.publishing.site.pages import legal

MAX_DESCRIPTION: Final = 300
DEFAULT_LANGUAGE: Final = "en"
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}")


def described(description: str, language: str) -> Mapping[str, str]:
    """Return both as an account's facts hold them. Raises Invalid naming the fields."""
    description, language = " ".join(legal(description).split()), language.strip() or DEFAULT_LANGUAGE
    errors = {}
    if len(description) > MAX_DESCRIPTION:
        errors["description"] = f"The description has {len(description)} characters; {MAX_DESCRIPTION} fit. Shorten it."
    if not _LANGUAGE.fullmatch(language):
        errors["language"] = "A language is a tag such as en, de or pt-BR."
    if errors:
        raise Invalid(errors)
    return {"description": description, "language": language}
