"""The workspace's own public pages, at `/p/<address>/` of this very installation.

A page is a row whose id is the publication's: writing it twice writes it once, and whether it is there is looked up.
Nothing goes over the network but the note to a WebSub hub that the feeds have changed, if the operator named one.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import anyio.to_thread
import structlog
from PIL import Image

from server.errors import Invalid
from server.publishing.channel import (
    Account,
    Caller,
    Capabilities,
    Connection,
    Consent,
    Field,
    Finding,
    Handle,
    Limits,
    Metrics,
    Picture,
    Post,
    Problem,
    Stage,
    Status,
)
from server.publishing.http import Http
from server.publishing.remedies import ChannelError, Remedy
from server.publishing.site.addresses import feeds_of, page_url
from server.publishing.site.describing import described
from server.publishing.site.markup import paragraphs
from server.publishing.site.pages import MAX_SLUG_CHARACTERS, SLUG, Page, Shelf, Shown, legal, slug_of
from server.publishing.site.renditions import TYPES, render_picture
from server.publishing.site.shelf import pack, unpack

MAX_PICTURES: Final = 50
MAX_TITLE: Final = 200
# Longer ones are cut off where search engines and previews show them.
ADVISED_SUMMARY: Final = 200
PING_SECONDS: Final = 5.0
_ADDRESS: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_CAPABILITIES: Final = Capabilities(
    titles=True,
    rich_text=True,
    pictures=True,
    updates=True,
    deletes=True,
    updating="The page changes where it is, and feeds say when it was changed.",
    taking_down="The page answers that it is gone, for good, and leaves the list, the feeds and the sitemap.",
)
_FORM: Final = (
    Field("name", "Name of the site", "Stands above its pages and in its feeds."),
    Field("address", "Address", "Small letters, digits and hyphens: “news” makes the site /p/news/. It cannot change."),
    Field("description", "Description", "A sentence for search engines, feeds and the first page.", required=False),
    Field("language", "Language", "A language tag such as en, de or pt-BR. Empty: en.", required=False),
)
_OPTIONS: Final = (
    Field(
        "slug",
        "Address of the page",
        "Small letters, digits and hyphens. Empty: made of the title. When it changes, the old one leads on.",
        required=False,
    ),
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Site:
    """The workspace's own public pages. `hub`: the address of a WebSub hub, or empty."""

    shelf: Shelf
    public_url: str
    hub: str = ""
    kind: str = "site"
    name: str = "Site"
    about: str = "Pages and feeds of your own on this installation; needs no account anywhere"
    capabilities: Capabilities = _CAPABILITIES
    form: Sequence[Field] = _FORM
    options: Sequence[Field] = _OPTIONS

    async def connect(
        self, http: Http, answers: Mapping[str, str], *, app: Mapping[str, str], return_to: str
    ) -> Connection | Consent:
        """Switch a site on, or on again by its address."""
        address = answers.get("address", "").strip().strip("/").lower()
        if not _ADDRESS.fullmatch(address):
            raise ChannelError(
                Remedy.RECONNECT,
                "The address is at most 40 small letters, digits and hyphens, and begins and ends with none of these.",
            )
        try:
            facts = described(answers.get("description", ""), answers.get("language", ""))
        except Invalid as error:
            raise ChannelError(Remedy.RECONNECT, " ".join(error.fields.values())) from error
        return Connection(
            " ".join(answers.get("name", "").split()),
            remote_id=address,
            facts=facts,
        )

    async def finish(self, http: Http, kept: Mapping[str, str], answer: Mapping[str, str]) -> Connection:
        """Never called: nobody is asked for consent. Raises ChannelError."""
        raise ChannelError(Remedy.OPERATOR, "A site needs no consent.")

    async def check(self, caller: Caller) -> Connection:
        """Return the site as it is: it works while this installation does."""
        account = caller.account
        return Connection(account.name, remote_id=account.remote_id, facts=account.facts)

    async def refresh(self, caller: Caller) -> Connection:
        """A site has no tokens."""
        return await self.check(caller)

    def limits(self, account: Account) -> Limits:
        """What a page takes."""
        return Limits(title=MAX_TITLE, pictures=MAX_PICTURES, picture_types=TYPES)

    def validate(self, post: Post, account: Account) -> list[Problem]:
        """Say what no page can have, and what readers and search engines would miss."""
        return [*_word_problems(post), *_picture_problems(post)]

    def said(self, post: Post, account: Account) -> list[str]:
        """Return the words of the page."""
        return [post.text.strip()]

    def begin(self, post: Post, account: Account) -> Handle:
        """The page is known by its publication."""
        stage = Stage.PREPARING if post.pictures else Stage.READY
        return Handle(stage, {"pictures": []}, remote_id=str(post.publication_id))

    async def prepare(self, caller: Caller, post: Post, handle: Handle) -> Handle:
        """Keep one picture more in all its sizes. Its files are named by its bytes: kept twice they are there once."""
        kept = _kept(handle)
        if len(kept) < len(post.pictures):
            kept = [*kept, await self._keep(caller, post, post.pictures[len(kept)])]
        stage = Stage.PREPARING if len(kept) < len(post.pictures) else Stage.READY
        return handle.moved(stage, pictures=[pack(each) for each in kept])

    async def publish(self, caller: Caller, post: Post, handle: Handle) -> Handle:
        """Put the page where people read it, and tell the hub."""
        slug = await self.shelf.put(_page(caller, post, _kept(handle), _wanted(post)), now=caller.now())
        return await self._shown(caller, handle, slug)

    async def status(self, caller: Caller, post: Post, handle: Handle, *, called_at: datetime | None) -> Status:
        """Look whether the page is there."""
        slug = await self.shelf.find(post.publication_id)
        if slug is None:
            return Status(Finding.ABSENT, handle, "The page is not there.")
        return Status(Finding.CARRIED_OUT, await self._shown(caller, handle, slug), "The page is there.")

    async def update(self, caller: Caller, post: Post, handle: Handle) -> Handle:
        """Change the page. It stays where it is unless another address was chosen."""
        kept = [await self._keep(caller, post, picture) for picture in post.pictures]
        chosen = post.options.get("slug", "").strip()
        slug = await self.shelf.put(_page(caller, post, kept, chosen), now=caller.now())
        shown = await self._shown(caller, handle, slug)
        return shown.moved(shown.stage, pictures=[pack(each) for each in kept])

    async def delete(self, caller: Caller, handle: Handle) -> None:
        """Take the page away."""
        await self.shelf.remove(UUID(str(handle.remote_id)))
        await self._ping(caller)

    async def revoke(self, caller: Caller) -> str:
        """Nothing was given to anybody."""
        return ""

    async def metrics(self, caller: Caller, handle: Handle) -> Metrics:
        """Nobody is counted."""
        return Metrics()

    async def _keep(self, caller: Caller, post: Post, picture: Picture) -> Shown:
        data = await picture.read()
        try:
            rendered = await anyio.to_thread.run_sync(
                lambda: render_picture(data, name=picture.name, alt=legal(picture.alt))
            )
        except (OSError, ValueError, Image.DecompressionBombError) as error:
            sentence = f"The picture {picture.name} cannot be read. Save it as JPEG or PNG."
            raise ChannelError(Remedy.FIX_CONTENT, sentence, evidence=type(error).__name__) from error
        await self.shelf.keep(caller.account.id, post.publication_id, rendered.files)
        return rendered.shown

    async def _shown(self, caller: Caller, handle: Handle, slug: str) -> Handle:
        await self._ping(caller)
        return handle.moved(Stage.PUBLISHED, url=page_url(self.public_url, caller.account.remote_id, slug))

    async def _ping(self, caller: Caller) -> None:
        """Tell the hub that the feeds have changed. A hub that does not hear changes nothing about the page."""
        if not self.hub:
            return
        topics = feeds_of(self.public_url, caller.account.remote_id)
        try:
            for topic in (topics.rss, topics.atom, topics.json):
                answer = await caller.http.call(
                    "POST",
                    self.hub,
                    changes=False,
                    form={"hub.mode": "publish", "hub.url": topic},
                    seconds=PING_SECONDS,
                )
                if not answer.is_success:
                    log.warning("the hub took no note", hub=self.hub, status=answer.status)
        except ChannelError as error:
            log.warning("the hub does not answer", hub=self.hub, reason=str(error))


