"""Private servers as real processes: started, stopped, killed and started again."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from server.embedded import DataDirectoryInUse, EmbeddedError, Servers, open_servers, running_servers
from server.embedded.servers import SOCKET_DIRECTORY_MAX_BYTES, socket_directory

LIMIT_SECONDS = 30


@pytest.fixture
def data_dir(short_dir: Path, request: pytest.FixtureRequest) -> Path:
    return short_dir / f"d{abs(hash(request.node.name)) % 10_000}"


def _own(data_dir: Path) -> list[psutil.Process]:
    """Every private server of `data_dir` that is alive."""
    found = []
    for process in psutil.process_iter(["name"]):
        try:
            name = process.info["name"] or ""
            if name.startswith(("postgres", "redis-server")) and data_dir in Path(process.cwd()).parents:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def _servers(data_dir: Path) -> set[str]:
    return {process.name() for process in _own(data_dir)}


def _wait_for(condition: object) -> None:
    assert callable(condition)
    until = time.monotonic() + LIMIT_SECONDS
    while not condition():
        assert time.monotonic() < until, "waited too long"
        time.sleep(0.02)


def _number(note: Path) -> str:
    """The process number in a server's note; empty while there is none."""
    try:
        return note.read_text(encoding="ascii").split("\n", 1)[0]
    except FileNotFoundError:
        return ""


async def _until_answered(servers: Servers) -> None:
    """Return when both servers answer; they do a moment after they have noted their numbers."""
    async with asyncio.timeout(LIMIT_SECONDS):
        while True:
            try:
                await (await asyncpg.connect(servers.database_url)).close()
                async with Redis.from_url(servers.redis_url) as redis:
                    await redis.ping()
            except (OSError, asyncpg.PostgresError, RedisError):
                await asyncio.sleep(0.05)
            else:
                return


