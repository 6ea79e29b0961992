"""A workspace's public pages, as anybody's browser shows them; and switching them on."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from uuid import UUID, uuid4

import pytest
from PIL import Image

from server.assets.storage import open_store
from server.db import create_engine, create_sessions
from server.documents.read_markdown import read_markdown
from server.documents.schema import schema
from server.documents.write_html import write_html
from server.embedded.servers import running_servers
from server.publishing.channels.sandbox import Outcome
from server.publishing.channels.sandbox_shelf import PostgresSandboxShelf, Sent
from server.publishing.site.pages import Page
from server.publishing.site.reading import find_site
from server.publishing.site.renditions import render_picture
from server.publishing.site.shelf import PostgresShelf
from server.settings import Settings
from tests.browser.accessible import faults
from tests.browser.conftest import ARTIFACTS, Enter, Person, Studio
from tests.browser.test_pages import EVERYTHING, PHONE

pytestmark = pytest.mark.anyio

_WIDE = {"viewport": {"width": 1280, "height": 900}}
_SCHEMES = ("light", "dark")


async def _looks_well(person: Person, name: str) -> None:
    """Hold the page against axe's rules, see that nothing is wider than it, and take its picture."""
    assert await person.page.evaluate("() => document.documentElement.scrollWidth - innerWidth") <= 0, name
    assert await faults(person.page) == [], name
    ARTIFACTS.mkdir(exist_ok=True)
    await person.page.screenshot(path=ARTIFACTS / f"site-{name}.png", full_page=True)


async def _switch_on(ada: Person) -> None:
    await ada.go("/workspace/channels?connect=site")
    form = ada.page.locator("#connect-site form")
    await form.get_by_label("Name of the site").fill("Notes from the den")
    await form.get_by_label("Address").fill("den")
    await form.get_by_label("Description").fill("What foxes do all day, told by those who watch them.")
    await form.get_by_role("button", name="Connect Site").click()
    await ada.page.get_by_role("link", name="Notes from the den").click()
    await ada.page.get_by_label("Language").fill("german")
    await ada.page.locator("form[action$='/site']").get_by_role("button", name="Save").click()
    await ada.page.get_by_text("A language is a tag such as en, de or pt-BR.").first.wait_for()
    await _looks_well(ada, "account")
    await ada.page.get_by_role("link", name=f"{ada.address}/p/den/").click()
    await ada.page.get_by_text("Nothing has been published here yet.").wait_for()


async def _put_pages(studio: Studio) -> None:
    """Put two pages on the site, as its channel does."""
    data_dir = studio.installation.data_dir
    servers = running_servers(data_dir)
    assert servers is not None
    engine = create_engine(servers.database_url)
    sessions = create_sessions(engine)
    async with sessions() as db:
        site = await find_site(db, "den")
    assert site is not None
    shelf = PostgresShelf(sessions, open_store(Settings(data_dir=data_dir)))
    page = Page(uuid4(), site.account_id, "a-day", "A day in the life of a fox", "", _html(EVERYTHING))
    cover, inside = render_picture(_photo(30), name="cover", alt="Hills"), render_picture(_photo(20), name="p", alt="A")
    other = replace(
        page,
        id=uuid4(),
        slug="snow",
        title="Snow, at last: what tracks tell about the longest night of the year",
        summary="Four paws, one line. Why foxes step into their own tracks.",
        html=f'{page.html}<figure><img src="p" alt="The den in the evening"></figure><p>More.</p>',
        tags=("winter", "tracks"),
        pictures=(cover.shown, inside.shown),
    )
    await shelf.keep(other.account_id, other.id, {**cover.files, **inside.files})
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    await shelf.put(page, now=now - timedelta(days=3))
    await shelf.put(other, now=now)
    await engine.dispose()


def _html(markdown: str) -> str:
    return str(write_html(schema.node("doc", None, read_markdown(markdown))))


