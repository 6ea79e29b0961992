"""Secrets lie encrypted, and keys can be changed."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from pydantic import ValidationError

from server.publishing.vault import KEY_FILE, CannotOpen, Vault, open_vault
from server.settings import Settings

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()
SECRETS = {"access_token": "a-very-secret-token", "refresh_token": "é"}


def test_what_is_sealed_is_opened_by_any_of_the_keys_and_by_no_other() -> None:
    sealed = Vault((OLD,)).seal(SECRETS)

    assert b"secret" not in sealed
    assert Vault((NEW, OLD)).open(sealed) == SECRETS
    with pytest.raises(CannotOpen, match="key is missing"):
        Vault((NEW,)).open(sealed)
    with pytest.raises(CannotOpen):
        Vault((OLD,)).open(sealed[:-4])
    assert Vault((NEW, OLD)).key_id == Vault((NEW,)).key_id != Vault((OLD,)).key_id
    assert OLD not in repr(Vault((OLD,)))


def test_a_key_is_made_once_for_all_processes_and_for_nobody_elses_eyes(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")

    with ThreadPoolExecutor(8) as executor:
        vaults = list(executor.map(lambda _: open_vault(settings), range(24)))

    assert len({vault.keys for vault in vaults}) == 1
    path = settings.data_dir / KEY_FILE
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in settings.data_dir.iterdir()] == [KEY_FILE]


def test_keys_of_the_settings_come_first_and_those_of_the_file_still_open(tmp_path: Path) -> None:
    sealed = open_vault(Settings(data_dir=tmp_path)).seal(SECRETS)
    settings = Settings(data_dir=tmp_path, secret_keys=f"{NEW}, {OLD}")

    vault = open_vault(settings)

    assert vault.keys[:2] == (NEW, OLD)
    assert vault.open(sealed) == SECRETS


def test_what_is_no_key_is_refused_and_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings(data_dir=tmp_path, secret_keys="hunter2")
    assert "must be keys" in str(refused.value)
    (tmp_path / KEY_FILE).write_text("hunter2\n")
    with pytest.raises(CannotOpen, match="cannot be used") as broken:
        open_vault(Settings(data_dir=tmp_path))
    assert "hunter2" not in str(broken.value)
