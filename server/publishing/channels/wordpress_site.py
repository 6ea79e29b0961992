"""Reaching a WordPress site: where its REST API is, a call to it as one of its people, and what its refusals mean.

An API without pretty addresses lies behind `?rest_route=`; hosts, firewalls and plugins answer in its place, mostly
with web pages. Source of the codes: the site's own answers, `{code, message, data: {status, params?}}`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

from server.publishing.channel import Caller
from server.publishing.http import UPLOAD_SECONDS, Answer, Http
from server.publishing.remedies import ChannelError, Remedy

API_REL: Final = "https://api.w.org/"
API_NAMESPACE: Final = "wp/v2"
MAX_REDIRECTS: Final = 5
MAX_SAID_CHARACTERS: Final = 200
_LINK: Final = re.compile(r'<([^<>]*)>((?:\s*;\s*[\w-]+\s*=\s*(?:"[^"]*"|[^\s",;]+))*)')
# No "<" inside: else a text of nothing but these would be searched through once for each.
_TAG: Final = re.compile(r"<[^<>]*>")
# What people copy from the address bar of their own site.
_INNER: Final = re.compile(r"/(?:wp-admin|wp-json|wp-login\.php|xmlrpc\.php)(?:/.*)?$")
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_BUSY: Final = frozenset({429, 503})
_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404
_TIMED_OUT: Final = 408
_TOO_LARGE: Final = 413
_WRONG_PASSWORD: Final = frozenset(
    {"incorrect_password", "invalid_username", "invalid_email", "invalid_application_password"}
)
_TURNED_OFF: Final = "The site's REST API is turned off, mostly by a plugin. Turn it on there, and connect again."
_ROLE: Final = ("rest_cannot_", "rest_forbidden")


@dataclass(frozen=True, slots=True)
class Site:
    """The REST API of a site, as one of its people. `root`: its address, which may end in `?rest_route=/`."""

    http: Http
    root: str
    username: str
    password: str = field(repr=False)

    async def ask(self, path: str, query: Mapping[str, str] | None = None) -> Answer:
        """Read something. `path`: "posts/1", below the API's namespace. Raises ChannelError, also for a refusal."""
        return taken(await self.try_to_ask(path, query))

    async def try_to_ask(self, path: str, query: Mapping[str, str] | None = None) -> Answer:
        """Read something, and return the answer as it is. Raises ChannelError if there is none."""
        return await self._call("GET", path, changes=False, query=query)

    async def tell(self, path: str, body: Mapping[str, object]) -> Answer:
        """Create or change something. Raises ChannelError, also for a refusal."""
        return taken(await self.try_to_tell(path, body))

    async def try_to_tell(self, path: str, body: Mapping[str, object]) -> Answer:
        """Create or change something, and return the answer as it is. Raises ChannelError if there is none."""
        return await self._call("POST", path, changes=True, body=body)

    async def upload(self, path: str, fields: Mapping[str, str], file: tuple[str, bytes, str]) -> Answer:
        """Send a file: its name, bytes, and content type. Returns the answer as it is."""
        return await self.http.call(
            "POST",
            address(self.root, path),
            changes=True,
            auth=(self.username, self.password),
            form=fields,
            files={"file": file},
            # Sites make smaller copies of a picture before they answer.
            seconds=max(UPLOAD_SECONDS, self.http.answer_seconds),
        )

    async def remove(self, path: str, *, force: bool = False) -> Answer:
        """Delete something, `force`: past the trash. Returns the answer as it is."""
        return await self._call("DELETE", path, changes=True, query={"force": "true"} if force else None)

    async def _call(
        self,
        method: str,
        path: str,
        *,
        changes: bool,
        query: Mapping[str, str] | None = None,
        body: object = None,
    ) -> Answer:
        url = address(self.root, path, query)
        return await self.http.call(method, url, changes=changes, body=body, auth=(self.username, self.password))


def site_of(caller: Caller) -> Site:
    """Return the site of an account. Raises ChannelError if the account does not say where its API is."""
    root, secrets = caller.account.facts.get("root"), caller.account.secrets
    if not isinstance(root, str):
        raise ChannelError(Remedy.RECONNECT, "Where the site's REST API is has been lost. Connect the site again.")
    return Site(caller.http, root, secrets["username"], secrets["password"])


