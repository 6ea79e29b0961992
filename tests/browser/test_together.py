"""Several people in one document: words, carets, faces, and an undo that is one's own."""

import asyncio
import re

import pytest

from tests.browser.conftest import Enter, Person, Studio, until
from tests.running import create_document, read_text

pytestmark = pytest.mark.anyio

ALPHABET = "abcdefghijklmnopqrstuvwxyz"


async def test_two_people_who_type_at_once_end_with_the_same_text(ada: Person, ben: Person, studio: Studio) -> None:
    document = create_document(studio.api, title="At once", content="Top.\n\nBottom.")
    await asyncio.gather(ada.open(document), ben.open(document))
    await ada.body.locator("p").first.click()
    await ada.page.keyboard.press("End")
    await ben.write_at_end()
    await asyncio.gather(ada.type(f" {ALPHABET}{ALPHABET}", delay=8), ben.type(f" {ALPHABET.upper()}", delay=16))
    await asyncio.gather(ada.saved(), ben.saved())
    expected = f"Top. {ALPHABET}{ALPHABET}\nBottom. {ALPHABET.upper()}"
    for person in (ada, ben):
        await person.reads(expected)
        assert await person.text() == expected
    assert read_text(studio.api, document).split() == expected.split()


async def test_two_people_in_one_paragraph_lose_no_letter(ada: Person, ben: Person, studio: Studio) -> None:
    document = create_document(studio.api, content="(end)")
    await asyncio.gather(ada.open(document), ben.open(document))
    for person in (ada, ben):
        await person.body.locator("p").click()
        await person.page.keyboard.press("Home")
        await person.page.keyboard.press("ArrowRight")
    await asyncio.gather(ada.type("0123456789" * 3, delay=5), ben.type(ALPHABET, delay=7))
    await asyncio.gather(ada.saved(), ben.saved())

    async def same() -> bool:
        return await ben.text() == await ada.text()

    await until(same)
    text = await ada.text()
    assert "".join(re.findall("[0-9]", text)) == "0123456789" * 3
    assert "".join(re.findall("[a-z]", text.removesuffix("end)"))) == ALPHABET
    assert text.startswith("(")
    assert text.endswith("end)")
    assert len(text) == len("(end)") + 30 + 26


async def test_a_caret_bears_a_name_and_goes_when_its_person_goes(ada: Person, ben: Person, studio: Studio) -> None:
    document = create_document(studio.api, content="A line to stand in.")
    await asyncio.gather(ada.open(document), ben.open(document))
    await ben.write_at_end()
    caret = ada.page.locator(".prose-body .caret")
    await caret.wait_for()
    assert await caret.locator(".caret-name").text_content() == "Ben Okri"
    colour = re.search(r"presence-\d+", await caret.get_attribute("class") or "")
    avatar = ada.page.locator("#presence li.avatar")
    assert await avatar.get_attribute("title") == "Ben Okri"
    assert colour is not None
    assert colour.group() in (await avatar.get_attribute("class") or "")
    await ben.page.close()
    await caret.wait_for(state="detached")
    await avatar.wait_for(state="detached")


async def test_a_second_window_of_the_same_person_is_no_second_face(ada: Person, ben: Person, studio: Studio) -> None:
    document = create_document(studio.api)
    await asyncio.gather(ada.open(document), ben.open(document))
    await ben.new_tab()
    await ben.open(document)
    await ben.write_at_end()
    await ben.type("x")
    await ada.reads("x")
    assert await ada.page.locator("#presence li.avatar").count() == 1
    assert await ben.page.locator("#presence li.avatar").count() == 1


async def test_undo_takes_back_only_ones_own(ada: Person, ben: Person, studio: Studio) -> None:
    document = create_document(studio.api, content="Base.")
    await asyncio.gather(ada.open(document), ben.open(document))
    await ada.write_at_end()
    await ada.type(" Ada was here.")
    await ben.reads("Ada was here.")
    await ben.write_at_end()
    await ben.type(" Ben too.")
    await ada.reads("Ben too.")
    await ada.page.keyboard.press("Control+z")
    await ben.reads("Base. Ben too.")
    assert await ada.text() == "Base. Ben too."
    await ada.page.keyboard.press("Control+Shift+z")
    await ben.reads("Ada was here.", "Ben too.")
    await ben.page.keyboard.press("Control+z")

    async def only_ada() -> bool:
        return await ada.text() == await ben.text() == "Base. Ada was here."

    await until(only_ada, ada.text)