def _photo(hue: int) -> bytes:
    file = BytesIO()
    hill = Image.linear_gradient("L").resize((1800, 1000))
    bands = [hill.point(lambda _: hue), hill.point(lambda _: 90), hill.point(lambda light: 90 + light // 2)]
    Image.merge("HSV", bands).convert("RGB").save(file, "JPEG")
    return file.getvalue()


async def test_anybody_reads_the_pages_without_script_in_the_dark_and_on_a_phone(enter: Enter, studio: Studio) -> None:
    await _switch_on(await enter(studio, "Ada", bypass_csp=True, **_WIDE))
    await _put_pages(studio)

    for scheme in _SCHEMES:
        for size, options in (("wide", _WIDE), ("phone", PHONE)):
            reader = await enter(studio, "A reader", color_scheme=scheme, bypass_csp=True, **options)
            await reader.go("/p/den/")
            await reader.page.get_by_role("heading", name="Notes from the den").wait_for()
            await _looks_well(reader, f"list-{scheme}-{size}")
            await reader.page.get_by_role("link", name="Snow, at last").click()
            await reader.page.get_by_alt_text("The den in the evening").scroll_into_view_if_needed()
            loaded = "image => image.complete && image.naturalWidth > 0"
            for image in await reader.page.locator("img").all():
                await image.scroll_into_view_if_needed()
                await image.evaluate("image => image.decode()")
                assert await image.evaluate(loaded)
            await _looks_well(reader, f"page-{scheme}-{size}")
            assert await reader.context.cookies() == []

    plain = await enter(studio, "A reader", java_script_enabled=False)
    await plain.go("/p/den/a-day")
    assert await plain.page.get_by_role("heading", level=1).text_content() == "A day in the life of a fox"
    await plain.page.get_by_role("link", name="Newer").click()
    await plain.page.get_by_role("heading", name="Snow, at last").wait_for()
    await plain.go("/p/den/nowhere")
    await plain.page.get_by_role("link", name="See what there is.").click()
    await plain.page.get_by_role("heading", name="Notes from the den").wait_for()


async def test_a_sandbox_shows_what_was_sent_to_it(enter: Enter, studio: Studio) -> None:
    ada = await enter(studio, "Ada", bypass_csp=True, **_WIDE)
    await ada.go("/workspace/channels?connect=sandbox")
    form = ada.page.locator("#connect-sandbox form")
    await form.get_by_label("Whose limits it has").select_option(label="Mastodon")
    await form.get_by_role("button", name="Connect Sandbox").click()
    await ada.page.get_by_role("link", name="Sandbox as Mastodon").click()
    await ada.page.get_by_role("link", name="See what was sent to it").click()
    await ada.page.get_by_text("Nothing was sent here yet.").wait_for()
    await _send(studio, UUID(ada.page.url.split("/")[-2]))

    for scheme in _SCHEMES:
        for size, options in (("wide", _WIDE), ("phone", PHONE)):
            person = await enter(studio, "Ada", color_scheme=scheme, bypass_csp=True, **options)
            await person.page.goto(ada.page.url)
            await person.page.get_by_text("Lost, not to be seen").wait_for()
            await _looks_well(person, f"sandbox-{scheme}-{size}")


async def _send(studio: Studio, account_id: UUID) -> None:
    """Send two posts to a sandbox, as its channel does; one of them is lost."""
    servers = running_servers(studio.installation.data_dir)
    assert servers is not None
    engine = create_engine(servers.database_url)
    shelf = PostgresSandboxShelf(create_sessions(engine))
    texts = (
        "Snow, at last: what tracks tell about the longest night. https://example.org/snow",
        "Once more, below it.",
    )
    sent = Sent(
        uuid4(),
        account_id,
        title="Snow, at last",
        texts=texts,
        pictures=("Hills in the evening",),
        outcome=Outcome.SLOW.value,
        shown=2,
        sent_at=datetime(2026, 11, 21, 12, tzinfo=UTC),
    )
    await shelf.put(sent)
    await shelf.put(replace(sent, id=uuid4(), title="", pictures=(), outcome=Outcome.LOST.value, shown=0))
    await engine.dispose()
