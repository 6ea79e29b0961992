"""What is particular about the site: its hub, its limits, and a database or store that fails."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest
from obstore.store import MemoryStore
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.db import create_engine, create_sessions
from server.publishing.channel import Connection, Picture, Stage
from server.publishing.channels.site import Site
from server.publishing.remedies import ChannelError, Remedy
from server.publishing.site.describing import MAX_DESCRIPTION
from server.publishing.site.pages import slug_of
from server.publishing.site.shelf import PostgresShelf
from tests.server.publishing.elsewhere.running import Fault, running
from tests.server.publishing.site.conftest import a_page, a_photo
from tests.server.publishing.subjects.site import site as open_site
from tests.server.publishing.subjects.subject import Subject

ANSWERS = {"name": " Foxes ", "address": "Foxes/", "description": "All  of them", "language": ""}


@pytest.fixture
async def subject() -> AsyncIterator[Subject]:
    async with open_site() as opened:
        yield opened


@dataclass
class Hub:
    """A WebSub hub: notes which topics it was told about."""

    told: list[tuple[str, str]] = field(default_factory=list)

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/", self._hear, methods=["POST"])])

    async def _hear(self, request: Request) -> Response:
        form = await request.form()
        self.told.append((str(form["hub.mode"]), str(form["hub.url"])))
        return Response(status_code=204)


async def _connect(subject: Subject, **answers: str) -> Connection:
    made = await subject.channel.connect(subject.caller.http, {**ANSWERS, **answers}, app={}, return_to="")
    assert isinstance(made, Connection)
    return made


async def test_a_site_is_switched_on_by_its_name_and_address(subject: Subject) -> None:
    made = await _connect(subject)

    assert (made.name, made.remote_id) == ("Foxes", "foxes")
    assert made.facts == {"description": "All of them", "language": "en"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"address": "-foxes"},
        {"address": "fox es"},
        {"address": "x" * 41},
        {"address": "../x"},
        {"language": "english, mostly"},
        {"description": "x" * (MAX_DESCRIPTION + 1)},
    ],
    ids=str,
)
async def test_what_cannot_be_a_site_is_refused(subject: Subject, wrong: dict[str, str]) -> None:
    with pytest.raises(ChannelError):
        await _connect(subject, **wrong)


async def test_the_hub_is_told_of_each_change_and_its_silence_stops_nothing(subject: Subject) -> None:
    assert isinstance(subject.channel, Site)
    hub = Hub()
    async with running(hub.app()) as place:
        channel = replace(subject.channel, hub=f"{place.url}/")
        post = a_page()
        handle = await channel.publish(subject.caller, post, channel.begin(post, subject.caller.account))
        at = "https://studio.example/p/foxes"
        assert hub.told == [("publish", f"{at}/{feed}") for feed in ("feed.xml", "atom.xml", "feed.json")]

        place.breaks(Fault.NOT_TAKEN)
        updated = await channel.update(subject.caller, post, handle)
        assert updated.stage is Stage.PUBLISHED
        place.breaks(Fault.BUSY)
        await channel.delete(subject.caller, handle)
        assert subject.seen() == []


@pytest.mark.parametrize(
    ("changes", "where", "blocks"),
    [
        ({"title": " "}, "title", True),
        ({"title": "x" * 201}, "title", True),
        ({"text": "", "html": ""}, "text", True),
        ({"replies": ("More",)}, "replies", True),
        ({"options": {"slug": "Not/this"}}, "slug", True),
        ({"summary": "x" * 201}, "summary", False),
        ({"pictures": (replace(a_photo(), content_type="image/tiff"),)}, "picture 1", True),
        ({"pictures": (replace(a_photo(), alt=""),)}, "picture 1", False),
        ({"pictures": (a_photo(),) * 51}, "pictures", True),
    ],
    ids=lambda value: str(value)[:30] if isinstance(value, dict) else None,
)
async def test_what_a_page_cannot_have_is_said_before(
    subject: Subject, changes: dict[str, object], where: str, *, blocks: bool
) -> None:
    title = str(changes.get("title", "Foxes"))
    others = {name: value for name, value in changes.items() if name != "title"}

    problems = subject.channel.validate(a_page(title, **others), subject.caller.account)

    assert [(each.where, each.blocks) for each in problems] == [(where, blocks)]


async def test_a_picture_that_cannot_be_read_is_said(subject: Subject) -> None:
    async def read() -> bytes:
        return b"no picture"

    broken = Picture("fox.jpg", "image/jpeg", 10, 2, 2, "A fox", read)
    post = a_page(pictures=(broken,))

    with pytest.raises(ChannelError) as refused:
        await subject.channel.prepare(subject.caller, post, subject.channel.begin(post, subject.caller.account))

    assert refused.value.remedy is Remedy.FIX_CONTENT


async def test_a_database_that_is_gone_leaves_open_what_was_written() -> None:
    engine = create_engine("postgresql://nobody@127.0.0.1:1/none")
    # No file is written.
    shelf = PostgresShelf(create_sessions(engine), MemoryStore())
    page_id = a_page().publication_id
    with pytest.raises(ChannelError) as lost:
        await shelf.remove(page_id)
    with pytest.raises(ChannelError) as busy:
        await shelf.find(page_id)
    await engine.dispose()
    assert (lost.value.remedy, busy.value.remedy) == (Remedy.UNKNOWN, Remedy.RETRY)


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Füchse im Schnee!", "fuchse-im-schnee"),
        ("Straße & Æther", "strasse-aether"),
        ("狐", ""),
        ("It's 5 o'clock", "its-5-oclock"),
        ("word " * 40, "-".join(["word"] * 16)),
        ("x" * 100, "x" * 80),
    ],
)
def test_an_address_is_made_of_the_title(title: str, slug: str) -> None:
    assert slug_of(title) == slug