def _page(caller: Caller, post: Post, pictures: Sequence[Shown], slug: str) -> Page:
    return Page(
        post.publication_id,
        caller.account.id,
        slug,
        legal(post.title).strip(),
        legal(post.summary).strip(),
        legal(post.html or paragraphs(post.text)),
        post.language or "",
        tuple(legal(tag) for tag in post.tags),
        tuple(pictures),
    )


def _wanted(post: Post) -> str:
    return post.options.get("slug", "").strip() or slug_of(post.title)


def _kept(handle: Handle) -> list[Shown]:
    packed: Any = handle.data.get("pictures", [])
    return [unpack(each) for each in packed]


def _word_problems(post: Post) -> list[Problem]:
    problems = []
    title = post.title.strip()
    if not title:
        problems.append(Problem("title", "A page needs a title: it is its heading and the words of links. Write one."))
    elif len(title) > MAX_TITLE:
        problems.append(Problem("title", f"The title has {len(title)} characters; {MAX_TITLE} fit. Shorten it."))
    if not (post.html.strip() or post.text.strip()):
        problems.append(Problem("text", "The page would be empty. Write something."))
    if len(post.summary) > ADVISED_SUMMARY:
        sentence = (
            f"The summary has {len(post.summary)} characters; search engines show about {ADVISED_SUMMARY}. Shorten it."
        )
        problems.append(Problem("summary", sentence, blocks=False))
    if post.replies:
        problems.append(Problem("replies", "A page has no replies. Put their text into the post, or remove them."))
    slug = post.options.get("slug", "").strip()
    if slug and (not SLUG.fullmatch(slug) or len(slug) > MAX_SLUG_CHARACTERS):
        sentence = (
            f"The address of a page has small letters, digits and single hyphens between them, at most "
            f"{MAX_SLUG_CHARACTERS}. Try {slug_of(slug) or 'another'}."
        )
        problems.append(Problem("slug", sentence))
    return problems


def _picture_problems(post: Post) -> list[Problem]:
    problems = []
    if len(post.pictures) > MAX_PICTURES:
        sentence = f"{len(post.pictures)} pictures are too many: {MAX_PICTURES} fit on a page. Remove some."
        problems.append(Problem("pictures", sentence))
    for number, picture in enumerate(post.pictures, start=1):
        where = f"picture {number}"
        if picture.content_type not in TYPES:
            problems.append(Problem(where, f"{picture.content_type} is not shown. Save it as JPEG or PNG."))
        if not picture.alt.strip():
            sentence = "It has no description. Those who cannot see it are told nothing; write one."
            problems.append(Problem(where, sentence, blocks=False))
    return problems
