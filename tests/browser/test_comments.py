"""Comments beside the text: live for everybody, never lost, and without the right to write."""

import asyncio
import re
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest
from playwright.async_api import Error, Locator, Route

from tests.browser.accessible import faults
from tests.browser.conftest import Enter, Person, Studio, until
from tests.browser.test_pages import PHONE
from tests.browser.test_pictures import PASTE, picture
from tests.running import create_document

pytestmark = pytest.mark.anyio

AROUND_TEXT = ("#comments-toggle", "#comments-rail", "#comments-drawer", "#editor")

TEXT = "The aim of this plan is to write.\n\nAnd it says how."


async def select(person: Person, words: str) -> None:
    """Select words of the text, as with the mouse."""
    await person.body.evaluate(
        """(body, words) => {
            body.focus();
            const walker = document.createTreeWalker(body, NodeFilter.SHOW_TEXT);
            const pieces = [];
            let text = "";
            while (walker.nextNode()) {
                // What assistive technology hears of a task's box is no text of the document.
                if (walker.currentNode.parentElement.closest("[contenteditable=false]")) continue;
                pieces.push([walker.currentNode, text.length]);
                text += walker.currentNode.data;
            }
            const from = text.indexOf(words);
            if (from === -1) throw new Error(`there is no ${words} in ${text}`);
            const to = from + words.length;
            const [first, start] = pieces.findLast(([, at]) => at <= from);
            const [last, end] = pieces.findLast(([, at]) => at < to);
            getSelection().setBaseAndExtent(first, from - start, last, to - end);
        }""",
        words,
    )
    # The editor hears of it a little later.
    await person.page.locator("[data-selection-toolbar]:visible, [data-comment-here]:visible").first.wait_for()


async def comment(person: Person, words: str, text: str) -> None:
    """Comment on words of the text by the key."""
    await select(person, words)
    await person.page.keyboard.press("Control+Alt+m")
    await new_card(person).locator("textarea").fill(text)
    await person.page.keyboard.press("Control+Enter")
    await card(person, text).wait_for()
    await new_card(person).wait_for(state="detached")


def new_card(person: Person) -> Locator:
    return person.page.locator("[data-thread-card=new]")


def card(person: Person, text: str) -> Locator:
    return person.page.locator("article.thread", has_text=text)


def marks(person: Person) -> Locator:
    return person.body.locator(".comment-mark")


async def threads(studio: Studio, document: str) -> list[dict[str, Any]]:
    answer = await asyncio.to_thread(studio.api.get, f"/api/v1/documents/{document}/comments")
    found: list[dict[str, Any]] = answer.json()["threads"]
    return found


async def shares(studio: Studio, document: str, role: str) -> None:
    """Say what the document gives to members of the workspace."""
    path = f"/api/v1/documents/{document}/sharing"
    answer = await asyncio.to_thread(studio.api.put, path, json={"reach": "workspace", "role": role})
    assert answer.is_success, answer.text


async def test_two_people_talk_about_words_and_agree(ada: Person, ben: Person, studio: Studio) -> None:
    document = create_document(studio.api, title="Talk", content=TEXT)
    await asyncio.gather(ada.open(document), ben.open(document))
    await select(ada, "this plan")
    await ada.page.locator("[data-selection-toolbar] [data-tool=comment]").click()
    await new_card(ada).locator("textarea").fill("Which one?")
    await new_card(ada).get_by_role("button", name="Send").click()
    theirs = card(ben, "Which one?")
    await theirs.wait_for()
    assert await marks(ben).text_content() == "this plan"

    await theirs.click()
    await theirs.get_by_label("Reply").fill("The one of May.")
    await ben.page.keyboard.press("Control+Enter")
    await card(ada, "The one of May.").wait_for()
    assert await card(ada, "Which one?").locator(".comment").count() == 2

    async def emptied() -> bool:
        return await theirs.get_by_label("Reply").input_value() == ""

    await until(emptied)

    mine = card(ben, "The one of May.").locator(".comment", has_text="The one of May.")
    await mine.get_by_role("button", name="Edit").click()
    await card(ben, "Which one?").locator(".comment textarea").fill("The one of June.")
    await ben.page.keyboard.press("Control+Enter")
    await card(ada, "The one of June.").wait_for()
    await card(ada, "Which one?").locator(".comment", has_text="Which one?").get_by_role("button", name="React").click()
    await ada.page.locator(".comment-picker [data-reaction=heart]").click()
    await card(ben, "Which one?").locator(".comment-reactions [data-reaction=heart]").wait_for()

    await card(ben, "Which one?").get_by_role("button", name="Resolve").click()
    await ada.body.locator(".comment-mark.is-resolved").wait_for()
    [thread] = await threads(studio, document)
    assert thread["resolved_by"]["name"] == "Ben Okri"
    # The text itself holds nothing of it.
    assert (await ada.text()).startswith("The aim of this plan is to write.")
    await ada.page.locator("#comments-toggle").click()
    await ada.page.get_by_role("button", name=re.compile("Resolved")).first.click()
    await card(ada, "Which one?").click()
    await card(ada, "Which one?").get_by_role("button", name="Reopen").click()
    await ben.body.locator(".comment-mark:not(.is-resolved)").wait_for()


