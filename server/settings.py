"""Everything an operator can choose, read once from the environment.

docs/settings.md is generated from the descriptions below: give the unit, and what the value is for.
"""

import re
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

MIB = 1024 * 1024
KEY_BYTES = 32


class Settings(BaseSettings):
    """One frozen value; pass it on, never read the environment elsewhere."""

    model_config = SettingsConfigDict(
        env_prefix="QUILLROOM_",
        # `QUILLROOM_PORT=` in a shell or an environment file means "not set", not "the port ''".
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
        validate_by_name=True,
        validate_by_alias=True,
    )

    database_url: str = Field(
        default="",
        validation_alias="DATABASE_URL",
        repr=False,  # it may hold a password
        description="Address of a Postgres database, `postgresql://user:password@host/name`. "
        "Empty: a private Postgres is started in the data directory.",
    )
    redis_url: str = Field(
        default="",
        validation_alias="REDIS_URL",
        repr=False,  # likewise
        description="Address of a Redis server (6.2 or newer), `redis://`, `rediss://` or `unix://`. "
        "Empty: a private Redis is started in the data directory.",
    )
    data_dir: Path = Field(
        default=Path("data"),
        description="Directory that holds the private database, uploaded files and logs of the private servers.",
    )
    host: str = Field(
        default="127.0.0.1", description="Address to listen on. `0.0.0.0` listens on every IPv4 interface."
    )
    port: int = Field(default=8000, ge=1, le=65535, description="TCP port to listen on.")
    workers: int = Field(default=1, ge=1, le=256, description="Number of web processes that share the port.")
    base_url: str = Field(
        default="",
        description="Public address of this installation, `https://studio.example.org`. It goes into links, and "
        "`https` makes cookies secure. Empty: `http://host:port`.",
    )
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Further origins, separated by commas, whose pages may open sockets with a session cookie.",
    )
    trusted_proxies: str = Field(
        default="",
        description="Addresses or networks, separated by commas, of proxies whose `X-Forwarded-For` and "
        "`X-Forwarded-Proto` are believed. `*` believes every peer. Empty: none.",
    )
    storage_url: str = Field(
        default="",
        description="Where uploaded files are kept: `file:///directory` or `s3://bucket/prefix`. "
        "Empty: `assets` in the data directory.",
    )
    storage_endpoint: str = Field(
        default="", description="Address of an S3-compatible store. Empty: the provider's own."
    )
    storage_region: str = Field(default="", description="Region of the S3 bucket.")
    storage_access_key_id: str = Field(default="", description="Access key of the S3 bucket.")
    storage_secret_access_key: str = Field(default="", repr=False, description="Secret key of the S3 bucket.")
    smtp_url: str = Field(
        default="",
        repr=False,  # it may hold a password
        description="Mail server that takes mail from here, `smtp://user:password@host:587` (TLS is begun if the "
        "server offers it, and a password never sent without) or `smtps://…:465`. Empty: no mail is sent.",
    )
    smtp_from: str = Field(
        default="",
        description="Whom mail is from, `Quillroom <quillroom@example.org>`. Needed with `QUILLROOM_SMTP_URL`.",
    )
    digest_hour: int = Field(
        default=6, ge=0, le=23, description="Hour of the day, in UTC, from which daily mails are sent."
    )
    secret_keys: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        repr=False,
        description="Keys that encrypt the secrets of connected accounts, separated by commas, the newest first; each "
        "32 random bytes in URL-safe base64. Empty: one is made in the data directory, `secret.keys`.",
    )
    channel_private_networks: bool = Field(
        default=False,
        description="Whether channels may be on this machine and in private networks, and without TLS there.",
    )
    reddit_client_id: str = Field(
        default="",
        description="Id of the application registered at Reddit. Empty: nobody can connect an account there.",
    )
    reddit_client_secret: str = Field(default="", repr=False, description="Its secret.")
    reddit_user: str = Field(
        default="",
        description="Name of the Reddit account that registered it, without `u/`, which Reddit wants to hear with each "
        "call.",
    )
    websub_hub: str = Field(
        default="",
        description="Address of a WebSub hub that is told when a public site changes, so that its readers hear of it "
        "at once. Empty: none.",
    )
    session_days: int = Field(default=30, ge=1, le=365, description="Days until a person must sign in again.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least important message that is logged."
    )
    log_format: Literal["auto", "console", "json"] = Field(
        default="auto", description="`auto`: lines for people on a terminal, JSON elsewhere."
    )
    slow_ms: float = Field(
        default=250,
        ge=0,
        description="Milliseconds from which a request, a commit, a load, a flush or a stall of the event loop is "
        "logged as slow. `0`: never.",
    )
    worker_metrics_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="Port on which `quillroom worker` shows figures for Prometheus, at `QUILLROOM_HOST`. `0`: none.",
    )
    max_upload_bytes: int = Field(default=20 * MIB, ge=1024, description="Largest upload, in bytes.")
    max_image_pixels: int = Field(
        default=40_000_000, ge=1, description="Largest image, in pixels (width times height), before it is decoded."
    )
    max_frame_bytes: int = Field(default=8 * MIB, ge=64 * 1024, description="Largest frame a socket accepts, in bytes.")
    max_document_bytes: int = Field(
        default=64 * MIB, ge=1024, description="Largest document, in bytes of its encoded state."
    )
    max_peers_per_document: int = Field(default=200, ge=1, description="Connections to one document in one process.")
    max_peers_per_person: int = Field(
        default=50, ge=1, description="Connections of one person among those, so that nobody takes the others' places."
    )
    messages_per_second: int = Field(
        default=1000, ge=1, description="Frames per second that one socket may send for long."
    )
    messages_burst: int = Field(
        default=5000, ge=1, description="Frames that one socket may send at once, before the rate counts."
    )
    outbox_bytes: int = Field(
        default=4 * MIB,
        ge=64 * 1024,
        description="Bytes that may wait for one slow peer before they are replaced by one catch-up message.",
    )
    room_idle_seconds: float = Field(
        default=30, ge=0, description="Seconds that a document without peers stays in memory."
    )
    presence_seconds: float = Field(
        default=30, gt=0, description="Seconds after which a silent peer's caret disappears."
    )
    relay_after_ms: float = Field(
        default=20,
        ge=0,
        description="Milliseconds to wait for Postgres before an edit is relayed without its acknowledgement.",
    )

    @field_validator("allowed_origins", mode="before")
    @classmethod
    def _split_origins(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(origin.strip().rstrip("/") for origin in value.split(",") if origin.strip())
        return value

    @field_validator("secret_keys", mode="before")
    @classmethod
    def _split_keys(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(key.strip() for key in value.split(",") if key.strip())
        return value

    @field_validator("secret_keys", mode="after")
    @classmethod
    def _check_keys(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(is_key(key) for key in value):
            # Without what was given.
            message = "must be keys of 32 bytes in URL-safe base64, separated by commas"
            raise ValueError(message)
        return value

    @field_validator("data_dir", mode="after")
    @classmethod
    def _make_absolute(cls, value: Path) -> Path:
        # Children and private servers have other working directories than the shell that named this path.
        return value.expanduser().absolute()

    @field_validator("base_url", mode="after")
    @classmethod
    def _check_base_url(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            message = "must begin with http:// or https://"
            raise ValueError(message)
        return value.rstrip("/")

    @field_validator("database_url", mode="after")
    @classmethod
    def _check_database_url(cls, value: str) -> str:
        if value and not value.startswith(("postgresql://", "postgres://", "postgresql+asyncpg://")):
            message = "must look like postgresql://user:password@host/name"
            raise ValueError(message)
        return value

    @field_validator("redis_url", mode="after")
    @classmethod
    def _check_redis_url(cls, value: str) -> str:
        if value and not value.startswith(("redis://", "rediss://", "unix://")):
            message = "must begin with redis://, rediss:// or unix://"
            raise ValueError(message)
        return value

    @field_validator("smtp_url", mode="after")
    @classmethod
    def _check_smtp_url(cls, value: str) -> str:
        try:
            parts = urlsplit(value)
            whole = parts.scheme in {"smtp", "smtps"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            whole = False
        if value and not whole:
            # Without what was given, which may hold a password.
            message = "must look like smtp://user:password@host:587 or smtps://user:password@host:465"
            raise ValueError(message)
        return value

    @field_validator("smtp_from", mode="after")
    @classmethod
    def _check_smtp_from(cls, value: str) -> str:
        if value and not re.fullmatch(r"[^\s@<>]+@[^\s@<>]+|[^<>\r\n]*<[^\s@<>]+@[^\s@<>]+>", value):
            message = "must look like Quillroom <quillroom@example.org>"
            raise ValueError(message)
        return value

    @model_validator(mode="after")
    def _check_mail(self) -> Self:
        if self.smtp_url and not self.smtp_from:
            message = "QUILLROOM_SMTP_FROM must be set together with QUILLROOM_SMTP_URL"
            raise ValueError(message)
        return self

    @property
    def public_url(self) -> str:
        """The address people use, without a slash at its end."""
        if self.base_url:
            return self.base_url
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::"} else self.host  # noqa: S104 - compared, not bound
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def secure(self) -> bool:
        """Whether people reach this installation over https."""
        return self.public_url.startswith("https://")

    @property
    def storage_location(self) -> str:
        """The URL of the object store, with the default filled in."""
        return self.storage_url or (self.data_dir / "assets").as_uri()


def is_key(key: str) -> bool:
    """Whether this can encrypt secrets."""
    try:
        return len(urlsafe_b64decode(key.encode("ascii"))) == KEY_BYTES
    except ValueError:
        return False
