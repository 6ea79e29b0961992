"""The history of a document: what changed and by whom, and the way back while others write."""

import re

import pytest
from playwright.async_api import Page

from tests.browser.accessible import faults
from tests.browser.conftest import Enter, Person, Studio, until
from tests.browser.test_pages import PHONE
from tests.running import create_document, read_text

pytestmark = pytest.mark.anyio


def name(studio: Studio, document: str, words: str) -> str:
    answer = studio.api.post(f"/api/v1/documents/{document}/revisions", json={"name": words})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def replace(studio: Studio, document: str, markdown: str) -> None:
    body = {"format": "markdown", "content": markdown}
    assert studio.api.put(f"/api/v1/documents/{document}/content", json=body).is_success


async def open_history(person: Person) -> None:
    await person.page.get_by_label("More about this document").click()
    await person.page.get_by_role("link", name="History").click()
    await person.page.wait_for_url("**/history")


async def test_what_was_written_is_shown_and_stepped_through(ada: Person, studio: Studio) -> None:
    document = create_document(studio.api, title="Plan", content="# Aim\n\nTo write.\n\nTo go.\n\nStays.")
    name(studio, document, "Outline")
    await ada.open(document)
    await ada.body.locator("p").first.click()
    await ada.page.keyboard.press("End")
    await ada.type(" Together.")
    await ada.saved()
    await open_history(ada)
    page = ada.page
    assert await page.locator("#history-title").inner_text() == "Plan"
    assert await page.locator(".history-what").inner_text() == "Current version"
    change = page.locator(".change")
    assert await change.count() == 1
    assert await change.locator("ins").inner_text() == " Together."
    assert await change.locator(".change-words").inner_text() == "Ada Lovelace changed this"
    assert await page.locator(".versions .version-title").all_inner_texts() == ["Current version", "Outline"]
    await page.keyboard.press("j")
    assert await page.locator("[data-step-place]").inner_text() == "1 of 1"
    assert await page.locator(".change:focus").count() == 1
    await page.get_by_label("Highlight changes").uncheck()
    assert not await change.locator(".change-head").is_visible()
    await page.get_by_role("link", name="Outline").click()
    await page.wait_for_url("**/history?revision=*")
    assert "To write." in await page.locator(".history-text").inner_text()
    assert "Together" not in await page.locator(".history-text").inner_text()


async def test_each_passage_says_who_wrote_it_and_what_one_person_did_is_removed(
    ada: Person, ben: Person, studio: Studio
) -> None:
    document = create_document(studio.api, title="Plan", content="# Aim\n\nTo write.\n\nStays.")
    name(studio, document, "Outline")
    await ben.open(document)
    await ben.body.locator("p").first.click()
    await ben.page.keyboard.press("End")
    await ben.type(" Together, says Ben.")
    # What he makes a heading of is still hers, though the editor writes it anew.
    await ben.body.locator("p", has_text="Stays.").click()
    await ben.page.keyboard.press("Home")
    await ben.type("# ")
    await ben.body.locator("h1", has_text="Stays.").wait_for()
    await ben.saved()
    page = ada.page

    async def is_bens() -> bool:
        # Whose a client is, is written down once the room has settled.
        await ada.go(f"/documents/{document}/history/authors")
        return await page.locator(".passage[data-name='Ben Okri']").count() == 1

    await until(is_bens)
    passage = page.locator(".passage[data-name='Ben Okri']")
    assert await passage.inner_text() == " Together, says Ben."
    assert await page.locator("h1 .passage[data-name='Ada Lovelace']").all_inner_texts() == ["Aim", "Stays."]
    names = page.locator(".written", has=passage).locator(".written-by")
    assert re.match(r"Ada Lovelace\s+\d+:\d\d.*\sBen Okri\s+\d+:\d\d", await names.inner_text(), re.DOTALL)
    await passage.hover()
    told = page.locator("[data-passage-told]")
    assert (await told.inner_text()).startswith("Ben Okri wrote this, ")
    assert await page.locator(".authors-legend li").count() == 2
    await page.get_by_role("link", name="What changed").click()
    await page.wait_for_url("**/history")
    await ben.write_at_end()
    await ben.type(" To stay.")
    await ben.saved()
    await page.get_by_role("button", name="Remove changes by Ben Okri").click()
    await page.get_by_role("button", name="Remove their changes").click()
    await page.wait_for_url("**/history?revision=*&restored=*")
    assert "Without changes by Ben Okri" in await page.locator(".history-what").inner_text()
    assert (await page.locator(".history-notice").inner_text()).startswith("Done.")

    async def is_without() -> bool:
        return await ben.text() == "Aim\nTo write.\nStays."

    await until(is_without, ben.text)
    await page.get_by_role("button", name="Take it back").click()
    await ben.reads("To write. Together, says Ben.", "Stays. To stay.")


