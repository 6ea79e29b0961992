"""Accounts: connecting them, what is kept of them, how they fare, and taking them away.

While a channel is asked, no transaction is open: it may take half a minute, and a connection to Postgres is not for
waiting.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

import anyio
import structlog
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import User, utc_now
from server.accounts.secret import digest
from server.accounts.signing import signed
from server.audit import ledger
from server.errors import Conflict, DomainError, Invalid, NotFound, Unavailable
from server.publishing.channel import Account, Caller, Channel, Connection, Consent, Field
from server.publishing.http import Http
from server.publishing.models import ChannelAccount, ChannelConsent, Health
from server.publishing.remedies import ChannelError, Remedy
from server.publishing.vault import CannotOpen, Vault
from server.web.text import clean_line, has_ink
from server.workspaces import access
from server.workspaces.access import ALLOWED, Actor, Verb, actor_for
from server.workspaces.models import Member, Role

MAX_NAME_CHARACTERS: Final = 120
MAX_ANSWER_CHARACTERS: Final = 2000
CONSENT_LASTS: Final = timedelta(minutes=15)
# An access token is renewed so long before it ends, or when half its life is over: time to ask a person, if that fails.
AHEAD: Final = timedelta(days=7)
# Somebody waits for the page.
REVOKE_SECONDS: Final = 10

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Reach:
    """What it takes to reach the channels. `apps`: what they gave the operator, by kind.

    `open_vault`: raises CannotOpen; asked each time, so that a key that is missing stops nothing else.
    """

    channels: Mapping[str, Channel]
    apps: Mapping[str, Mapping[str, str]]
    http: Http
    open_vault: Callable[[], Vault]
    public_url: str

    @property
    def vault(self) -> Vault:
        """The vault. Raises CannotOpen."""
        return self.open_vault()


@dataclass(frozen=True, slots=True)
class Connected:
    """An account that works. `shown_once`: what the person takes to the other side now, label to value."""

    account: ChannelAccount
    shown_once: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Listed:
    """An account with the names of people."""

    account: ChannelAccount
    responsible_name: str | None
    connected_by_name: str | None


class ConsentOver(Conflict):
    """Somebody comes back from a channel, and nobody here knows what they were sent for."""

    sentence = "This took longer than 15 minutes, or was finished already. Begin to connect anew."


async def connect(
    db: AsyncSession, reach: Reach, actor: Actor, kind: str, answers: Mapping[str, str]
) -> Connected | str:
    """Connect an account by what was filled in, or return the address where the person has to agree first.

    An account that was connected before, by whomever, is the same one again. Commits. Raises Forbidden, Invalid naming
    the fields, Unavailable if the channel cannot be asked now.
    """
    access.require(actor, Verb.PUBLISH, actor)
    channel = reach.channels.get(kind)
    if channel is None:
        raise Invalid({"channel": "There is no such channel."})
    given = _checked(channel.form, answers)
    await db.commit()
    try:
        made = await channel.connect(
            reach.http, given, app=reach.apps.get(kind, {}), return_to=f"{reach.public_url}/channels/{kind}/return"
        )
    except ChannelError as error:
        raise refusal(error) from error
    if isinstance(made, Connection):
        return await _keep(db, reach, actor, kind, made)
    await _send_away(db, reach, actor, kind, made)
    return made.url


async def finish(db: AsyncSession, reach: Reach, user: User, kind: str, answer: Mapping[str, str]) -> Connected:
    """Connect an account after its person agreed at the channel. `answer` is the query they came back with.

    Each question has one answer, from the person who was sent. Commits. Raises ConsentOver, Forbidden, Invalid,
    Unavailable.
    """
    gone = (
        delete(ChannelConsent)
        .where(
            col(ChannelConsent.state_hash) == digest(answer.get("state", "")),
            # Somebody else's browser with this address would connect an account of theirs to a workspace of others.
            col(ChannelConsent.user_id) == user.id,
            col(ChannelConsent.channel) == kind,
        )
        .returning(col(ChannelConsent.workspace_id), col(ChannelConsent.kept), col(ChannelConsent.expires_at))
    )
    found = (await db.execute(gone)).one_or_none()
    await db.commit()
    channel = reach.channels.get(kind)
    if found is None or channel is None or found.expires_at <= utc_now():
        raise ConsentOver
    actor = await actor_for(db, user, found.workspace_id)
    access.require(actor, Verb.PUBLISH, actor)
    await db.commit()
    try:
        connection = await channel.finish(reach.http, reach.vault.open(found.kept), answer)
    except ChannelError as error:
        raise refusal(error) from error
    return await _keep(db, reach, actor, kind, connection)


async def listed(db: AsyncSession, actor: Actor) -> Sequence[Listed]:
    """Return the connected accounts of the actor's workspace, by channel and name. Members see them, guests do not."""
    access.require(actor, Verb.CREATE, actor)
    rows = (
        await db.scalars(
            select(ChannelAccount)
            .where(
                col(ChannelAccount.workspace_id) == actor.workspace_id, col(ChannelAccount.disconnected_at).is_(None)
            )
            .order_by(col(ChannelAccount.channel), col(ChannelAccount.name), col(ChannelAccount.id))
        )
    ).all()
    return await _named(db, rows)