def address(root: str, path: str, query: Mapping[str, str] | None = None) -> str:
    """Return the address of something in the API at `root`: "posts" is at /wp-json/wp/v2/posts."""
    parts = urlsplit(root)
    route = f"{API_NAMESPACE}/{path}" if path else ""
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    if any(name == "rest_route" for name, _ in pairs):
        pairs = [(name, f"/{route}" if name == "rest_route" else value) for name, value in pairs]
        place = parts.path
    else:
        place = f"{parts.path.rstrip('/')}/{route}"
    return urlunsplit((parts.scheme, parts.netloc, place, urlencode([*pairs, *(query or {}).items()]), ""))


def site_address(given: str) -> str:
    """Return the address of a site from what was filled in. Raises ChannelError if it is none."""
    url = given.strip()
    if "://" not in url:
        url = f"https://{url}"
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"https", "http"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable or parts.username is not None:
        raise ChannelError(Remedy.RECONNECT, "That is no address of a site. It looks like https://example.org")
    return urlunsplit((parts.scheme, parts.netloc, _INNER.sub("", parts.path).rstrip("/"), "", ""))


async def discover(http: Http, given: str, auth: tuple[str, str] | None) -> tuple[str, str, dict[str, Any]]:
    """Find the REST API of the site at the address that was filled in. `auth`: user name and password, if known.

    Returns the site's address, the API's root, and what the API says of itself. Raises ChannelError.
    """
    url, links = await _front_page(http, site_address(given))
    named = api_root(links, url)
    candidates = [named] if named else [f"{url}/wp-json/", f"{url}/?rest_route=/"]
    refused: ChannelError | None = None
    for root in candidates:
        # With the password: some sites show their API only to their own people.
        answer = await http.call("GET", address(root, ""), changes=False, auth=auth)
        about = _about(answer)
        if about is not None:
            return url, root, about
        if not answer.is_success and answer.status != _NOT_FOUND:
            refused = refused or refusal(answer)
    raise refused or ChannelError(
        Remedy.RECONNECT,
        f"No WordPress with its REST API was found at {urlsplit(url).netloc}. "
        "Look whether the address is right, and whether a plugin turns the REST API off.",
    )


def _about(answer: Answer) -> dict[str, Any] | None:
    """Return what an API says of itself. None: that is not WordPress's."""
    if not answer.is_success or is_web_page(answer):
        return None
    try:
        about = answer.entries()
    except ChannelError:
        return None
    spaces = about.get("namespaces")
    return about if isinstance(spaces, list) and API_NAMESPACE in spaces else None


async def _front_page(http: Http, url: str) -> tuple[str, str]:
    """Follow a site to where it really is. Returns its address and its Link headers. Raises ChannelError."""
    page = f"{url}/"
    for _ in range(MAX_REDIRECTS):
        answer = await http.call("HEAD", page, changes=False)
        to = answer.headers.get("location")
        if answer.status not in _REDIRECTS or not to:
            return site_address(page), answer.headers.get("link", "")
        moved = urljoin(page, to)
        if page.startswith("https:") and not moved.startswith("https:"):
            raise ChannelError(Remedy.RECONNECT, f"{urlsplit(page).netloc} leads from https:// to http://.")
        page = moved
    raise ChannelError(
        Remedy.RECONNECT, f"{urlsplit(url).netloc} sends visitors on and on. Fill in the address where the site is."
    )


def api_root(links: str, page: str) -> str | None:
    """Return the API's root that a page names in its Link headers. None: it names none."""
    for target, parameters in _LINK.findall(links):
        if re.search(rf'rel\s*=\s*"?{re.escape(API_REL)}"?(?:\s*;|\s*$)', parameters):
            root: str = urljoin(f"{page}/", target)
            same_host = urlsplit(root).netloc == urlsplit(page).netloc
            if page.startswith("https:") and same_host:
                # Behind a proxy, sites that do not know that they are reached by https name themselves http.
                root = "https:" + root.partition(":")[2]
            return root
    return None


def is_web_page(answer: Answer) -> bool:
    """Whether an answer is a page for people, which the API never gives: of a host, a firewall, or maintenance."""
    return answer.headers.get("content-type", "").startswith("text/html") or answer.body.lstrip()[:1] == b"<"


def taken(answer: Answer) -> Answer:
    """Return an answer that says what was asked for. Raises ChannelError for any other."""
    if not answer.is_success:
        raise refusal(answer)
    if is_web_page(answer):
        if answer.changes:
            sentence = "The site answered with a web page instead of data. It may have done what it was told."
            raise ChannelError(Remedy.UNKNOWN, sentence, evidence=answer.evidence)
        sentence = (
            "The site answers with web pages instead of data: it is being maintained, or a plugin turns its REST API "
            "off. Connect it again when it is back."
        )
        raise ChannelError(Remedy.RECONNECT, sentence, evidence=answer.evidence)
    return answer