async def test_what_somebody_deletes_and_brings_back_stays_its_writers(
    ada: Person, ben: Person, studio: Studio
) -> None:
    document = create_document(studio.api, title="Plan", content="# Aim\n\nA paragraph by Ada.\n\nStays **by** her.")
    await ada.open(document)
    await ada.write_at_end()
    await ada.type(" Never kept anywhere.")
    await ada.saved()
    await ben.open(document)
    await ben.reads("Never kept anywhere.")
    text = await ben.text()

    async def there_and_back(*keys: str, meanwhile: str) -> None:
        for key in keys:
            await ben.page.keyboard.press(key)
            await ben.heard()
        assert await ben.text() != text
        await ben.saved()
        if meanwhile:
            name(studio, document, meanwhile)
        await ben.page.keyboard.press("Control+z")
        await ben.reads(*text.split("\n"))
        await ben.saved()

    await ben.body.locator("p").last.click()
    await there_and_back("Home", "Shift+Control+End", "Delete", meanwhile="")
    await there_and_back("Control+a", "Delete", meanwhile="All is gone")
    await ben.body.locator("p").first.click()
    await there_and_back("Home", "Shift+Control+End", "Delete", meanwhile="Half is gone")
    await ben.write_at_end()
    await ben.type(" Ben's.")
    await ben.saved()
    page = ada.page

    async def is_told() -> bool:
        await ada.go(f"/documents/{document}/history/authors")
        return await page.locator(".passage[data-name='Ben Okri']").all_inner_texts() == [" Ben's."]

    await until(is_told, page.locator(".written").all_inner_texts)
    hers = "".join(await page.locator(".passage[data-name='Ada Lovelace']").all_inner_texts())
    assert hers == "AimA paragraph by Ada.Stays by her. Never kept anywhere."


async def test_a_version_is_named_where_one_is_looking(ada: Person, studio: Studio) -> None:
    document = create_document(studio.api, content="One.")
    await ada.go(f"/documents/{document}/history")
    await ada.page.get_by_role("button", name="Name this version").click()
    await ada.page.locator("dialog#name").get_by_label("Name").fill("Sent to the printer")
    await ada.page.get_by_role("button", name="Save the name").click()
    await ada.page.wait_for_url("**/history?revision=*")
    assert "Sent to the printer" in await ada.page.locator(".history-what").inner_text()
    await ada.page.get_by_role("link", name="Sent to the printer").wait_for()


async def test_a_restore_is_seen_live_and_merged_with_what_was_typed_offline(
    ada: Person, ben: Person, enter: Enter, studio: Studio
) -> None:
    document = create_document(studio.api, title="Plan", content="One.\n\nTwo.\n\nThree.")
    name(studio, document, "Good")
    replace(studio, document, "One.\n\nThree and more.\n\nFour.")
    away = await enter(studio, "Ben")
    for person in (ben, away):
        await person.open(document)
        await person.reads("Three and more.")
    await away.context.set_offline(True)
    await away.body.locator("p").first.click()
    await away.page.keyboard.press("End")
    await away.type(" Offline.")
    await away.page.wait_for_selector("#save-state:not([data-edits='0'])")
    await ada.go(f"/documents/{document}/history")
    await ada.page.get_by_role("link", name="Good").click()
    await ada.page.get_by_role("button", name="Restore", exact=True).click()
    await ada.page.get_by_role("button", name="Restore this version").click()
    await ada.page.wait_for_url("**/history?revision=*&restored=*")
    assert "Restored" in await ada.page.locator(".history-notice").inner_text()
    await ben.reads("One.\nTwo.\nThree.")
    assert "Four" not in await ben.text()
    # Nobody's own undo takes it back.
    await ben.body.click()
    await ben.page.keyboard.press("Control+z")
    assert "Two." in await ben.text()
    await away.context.set_offline(False)
    await away.retry()
    for person in (ben, away):
        await person.reads("One. Offline.\nTwo.\nThree.")
        assert await person.text() == "One. Offline.\nTwo.\nThree."
    await ada.page.get_by_role("button", name="Take it back").click()
    await ben.reads("Three and more.\nFour.")
    assert "Two." not in await ben.text()
    assert read_text(studio.api, document).count("Four.") == 1


