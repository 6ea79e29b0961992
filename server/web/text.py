"""What people type into one-line fields, made safe to store and to show beside other people's words."""

import unicodedata

# Overrides, embeddings, isolates and marks would turn the words around a name; the joiners U+200C and U+200D stay,
# because scripts and emoji need them.
_DIRECTION = dict.fromkeys([0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])
_BLANKS = {"\u00ad", "\u115f", "\u1160", "\u200b", "\u2060", "\u2800", "\u3164", "\ufeff", "\uffa0"}


def clean_line(text: str) -> str:
    """Return `text` in NFC as one line: no control characters, no direction overrides, single spaces, trimmed."""
    kept = (
        " " if character in "\t\r\n" or unicodedata.category(character) in {"Zl", "Zp"} else character
        for character in text.translate(_DIRECTION)
        if character in "\t\r\n" or unicodedata.category(character) not in {"Cc", "Cs", "Co", "Cn"}
    )
    return " ".join(unicodedata.normalize("NFC", "".join(kept)).split())


def has_ink(text: str) -> bool:
    """Whether a person sees anything: not only spaces, joiners, fillers and combining marks."""
    return any(
        character not in _BLANKS and unicodedata.category(character)[0] not in {"C", "M", "Z"} for character in text
    )