async def test_a_comment_outlives_its_words_and_undo_attaches_it_again(
    ada: Person, ben: Person, studio: Studio
) -> None:
    document = create_document(studio.api, content=TEXT)
    await asyncio.gather(ada.open(document), ben.open(document))
    await comment(ada, "it says", "Who?")
    await card(ben, "Who?").wait_for()
    # Letter by letter: what is left meanwhile stands in many places, and is not mistaken for the words.
    await select(ada, "it says")
    await ada.page.keyboard.press("ArrowRight")
    for _ in "it says":
        await ada.page.keyboard.press("Backspace", delay=200)
    for person in (ada, ben):
        await marks(person).wait_for(state="detached")
    await ben.page.locator("#comments-toggle").click()
    await ben.page.get_by_role("button", name=re.compile("Orphaned")).click()
    orphan = card(ben, "Who?")
    await orphan.wait_for()
    assert await orphan.locator(".thread-quote").text_content() == "it says"
    await ada.body.focus()

    async def undone() -> bool:
        await ada.page.keyboard.press("Control+z")
        return "And it says how." in await ada.text()

    await until(undone, ada.text)
    for person in (ada, ben):
        await marks(person).wait_for()
        assert await marks(person).text_content() == "it says"

    # The new place is stored, so that it holds for whoever comes later, and for later edits.
    before = (await threads(studio, document))[0]["place"]["anchor"]

    async def stored() -> bool:
        await ada.page.reload()
        await ada.live()
        await marks(ada).wait_for()
        return await marks(ada).text_content() == "it says"

    await until(stored)
    assert before is not None


async def test_words_that_are_cut_and_pasted_keep_their_comment(ada: Person, studio: Studio) -> None:
    document = create_document(studio.api, content=TEXT)
    await ada.open(document)
    await comment(ada, "this plan", "Which?")
    await select(ada, "this plan")
    await ada.page.keyboard.press("Control+x")
    await marks(ada).wait_for(state="detached")
    await ada.page.keyboard.press("Control+End")
    await ada.type(" ")
    await ada.page.keyboard.press("Control+v")
    await marks(ada).wait_for()
    assert await marks(ada).text_content() == "this plan"
    assert await ada.body.locator("p").last.locator(".comment-mark").count() == 1

    async def stored() -> bool:
        place = (await threads(studio, document))[0]["place"]
        return bool(place["before"].endswith("says how. "))

    await until(stored)


async def test_an_orphan_is_attached_by_hand(ada: Person, studio: Studio) -> None:
    document = create_document(studio.api, content=TEXT)
    await ada.open(document)
    await comment(ada, "this plan", "Which?")
    await select(ada, "this plan")
    await ada.type("our design")
    await marks(ada).wait_for(state="detached")
    await ada.page.locator("#comments-toggle").click()
    await ada.page.get_by_role("button", name=re.compile("Orphaned")).click()
    await select(ada, "our design")
    await card(ada, "Which?").get_by_role("button", name="Attach to the selection").click()
    await marks(ada).wait_for()
    assert await marks(ada).text_content() == "our design"


async def test_a_reviewer_comments_without_the_right_to_write(ada: Person, ben: Person, studio: Studio) -> None:
    document = create_document(
        studio.api, content=f"{TEXT}\n\n```\nlet it = be\n```\n\n| One | Two |\n|---|---|\n| a cell | b |"
    )
    await shares(studio, document, "reviewer")
    await asyncio.gather(ada.open(document), ben.open(document))
    await ben.page.wait_for_selector("#document-content[data-mode=suggesting]")
    text = await ada.text()
    await select(ben, "a cell")
    await ben.page.locator("[data-selection-toolbar] [data-tool=comment]").click()
    await new_card(ben).locator("textarea").fill("Only one?")
    await ben.page.keyboard.press("Control+Enter")
    await card(ada, "Only one?").wait_for()
    await comment(ben, "it = be", "Of what type?")
    await card(ada, "Of what type?").wait_for()
    assert await ada.body.locator("td .comment-mark").text_content() == "a cell"
    assert await ada.body.locator("pre .comment-mark").text_content() == "it = be"
    # What is Ada's, Ben can neither resolve nor change.
    await comment(ada, "to write", "Always?")
    await card(ben, "Always?").click()
    assert await card(ben, "Always?").get_by_role("button", name="Resolve").count() == 0
    assert await card(ben, "Always?").get_by_role("button", name="Delete").count() == 0
    # Whoever owns the document may delete what is Ben's, and is told whose it is.
    theirs = card(ada, "Only one?").locator('[aria-label="Delete the comment by Ben Okri"]')
    await theirs.wait_for(state="attached")
    assert await ada.text() == text
    # Whoever may only read from now on reads them still, and has nothing to write in.
    await card(ben, "Always?").get_by_label("Reply").wait_for()
    await shares(studio, document, "viewer")
    await card(ben, "Always?").get_by_label("Reply").wait_for(state="detached")
    assert await card(ben, "Only one?").count() == 1


