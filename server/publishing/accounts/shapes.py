"""What the API says about channels and accounts."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import Field

from server.publishing.accounts.accounts import Connected, Listed
from server.publishing.channel import Channel
from server.publishing.channel import Field as Asked
from server.publishing.models import Health
from server.web.operations import Answer, BodyInput


class FieldChoice(Answer):
    """One of the values that a field takes."""

    value: str
    label: str


class FieldAsked(Answer):
    """Something to fill in."""

    name: str
    label: str
    help: str
    secret: bool = Field(description="Whether it is never shown again.")
    required: bool
    choices: list[FieldChoice] = Field(description="The only values it takes; empty: any text.")

    @classmethod
    def of(cls, asked: Asked) -> Self:
        """Describe a field of a channel."""
        return cls(
            name=asked.name,
            label=asked.label,
            help=asked.help,
            secret=asked.secret,
            required=asked.required,
            choices=[FieldChoice(value=value, label=label) for value, label in asked.choices],
        )


class ChannelSeen(Answer):
    """A place where posts can appear."""

    kind: str
    name: str
    form: list[FieldAsked] = Field(description="What it takes to connect an account.")
    options: list[FieldAsked] = Field(description="What is chosen with each post.")
    titles: bool
    rich_text: bool
    pictures: bool
    replies: bool
    updates: bool
    deletes: bool
    metrics: bool

    @classmethod
    def of(cls, channel: Channel) -> Self:
        """Describe a channel."""
        can = channel.capabilities
        return cls(
            kind=channel.kind,
            name=channel.name,
            form=[FieldAsked.of(each) for each in channel.form],
            options=[FieldAsked.of(each) for each in channel.options],
            titles=can.titles,
            rich_text=can.rich_text,
            pictures=can.pictures,
            replies=can.replies,
            updates=can.updates,
            deletes=can.deletes,
            metrics=can.metrics,
        )


class ChannelList(Answer):
    """All channels of this installation."""

    channels: list[ChannelSeen]


class AccountSeen(Answer):
    """An account on a channel, connected to a workspace. Its secrets are never told."""

    id: UUID
    channel: str
    name: str
    base_url: str
    remote_id: str
    health: Health
    health_sentence: str = Field(description="What is wrong, for a person; empty while nothing is.")
    health_since: datetime
    checked_at: datetime
    expires_at: datetime | None = Field(description="When its access token ends; it is renewed before.")
    responsible_id: UUID | None = Field(description="Who is asked to connect it again when only a person can help.")
    responsible_name: str | None
    connected_by: UUID | None
    connected_by_name: str | None
    created_at: datetime

    @classmethod
    def of(cls, listed: Listed) -> Self:
        """Describe an account."""
        account = listed.account
        return cls(
            id=account.id,
            channel=account.channel,
            name=account.name,
            base_url=account.base_url,
            remote_id=account.remote_id,
            health=Health(account.health),
            health_sentence=account.health_sentence,
            health_since=account.health_since,
            checked_at=account.checked_at,
            expires_at=account.expires_at,
            responsible_id=account.responsible_id,
            responsible_name=listed.responsible_name,
            connected_by=account.connected_by,
            connected_by_name=listed.connected_by_name,
            created_at=account.created_at,
        )


class AccountList(Answer):
    """The connected accounts of a workspace, by channel and name."""

    accounts: list[AccountSeen]


class ShownOnce(Answer):
    """What must be taken to the other side now."""

    label: str
    value: str


class AccountConnected(Answer):
    """An account that works, or the address where a person has to agree first."""

    account: AccountSeen | None
    consent_url: str | None = Field(
        description="Open it in the browser in which the person is signed in here, within 15 minutes."
    )
    shown_once: list[ShownOnce] = Field(description="Secrets that were made here for the other side; told this once.")

    @classmethod
    def of(cls, connected: Connected, listed: Listed) -> Self:
        """Describe an account that was connected just now."""
        return cls(
            account=AccountSeen.of(listed),
            consent_url=None,
            shown_once=[ShownOnce(label=label, value=value) for label, value in connected.shown_once.items()],
        )


class NewAccount(BodyInput):
    """An account to connect."""

    channel: str = Field(max_length=40)
    answers: dict[str, str] = Field(
        default_factory=dict, max_length=40, description="What the channel's `form` asks for, by name."
    )


class AccountChange(BodyInput):
    """What to change of an account; what is left out stays."""

    name: str | None = Field(default=None, max_length=1000)
    responsible_id: UUID | None = Field(default=None, description="A member who may publish.")
