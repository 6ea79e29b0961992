"""The command `quillroom`. docs/cli.md is generated from the docstrings and help texts here.

A command brings what it alone needs by itself: a token is made, and help is read, without waiting for all of Quillroom.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from pydantic import ValidationError
from redis.exceptions import RedisError
from sqlalchemy.ext.asyncio import AsyncSession

from server import db, lifeline, logs
from server.accounts import people, tokens
from server.accounts.models import utc_now
from server.embedded import EmbeddedError, open_servers, running_servers
from server.errors import DomainError, Invalid
from server.publishing.rehearsal.spans import DAYS, MOST_DAYS
from server.settings import Settings
from server.workspaces import membership
from server.workspaces.models import Role

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Quillroom: a self-hosted, real-time collaborative content studio.",
)
user_app = typer.Typer(no_args_is_help=True, help="People.")
token_app = typer.Typer(no_args_is_help=True, help="API tokens.")
app.add_typer(user_app, name="user")
app.add_typer(token_app, name="token")

PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input, not from a prompt.")
]


@app.command()
def serve(
    workers: Annotated[int | None, typer.Option(help="Number of web processes that share the port.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Directory of the private servers and uploaded files.")] = None,
) -> None:
    """Serve pages, API and sockets.

    Without DATABASE_URL or REDIS_URL it starts a private Postgres or Redis in the data directory, and the worker too,
    and stops them when it stops. The database is migrated first. Options win over the environment.
    """
    from server.serving import PortInUse
    from server.serving import serve as serve_installation

    given = {"WORKERS": workers, "HOST": host, "PORT": port, "DATA_DIR": data_dir}
    # Into the environment, because the web processes read their settings there.
    os.environ.update({f"QUILLROOM_{name}": str(value) for name, value in given.items() if value is not None})
    settings = _settings()
    logs.configure(settings.log_level, settings.log_format, process="serve")
    try:
        serve_installation(settings)
    except (PortInUse, EmbeddedError, db.DatabaseUnreachable) as error:
        _fail(str(error))
    except KeyboardInterrupt:
        # Ctrl-C is the way to stop it, not a failure.
        return


@app.command()
def worker() -> None:
    """Run background jobs until stopped. `serve` does this itself when it runs private servers."""
    from server.worker import create_worker

    settings = _settings()
    logs.configure(settings.log_level, settings.log_format, process="worker")
    lifeline.hold_on()
    with _reachable(settings) as reachable:
        _check_database(reachable)
        try:
            create_worker(reachable).run()
        except (RedisError, OSError) as error:
            # arq has tried again for a while; whoever watches the worker starts it anew.
            _fail(f"Redis does not answer ({type(error).__name__}): check REDIS_URL.")


@app.command()
def migrate() -> None:
    """Bring the database's tables to the form this version needs."""
    from server.migrating import migrate as migrate_database

    with _reachable(_settings()) as settings:
        _check_database(settings)
        migrate_database(settings.database_url)
    typer.echo("The database is up to date.")


@app.command()
def doctor(
    *,
    ledger: Annotated[bool, typer.Option("--ledger", help="Verify the ledger of every workspace instead.")] = False,
) -> None:
    """Check the installation, and say what to do about what is wrong. Ends with 1 if something is."""
    from server.doctor import examine, examine_ledger

    settings = _settings()
    with _reachable(settings) as reachable:
        findings = asyncio.run(examine_ledger(reachable) if ledger else examine(reachable))
    for finding in findings:
        typer.echo(f"{'ok  ' if finding.fine else 'PROBLEM'} {finding.what}: {finding.words}")
    if not all(finding.fine for finding in findings):
        raise typer.Exit(1)


@app.command()
def rehearse(
    days: Annotated[int, typer.Option(help="How many days from now on.", min=1, max=MOST_DAYS)] = DAYS,
) -> None:
    """Play through what is planned in every workspace, and say what will not go out as it was meant to.

    Nothing is sent, and nothing is changed. Ends with 1 if something will fail.
    """
    from server.publishing.rehearsal.reporting import report

    with _reachable(_settings()) as settings:
        _check_database(settings)
        said = asyncio.run(report(settings, days))
    for line in said.lines:
        typer.echo(line)
    if said.fails:
        raise typer.Exit(1)


@user_app.command("create")
def create_user(
    email: Annotated[str, typer.Option(help="Address to sign in with.")],
    name: Annotated[str, typer.Option(help="Name that others see.")],
    role: Annotated[Role, typer.Option(help="Role in the workspace.")] = Role.MEMBER,
    password_stdin: PasswordStdin = False,  # noqa: FBT002 - typer's way to write a flag
) -> None:
    """Make an account in the oldest workspace; the first account founds one and is its admin."""
    clean_email, clean_name = _cleaned(people.clean_email, email), _cleaned(people.clean_name, name)
    password = _password("Password", from_stdin=password_stdin)

    async def work(session: AsyncSession) -> str:
        password_hash = await people.hash_new_password(password, email=clean_email, name=clean_name)
        user = await people.create(session, email=clean_email, name=clean_name, password_hash=password_hash)
        workspace = await membership.oldest(session)
        if workspace is None:
            from server.documents.samples import create_sample

            workspace = await membership.found(session, user)
            await create_sample(session, workspace, user)
        else:
            await membership.join(session, workspace_id=workspace.id, user_id=user.id, role=role)
        return f"{clean_name} can sign in as {clean_email}, in the workspace {workspace.name}."

    typer.echo(_in_database(work))


