"""Two people take a document from draft to approved: one approval for exactly one content, lost by an edit and back."""

import pytest

from tests.browser.accessible import faults
from tests.browser.conftest import ARTIFACTS, Enter, Person, Studio, until
from tests.running import create_document

pytestmark = pytest.mark.anyio


async def pill(person: Person, words: str) -> None:
    """Wait until the strip says where the document stands."""
    shown = person.page.locator("#review-bar .status-pill")

    async def says() -> bool:
        return await shown.count() == 1 and (await shown.inner_text()).strip() == words

    await until(says, person.page.locator("#review-bar").inner_text)


async def look(person: Person, name: str) -> None:
    """Hold the page against axe's rules and take its picture: wide and light, on a phone and dark."""
    page = person.page
    ARTIFACTS.mkdir(exist_ok=True)
    for theme, width in (("light", 1280), ("dark", 390)):
        await page.evaluate("theme => document.documentElement.setAttribute('data-theme', theme)", theme)
        await page.set_viewport_size({"width": width, "height": 900})
        await page.screenshot(path=ARTIFACTS / f"{name}-{theme}-{width}.png")
        assert await faults(page) == [], (name, theme, width)
    await page.set_viewport_size({"width": 1280, "height": 900})
    await page.evaluate("() => document.documentElement.removeAttribute('data-theme')")


async def send(person: Person, note: str = "") -> None:
    """Send it for review from wherever the strip is."""
    bar = person.page.locator("#review-bar")
    await bar.locator("summary", has_text="Send for review").click()
    if note:
        await bar.get_by_label("A word to the reviewers").fill(note)
    await bar.get_by_role("button", name="Send for review").click()


async def test_an_approval_is_for_exactly_one_content(enter: Enter, studio: Studio) -> None:
    ada, ben = [await enter(studio, name, bypass_csp=True) for name in ("Ada", "Ben")]
    document = create_document(studio.api, title="Autumn letter", content="# News\n\nWe moved.\n\nCome and see.")
    await ada.open(document)
    header = ada.page.locator(".header .status-pill")
    assert (await header.inner_text()).strip() == "Draft"
    await header.click()
    await ada.page.wait_for_url("**/review")
    await send(ada, "Ready, I think")
    await pill(ada, "In review")
    await look(ada, "review-sent")

    # Ben finds it, and wants it otherwise; that takes a word.
    await ben.go("/reviews")
    await look(ben, "reviews")
    await ben.page.get_by_role("link", name="Autumn letter").click()
    await ben.page.wait_for_url("**/review")
    bar = ben.page.locator("#review-bar")
    await bar.locator("summary", has_text="Request changes").click()
    await bar.get_by_role("button", name="Request changes").click()
    assert await bar.get_by_label("What should be changed?").evaluate("field => !field.validity.valid")
    await bar.get_by_label("What should be changed?").fill("Say where to.")
    await bar.get_by_role("button", name="Request changes").click()
    await pill(ben, "Changes requested")
    await look(ben, "review-changes")

    # Ada reads it above her text, without loading anything, writes and sends it again.
    await ada.open(document)
    await pill(ada, "Changes requested")
    assert "Say where to." in await ada.page.locator("#review-bar").inner_text()
    await ada.body.locator("p").first.click()
    await ada.page.keyboard.press("End")
    await ada.heard()
    await ada.type(" To the harbour.")
    await ada.saved()
    await send(ada)
    await pill(ada, "In review")
    await look(ada, "review-editor")

    # Ben sees only what is new, and approves it in the document itself.
    await ben.go(f"/documents/{document}/review")
    changed = ben.page.locator(".history-text .change")
    assert await changed.count() == 1
    assert "To the harbour." in await changed.locator("ins").inner_text()
    await look(ben, "review-difference")
    await ben.open(document)
    await pill(ben, "In review")
    await ben.page.locator("#review-bar").get_by_role("button", name="Approve").click()
    await pill(ben, "Approved")
    await pill(ada, "Approved")

    # A word more, and the approval is for something else; undone, it is for this again.
    await ada.body.locator("p").last.click()
    await ada.page.keyboard.press("End")
    await ada.heard()
    await ada.type(" Soon!")
    await ada.saved()
    await pill(ada, "Changed since approval")
    await pill(ben, "Changed since approval")
    assert "1 block" in await ada.page.locator("#review-bar").inner_text()
    await ben.page.locator("#review-bar").get_by_role("link", name="Show").click()
    await ben.page.wait_for_url("**/review#since")
    assert "Soon!" in await ben.page.locator("#since ins").inner_text()
    await look(ben, "review-since")
    await ada.page.keyboard.press("Control+z")
    await ada.saved()
    await pill(ada, "Approved")
    await ada.go("/documents")
    row = ada.page.locator(".document", has_text="Autumn letter")
    assert (await row.locator(".status-pill").inner_text()).strip() == "Approved"
    await look(ada, "review-list")


async def test_an_admin_says_how_it_is_decided(enter: Enter, studio: Studio) -> None:
    ada = await enter(studio, "Ada", bypass_csp=True)
    await ada.go("/reviews")
    await ada.page.get_by_role("link", name="Review settings").click()
    new = ada.page.locator("#workflow-new")
    await new.locator("summary").first.click()
    await new.get_by_label("Name", exact=True).fill("Two eyes of the law")
    step = new.locator("fieldset").first
    await step.get_by_label("Name of the step").fill("Law")
    await step.get_by_label("Deadline in hours").fill("24")
    await step.locator("summary").click()
    await step.get_by_label("Ben Okri", exact=True).check()
    await look(ada, "review-settings")
    await new.get_by_role("button", name="Make the workflow").click()
    await ada.page.locator(".channel-offer summary", has_text="Two eyes of the law").click()
    made = ada.page.locator(".channel-offer[open]")
    assert await made.get_by_label("Ben Okri", exact=True).first.is_checked()
    await made.get_by_role("button", name="Remove this workflow").click()
    await ada.page.get_by_text("The workflow is removed.").wait_for()
