"""Secrets that a person or a program carries. We keep only their SHA-256: they are random, so a fast hash is enough."""

import hashlib
import secrets

_BYTES = 32
# Longer than any of ours; what is longer is not worth hashing.
MAX_CHARACTERS = 200


def new_secret(prefix: str = "") -> str:
    """Return 32 random bytes as text that is safe in an address, a cookie and a header."""
    return prefix + secrets.token_urlsafe(_BYTES)


def digest(secret: str) -> bytes:
    """Return what is stored of `secret`, and looked for when it comes back."""
    return hashlib.sha256(secret[:MAX_CHARACTERS].encode("utf-8", "surrogatepass")).digest()
