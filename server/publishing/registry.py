"""Every channel there is. One that is added stands here, and nowhere else in the code around."""

from collections.abc import Mapping
from functools import partial
from importlib.metadata import version
from typing import Final

from obstore.store import ObjectStore

from server.db import Sessions
from server.publishing.accounts.accounts import Reach
from server.publishing.channel import Channel
from server.publishing.channels.bluesky import Bluesky
from server.publishing.channels.mastodon import Mastodon
from server.publishing.channels.reddit import Reddit
from server.publishing.channels.sandbox import Sandbox
from server.publishing.channels.sandbox_shelf import PostgresSandboxShelf
from server.publishing.channels.site import Site
from server.publishing.channels.webhook import Webhook
from server.publishing.channels.wordpress import WordPress
from server.publishing.http import open_http
from server.publishing.site.shelf import PostgresShelf
from server.publishing.vault import open_vault
from server.settings import Settings

# Those that are elsewhere; the ones of this very installation need its database.
ELSEWHERE: Final[Mapping[str, Channel]] = {
    channel.kind: channel
    for channel in (
        Mastodon(),
        Bluesky(),
        WordPress(),
        Reddit(),
        Webhook(),
    )
}


def channels_of(settings: Settings, sessions: Sessions, store: ObjectStore) -> Mapping[str, Channel]:
    """Return all channels, by kind."""
    at = settings.public_url
    site = Site(PostgresShelf(sessions, store), at, settings.websub_hub)
    sandbox = Sandbox(PostgresSandboxShelf(sessions), at, ELSEWHERE)
    # In the order in which people are offered them: first what needs no account, last what is only for trying out.
    return {site.kind: site, **ELSEWHERE, sandbox.kind: sandbox}


def apps_of(settings: Settings) -> Mapping[str, Mapping[str, str]]:
    """Return what the operator was given by channels to sign people in there, by the kind of channel."""
    return {
        "reddit": {
            "client_id": settings.reddit_client_id,
            "client_secret": settings.reddit_client_secret,
            "user": settings.reddit_user,
        },
    }


def open_reach(settings: Settings, sessions: Sessions, store: ObjectStore) -> Reach:
    """Return what it takes to reach the channels; `reach.http.client.aclose()` at the end."""
    http = open_http(private_networks=settings.channel_private_networks, user_agent=f"Quillroom/{version('quillroom')}")
    channels = channels_of(settings, sessions, store)
    return Reach(channels, apps_of(settings), http, partial(open_vault, settings), settings.public_url)
