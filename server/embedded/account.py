"""The system user that the private servers run as, and the permissions it needs.

Postgres refuses to run as root. An ordinary user runs it as themself and nothing here changes any permission.
"""

import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from server.embedded.failure import EmbeddedError

ACCOUNT_NAME = "quillroom-servers"
COMMAND_TIMEOUT_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class Account:
    """Who the private servers run as. `switch` is true when that is not the present user."""

    uid: int
    gid: int
    name: str
    switch: bool

    def popen_options(self) -> dict[str, int | list[int]]:
        """Return the arguments that make `subprocess` start a child as this account."""
        if not self.switch:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def server_account(home: Path) -> Account:
    """Choose the account for the servers whose files live in `home`, creating it when root has none yet.

    The owner of files that exist is kept: a rebuilt container may number its users anew.
    """
    if os.geteuid() != 0:
        return Account(uid=os.geteuid(), gid=os.getegid(), name=str(os.geteuid()), switch=False)
    if home.exists() and (owner := home.stat().st_uid) != 0:
        entry = _entry(lambda: pwd.getpwuid(owner))
        if entry is not None:
            return _account(entry)
    entry = _entry(lambda: pwd.getpwnam(ACCOUNT_NAME)) or _create_account()
    return _account(entry)


def _entry(find: Callable[[], pwd.struct_passwd]) -> pwd.struct_passwd | None:
    try:
        return find()
    except KeyError:
        return None


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(uid=entry.pw_uid, gid=entry.pw_gid, name=entry.pw_name, switch=True)


def _create_account() -> pwd.struct_passwd:
    if useradd := shutil.which("useradd"):
        command = [useradd, "--system", "--user-group", "--no-create-home", "--shell", "/bin/false", ACCOUNT_NAME]
    elif adduser := shutil.which("adduser"):  # busybox
        command = [adduser, "-S", "-D", "-H", "-s", "/bin/false", ACCOUNT_NAME]
    else:
        command = []
    if command:
        subprocess.run(command, check=False, capture_output=True, timeout=COMMAND_TIMEOUT_SECONDS)
    # A read-only /etc or an image without user tools: `nobody` is on every system and can do nothing else.
    entry = _entry(lambda: pwd.getpwnam(ACCOUNT_NAME)) or _entry(lambda: pwd.getpwnam("nobody"))
    if entry is None:
        message = (
            f"Postgres does not run as root, and the system user {ACCOUNT_NAME} could not be created. "
            "Create it, run Quillroom as an ordinary user, or set DATABASE_URL and REDIS_URL."
        )
        raise EmbeddedError(message)
    return entry


def make_private(directory: Path, account: Account) -> None:
    """Make `directory` exist, owned by `account`, closed to everybody else.

    Raises EmbeddedError when somebody else got there first, as anyone may in a shared temporary directory.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {os.geteuid(), account.uid}:
        message = f"{directory} belongs to somebody else. Remove it, or choose another QUILLROOM_DATA_DIR."
        raise EmbeddedError(message)
    if account.switch and found.st_uid != account.uid:
        _give(directory, account)
    if stat.S_IMODE(found.st_mode) != 0o700:
        directory.chmod(0o700)


def _give(directory: Path, account: Account) -> None:
    os.chown(directory, account.uid, account.gid)
    for folder, folders, files in os.walk(directory):
        for name in (*folders, *files):
            os.chown(Path(folder) / name, account.uid, account.gid, follow_symlinks=False)


def allow_traversal(path: Path, account: Account) -> None:
    """Let `account` pass through the folders above `path`: adds `o+x`, only where it cannot pass already.

    Passing lets it open what it knows the name of and may read; it does not let it list a folder.
    """
    if not account.switch:
        return
    for folder in path.resolve().parents:
        found = folder.stat()
        if not _may(found, account, stat.S_IXUSR, stat.S_IXGRP, stat.S_IXOTH):
            folder.chmod(stat.S_IMODE(found.st_mode) | stat.S_IXOTH)


def let_in(directory: Path, account: Account) -> None:
    """Let `account`, and nobody else new, pass through our own `directory`: by its group, not by everybody's bit."""
    found = directory.stat()
    if account.switch and not _may(found, account, stat.S_IXUSR, stat.S_IXGRP, stat.S_IXOTH):
        os.chown(directory, -1, account.gid)
        directory.chmod(stat.S_IMODE(found.st_mode) | stat.S_IXGRP)


def allow_reading(tree: Path, account: Account) -> None:
    """Let `account` read the files of an installed package, which a strict umask may have closed."""
    if not account.switch:
        return
    for folder, _, files in os.walk(tree):
        for path in (Path(folder), *(Path(folder) / name for name in files)):
            mode = path.stat().st_mode
            wanted = mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0)
            if wanted != mode:
                path.chmod(stat.S_IMODE(wanted))


def _may(found: os.stat_result, account: Account, as_owner: int, as_group: int, as_other: int) -> bool:
    if found.st_uid == account.uid:
        return bool(found.st_mode & as_owner)
    if found.st_gid == account.gid:
        return bool(found.st_mode & as_group)
    return bool(found.st_mode & as_other)
