"""Getting an application password without copying one: the person agrees on their own site, which sends it along.

It comes back in an address, and addresses stay in histories and in the logs of proxies. So it is used once: to make
another that nobody has seen, by which it is then removed.
"""

import hmac
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from server.publishing.accounts.consenting import new_secret
from server.publishing.channel import Consent
from server.publishing.channels.wordpress_site import Site
from server.publishing.http import Http
from server.publishing.remedies import ChannelError, Remedy

# By this a site knows all passwords of Quillroom's, wherever it is installed.
APP_ID: Final = "0b6b52f0-6a0b-4a52-8d5c-5f1f8f5b9a01"
# What the person reads beside the password that stays, on their profile.
APP_NAME: Final = "Quillroom"
_SIGN_IN_NAME: Final = "Quillroom sign-in"
_PASSWORDS: Final = "users/me/application-passwords"
# Sites send nobody to an address without https, but for these.
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1"})


def consent_at(root: str, url: str, about: Mapping[str, Any], *, title: str, return_to: str) -> Consent:
    """Return where a person agrees. `about`: what the site's API says of itself.

    Raises ChannelError if the site or this installation cannot do that.
    """
    there = _authorization(about)
    back = urlsplit(return_to)
    if there is None or (url.startswith("https:") and not there.startswith("https:")):
        raise ChannelError(
            Remedy.RECONNECT,
            "The site offers no application passwords: a security plugin turns them off, or it has no https. Turn them "
            "on, or fill in a user name and a password that was made before.",
        )
    if back.scheme != "https" and back.hostname not in _LOOPBACK:
        raise ChannelError(
            Remedy.RECONNECT,
            "Sites send nobody back to an address without https, as this installation's is. Make an application "
            "password on the site, and fill it in with your user name.",
        )
    state = new_secret()
    returns = _with(return_to, {"state": state})
    asked = {"app_name": _SIGN_IN_NAME, "app_id": APP_ID, "success_url": returns, "reject_url": returns}
    return Consent(_with(there, asked), {"state": state, "site": url, "root": root, "title": title})


def site_agreed(http: Http, kept: Mapping[str, str], answer: Mapping[str, str]) -> Site:
    """Return the site by the password that came back. Raises ChannelError if the person did not agree."""
    if not hmac.compare_digest(answer.get("state", "").encode(), kept["state"].encode()):
        raise ChannelError(Remedy.RECONNECT, "The site answered to another question. Begin to connect anew.")
    username, password = answer.get("user_login", ""), answer.get("password", "")
    if not username or not password:
        raise ChannelError(Remedy.RECONNECT, "Nothing was connected: it was not agreed to on the site.")
    return Site(http, kept["root"], username, password)


async def renewed(site: Site) -> str:
    """Put a new password in place of the one that was sent along, and return it.

    A site that does not let a password make another (there are plugins against it) keeps the one there is.
    """
    try:
        old = (await site.ask(f"{_PASSWORDS}/introspect")).entries()
        made = (await site.tell(_PASSWORDS, {"name": APP_NAME, "app_id": APP_ID})).entries()
    except ChannelError:
        return site.password
    password, uuid = made.get("password"), old.get("uuid")
    if not isinstance(password, str) or not password:
        return site.password
    if isinstance(uuid, str) and uuid.replace("-", "").isalnum():
        try:
            await Site(site.http, site.root, site.username, password).remove(f"{_PASSWORDS}/{uuid}")
        except ChannelError:
            # It may be gone, or not: the new one holds in any case.
            return password
    return password


async def given_back(site: Site) -> str:
    """Remove the password that the site is called with. Returns what remains to be done. Raises ChannelError."""
    by_hand = "Remove its application password on the site, under Users, Profile, Application Passwords."
    uuid = (await site.ask(f"{_PASSWORDS}/introspect")).entries().get("uuid")
    if not isinstance(uuid, str) or not uuid.replace("-", "").isalnum():
        return by_hand
    answer = await site.remove(f"{_PASSWORDS}/{uuid}")
    return "" if answer.is_success else by_hand


def _authorization(about: Mapping[str, Any]) -> str | None:
    found: object = about.get("authentication")
    for name in ("application-passwords", "endpoints", "authorization"):
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, str) and found.startswith(("https://", "http://")) else None


def _with(url: str, more: Mapping[str, str]) -> str:
    parts = urlsplit(url)
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *more.items()])
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))