async def names(db: AsyncSession, workspace_id: UUID, channels: Mapping[str, Channel]) -> dict[str, str]:
    """Return what people call the accounts of a workspace, by id, also of those that were disconnected."""
    rows = await db.execute(
        select(col(ChannelAccount.id), col(ChannelAccount.name), col(ChannelAccount.channel)).where(
            col(ChannelAccount.workspace_id) == workspace_id
        )
    )
    return {
        str(account_id): f"{name} · {channels[kind].name if kind in channels else kind}"
        for account_id, name, kind in rows
    }


async def find(db: AsyncSession, actor: Actor, account_id: UUID, verb: Verb = Verb.CREATE) -> ChannelAccount:
    """Return a connected account of the workspace. Raises NotFound, Forbidden."""
    account: ChannelAccount | None = await db.get(ChannelAccount, account_id)
    if account is None or account.workspace_id != actor.workspace_id or account.disconnected_at is not None:
        raise NotFound
    access.require(actor, verb, account)
    return account


async def named(db: AsyncSession, account: ChannelAccount) -> Listed:
    """Return the account with the names of people."""
    [told] = await _named(db, [account])
    return told


async def change(
    db: AsyncSession, actor: Actor, account_id: UUID, *, name: str | None = None, responsible_id: UUID | None = None
) -> ChannelAccount:
    """Give an account another name, or another person who is asked to connect it again.

    Raises Forbidden, NotFound, Invalid.
    """
    account = await find(db, actor, account_id, Verb.PUBLISH)
    if name is not None:
        name = clean_line(name)
        if not has_ink(name) or len(name) > MAX_NAME_CHARACTERS:
            raise Invalid({"name": f"Give the account a name of at most {MAX_NAME_CHARACTERS} characters."})
        account.name = name
    if responsible_id is not None:
        if responsible_id not in {user.id for user in await publishers(db, actor.workspace_id)}:
            raise Invalid({"responsible_id": "Choose somebody who may publish here: an admin or a scheduler."})
        account.responsible_id = responsible_id
    await db.flush()
    return account


async def disconnect(db: AsyncSession, reach: Reach, actor: Actor, account_id: UUID) -> str:
    """Forget the account's secrets and use it no more; what it published stays. Then take the access back there.

    Returns what remains for a person to do there, in a sentence; empty: nothing. It is disconnected in any case.
    Commits. Raises Forbidden, NotFound.
    """
    account = await find(db, actor, account_id, Verb.PUBLISH)
    channel = reach.channels.get(account.channel)
    try:
        caller = caller_of(reach, account)
    except ChannelError:
        # No key opens its secrets any more, so nobody can take them back from here.
        caller = None
    account.secrets = None
    account.key_id = ""
    account.expires_at = account.refresh_at = None
    account.disconnected_at = utc_now()
    await db.flush()
    await _write_down(db, account, actor, "channel.disconnected", "disconnected")
    await db.commit()
    return await _take_back(channel, caller)


