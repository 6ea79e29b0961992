"""Names of files: what people called them, made safe to store and to send."""

import re
from typing import Final
from urllib.parse import quote

from server.assets.kinds import Kind
from server.web.text import clean_line, has_ink

MAX_CHARACTERS: Final = 120
_EXTENSION: Final = re.compile(r"\.[A-Za-z0-9]{1,5}$")
# Nothing here may end a header's value, a path, or a shell word on somebody's machine.
_UNSAFE: Final = re.compile(r"[\x00-\x1f\x7f\"*:<>?|`$%;\\/]+")


def clean(name: str, kind: Kind) -> str:
    """Return a bare name whose extension tells what the bytes are: `../../x.svg` that is a PNG becomes `x.png`."""
    line = clean_line(_UNSAFE.sub(" ", clean_line(re.split(r"[\\/]", name)[-1])))
    found = _EXTENSION.search(line)
    stem = _EXTENSION.sub("", line).strip(". ")
    if not has_ink(stem):
        stem = "picture"
    extension = kind.extension
    if kind is Kind.JPEG and found and found[0].lower() == ".jpeg":
        extension = ".jpeg"
    return stem[: MAX_CHARACTERS - len(extension)].rstrip(". ") + extension


def inline(name: str) -> str:
    """Return a Content-Disposition that shows the file, and gives it its name when it is saved."""
    return _disposition("inline", name)


def attachment(title: str, extension: str) -> str:
    """Return a Content-Disposition that saves the file under a title, made safe to be a name."""
    stem = clean_line(_UNSAFE.sub(" ", title)).strip(". ")
    if not has_ink(stem):
        stem = "Untitled"
    return _disposition("attachment", stem[: MAX_CHARACTERS - len(extension)].rstrip(". ") + extension)


def _disposition(how: str, name: str) -> str:
    # Source: RFC 6266, RFC 8187.
    plain = name.encode("ascii", "replace").decode("ascii").replace("?", "_")
    value = f'{how}; filename="{plain}"'
    return value if plain == name else f"{value}; filename*=UTF-8''{quote(name, safe='')}"
