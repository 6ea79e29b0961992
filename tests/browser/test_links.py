"""A link in a text is followed, copied, changed and taken away: by click, by tap and by keys."""

import re

import pytest

from tests.browser.conftest import Enter, Person, Studio
from tests.browser.test_pages import PHONE
from tests.running import create_document

pytestmark = pytest.mark.anyio

CARD = "[data-link-card]"
WITH_LINK = "Before [the place](/account) after.\n\nAnother line."


async def test_a_click_on_a_link_says_where_it_leads_and_leads_there(ada: Person, studio: Studio) -> None:
    await ada.open(create_document(studio.api, content=WITH_LINK))
    card = ada.page.locator(CARD)
    await ada.body.locator("p", has_text="Another line.").click()
    assert await card.is_hidden()
    await ada.body.locator("a").click()
    await card.wait_for()
    opening = card.get_by_role("link")
    assert await opening.text_content() == "/account"
    assert "noopener" in str(await opening.get_attribute("rel"))
    async with ada.context.expect_page() as coming:
        await opening.click()
    other = await coming.value
    await other.wait_for_url("**/account")
    assert await other.evaluate("() => window.opener === null")
    await other.close()
    # The text has kept its caret, and what is typed closes the card.
    await ada.type("x")
    await card.wait_for(state="hidden")
    await ada.saved()
    # A click in the same place brings it again.
    await ada.body.locator("a").click()
    await card.wait_for()
    await ada.body.locator("p", has_text="Another line.").click()
    await card.wait_for(state="hidden")


async def test_keys_lead_to_the_tools_of_a_link(ada: Person, studio: Studio) -> None:
    await ada.open(create_document(studio.api, content=WITH_LINK))
    card = ada.page.locator(CARD)
    await ada.body.click()
    await ada.page.keyboard.press("Control+Home")
    for _ in range(len("Before th")):
        await ada.page.keyboard.press("ArrowRight")
    await card.wait_for()
    await ada.page.keyboard.press("Alt+F10")
    await card.locator("a:focus").wait_for()
    await ada.page.keyboard.press("Escape")
    await ada.page.locator(".prose-body:focus").wait_for()
    assert await card.is_hidden()
    await ada.page.keyboard.press("ArrowRight")
    await card.wait_for()
    await ada.page.keyboard.press("Escape")
    assert await card.is_hidden()
    await ada.page.keyboard.press("ArrowRight")
    await card.wait_for()
    await ada.page.keyboard.press("Alt+F10")
    await card.locator("a:focus").wait_for()
    for _ in range(2):
        await ada.page.keyboard.press("ArrowRight")
    await card.locator("[data-tool=edit]:focus").wait_for()
    await ada.page.keyboard.press("Enter")
    await ada.page.locator("[data-link-editor] input:focus").wait_for()
    await ada.type("example.org/elsewhere")
    await ada.page.keyboard.press("Enter")
    await ada.body.locator("a[href='https://example.org/elsewhere']", has_text="the place").wait_for()
    await ada.page.keyboard.press("ArrowRight")
    await card.wait_for()
    await ada.page.keyboard.press("Alt+F10")
    await card.locator("a:focus, button:focus").wait_for()
    await ada.page.keyboard.press("End")
    await card.locator("[data-tool=remove]:focus").wait_for()
    await ada.page.keyboard.press("Enter")
    await ada.body.locator("a").wait_for(state="detached")
    await ada.reads("Before the place after.")
    await ada.page.keyboard.press("Control+z")
    await ada.body.locator("a", has_text="the place").wait_for()


@pytest.mark.parametrize("address", ["https", "plain http"])
async def test_the_address_of_a_link_is_copied(enter: Enter, studio: Studio, address: str) -> None:
    ada = await enter(studio, "Ada")
    await ada.context.grant_permissions(["clipboard-read", "clipboard-write"])
    if address == "plain http":
        # A self-hosted server without a certificate: there the browser hides its clipboard.
        await ada.page.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    await ada.open(create_document(studio.api, content="Go [there](https://example.org/a?b=c)."))
    await ada.body.locator("a").click()
    await ada.page.locator(CARD).get_by_role("button", name="Copy address").click()
    await ada.page.locator(CARD).get_by_role("button", name="Address copied").wait_for()
    await ada.page.keyboard.press("Control+End")
    await ada.page.keyboard.press("Enter")
    await ada.page.keyboard.press("Control+Shift+v")
    await ada.reads("https://example.org/a?b=c")


async def test_a_tap_on_a_link_opens_a_card_for_fingers(enter: Enter, studio: Studio) -> None:
    ada = await enter(studio, "Ada", **PHONE)
    await ada.open(create_document(studio.api, content="See [here](https://example.org/" + "long/" * 40 + ")."))
    await ada.body.locator("a").tap()
    card = ada.page.locator(CARD)
    await card.wait_for()
    tools = [card.get_by_role("link"), *await card.get_by_role("button").all()]
    assert len(tools) == 4
    for tool in tools:
        box = await tool.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390
    bar = await ada.page.locator("[data-phone-bar]").bounding_box()
    box = await card.bounding_box()
    assert bar is not None and box is not None
    assert box["y"] + box["height"] <= bar["y"]


async def test_who_only_reads_follows_a_link_once_by_a_click(ada: Person, studio: Studio) -> None:
    document = create_document(studio.api, content=WITH_LINK)
    studio.api.delete(f"/api/v1/documents/{document}").raise_for_status()
    await ada.go(f"/documents/{document}")
    async with ada.context.expect_page() as coming:
        await ada.body.locator("a").click()
    await (await coming.value).wait_for_url(re.compile("/account$"))
    assert len(ada.context.pages) == 2
    assert await ada.page.locator(CARD).is_hidden()
