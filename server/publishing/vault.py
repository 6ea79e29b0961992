"""Secrets at rest: the tokens of accounts lie encrypted in the database, under keys that lie elsewhere.

The newest key encrypts, each of them opens: a key is changed by putting a new one before it, and taken away once
nothing is encrypted with it any more (`re-encrypt` in server.publishing.accounts.jobs; `quillroom doctor` says so).
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import uuid4

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from server.errors import Unavailable
from server.settings import Settings, is_key

KEY_FILE: Final = "secret.keys"
_ID_CHARACTERS: Final = 12


class CannotOpen(Unavailable):
    """A secret was encrypted with a key that is not among those given, or is damaged."""

    sentence = (
        "The account's secret cannot be opened, because its key is missing. Put the key back (QUILLROOM_SECRET_KEYS, "
        "or the key file in the data directory), or connect the account again."
    )


@dataclass(frozen=True, slots=True)
class Vault:
    """Encrypts and opens. `keys`: newest first, at least one; each 32 bytes in URL-safe base64."""

    keys: tuple[str, ...] = field(repr=False)

    @property
    def key_id(self) -> str:
        """Names the newest key without telling it."""
        return hashlib.sha256(b"quillroom key\0" + self.keys[0].encode()).hexdigest()[:_ID_CHARACTERS]

    def seal(self, values: Mapping[str, str]) -> bytes:
        """Encrypt with the newest key."""
        return self._fernet.encrypt(json.dumps(dict(values)).encode())

    def open(self, sealed: bytes) -> dict[str, str]:
        """Decrypt with whichever key fits. Raises CannotOpen."""
        try:
            opened: dict[str, str] = json.loads(self._fernet.decrypt(sealed))
        except (InvalidToken, ValueError) as error:
            raise CannotOpen from error
        return opened

    @property
    def _fernet(self) -> MultiFernet:
        return MultiFernet([Fernet(key) for key in self.keys])


def open_vault(settings: Settings) -> Vault:
    """Return the vault with the keys of the settings, or that of the data directory, which is made if there is none.

    With keys in the settings those of the file still open what was encrypted with them. Raises CannotOpen if the file
    can be neither read nor written, or holds something else.
    """
    path = settings.data_dir / KEY_FILE
    try:
        if settings.secret_keys:
            return Vault((*settings.secret_keys, *(_read(path) if path.exists() else ())))
        if not path.exists():
            _make(path)
        return Vault(_read(path))
    except (OSError, ValueError) as error:
        raise CannotOpen(f"The key file {path} cannot be used. Put it back as it was, one key a line.") from error


def _read(path: Path) -> tuple[str, ...]:
    """Return the keys of a file, one a line, newest first."""
    keys = tuple(line.strip() for line in path.read_text(encoding="ascii").splitlines() if line.strip())
    if not keys or not all(is_key(key) for key in keys):
        message = f"{path} does not hold keys, one a line"
        raise ValueError(message)
    return keys


def _make(path: Path) -> None:
    """Write a key that nobody but this user can read. Of several processes that come at once, one makes it for all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    key = Fernet.generate_key().decode() + "\n"
    draft = path.with_name(f"{path.name}.{uuid4().hex}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        # Unlike a rename this never replaces the key that another process has made, whole, a moment ago.
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
