"""Adapting a document to a channel: together and live, with the document changing underneath, and sent as approved."""

import re

import pytest
from playwright.async_api import Locator

from tests.browser.conftest import Enter, Person, Studio, until
from tests.browser.test_calendar import approve
from tests.browser.test_reviewing import look
from tests.running import create_document

pytestmark = pytest.mark.anyio

TEXT = "We move in autumn.\n\nThe rooms are on the second floor.\n\nBring your own chair."


async def connect(ada: Person, name: str) -> str:
    """Open a sandbox that has the limits of a channel. Returns the name of the account."""
    await ada.go("/workspace/channels?connect=sandbox")
    form = ada.page.locator("#connect-sandbox form")
    await form.get_by_label("Whose limits it has").select_option(name)
    await form.get_by_role("button", name="Connect Sandbox").click()
    await ada.page.wait_for_url(re.compile("/workspace/channels"))
    return "Sandbox as WordPress" if name == "wordpress" else f"Sandbox as {name.capitalize()}"


async def open_variant(person: Person, document: str, account: str) -> None:
    """Open what a document says on an account, from the document's own page."""
    await person.go(f"/documents/{document}/channels")
    await person.page.wait_for_selector("#variant-text[data-live=true]")
    await person.page.locator(".variant-account", has_text=account).first.click()
    await person.page.get_by_role("heading", name=account, level=1).wait_for()


def block(person: Person, words: str) -> Locator:
    """The block of the document with these words."""
    return person.page.locator(".variant-block", has_text=words)


async def press(person: Person, words: str, deed: str) -> None:
    """Do something with a block."""
    row = block(person, words)
    await row.hover()
    await row.locator(f"[data-deed={deed}]").click()


async def text(person: Person) -> str:
    """The blocks as they are shown, without carets, a line for each."""
    return str(
        await person.page.locator("#variant-text").evaluate(
            """text => [...text.querySelectorAll(".variant-block-body")].map(block => {
                const copy = block.cloneNode(true);
                for (const caret of copy.querySelectorAll(".caret")) caret.remove();
                return copy.textContent;
            }).join("\\n")"""
        )
    )


async def reads(person: Person, expected: str, *, without: str = "") -> None:
    """Wait until the text has these words."""

    async def there() -> bool:
        shown = await text(person)
        return expected in shown and (not without or without not in shown)

    await until(there, lambda: text(person))


async def sent(person: Person) -> str:
    """What the preview says would go out."""
    return await person.page.locator("#variant-preview").inner_text()


async def previews(person: Person, *expected: str, without: str = "") -> None:
    """Wait until the preview shows each of these."""

    async def there() -> bool:
        shown = await sent(person)
        return all(each in shown for each in expected) and (not without or without not in shown)

    await until(there, lambda: sent(person))


async def test_adapted_together_while_the_document_changes(enter: Enter, studio: Studio) -> None:
    ada = await enter(studio, "Ada", bypass_csp=True)
    ben = await enter(studio, "Ben", bypass_csp=True)
    document = create_document(studio.api, title="Autumn plan", content=TEXT)
    account = await connect(ada, "mastodon")
    await open_variant(ada, document, account)
    await open_variant(ben, document, account)
    await previews(ada, "We move in autumn.", "Bring your own chair.")

    # Different blocks at the same time, each seen by the other, and in the preview while it is typed.
    await press(ada, "We move", "adapt")
    await press(ben, "Bring your own", "adapt")
    await ada.type(" On Monday")
    await ben.type(" A soft one")
    await block(ben, "On Monday").locator(".caret").wait_for(state="attached")
    await reads(ada, "Bring your own chair. A soft one")
    await previews(ada, "We move in autumn. On Monday", "Bring your own chair. A soft one")
    # The same block.
    await block(ben, "On Monday").locator(".prose-body").click()
    await ben.page.keyboard.press("Home")
    await ben.heard()
    await ben.type("Hear: ")
    await ada.type(" morning")
    for person in (ada, ben):
        await reads(person, "Hear: We move in autumn. On Monday morning")
    # Each takes back what they wrote themselves, whoever adapted the block.
    await ben.page.keyboard.press("ControlOrMeta+z")
    await reads(ada, "We move in autumn. On Monday morning", without="Hear:")
    await ben.page.keyboard.press("ControlOrMeta+Shift+z")
    await reads(ada, "Hear: We move in autumn. On Monday morning")
    await press(ada, "The rooms", "leave-out")
    await block(ben, "The rooms").get_by_role("button", name=re.compile("^Bring back")).wait_for()
    await previews(ben, "On Monday", without="The rooms")
    await look(ada, "variants")

    # The document itself is as it was, and changes where it was adapted.
    writer = await enter(studio, "Ada")
    await writer.open(document)
    await writer.reads("We move in autumn.", "Bring your own chair.")
    await writer.body.get_by_text("We move").click()
    await writer.page.keyboard.press("Home")
    await writer.heard()
    for _ in range(len("We ")):
        await writer.page.keyboard.press("ArrowRight")
    await writer.heard()
    await writer.type("all ")
    await writer.saved()
    drift = block(ada, "Hear:").locator(".variant-drift")
    await drift.locator("ins", has_text="all").wait_for()
    # Accounts of other tests stand beside it, and follow.
    await ada.page.locator(".variant-account", has_text=account).locator(".variant-account-drift").wait_for()
    await look(ada, "variants-drift")
    await drift.get_by_role("button", name="Put both together").click()
    await reads(ben, "Hear: We all move in autumn. On Monday morning")
    await drift.wait_for(state="detached")

    # Taken back step by step, what the other one wrote stays.
    await press(ada, "Hear:", "follow")
    await reads(ben, "We all move in autumn.", without="Hear:")
    await ada.page.keyboard.press("ControlOrMeta+z")
    await reads(ben, "Hear: We all move in autumn. On Monday morning")
    await ada.saved()
    await ben.saved()