async def test_undo_beside_the_words_of_another_leaves_the_caret_in_its_place(
    ada: Person, ben: Person, studio: Studio
) -> None:
    document = create_document(studio.api, content="Base.")
    await asyncio.gather(ada.open(document), ben.open(document))
    await ada.write_at_end()
    await ada.type(" Ada was here.")
    await ben.reads("Ada was here.")
    await ben.body.click()
    await ben.page.keyboard.press("Control+Home")
    await ben.type("Ben says: ")
    await ada.reads("Ben says: Base. Ada")
    await ada.page.keyboard.press("Control+z")
    await ada.reads("Ben says: Base.")
    await ada.type(" Ada again.")
    await ben.reads("Ben says: Base. Ada again.")
    await ben.type("(1) ")
    await ada.reads("Ben says: (1) Base. Ada again.")
    await ada.page.keyboard.press("Control+z")
    await ada.type("!")
    await ben.reads("Ben says: (1) Base.!")


async def test_the_title_is_written_together(ada: Person, ben: Person, studio: Studio) -> None:
    document = create_document(studio.api, title="Draft")
    await asyncio.gather(ada.open(document), ben.open(document))
    await ada.page.locator("#document-title").click()
    await ada.page.keyboard.press("End")
    await ben.page.locator("#document-title").click()
    await ben.page.keyboard.press("Home")
    await ada.page.locator("#presence li.avatar[data-in-title=true]").wait_for()
    await asyncio.gather(ada.type(" of ours"), ben.type("Second "))
    await ada.is_titled("Second Draft of ours")
    await ben.is_titled("Second Draft of ours")
    await ada.page.keyboard.press("Control+z")
    await ben.is_titled("Second Draft")


async def test_words_from_the_api_arrive_while_somebody_writes(ada: Person, studio: Studio) -> None:
    document = create_document(studio.api, content="One.\n\nTwo.")
    await ada.open(document)
    await ada.write_at_end()
    await ada.type(" Typed.")
    await ada.saved()
    answer = await asyncio.to_thread(
        studio.api.put,
        f"/api/v1/documents/{document}/content",
        json={"format": "markdown", "content": "One, changed.\n\nTwo. Typed."},
    )
    assert answer.is_success, answer.text
    await ada.reads("One, changed.\nTwo. Typed.")
    await ada.type(" Still the caret's place.")
    await ada.reads("One, changed.\nTwo. Typed. Still the caret's place.")


async def test_a_guest_reads_along_and_cannot_write(ada: Person, enter: Enter, studio: Studio) -> None:
    document = create_document(studio.api, content="For your [eyes](/account).")
    await ada.open(document)
    csrf = await ada.page.locator('meta[name="csrf"]').get_attribute("content")
    made = await ada.page.request.post(
        f"{ada.address}/documents/{document}/invitations",
        form={"csrf": csrf or "", "role": "guest"},
        headers={"HX-Request": "true", "Origin": ada.address},
    )
    assert made.ok, await made.text()
    link = re.search(r'value="(http[^"]+/join/[^"]+)"', await made.text())
    assert link is not None
    guest = await enter(studio, "Guest")
    await guest.page.goto(link.group(1))
    await guest.page.get_by_label("Your name").fill("Gil Guest")
    await guest.page.get_by_label("E-mail").fill("gil@example.org")
    await guest.page.get_by_label("Password").fill("three wet umbrellas")
    await guest.page.get_by_role("button", name=re.compile("Create account")).click()
    await guest.page.wait_for_url(f"**/documents/{document}")
    await guest.live()
    await guest.page.wait_for_selector("#save-state[data-state=readOnly]")
    assert await guest.page.locator("#document-content").get_attribute("data-editable") == "false"
    await ada.write_at_end()
    await ada.type(" And more.")
    await guest.reads("For your eyes. And more.")
    await guest.body.click()
    await guest.type("scribble")
    await ada.type("!")
    await guest.reads("And more.!")
    assert "scribble" not in await guest.text()
    async with guest.context.expect_page() as coming:
        await guest.body.locator("a").click()
    await (await coming.value).wait_for_url("**/account")
    assert len(guest.context.pages) == 2