async def _take_back(channel: Channel | None, caller: Caller | None) -> str:
    """Take an access back, as far as that goes in a short while; else say who has to."""
    if channel is None:
        return ""
    by_hand = f"{channel.name} did not confirm that the access was taken back. Look there, and take it back by hand."
    if caller is None:
        return by_hand
    try:
        with anyio.fail_after(REVOKE_SECONDS):
            return await channel.revoke(caller)
    except (ChannelError, TimeoutError):
        return by_hand
    except Exception:
        # It is disconnected here, whatever came back from there.
        log.exception("access not taken back", channel=channel.kind)
        return by_hand


async def publishers(db: AsyncSession, workspace_id: UUID) -> Sequence[User]:
    """Return the people of the workspace who may publish, by name."""
    roles = [role.value for role in Role if Verb.PUBLISH in ALLOWED[role]]
    found = (
        select(User)
        .join(Member, col(Member.user_id) == col(User.id))
        .where(
            col(Member.workspace_id) == workspace_id,
            col(Member.role).in_(roles),
            col(User.disabled_at).is_(None),
        )
        .order_by(col(User.name), col(User.id))
    )
    return (await db.scalars(found)).all()


def open_account(reach: Reach, row: ChannelAccount) -> Account:
    """Return the account with its secrets open. Raises ChannelError if it is disconnected or the key is missing."""
    if row.secrets is None:
        raise ChannelError(Remedy.RECONNECT, f"{row.name} is disconnected. Connect it again.")
    try:
        secrets = reach.vault.open(row.secrets)
    except CannotOpen as error:
        raise ChannelError(Remedy.OPERATOR, str(error)) from error
    return Account(
        row.id,
        row.channel,
        row.name,
        base_url=row.base_url,
        remote_id=row.remote_id,
        facts=row.facts,
        secrets=secrets,
        app=reach.apps.get(row.channel, {}),
    )


def channel_of(reach: Reach, row: ChannelAccount) -> Channel:
    """Return the channel of an account. Raises ChannelError if this version has none of that kind."""
    channel = reach.channels.get(row.channel)
    if channel is None:
        raise ChannelError(Remedy.OPERATOR, f"This installation no longer has the channel “{row.channel}”.")
    return channel


def caller_of(reach: Reach, row: ChannelAccount) -> Caller:
    """Return what a call for this account needs. Raises ChannelError as `open_account` does."""
    return Caller(reach.http, open_account(reach, row))


def renewed(reach: Reach, row: ChannelAccount, connection: Connection, now: datetime) -> None:
    """Put down what is known anew of an account: it works, if the channel was asked. The name stays people's own."""
    if connection.secrets:
        row.secrets = reach.vault.seal(connection.secrets)
        row.key_id = reach.vault.key_id
    if connection.facts:
        row.facts = dict(connection.facts)
    if connection.expires_at is not None:
        row.expires_at = connection.expires_at
        row.refresh_at = refresh_time(connection.expires_at, now)
    if connection.was_asked:
        row.checked_at = now
        faring(row, Health.OK, "", now)


def faring(row: ChannelAccount, health: Health, sentence: str, now: datetime) -> bool:
    """Put down how an account fares. Returns whether that is new."""
    is_new = row.health != health.value
    if is_new:
        row.health, row.health_since = health.value, now
    row.health_sentence = sentence
    return is_new


def refresh_time(expires_at: datetime, now: datetime) -> datetime:
    """Return from when on a token that was given now is to be renewed."""
    return expires_at - min(AHEAD, max(expires_at - now, timedelta(0)) / 2)


def refusal(error: ChannelError) -> DomainError:
    """Return what a person who waits for it is told about a call that failed."""
    if error.remedy in {Remedy.RETRY, Remedy.UNKNOWN, Remedy.QUOTA}:
        return Unavailable(f"{error} Nothing was changed here; try again in a moment.")
    return Invalid(sentence=str(error))