@user_app.command("password")
def reset_password(
    email: Annotated[str, typer.Option(help="Whose password it is.")],
    password_stdin: PasswordStdin = False,  # noqa: FBT002 - typer's way to write a flag
) -> None:
    """Set a new password for a person who forgot theirs, and sign every browser of theirs out. API tokens go on."""
    clean_email = _cleaned(people.clean_email, email)
    password = _password("New password", from_stdin=password_stdin)

    async def work(session: AsyncSession) -> str:
        user = await people.reset_password(session, clean_email, password)
        return f"{user.name} signs in as {user.email} with the new password now, and has been signed out everywhere."

    typer.echo(_in_database(work))


@token_app.command("create")
def create_token(
    email: Annotated[str, typer.Option(help="Whose token it is.")],
    name: Annotated[str, typer.Option(help="What it is for.")],
    days: Annotated[int | None, typer.Option(help="Days until it expires. Without: never.", min=1, max=36500)] = None,
) -> None:
    """Make an API token and print it. It is shown this once; only its hash is kept."""
    clean_email = _cleaned(people.clean_email, email)

    async def work(session: AsyncSession) -> str:
        user = await people.find_by_email(session, clean_email)
        if user is None:
            raise Invalid({"email": f"Nobody has the address {email}."})
        expires_at = utc_now() + timedelta(days=days) if days is not None else None
        _, text = await tokens.create(session, user, name=name, expires_at=expires_at)
        return text

    typer.echo(_in_database(work))


def main() -> None:
    """Run the command line."""
    app()


def _settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        lines = [_said_of(".".join(map(str, fault["loc"])), fault["msg"]) for fault in error.errors()]
        _fail("These settings cannot be used:\n  " + "\n  ".join(lines))


def _said_of(setting: str, fault: str) -> str:
    """Say what is wrong, after the setting's name as it is set; none if it is about several, which the fault names."""
    sentence = fault.removeprefix("Value error, ")
    return f"QUILLROOM_{setting.upper()}: {sentence}" if setting else sentence


@contextmanager
def _reachable(settings: Settings) -> Iterator[Settings]:
    """Settings with addresses: those of a running `serve`, or of private servers started for this command."""
    if settings.database_url and settings.redis_url:
        yield settings
        return
    running = running_servers(settings.data_dir)
    if running is not None:
        yield _with_addresses(settings, running.database_url, running.redis_url)
        return
    try:
        with open_servers(
            settings.data_dir, with_postgres=not settings.database_url, with_redis=not settings.redis_url
        ) as servers:
            if not settings.database_url:
                from server.migrating import migrate as migrate_database

                migrate_database(servers.database_url)
            yield _with_addresses(settings, servers.database_url, servers.redis_url)
    except EmbeddedError as error:
        _fail(str(error))


def _with_addresses(settings: Settings, database_url: str, redis_url: str) -> Settings:
    return settings.model_copy(
        update={
            "database_url": settings.database_url or database_url,
            "redis_url": settings.redis_url or redis_url,
        }
    )


def _in_database(work: Callable[[AsyncSession], Awaitable[str]]) -> str:
    async def run(settings: Settings) -> str:
        engine = db.create_engine(settings.database_url)
        try:
            async with db.transaction(db.create_sessions(engine)) as session:
                return await work(session)
        finally:
            await engine.dispose()

    with _reachable(_settings()) as settings:
        _check_database(settings)
        try:
            return asyncio.run(run(settings))
        except Invalid as error:
            _fail("\n".join(error.fields.values()) or str(error))
        except DomainError as error:
            _fail(str(error))


def _password(prompt: str, *, from_stdin: bool) -> str:
    """Return a password that is typed twice, or the first line of standard input."""
    if not from_stdin:
        return str(typer.prompt(prompt, hide_input=True, confirmation_prompt=True))
    line = sys.stdin.buffer.readline()
    if not line:
        _fail("No password came on standard input.")
    try:
        # Whatever the locale says: the browser sends UTF-8 too.
        return line.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        _fail("The password on standard input is not UTF-8.")


def _cleaned(clean: Callable[[str], str], given: str) -> str:
    try:
        return clean(given)
    except ValueError as error:
        _fail(str(error))


def _check_database(settings: Settings) -> None:
    try:
        asyncio.run(db.check(settings.database_url))
    except db.DatabaseUnreachable as error:
        _fail(str(error))


def _fail(sentence: str) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(1)
