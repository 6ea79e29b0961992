"""Accounts on local servers."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from cryptography.fernet import Fernet

from server.accounts.models import User
from server.db import Sessions
from server.publishing.accounts import accounts
from server.publishing.accounts.accounts import Connected, Reach
from server.publishing.channels.reddit import Reddit
from server.publishing.http import open_http
from server.publishing.models import ChannelAccount
from server.publishing.vault import Vault
from server.workspaces.access import Actor
from server.workspaces.models import Role, Workspace
from tests.factories import actor, make_team
from tests.server.publishing.elsewhere.reddit import Clock, Elsewhere
from tests.server.publishing.elsewhere.running import Place, running
from tests.server.publishing.subjects.reddit import APP


@dataclass
class Desk:
    """A workspace whose admin connects accounts, and the server where they are."""

    sessions: Sessions
    reach: Reach
    elsewhere: Elsewhere
    place: Place
    user: User
    workspace: Workspace

    @property
    def actor(self) -> Actor:
        """The admin."""
        return actor(self.user, self.workspace, Role.ADMIN)

    async def ask(self) -> dict[str, str]:
        """Begin to connect, agree at Reddit, and return the query that the person comes back with."""
        async with self.sessions() as db:
            url = await accounts.connect(db, self.reach, self.actor, "reddit", {})
        assert isinstance(url, str)
        async with httpx.AsyncClient() as browser:
            back = await browser.get(url)
        return dict(parse_qsl(urlsplit(back.headers["location"]).query))

    async def connect(self) -> ChannelAccount:
        """Connect the account, whole."""
        answer = await self.ask()
        async with self.sessions() as db:
            connected: Connected = await accounts.finish(db, self.reach, self.user, "reddit", answer)
        return connected.account

    async def read(self, account: ChannelAccount) -> ChannelAccount:
        """Return the account as it is in the database now."""
        async with self.sessions() as db:
            found: ChannelAccount = await db.get_one(ChannelAccount, account.id)
        return found

    def tokens_asked_for(self) -> int:
        """How often the server was asked for tokens."""
        return self.place.calls.count("POST /api/v1/access_token")


@pytest.fixture
async def desk(sessions: Sessions) -> AsyncIterator[Desk]:
    user, workspace = await make_team(sessions)
    elsewhere = Elsewhere(Clock())
    async with running(elsewhere.app()) as place:
        http = open_http(private_networks=True)
        reddit = Reddit(www=place.url, api=place.url)
        vault = Vault((Fernet.generate_key().decode(),))
        reach = Reach({"reddit": reddit}, {"reddit": APP}, http, lambda: vault, "https://studio.example")
        async with http.client:
            yield Desk(sessions, reach, elsewhere, place, user, workspace)