def _checked(form: Sequence[Field], answers: Mapping[str, str]) -> dict[str, str]:
    """Return the answers to a channel's form, trimmed. Raises Invalid."""
    known = {each.name: each for each in form}
    errors = {name: "This channel does not ask for that." for name in answers if name not in known}
    given: dict[str, str] = {}
    for name, asked in known.items():
        answer = answers.get(name, "").strip()
        if asked.required and not answer:
            errors[name] = "Fill this in."
        elif len(answer) > MAX_ANSWER_CHARACTERS:
            errors[name] = f"Use at most {MAX_ANSWER_CHARACTERS} characters."
        elif answer and asked.choices and answer not in {value for value, _ in asked.choices}:
            errors[name] = "Choose one of the values."
        given[name] = answer
    if errors:
        raise Invalid(errors)
    return given


async def _send_away(db: AsyncSession, reach: Reach, actor: Actor, kind: str, consent: Consent) -> None:
    db.add(
        ChannelConsent(
            state_hash=digest(consent.kept["state"]),
            workspace_id=actor.workspace_id,
            user_id=actor.user_id,
            channel=kind,
            kept=reach.vault.seal(consent.kept),
            expires_at=utc_now() + CONSENT_LASTS,
        )
    )
    await db.commit()


async def _keep(db: AsyncSession, reach: Reach, actor: Actor, kind: str, connection: Connection) -> Connected:
    """Write down an account that was connected just now, in place of what was known of it, and commit."""
    now = utc_now()
    identity = {
        "workspace_id": actor.workspace_id,
        "channel": kind,
        "base_url": connection.base_url,
        "remote_id": connection.remote_id,
    }
    blank = {
        "id": uuid4(),
        **identity,
        "name": connection.name[:MAX_NAME_CHARACTERS],
        "facts": dict(connection.facts),
        "secrets": reach.vault.seal(connection.secrets),
        "key_id": reach.vault.key_id,
        "health": Health.OK.value,
        "health_sentence": "",
        "health_since": now,
        "checked_at": now,
        "connected_by": actor.user_id,
        "responsible_id": actor.user_id,
        "created_at": now,
    }
    await db.execute(insert(ChannelAccount).values(blank).on_conflict_do_nothing())
    account: ChannelAccount | None = (
        await db.scalars(
            select(ChannelAccount)
            .where(*[getattr(ChannelAccount, name) == value for name, value in identity.items()])
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    ).one_or_none()
    if account is None:
        # Something that there can be once, as the address of a site.
        await db.rollback()
        raise Invalid(sentence=f"Another workspace has “{connection.remote_id}” already. Choose another one.")
    renewed(reach, account, connection, now)
    if account.secrets is None:
        # It was disconnected, and has none: a site.
        account.secrets, account.key_id = reach.vault.seal({}), reach.vault.key_id
    account.expires_at = connection.expires_at
    account.refresh_at = None if connection.expires_at is None else refresh_time(connection.expires_at, now)
    account.connected_by = actor.user_id
    if account.disconnected_at is not None or account.responsible_id is None:
        account.responsible_id = actor.user_id
    account.disconnected_at = None
    await _write_down(db, account, actor, "channel.connected", "connected")
    await db.commit()
    return Connected(account, connection.shown_once)


async def _write_down(db: AsyncSession, account: ChannelAccount, actor: Actor, kind: str, done: str) -> None:
    """Put it into the workspace's ledger."""
    by = await signed(db, actor.user_id)
    sentence = f"{by.name} {done} the account {account.name} ({account.channel})."
    data = {"account": str(account.id), "channel": account.channel, "name": account.name}
    await ledger.append(db, account.workspace_id, by, kind=kind, sentence=sentence, data=data)


async def _named(db: AsyncSession, accounts: Sequence[ChannelAccount]) -> list[Listed]:
    people = {person for each in accounts for person in (each.responsible_id, each.connected_by) if person is not None}
    names: dict[UUID, str] = {}
    if people:
        found = await db.execute(select(col(User.id), col(User.name)).where(col(User.id).in_(people)))
        names = {row.id: row.name for row in found}
    return [
        Listed(
            each,
            names.get(each.responsible_id) if each.responsible_id else None,
            names.get(each.connected_by) if each.connected_by else None,
        )
        for each in accounts
    ]