class Holder:
    """Another process that keeps servers open, as `serve` does."""

    def __init__(self, data_dir: Path) -> None:
        program = (
            "import sys, pathlib, time\n"
            "from server.embedded import open_servers\n"
            "with open_servers(pathlib.Path(sys.argv[1])):\n"
            "    print('ready', flush=True)\n"
            "    time.sleep(600)\n"
        )
        self.process = subprocess.Popen([sys.executable, "-c", program, str(data_dir)], stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"ready\n"

    def end(self, number: int) -> None:
        self.process.send_signal(number)
        self.process.wait(LIMIT_SECONDS)
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def killed(data_dir: Path) -> Iterator[Path]:
    """A data directory whose owner was killed and has left its servers running."""
    holder = Holder(data_dir)
    holder.end(signal.SIGKILL)
    assert _servers(data_dir) == {"postgres", "redis-server"}
    yield data_dir
    with open_servers(data_dir):
        pass


async def _insert(database_url: str, word: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("CREATE TABLE IF NOT EXISTS words (word text)")
    await connection.execute("INSERT INTO words VALUES ($1)", word)
    await connection.close()


async def _words(database_url: str) -> list[str]:
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch("SELECT word FROM words ORDER BY word")
    await connection.close()
    return [row["word"] for row in rows]


async def test_what_is_written_is_there_after_a_restart_and_nothing_runs_in_between(data_dir: Path) -> None:
    with open_servers(data_dir) as servers:
        await _insert(servers.database_url, "kept")
        redis = Redis.from_url(servers.redis_url)
        assert await redis.ping()
        await redis.aclose()
    assert _own(data_dir) == []
    begun = time.monotonic()
    with open_servers(data_dir) as servers:
        assert await _words(servers.database_url) == ["kept"]
    assert time.monotonic() - begun < 5
    assert _own(data_dir) == []


async def test_durability_is_on_unless_asked_otherwise(data_dir: Path) -> None:
    with open_servers(data_dir, with_redis=False) as servers:
        connection = await asyncpg.connect(servers.database_url)
        for setting in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
            assert await connection.fetchval(f"SHOW {setting}") == "on", setting
        assert await connection.fetchval("SHOW listen_addresses") == ""
        assert await connection.fetchval("SHOW server_encoding") == "UTF8"
        await connection.close()


async def test_a_killed_owner_loses_nothing_and_its_servers_are_taken_over(killed: Path) -> None:
    running = {process.pid for process in _own(killed)}
    with open_servers(killed) as servers:
        await _insert(servers.database_url, "after the kill")
        assert not running & {process.pid for process in _own(killed)}
        assert await _words(servers.database_url) == ["after the kill"]
    assert _own(killed) == []


async def test_when_the_servers_were_killed_too_the_next_start_recovers(data_dir: Path) -> None:
    holder = Holder(data_dir)
    running = running_servers(data_dir)
    assert running is not None
    await _insert(running.database_url, "committed")
    servers = _own(data_dir)
    holder.end(signal.SIGKILL)
    for process in servers:
        process.kill()
    _wait_for(lambda: not _own(data_dir))
    with open_servers(data_dir) as again:
        assert await _words(again.database_url) == ["committed"]


async def test_a_server_that_ends_by_itself_is_started_again_at_its_address(data_dir: Path) -> None:
    with open_servers(data_dir) as servers:
        await _insert(servers.database_url, "before")
        for name in ("redis-server", "postgres"):
            note = data_dir / ("redis/redis.pid" if name == "redis-server" else "postgres/postmaster.pid")
            before = note.read_text(encoding="ascii").split("\n", 1)[0]
            os.kill(int(before), signal.SIGKILL)
            _wait_for(lambda note=note, before=before: _number(note) not in {"", before})
        await _until_answered(servers)
        assert await _words(servers.database_url) == ["before"]
    assert _own(data_dir) == []


async def test_a_process_number_that_now_belongs_to_another_is_no_obstacle(data_dir: Path) -> None:
    """After a container restart numbers begin anew, and Postgres would refuse to start beside a stranger."""
    with open_servers(data_dir, with_redis=False):
        lines = (data_dir / "postgres" / "postmaster.pid").read_text().splitlines()
    stranger = subprocess.Popen(["sleep", "600"])
    try:
        note = data_dir / "postgres" / "postmaster.pid"
        note.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        (data_dir / "redis").mkdir(exist_ok=True)
        (data_dir / "redis" / "redis.pid").write_text(str(stranger.pid))
        with open_servers(data_dir) as servers:
            await _insert(servers.database_url, "started")
        assert stranger.poll() is None, "a stranger was stopped"
    finally:
        stranger.kill()
        stranger.wait()


async def test_dead_children_that_nobody_collects_are_no_obstacle(data_dir: Path) -> None:
    """In a container without an init process a killed server's number stays taken for ever."""
    program = (
        "import os, sys, pathlib, signal, time\n"
        "from server.embedded import open_servers, servers as embedded\n"
        # It would start it again, and collect the dead.
        "embedded.WATCH_SECONDS = 600\n"
        "with open_servers(pathlib.Path(sys.argv[1]), with_redis=False) as servers:\n"
        "    note = pathlib.Path(sys.argv[1]) / 'postgres' / 'postmaster.pid'\n"
        "    os.kill(int(note.read_text().split()[0]), signal.SIGKILL)\n"
        "    os.close(servers.lock_fd)\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(600)\n"
    )
    keeper = subprocess.Popen([sys.executable, "-c", program, str(data_dir)], stdout=subprocess.PIPE)
    assert keeper.stdout is not None
    assert keeper.stdout.readline() == b"ready\n"
    try:
        _wait_for(lambda: not _own(data_dir))
        with open_servers(data_dir) as servers:
            await _insert(servers.database_url, "started")
    finally:
        keeper.kill()
        keeper.wait()
        keeper.stdout.close()


def test_a_second_owner_is_refused_in_words(data_dir: Path) -> None:
    holder = Holder(data_dir)
    with pytest.raises(DataDirectoryInUse, match=rf"already runs on .*process {holder.process.pid}"):
        with open_servers(data_dir):
            pass
    assert _servers(data_dir) == {"postgres", "redis-server"}, "the first owner's servers must not notice"
    holder.end(signal.SIGKILL)
    with open_servers(data_dir):
        pass


def test_a_start_waits_for_the_last_child_of_a_killed_owner(data_dir: Path) -> None:
    data_dir.mkdir()
    program = (
        "import sys, os, pathlib, subprocess, signal\n"
        "from server.embedded import open_servers\n"
        "with open_servers(pathlib.Path(sys.argv[1]), with_postgres=False) as s:\n"
        "    subprocess.Popen(['sleep', '2'], pass_fds=(s.lock_fd,))\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(data_dir)], check=False, timeout=LIMIT_SECONDS)
    said: list[str] = []
    begun = time.monotonic()
    with open_servers(data_dir, with_postgres=False, say=said.append):
        assert time.monotonic() - begun > 1
    assert any("earlier run" in sentence for sentence in said)


def test_other_commands_find_what_a_running_one_has_started(data_dir: Path) -> None:
    assert running_servers(data_dir) is None
    with open_servers(data_dir) as servers:
        found = running_servers(data_dir)
        assert found is not None
        assert (found.database_url, found.redis_url) == (servers.database_url, servers.redis_url)
    assert running_servers(data_dir) is None


def test_nobody_else_reaches_the_sockets_or_the_data(data_dir: Path) -> None:
    with open_servers(data_dir):
        for name in ("run", "postgres", "redis"):
            assert stat.S_IMODE((data_dir / name).stat().st_mode) == 0o700, name
        assert not stat.S_IMODE(data_dir.stat().st_mode) & stat.S_IRWXO
        listening = [
            address.laddr
            for process in _own(data_dir)
            for address in process.net_connections(kind="inet")
            if address.status == psutil.CONN_LISTEN
        ]
        assert listening == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts servers as another account")
def test_root_starts_servers_that_are_not_root(data_dir: Path) -> None:
    with open_servers(data_dir):
        assert {process.uids().effective for process in _own(data_dir)}.isdisjoint({0})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs to grant anything")
def test_root_grants_only_traversal_and_only_where_it_is_missing(short_dir: Path) -> None:
    closed = short_dir / "closed"
    closed.mkdir(mode=0o700)
    before = stat.S_IMODE(short_dir.stat().st_mode)
    with open_servers(closed / "data"):
        assert stat.S_IMODE(closed.stat().st_mode) == 0o701
        assert stat.S_IMODE(short_dir.stat().st_mode) in {before, before | 0o001}
        # Our own directory is opened to the group of the server account alone.
        assert stat.S_IMODE((closed / "data").stat().st_mode) == 0o710


async def test_a_path_too_long_for_sockets_is_no_obstacle(short_dir: Path) -> None:
    deep = short_dir / ("long-" * 20) / "data"
    assert len(os.fsencode(deep / "run")) > SOCKET_DIRECTORY_MAX_BYTES
    sockets = socket_directory(deep)
    assert len(os.fsencode(sockets)) <= SOCKET_DIRECTORY_MAX_BYTES
    with open_servers(deep) as servers:
        await _insert(servers.database_url, "deep")
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
        found = running_servers(deep)
        assert found is not None
        assert found.database_url == servers.database_url


def test_a_database_of_another_major_version_is_refused_in_words(data_dir: Path) -> None:
    with open_servers(data_dir, with_redis=False):
        pass
    version = data_dir / "postgres" / "PG_VERSION"
    version.write_text("12\n")
    with pytest.raises(EmbeddedError, match=r"made by Postgres 12.*operations\.md"), open_servers(data_dir):
        pass
    assert _own(data_dir) == []


def test_a_server_that_cannot_start_says_why(data_dir: Path) -> None:
    with pytest.raises(EmbeddedError, match="no_such_setting"):
        with open_servers(data_dir, with_redis=False, postgres_options={"no_such_setting": "1"}):
            pass
    assert _own(data_dir) == []


def test_an_initialisation_that_was_cut_off_is_done_again(data_dir: Path) -> None:
    (data_dir / "postgres.new" / "base").mkdir(parents=True)
    (data_dir / "postgres.new" / "PG_VERSION").write_text("18\n")
    with open_servers(data_dir, with_redis=False):
        assert not (data_dir / "postgres.new").exists()


def test_a_directory_that_cannot_be_written_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedError, match="QUILLROOM_DATA_DIR"), open_servers(tmp_path / "file" / "data"):
        pass


def test_an_interrupted_start_leaves_nothing_running(data_dir: Path) -> None:
    """Ctrl-C while Postgres starts: nobody would stop it later."""
    with open_servers(data_dir, with_redis=False):
        pass
    program = (
        "import sys, pathlib, signal\n"
        "from server.embedded import open_servers, postgres\n"
        # What a shell starts in the background does not hear of Ctrl-C, nor does what that starts.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "postgres._status = lambda *_: ''\n"
        "print('starting', flush=True)\n"
        "with open_servers(pathlib.Path(sys.argv[1]), with_redis=False): pass\n"
    )
    starting = subprocess.Popen(
        [sys.executable, "-c", program, str(data_dir)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(lambda: _own(data_dir))
        starting.send_signal(signal.SIGINT)
        starting.wait(LIMIT_SECONDS)
        assert _own(data_dir) == []
    finally:
        starting.kill()
        starting.wait()
        assert starting.stdout is not None
        starting.stdout.close()