def code_of(answer: Answer) -> str:
    """Return the code of a refusal; empty if it is none of WordPress."""
    return _refused(answer)[0]


def data_of(answer: Answer) -> dict[str, Any]:
    """Return what a refusal says besides."""
    return _refused(answer)[2]


def _refused(answer: Answer) -> tuple[str, str, dict[str, Any]]:
    if is_web_page(answer):
        return "", "", {}
    try:
        said = answer.value()
    except ChannelError:
        return "", "", {}
    if not isinstance(said, dict):
        return "", "", {}
    data = said.get("data")
    message = plain(str(said.get("message") or "")[: 4 * MAX_SAID_CHARACTERS])[:MAX_SAID_CHARACTERS]
    return str(said.get("code") or ""), message, data if isinstance(data, dict) else {}


def plain(html: str) -> str:
    """Return HTML as plain text in one line: WordPress writes names and messages so."""
    return " ".join(unescape(_TAG.sub("", html)).split())


def refusal(answer: Answer) -> ChannelError:
    """Say what a refusal means and what helps."""
    code, message, data = _refused(answer)
    remedy, sentence = _meaning(answer, code, message, data)
    return ChannelError(remedy, sentence, after_seconds=answer.retry_after_seconds(), evidence=answer.evidence)


def _meaning(answer: Answer, code: str, message: str, data: Mapping[str, Any]) -> tuple[Remedy, str]:
    status = answer.status
    said = f" It says: “{message}”" if message else ""
    if status // 100 == 3:
        return Remedy.RECONNECT, f"The site has moved ({status}). Connect it again by its present address."
    if status in _BUSY:
        return Remedy.RETRY, f"The site or its host asks to come back later ({status})."
    # Before the 500s: a kind of file that is refused is one of them in older releases.
    if code.startswith("rest_upload_") or status == _TOO_LARGE:
        return Remedy.FIX_CONTENT, f"The site does not take what was sent: too large, or of a kind it refuses.{said}"
    if status // 100 == 5 or status == _TIMED_OUT:
        return Remedy.UNKNOWN if answer.changes else Remedy.RETRY, f"The site failed ({status}).{said}"
    if status == _UNAUTHORIZED:
        return Remedy.RECONNECT, _unauthorized(code, said)
    if code:
        return _meaning_of_code(status, code, said, data)
    if status == _NOT_FOUND:
        return Remedy.RECONNECT, _TURNED_OFF
    return Remedy.RECONNECT, (
        f"A firewall or a security plugin in front of the site refuses the call ({status}). "
        "Let this server through there, and connect again."
    )


def _meaning_of_code(status: int, code: str, said: str, data: Mapping[str, Any]) -> tuple[Remedy, str]:
    if code == "rest_cannot_assign_term":
        return Remedy.FIX_CONTENT, f"The account may not use these categories or tags.{said}"
    if code.startswith(_ROLE):
        return (
            Remedy.RECONNECT,
            f"The account's role on the site does not allow that.{said} Give it the role of editor.",
        )
    if code == "rest_post_invalid_id":
        return Remedy.FIX_CONTENT, "The post is no longer on the site: somebody has deleted it there."
    if code == "rest_no_route":
        return Remedy.RECONNECT, _TURNED_OFF
    if status == _FORBIDDEN:
        return Remedy.RECONNECT, f"The site refuses the account.{said}"
    wrong = data.get("params")
    names = f" ({', '.join(map(str, wrong))})" if isinstance(wrong, dict | list) and wrong else ""
    return Remedy.FIX_CONTENT, f"The site does not take the post as it is{names}.{said}"


def _unauthorized(code: str, said: str) -> str:
    if code in _WRONG_PASSWORD:
        return (
            "The site does not know the user name or the application password. Make a new one there, and connect again."
        )
    if code.startswith("application_passwords_disabled"):
        return "Application passwords are turned off on the site. Turn them on, and connect again."
    if code == "rest_not_logged_in" or code.startswith(_ROLE):
        return (
            "The site did not see the application password: a security plugin or the web server takes the "
            "Authorization header away. Let it through, and connect again."
        )
    return f"The site wants another sign-in.{said} Connect it again."
