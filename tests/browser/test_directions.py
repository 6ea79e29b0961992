"""Writing that runs from the right: each block stands where its own text begins."""

import pytest

from tests.browser.conftest import Person, Studio
from tests.running import create_document

pytestmark = pytest.mark.anyio

MIXED = """- one
- שלום
  - inner
  - אחד

1. מרחבא

- [ ] to do
- [ ] مهمة

> said

> קטע
"""
DIRECTIONS = "items => items.map(item => getComputedStyle(item).direction)"


async def test_items_and_quotes_run_as_their_own_text(ada: Person, studio: Studio) -> None:
    document = create_document(studio.api, content=MIXED)
    await ada.open(document)
    items = ada.body.locator("li")
    expected = ["ltr", "rtl", "ltr", "rtl", "rtl", "ltr", "rtl"]
    assert await items.evaluate_all(DIRECTIONS) == expected
    assert await ada.body.locator("blockquote").evaluate_all(DIRECTIONS) == ["ltr", "rtl"]
    # A bullet or box has its room on the side where the text begins.
    sides = await ada.body.locator("li > p, li > div > p").evaluate_all(
        """words => words.map(each => {
            const [inner, outer] = [each, each.closest(".prose-body")].map(element => element.getBoundingClientRect());
            return [inner.left - outer.left > 15, outer.right - inner.right > 15];
        })"""
    )
    assert sides == [
        [True, False],
        [False, True],
        [True, True],
        [False, True],
        [False, True],
        [True, False],
        [False, True],
    ]
    # What is typed decides anew.
    await items.first.locator("p").click()
    await ada.page.keyboard.press("Home")
    await ada.type("א")
    await ada.body.locator("li:first-child:dir(rtl)", has_text="one").first.wait_for()


async def test_the_text_of_the_server_has_the_same_directions(ada: Person, studio: Studio) -> None:
    document = create_document(studio.api, content=MIXED)
    await ada.page.route("**/editor-*.js", lambda route: route.abort())
    await ada.go(f"/documents/{document}")
    assert await ada.body.locator("li").evaluate_all(DIRECTIONS) == ["ltr", "rtl", "ltr", "rtl", "rtl", "ltr", "rtl"]