async def test_a_text_of_its_own_with_a_thread_is_sent_as_approved(enter: Enter, studio: Studio) -> None:
    ada = await enter(studio, "Ada", bypass_csp=True)
    ben = await enter(studio, "Ben", bypass_csp=True)
    document = create_document(studio.api, title="Winter plan", content=TEXT)
    account, blog = await connect(ada, "bluesky"), await connect(ada, "wordpress")
    page = ada.page
    await open_variant(ada, document, account)
    await page.get_by_role("radio", name="Own text").check()
    await ada.type("Snow is coming. " * 20)
    over = page.locator("#variant-meters [data-meter=Text][data-over]")
    await over.wait_for()
    await page.locator("#variant-problems [data-blocks=true]").first.wait_for()
    await look(ada, "variants-over")
    await page.keyboard.press("ControlOrMeta+a")
    await ada.type("Snow is coming.")
    await over.wait_for(state="detached")
    await page.get_by_role("button", name="Add a post to the thread").click()
    await ada.type("Bring boots.")
    tags = page.locator(".variant-fields:not([hidden])").get_by_label("Tags")
    await tags.fill("winter, boots")
    await previews(ada, "Snow is coming.", "Bring boots.", without="We move")
    await look(ada, "variants-own")
    # Another account beside it has a title, and follows the document otherwise.
    await page.locator(".variant-account", has_text=blog).click()
    await page.get_by_role("group", name="Title").get_by_role("button", name="Adapt").click()
    await page.get_by_role("textbox", name="Title for").fill("Snow in the house")
    await previews(ada, "Snow in the house", "We move in autumn.", without="Bring boots.")
    await look(ada, "variants-title")
    await page.go_back()
    await page.get_by_role("heading", name=account, level=1).wait_for()
    await ada.saved()
    await page.reload()
    await page.wait_for_selector("#variant-text[data-live=true]")
    await block(ada, "Bring boots.").wait_for()
    assert await tags.input_value() == "winter, boots"

    # Whoever may only comment reads it, live.
    studio.api.put(
        f"/api/v1/documents/{document}/sharing", json={"reach": "workspace", "role": "reviewer"}
    ).raise_for_status()
    await open_variant(ben, document, account)
    await reads(ben, "Snow is coming.")
    assert await ben.page.locator("[contenteditable=true]").count() == 0
    assert await ben.page.locator(".variant-text [data-deed]:visible").count() == 0
    await block(ada, "Snow is coming.").locator(".prose-body").click()
    await page.keyboard.press("End")
    await ada.heard()
    await ada.type(" Really")
    await reads(ben, "Snow is coming. Really")
    await look(ben, "variants-read")
    await ada.saved()

    await approve(studio, ben, document)
    await ada.go(f"/documents/{document}/publish")
    offer = page.locator(".publish-account", has_text=account)
    await offer.get_by_role("checkbox").check()
    await page.get_by_label("Now").check()
    await page.get_by_role("button", name="Publish").click()
    await page.locator("#publication .publication-state", has_text="Published").wait_for()
    await page.goto(str(await page.locator('a[href*="/posts#post-"]').first.get_attribute("href")))
    post = page.locator(".sandbox-post").first
    await post.get_by_text("Snow is coming. Really").wait_for()
    await post.get_by_text("Bring boots.").wait_for()
    assert await post.get_by_text("We move").count() == 0
