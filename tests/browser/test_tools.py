"""Tools of the editor: reached by keys, and on a phone by the bar above the keyboard."""

import pytest

from tests.browser.conftest import Enter, Person, Studio
from tests.browser.test_pages import PHONE
from tests.running import create_document, read_text

pytestmark = pytest.mark.anyio

TABLE = "| Left | Right |\n|------|-------|\n| a | b |\n"


async def test_keys_lead_to_the_tools_of_a_selection_and_back(ada: Person, studio: Studio) -> None:
    await ada.open(create_document(studio.api, content="Some words."))
    await ada.write_at_end()
    await ada.page.keyboard.press("Shift+Home")
    await ada.page.locator("[data-selection-toolbar]").wait_for()
    await ada.page.keyboard.press("Alt+F10")
    await ada.page.locator("[data-tool=bold]:focus").wait_for()
    await ada.page.keyboard.press("ArrowRight")
    await ada.page.locator("[data-tool=italic]:focus").wait_for()
    await ada.page.keyboard.press("Enter")
    await ada.body.locator("em", has_text="Some words.").wait_for()
    await ada.page.keyboard.press("Alt+F10")
    await ada.page.keyboard.press("Escape")
    await ada.page.locator(".prose-body:focus").wait_for()
    await ada.page.keyboard.press("End")
    await ada.type(" More.")
    await ada.reads("Some words. More.")


async def test_keys_lead_to_the_tools_of_a_table(ada: Person, studio: Studio) -> None:
    await ada.open(create_document(studio.api, content=TABLE))
    await ada.body.locator("td", has_text="a").click()
    await ada.page.locator("[data-table-toolbar]").wait_for()
    await ada.page.keyboard.press("Alt+F10")
    await ada.page.locator("[data-tool=rowAbove]:focus").wait_for()
    await ada.page.keyboard.press("ArrowRight")
    await ada.page.keyboard.press("Enter")
    await ada.body.locator("tr").nth(2).wait_for()
    assert await ada.body.locator("tr").count() == 3


async def test_the_bar_of_a_phone_moves_turns_inserts_and_undoes(enter: Enter, studio: Studio) -> None:
    document = create_document(studio.api, content="One.\n\nTwo.\n\nThree.")
    ada = await enter(studio, "Ada", **PHONE)
    await ada.open(document)
    bar = ada.page.locator("[data-phone-bar]")
    assert await bar.is_hidden()
    await ada.body.locator("p", has_text="Two.").tap()
    await bar.wait_for()
    for button in await bar.get_by_role("button").all():
        box = await button.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390
    await bar.get_by_role("button", name="Move up").tap()
    await ada.reads("Two.\nOne.\nThree.")
    await bar.get_by_role("button", name="Block actions").tap()
    await ada.page.get_by_role("menuitem", name="Heading 2").tap()
    await ada.body.locator("h2", has_text="Two.").wait_for()
    await bar.get_by_role("button", name="Block actions").tap()
    await ada.page.get_by_role("menuitem", name="Duplicate").tap()
    await ada.reads("Two.\nTwo.\nOne.\nThree.")
    await bar.get_by_role("button", name="Undo your own edit").tap()
    await ada.reads("Two.\nOne.\nThree.")
    await bar.get_by_role("button", name="Insert a block").tap()
    await ada.page.get_by_role("menuitem", name="Quote").tap()
    await ada.type("Said.")
    await ada.body.locator("blockquote", has_text="Said.").wait_for()
    await ada.saved()
    assert read_text(studio.api, document).split() == ["Two.", "Said.", "One.", "Three."]
    await ada.page.keyboard.press("Shift+Home")
    await ada.page.locator("[data-selection-toolbar]").wait_for()
    assert await bar.is_hidden()
