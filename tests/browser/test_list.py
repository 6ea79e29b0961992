"""The list of documents, and how it changes in other people's windows."""

import re
from uuid import uuid4

import pytest
from playwright.async_api import Locator, expect

from tests.browser.conftest import Person, Studio
from tests.running import create_document

pytestmark = pytest.mark.anyio


def row(person: Person, title: str) -> Locator:
    """The row of a document in a list."""
    return person.page.locator("[data-document]").filter(has=person.page.get_by_role("link", name=title, exact=True))


async def act(person: Person, title: str, action: str) -> None:
    """Choose from the menu of a row."""
    await row(person, title).locator("summary").click()
    await row(person, title).locator(".menu-item", has_text=action).click()


def unique(title: str) -> str:
    """A title that no other test uses."""
    return f"{title} {uuid4().hex[:8]}"


async def test_a_new_document_is_ready_to_write_and_stands_in_everybodys_list(ada: Person, ben: Person) -> None:
    title = unique("Made just now")
    await ben.go("/documents")
    await ada.go("/documents")
    await ada.page.get_by_role("button", name="New document").click()
    await ada.page.wait_for_url(re.compile(r"/documents/[0-9a-f-]{36}$"))
    await ada.live()
    await ada.page.locator("#document-title").fill(title)
    await ada.write_at_end()
    await ada.type("The first sentence of it.")
    await ada.saved()
    await row(ben, title).wait_for()
    await row(ben, title).get_by_text("The first sentence of it.").wait_for()


async def test_a_new_title_is_seen_by_others_without_a_reload(ada: Person, ben: Person, studio: Studio) -> None:
    before, after = unique("Before"), unique("After")
    document = create_document(studio.api, title=before)
    await ada.go("/documents")
    await ben.open(document)
    await act(ada, before, "Rename")
    await ada.page.keyboard.type(after)
    await ada.page.keyboard.press("Enter")
    await row(ada, after).wait_for()
    await ben.is_titled(after)
    assert await ben.page.locator("#document-title").input_value() == after


async def test_trash_undo_and_restore(ada: Person, ben: Person, studio: Studio) -> None:
    title = unique("Comes and goes")
    create_document(studio.api, title=title)
    await ada.go("/documents")
    await ben.go("/documents")
    await row(ben, title).wait_for()
    await act(ada, title, "Move to trash")
    await row(ada, title).wait_for(state="detached")
    await row(ben, title).wait_for(state="detached")
    await ada.page.locator(".toast").get_by_role("button", name="Undo").click()
    await row(ada, title).wait_for()
    await row(ben, title).wait_for()
    await act(ada, title, "Move to trash")
    await row(ben, title).wait_for(state="detached")
    await ben.page.get_by_role("link", name=re.compile("^Trash")).click()
    await row(ben, title).get_by_role("button", name="Restore").click()
    await row(ben, title).wait_for(state="detached")
    await row(ada, title).wait_for()


async def test_the_trash_tells_those_who_are_writing(ada: Person, ben: Person, studio: Studio) -> None:
    title = unique("Open in two windows")
    document = create_document(studio.api, title=title, content="Some words.")
    await ben.open(document)
    await ada.go("/documents")
    await act(ada, title, "Move to trash")
    await ben.page.locator("#editor-banner", has_text="moved to the trash").wait_for()
    await ben.page.wait_for_selector("#document-content[data-editable=false]")
    assert await ben.text() == "Some words."


async def test_a_document_comes_back_from_its_own_page(ada: Person, ben: Person, studio: Studio) -> None:
    document = create_document(studio.api, content="Kept.")
    studio.api.delete(f"/api/v1/documents/{document}").raise_for_status()
    await ada.go(f"/documents/{document}")
    banner = ada.page.locator("#editor-banner", has_text="Restore it to go on writing")
    await banner.wait_for()
    # It would only show the same page again.
    await expect(banner.locator("[data-action=reload]")).to_have_count(0)
    await expect(ada.save_words).to_have_text("In the trash")
    await ada.page.get_by_role("button", name="Restore").click()
    await ada.live()
    await ada.write_at_end()
    await ada.type(" Back.")
    await ada.saved()
    await ben.open(document)
    await ben.reads("Kept. Back.")


async def test_the_search_finds_titles_and_first_lines(ada: Person, studio: Studio) -> None:
    word = f"zebra{uuid4().hex[:6]}"
    create_document(studio.api, title=unique("Hidden"), content=f"It speaks of a {word}.")
    await ada.go("/documents")
    await ada.page.locator("#search").fill(word)
    await ada.page.wait_for_url(re.compile(f"q={word}"))
    assert await ada.page.locator("[data-document]").count() == 1
    await ada.page.locator("#search").fill("surely nothing of the kind")
    await ada.page.get_by_role("heading", name=re.compile("No document matches")).wait_for()
