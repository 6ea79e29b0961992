"""Tools of the editor: reached by keys, and on a phone by the bar above the keyboard."""

import pytest

from tests.browser.conftest import Enter, Person, Studio
from tests.browser.test_pages import PHONE
from tests.running import create_document, read_json, read_text

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


async def _drag(person: Person, words: str, to: str, *, below: bool, drop: bool = True) -> None:
    """Take the block with some words by its handle to another one's upper or lower edge."""
    await person.body.locator(":scope > *", has_text=words).hover()
    handle = await person.page.locator("[data-block-handle]").bounding_box()
    target = await person.body.locator(":scope > *", has_text=to).bounding_box()
    assert handle is not None and target is not None
    mouse = person.page.mouse
    await mouse.move(handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2)
    await mouse.down()
    y = target["y"] + (target["height"] - 2 if below else 2)
    await mouse.move(handle["x"] + 40, y, steps=6)
    await person.page.locator(".block-drop-line").wait_for()
    if drop:
        await mouse.up()


async def test_a_block_is_dragged_by_its_handle_in_one_step(ada: Person, ben: Person, studio: Studio) -> None:
    document = create_document(studio.api, content="One.\n\n- a\n- b\n\nThree.\n\nFour.")
    await ada.open(document)
    await ben.open(document)
    await ada.write_at_end()
    await ada.type("!")
    await ada.saved()
    before = read_json(studio.api, document)["content"]
    await _drag(ada, "Four.", "One.", below=False)
    await ada.reads("Four.!\nOne.\nab\nThree.")
    # The caret has gone along, and typing is another step.
    await ada.type("?")
    await ben.reads("Four.!?\nOne.\nab\nThree.")
    await ada.page.keyboard.press("Control+z")
    await ada.reads("Four.!\nOne.\nab\nThree.")
    await ada.saved()
    assert read_json(studio.api, document)["content"] == [before[3], *before[:3]]
    await ada.page.keyboard.press("Control+z")
    await ada.reads("One.\nab\nThree.\nFour.!")
    await _drag(ada, "a", "Three.", below=True)
    await ada.reads("One.\nThree.\nab\nFour.!")
    assert await ada.page.locator(".block-drop-line, .block-lifted, [role=menu]:visible").count() == 0


async def test_a_drag_is_given_up_by_escape_and_minds_what_others_write(
    ada: Person, ben: Person, studio: Studio
) -> None:
    document = create_document(studio.api, content="One.\n\nTwo.\n\nThree.")
    await ada.open(document)
    await ben.open(document)
    await _drag(ada, "Three.", "One.", below=False, drop=False)
    await ada.page.keyboard.press("Escape")
    await ada.page.mouse.up()
    await ada.page.locator(".block-drop-line").wait_for(state="detached")
    await ada.reads("One.\nTwo.\nThree.")
    await _drag(ada, "Three.", "One.", below=False, drop=False)
    await ben.body.locator("p", has_text="One.").click()
    await ben.page.keyboard.press("Home")
    await ben.type("Number ")
    await ada.reads("Number One.")
    await ada.page.mouse.up()
    for person in (ada, ben):
        await person.reads("Three.\nNumber One.\nTwo.")
    # A click still opens the menu.
    await ada.page.locator("[data-block-handle]").click()
    await ada.page.get_by_role("menuitem", name="Duplicate").wait_for()