async def test_one_block_comes_back_alone(ada: Person, studio: Studio) -> None:
    document = create_document(studio.api, content="One.\n\nTwo.\n\nThree.")
    name(studio, document, "Good")
    replace(studio, document, "One.\n\nThree, changed.")
    await ada.go(f"/documents/{document}/history")
    removed = ada.page.locator(".change[data-change=removed]")
    assert await removed.locator("del").inner_text() == "Two."
    await removed.get_by_role("button").click()
    await ada.page.wait_for_url("**/history?revision=*&restored=*")
    assert read_text(studio.api, document).split() == ["One.", "Two.", "Three,", "changed."]


async def test_any_two_are_compared_and_one_is_copied(ada: Person, studio: Studio) -> None:
    document = create_document(studio.api, title="Plan", content="One.")
    name(studio, document, "First")
    for number, words in enumerate(("One. Two.", "One. Two. Three."), start=2):
        replace(studio, document, words)
        name(studio, document, f"Draft {number}")
    await ada.go(f"/documents/{document}/history")
    await ada.page.get_by_role("link", name="Draft 3").click()
    await ada.page.get_by_label("Compared with").select_option(label="Version 1: First")
    await ada.page.wait_for_url("**against=*")
    assert (await ada.page.locator(".change ins").inner_text()).strip() == "Two. Three."
    await ada.page.get_by_role("button", name="Copy as a new document").click()
    await ada.page.wait_for_url(re.compile(r"/documents/[0-9a-f-]+$"))
    await ada.live()
    await ada.reads("One. Two. Three.")
    await ada.is_titled("Plan (copy)")


async def test_axe_finds_nothing_and_all_fits(enter: Enter, studio: Studio) -> None:
    document = create_document(studio.api, title="Plan", content="# Aim\n\nOne.\n\n" + "Much to say. " * 40)
    name(studio, document, "Good")
    with studio.installation.client(studio.installation.create_token("ben@example.org")) as bens:
        body = {"format": "markdown", "content": "# Aim\n\nOne and more.\n\n" + "Much to say. " * 30}
        assert bens.put(f"/api/v1/documents/{document}/content", json=body).is_success
    wide = {"viewport": {"width": 1200, "height": 900}}
    for scheme, shape in (("light", wide), ("dark", wide), ("light", dict(PHONE)), ("dark", dict(PHONE))):
        person = await enter(studio, "Ada", color_scheme=scheme, reduced_motion="reduce", bypass_csp=True, **shape)
        page = person.page

        async def is_told(person: Person = person) -> bool:
            await person.go(f"/documents/{document}/history/authors")
            return await person.page.locator(".passage[data-name='Ben Okri']").count() > 0

        async def fits(page: Page = page) -> bool:
            return bool(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"))

        await until(is_told)
        await until(fits)
        assert await faults(page) == []
        await page.get_by_role("link", name="What changed").click()
        await page.wait_for_url("**/history")
        await page.locator(".change").first.wait_for()
        await until(fits)
        assert await faults(page) == []
        await page.get_by_role("button", name="Remove changes by Ben Okri").click()
        await page.get_by_role("button", name="Remove their changes").wait_for()
        assert await faults(page) == []
        await page.keyboard.press("Escape")
        await page.get_by_role("link", name="Good").click()
        await page.wait_for_url("**/history?revision=*")
        assert await faults(page) == []
        await person.context.close()
