"""The page of live documents, as somebody who looks after an installation has it open all day."""

import pytest

from tests.browser.conftest import Person, Studio, until
from tests.running import create_document

pytestmark = pytest.mark.anyio


async def test_it_follows_what_people_do_without_losing_ones_place(ada: Person, ben: Person, studio: Studio) -> None:
    document = create_document(studio.api, title="Watched over", content="Text.")
    await ada.go("/documents")
    await ada.page.get_by_label("Account: Ada").click()
    await ada.page.get_by_role("link", name="Live documents").click()
    await ada.page.get_by_role("heading", name="Live documents", level=1).wait_for()
    await ben.open(document)
    row = ada.page.get_by_role("row").filter(has_text="Watched over")
    link = row.get_by_role("link", name="Watched over")
    connected = row.get_by_role("cell").first
    await link.wait_for()
    assert await connected.text_content() == "1"
    await link.focus()
    await link.evaluate("link => { window.kept = link; }")
    await ben.new_tab()
    await ben.open(document)

    async def both() -> bool:
        return await connected.text_content() == "2"

    await until(both, connected.text_content)
    assert await link.evaluate("link => link === window.kept && link === document.activeElement"), (
        "rows stay themselves"
    )
    await ada.page.get_by_role("link", name="Stop refreshing").click()
    await ada.page.get_by_role("link", name="Refresh by itself").wait_for()


async def test_it_is_not_offered_to_members(ben: Person) -> None:
    await ben.go("/documents")
    await ben.page.get_by_label("Account: Ben").click()
    await ben.page.get_by_role("link", name="Your account").wait_for()
    assert await ben.page.get_by_role("link", name="Live documents").count() == 0


async def test_a_phone_shows_every_figure_with_its_label(ada: Person, ben: Person, studio: Studio) -> None:
    await ben.open(create_document(studio.api, title="A title that is long enough to wrap " * 3, content="Text."))
    await ada.page.set_viewport_size({"width": 360, "height": 740})
    await ada.go("/operations")
    row = ada.page.get_by_role("row").filter(has_text="long enough")
    await row.wait_for()
    assert await row.get_by_role("cell").count() == 6
    assert await ada.page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
