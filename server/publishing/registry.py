"""Every channel there is. One that is added stands here, and nowhere else in the code around."""

from collections.abc import Mapping
from functools import partial
from importlib.metadata import version
from typing import Final

from server.publishing.accounts import Reach
from server.publishing.channel import Channel
from server.publishing.channels.bluesky import Bluesky
from server.publishing.channels.mastodon import Mastodon
from server.publishing.channels.reddit import Reddit
from server.publishing.channels.webhook import Webhook
from server.publishing.channels.wordpress import WordPress
from server.publishing.http import open_http
from server.publishing.vault import open_vault
from server.settings import Settings

CHANNELS: Final[Mapping[str, Channel]] = {
    channel.kind: channel
    for channel in (
        Bluesky(),
        Mastodon(),
        Reddit(),
        Webhook(),
        WordPress(),
    )
}


def apps_of(settings: Settings) -> Mapping[str, Mapping[str, str]]:
    """Return what the operator was given by channels to sign people in there, by the kind of channel."""
    return {
        "reddit": {
            "client_id": settings.reddit_client_id,
            "client_secret": settings.reddit_client_secret,
            "user": settings.reddit_user,
        },
    }


def open_reach(settings: Settings) -> Reach:
    """Return what it takes to reach the channels; `reach.http.client.aclose()` at the end."""
    http = open_http(private_networks=settings.channel_private_networks, user_agent=f"Quillroom/{version('quillroom')}")
    return Reach(CHANNELS, apps_of(settings), http, partial(open_vault, settings), settings.public_url)