async def test_words_not_sent_survive_a_lost_network_and_a_closed_page(ada: Person, studio: Studio) -> None:
    document = create_document(studio.api, content=TEXT)
    await ada.open(document)
    await ada.saved()
    await select(ada, "this plan")
    await ada.page.keyboard.press("Control+Alt+m")
    field = new_card(ada).locator("textarea")
    await field.fill("Long thoughts")
    await ada.context.set_offline(True)
    await ada.page.keyboard.press("Control+Enter")
    await new_card(ada).get_by_role("alert").filter(has_text="cannot be reached").wait_for()
    assert await field.input_value() == "Long thoughts"
    await ada.context.set_offline(False)
    await ada.page.reload()
    await ada.live()
    await field.wait_for()
    assert await field.input_value() == "Long thoughts"
    await new_card(ada).get_by_role("button", name="Send").click()
    await card(ada, "Long thoughts").wait_for()
    assert len(await threads(studio, document)) == 1


async def test_a_link_opens_its_thread_and_a_mention_finds_its_person(ada: Person, ben: Person, studio: Studio) -> None:
    document = create_document(studio.api, content=TEXT)
    await ada.open(document)
    await select(ada, "this plan")
    await ada.page.keyboard.press("Control+Alt+m")
    await ada.type("Ask @ben")
    await ada.page.locator(".comment-person", has_text="Ben Okri").wait_for()
    await ada.page.keyboard.press("Enter")
    await ada.type("please")
    await ada.page.keyboard.press("Control+Enter")
    await card(ada, "Ask @Ben Okri please").wait_for()
    [thread] = await threads(studio, document)
    assert [each["name"] for each in thread["comments"][0]["mentions"]] == ["Ben Okri"]
    await ben.go(f"/documents/{document}#comment-{thread['id']}")
    await ben.live()
    await ben.page.locator("article.thread[data-active=true]", has_text="Ask @Ben Okri").wait_for()
    await ben.body.locator(".comment-mark.is-active").wait_for()


async def test_blocks_and_pictures_are_talked_about_and_threads_walked_through_by_keys(
    enter: Enter, studio: Studio
) -> None:
    document = create_document(studio.api, content=TEXT)
    ada = await enter(studio, "Ada", reduced_motion="reduce", bypass_csp=True)
    await ada.open(document)
    await ada.write_at_end()
    await ada.body.evaluate(PASTE, {"data": picture("teal"), "type": "image/png", "name": "teal.png"})
    image = ada.body.locator("img[src^='/assets/']")
    await image.click()
    await ada.page.locator("[data-image-toolbar]").get_by_role("button", name="Comment").click()
    await ada.type("Which harbour?")
    await ada.page.keyboard.press("Control+Enter")
    await card(ada, "Which harbour?").wait_for()
    await ada.body.locator("img.comment-mark.is-active").wait_for()
    # A caret alone means the block that it stands in.
    await select(ada, "it says")
    await ada.page.keyboard.press("ArrowLeft")
    await ada.page.locator("[data-selection-toolbar]").wait_for(state="hidden")
    await ada.page.keyboard.press("Control+Alt+m")
    await ada.type("Second")
    await ada.page.keyboard.press("Control+Enter")
    await card(ada, "Second").wait_for()
    await ada.body.locator("p.comment-mark.is-active", has_text="And it says how.").wait_for()
    await comment(ada, "The aim", "First")
    assert [each["place"]["kind"] for each in await threads(studio, document)] == ["image", "block", "text"]
    assert await faults(ada.page, *AROUND_TEXT) == []
    await ada.body.focus()
    await ada.page.keyboard.press("Control+End")
    await ada.page.locator("article.thread[data-active=true]").wait_for(state="detached")
    await ada.page.keyboard.press("Control+Alt+n")
    first = ada.page.locator("article.thread[data-active=true]", has_text="First")
    await first.wait_for()
    for key, words in (
        ("n", "Second"),
        ("n", "Which harbour?"),
        ("n", "First"),
        ("p", "Which harbour?"),
        ("n", "First"),
    ):
        await ada.page.keyboard.press(key)
        await ada.page.locator("article.thread[data-active=true]", has_text=words).wait_for()
    await ada.page.keyboard.press("Enter")
    await ada.type("Answered")
    await ada.page.keyboard.press("Control+Enter")
    await first.locator(".comment", has_text="Answered").wait_for()
    await ada.page.keyboard.press("Escape")
    await ada.page.keyboard.press("Escape")
    await ada.page.locator("article.thread[data-active=true]").wait_for(state="detached")
    assert await ada.body.evaluate("body => body.contains(document.activeElement)")


async def test_of_many_comments_those_near_the_window_stand_in_the_page(enter: Enter, studio: Studio) -> None:
    count = 150
    content = "\n\n".join(f"Paragraph {number} of a long text." for number in range(count))
    document = create_document(studio.api, content=content)
    path = f"/api/v1/documents/{document}/comments"
    begun = await asyncio.to_thread(studio.api.post, path, json={"text": "x", "place": {"quote": "Paragraph 0"}})
    [said] = begun.json()["comments"]

    def thread(number: int) -> dict[str, Any]:
        place = {**begun.json()["place"], "quote": f"Paragraph {number} of"}
        when = f"2026-01-01T00:{number // 60:02}:{number % 60:02}Z"
        its = {**said, "id": str(UUID(int=number + 1)), "text": f"Comment {number}."}
        return {**begun.json(), "id": its["id"], "created_at": when, "place": place, "comments": [its]}

    rights = {"may_comment": True, "may_resolve_any": True, "may_delete_any": True}
    listed = {"threads": [thread(number) for number in range(count)], "next_cursor": None, **rights}
    ada = await enter(studio, "Ada", reduced_motion="reduce")

    async def answer(route: Route) -> None:
        if route.request.method == "GET":
            await route.fulfill(json=listed)
        else:
            await route.fulfill(status=409, json={"detail": "Not here."})

    await ada.page.route(re.compile(r"/comments(/|\?|$)"), answer)
    await ada.open(document)
    rail, drawer = ada.page.locator("#comments-rail article.thread"), ada.page.locator("#comments-list article.thread")
    await card(ada, "Comment 0.").wait_for()
    assert await marks(ada).count() == count
    assert 10 < await rail.count() < count // 2
    await ada.page.mouse.move(300, 300)
    await ada.page.mouse.wheel(0, 100_000)
    await card(ada, f"Comment {count - 1}.").wait_for()
    await card(ada, "Comment 0.").wait_for(state="detached")
    # By keys to one that does not stand in the page.
    await ada.body.focus()
    await ada.page.keyboard.press("Control+Home")
    await ada.heard()
    await ada.page.keyboard.press("Control+Alt+n")
    await ada.page.locator("article.thread[data-active=true]:focus").wait_for()
    await ada.page.keyboard.press("p")
    last = ada.page.locator("article.thread[data-active=true]:focus", has_text=f"Comment {count - 1}.")
    await last.wait_for()

    await ada.page.locator("#comments-toggle").click()
    assert await drawer.count() < count // 2
    await drawer.filter(has_text=f"Comment {count - 1}.").wait_for()
    shown = await drawer.count()
    await ada.page.get_by_role("button", name="Show more above").click()
    await drawer.nth(shown).wait_for(state="attached")
    # Newest first it is the first one; whoever scrolls to the end sees more.
    await ada.page.get_by_label("Order").select_option("time")
    more = ada.page.get_by_role("button", name="Show more")

    async def scrolled_to_the_end() -> bool:
        # The button goes when the last ones have come, maybe while it is looked for.
        await drawer.last.scroll_into_view_if_needed()
        with suppress(Error):
            await more.scroll_into_view_if_needed(timeout=500)
        return await drawer.count() == count

    await until(scrolled_to_the_end, drawer.count)
    await more.wait_for(state="detached")


async def test_on_a_phone_comments_are_a_sheet(enter: Enter, studio: Studio) -> None:
    document = create_document(studio.api, content=TEXT)
    ada = await enter(studio, "Ada", color_scheme="dark", reduced_motion="reduce", bypass_csp=True, **PHONE)
    await ada.open(document)
    await comment(ada, "this plan", "Which?")
    await ada.page.locator("#comments-close").click()
    await ada.page.locator("#comments-drawer").wait_for(state="hidden")
    await marks(ada).click()
    await card(ada, "Which?").wait_for()
    box = await ada.page.locator("#comments-drawer").bounding_box()
    assert box is not None
    assert box["width"] == 390
    assert box["y"] > 200
    assert await faults(ada.page, *AROUND_TEXT) == []
