"""Suggesting changes: by somebody who may do no more, decided by somebody who may."""

from playwright.async_api import expect

from tests.running import create_document

from .conftest import ARTIFACTS, Enter, Person, Studio, until
from .test_pages import PHONE

TEXT = "The quick brown fox jumps over the lazy dog.\n\nA second paragraph stands here."


def _share(studio: Studio, document: str, role: str) -> None:
    """Let Ben, and nobody else but Ada, into a document."""
    place = f"/api/v1/documents/{document}"
    studio.api.put(f"{place}/sharing", json={"reach": "people"}).raise_for_status()
    person = {"email": "ben@example.org", "role": role}
    studio.api.post(f"{place}/collaborators", json=person).raise_for_status()


def _content(studio: Studio, document: str) -> str:
    answer = studio.api.get(f"/api/v1/documents/{document}/content", params={"format": "text"})
    return answer.raise_for_status().text.strip()


_PLACE_OF = """words => {
    const walker = document.createTreeWalker(document.querySelector(".prose-body"), NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const at = node.data.indexOf(words);
        if (at < 0) continue;
        const range = document.createRange();
        range.setStart(node, at);
        range.setEnd(node, at + 1);
        const { left, top, bottom } = range.getBoundingClientRect();
        return [left + 1, (top + bottom) / 2];
    }
    throw new Error(`The page does not say ${words}.`);
}"""
_STANDS_BEFORE = """words => {
    const { anchorNode, anchorOffset, isCollapsed } = getSelection();
    const after = document.createRange();
    after.selectNodeContents(document.querySelector(".prose-body"));
    after.setStart(anchorNode, anchorOffset);
    return isCollapsed && after.toString().startsWith(words);
}"""


async def _caret_before(person: Person, words: str) -> None:
    """Click before some words that stand in one text."""
    while True:
        x, y = await person.page.evaluate(_PLACE_OF, words)
        await person.page.mouse.click(x, y)
        await person.heard()
        # The text makes room when the first card comes, perhaps between the look and the click.
        if await person.page.evaluate(_STANDS_BEFORE, words):
            return


async def _move(person: Person, keys: str) -> None:
    await person.page.keyboard.press(keys)
    await person.heard()


async def _mode(person: Person, name: str) -> None:
    await person.page.locator("#mode-switch summary").click()
    await person.page.get_by_role("menuitemradio", name=name).click()
    await person.page.locator(f"#document-content[data-mode={name.lower()}]").wait_for()


async def test_a_reviewer_takes_back_whatever_they_suggested(ada: Person, ben: Person, studio: Studio) -> None:
    document = create_document(studio.api, content=TEXT)
    _share(studio, document, "reviewer")
    await ada.open(document)
    await ben.open(document)
    keys = ben.page.keyboard
    pending = ada.page.locator(".prose-body").locator("ins, del, [data-suggested], [data-inserted]")
    for deed in ("replace", "insert", "delete", "format", "block"):
        await _caret_before(ben, "brown")
        if deed in {"replace", "delete", "format"}:
            for _ in range(5):
                await _move(ben, "Shift+ArrowRight")
        match deed:
            case "replace" | "insert":
                await ben.type("russet")
            case "delete":
                await keys.press("Delete")
            case "format":
                await keys.press("Control+b")
            case _:
                await ben.write_at_end()
                await keys.press("Enter")
                await ben.type("One more.")
        await ben.saved()
        await expect(pending.first).to_be_visible()
        while await ben.page.locator(".prose-body").locator("ins, del, [data-suggested], [data-inserted]").count():
            await keys.press("Control+z")
            await ben.heard()
        await ben.saved()
        await expect(pending).to_have_count(0)
        assert await ada.text() == TEXT.replace("\n\n", "\n")
    assert _content(studio, document) == TEXT


async def test_a_reviewer_suggests_and_the_author_decides(ada: Person, ben: Person, studio: Studio) -> None:
    document = create_document(studio.api, content=TEXT)
    _share(studio, document, "reviewer")
    await ada.open(document)
    await ben.open(document)
    await expect(ben.page.locator("#document-content")).to_have_attribute("data-mode", "suggesting")
    await expect(ben.page.locator("#document-title")).not_to_be_editable()
    # Writing, deleting, and a paragraph of one's own.
    await _caret_before(ben, "quick")
    await ben.type("very ")
    await _caret_before(ben, "lazy")
    for _ in range(5):
        await ben.page.keyboard.press("Delete")
    await ben.write_at_end()
    await ben.page.keyboard.press("Enter")
    await ben.type("A third one.")
    await ben.saved()
    page = ada.page
    await expect(page.locator("ins[data-suggested]")).to_have_text("very ")
    await expect(page.locator("del[data-suggested]")).to_have_text("lazy ")
    await expect(page.locator("[data-inserted]")).to_contain_text("A third one.")
    assert _content(studio, document) == TEXT
    # Whoever decides sees who suggests what.
    cards = page.locator("[data-suggestion-card]")
    await expect(cards).to_have_count(3)
    await expect(cards.nth(0)).to_contain_text("Ben Okri")
    await expect(cards.nth(0)).to_contain_text("Add “very ”")
    # It can be talked about, in a thread of its own on its card.
    await cards.nth(0).get_by_role("button", name="Comment on this suggestion").click()
    await ada.type("Is it?")
    await page.keyboard.press("Control+Enter")
    bens = ben.page.locator("[data-suggestion-card]").nth(0)
    await expect(bens.locator("[data-comment]")).to_contain_text("Is it?")
    await expect(cards.nth(0).get_by_role("button", name="Open the discussion")).to_have_text("1")
    await bens.get_by_role("button", name="Open the discussion").click()
    await ben.type("It is.")
    await ben.page.keyboard.press("Control+Enter")
    await expect(cards.nth(0).locator("[data-comment]")).to_have_count(2)
    await page.screenshot(path=ARTIFACTS / "suggesting-thread.png")
    await cards.nth(0).get_by_role("button", name="Accept", exact=True).click()
    await expect(cards).to_have_count(2)
    # It ends with the suggestion, and stays to be read.
    await page.locator("#comments-toggle").click()
    await page.locator("[data-filter=resolved]").click()
    ended = page.locator("#comments-list [data-thread-card]")
    await expect(ended).to_contain_text("Accepted by Ada Lovelace")
    await expect(ended).to_contain_text("Add “very ”")
    await expect(ended).to_contain_text("Is it?")
    await page.screenshot(path=ARTIFACTS / "suggesting-resolved.png")
    await page.locator("[data-filter=suggested]").click()
    await page.locator("#suggestions-state").select_option("accepted")
    await expect(page.locator("[data-decided]")).to_contain_text("Accepted by Ada Lovelace")
    await page.screenshot(path=ARTIFACTS / "suggesting-decided.png")
    await page.locator("#suggestions-state").select_option("")
    # With the decision it is taken up again.
    await ada.body.focus()
    await page.keyboard.press("Control+z")
    await expect(page.locator("#comments-list [data-suggestion-card]")).to_have_count(3)
    await page.locator("[data-filter=open]").click()
    await expect(page.locator("#comments-list [data-thread-card]")).to_contain_text("Ben Okri suggested")
    await expect(page.locator("[data-filter=resolved] [data-count]")).to_be_empty()
    await page.locator("#comments-close").click()
    await cards.nth(0).get_by_role("button", name="Accept", exact=True).click()
    await expect(cards).to_have_count(2)
    await cards.nth(0).get_by_role("button", name="Reject").click()
    await expect(cards).to_have_count(1)
    await ada.saved()
    assert _content(studio, document) == TEXT.replace("quick", "very quick")
    # A decision is an edit like any other: it can be taken back.
    await ada.body.focus()
    await page.keyboard.press("Control+z")
    await expect(page.locator("del[data-suggested]")).to_have_text("lazy ")
    # And who suggested may think better of it.
    await expect(ben.page.locator("[data-suggestion-card]")).to_have_count(2)
    await ben.page.locator("[data-suggestion-card]").nth(0).get_by_role("button", name="Withdraw").click()
    await expect(page.locator("del[data-suggested]")).to_have_count(0)
    await ben.reads("lazy dog")
    assert await ben.page.locator("#editor-banner").is_hidden()


async def test_an_editor_suggests_too_and_reads_without_suggestions(ada: Person, ben: Person, studio: Studio) -> None:
    document = create_document(studio.api, content=TEXT)
    await ada.open(document)
    await ben.open(document)
    await _mode(ada, "Suggesting")
    await _caret_before(ada, "brown")
    await _move(ada, "Control+Shift+ArrowRight")
    await ada.type("red")
    await _caret_before(ada, "second")
    await _move(ada, "Control+Shift+ArrowRight")
    await ada.page.keyboard.press("Control+b")
    await _move(ada, "Control+ArrowRight")
    await ada.page.keyboard.press("Enter")
    await ada.saved()
    await expect(ben.page.locator("[data-suggestion-card]")).to_have_count(3)
    await expect(ben.page.locator("[data-suggestion-card]").nth(0)).to_contain_text("Replace “brown” with “red”")
    await expect(ben.page.locator("[data-suggested=reformat]")).to_have_attribute("data-add", "bold")
    # What stands in the page before the editor takes over is the same.
    await ben.page.reload()
    await ben.live()
    await expect(ben.page.locator("ins[data-suggested]").first).to_have_text("red")
    await _mode(ben, "Viewing")
    await expect(ben.page.locator("ins[data-suggested]").first).to_be_hidden()
    await expect(ben.page.locator(".prose-body")).to_have_attribute("contenteditable", "false")
    await _mode(ben, "Editing")
    # All at once, from the list.
    await ben.page.locator("#comments-toggle").click()
    await ben.page.get_by_role("button", name="Suggestions", exact=False).first.click()
    await ben.page.get_by_role("button", name="Accept all").click()
    await ben.saved()

    async def taken() -> bool:
        content = _content(studio, document)
        return content == "The quick red fox jumps over the lazy dog.\n\nA second paragraph\n\n stands here."

    async def content() -> str:
        return _content(studio, document)

    await until(taken, content)
    html = studio.api.get(f"/api/v1/documents/{document}/content", params={"format": "html"}).text
    assert "<strong>second</strong>" in html
    await expect(ada.page.locator("[data-suggested]")).to_have_count(0)


async def test_blocks_of_ones_own_are_made_as_ever(ada: Person, ben: Person, studio: Studio) -> None:
    document = create_document(studio.api, content="One line.")
    _share(studio, document, "reviewer")
    await ben.open(document)
    await ada.open(document)
    await ben.write_at_end()
    await ben.page.keyboard.press("Enter")
    await ben.type("Points:")
    await ben.page.keyboard.press("Enter")
    await ben.type("/bullet")
    await ben.page.locator("[data-slash-menu]").wait_for()
    await ben.page.keyboard.press("Enter")
    await ben.type("first")
    await ben.page.keyboard.press("Enter")
    await ben.type("second")
    await ben.saved()
    await expect(ben.page.locator(".prose-body li")).to_have_text(["first", "second"])
    ids = await ben.page.locator(".prose-body [data-id]").evaluate_all("all => all.map(each => each.dataset.id)")
    assert len(set(ids)) == len(ids)
    assert _content(studio, document) == "One line."
    await expect(ada.page.locator(".prose-body li")).to_have_text(["first", "second"])
    while await ada.page.locator("[data-suggestion-card]").count():
        await ada.page.get_by_role("button", name="Accept").first.click()
        await ada.heard()
    await ada.saved()
    assert _content(studio, document) == "One line.\n\nPoints:\n\n• first\n• second"


async def test_what_was_written_before_a_role_changed_becomes_a_suggestion(
    ada: Person, ben: Person, studio: Studio
) -> None:
    document = create_document(studio.api, content=TEXT)
    _share(studio, document, "editor")
    await ada.open(document)
    await ben.open(document)
    await ben.context.set_offline(True)
    await ben.write_at_end()
    await ben.type(" And an end.")
    await ben.page.locator("#save-state[data-state=offline]").wait_for()
    _share(studio, document, "reviewer")
    await ada.write_at_end()
    await ada.type(" Meanwhile.")
    await ada.saved()
    await ben.context.set_offline(False)
    offer = ben.page.get_by_role("button", name="Offer it as suggestions")
    await offer.wait_for()
    assert _content(studio, document) == f"{TEXT} Meanwhile."
    await offer.click()
    await expect(ada.page.locator("ins[data-suggested]")).to_have_text(" And an end.")
    await expect(ben.page.locator("#document-content")).to_have_attribute("data-mode", "suggesting")
    await ben.saved()
    assert await ben.page.locator("#editor-banner").is_hidden()
    assert _content(studio, document) == f"{TEXT} Meanwhile."


async def test_on_a_phone_suggested_words_and_the_button_open_their_card(
    enter: Enter, ben: Person, studio: Studio
) -> None:
    document = create_document(studio.api, title="On the way", content=TEXT)
    _share(studio, document, "reviewer")
    await ben.open(document)
    await _caret_before(ben, "brown")
    await ben.type("russet ")
    await ben.saved()
    ada = await enter(studio, "Ada", reduced_motion="reduce", **PHONE)
    await ada.open(document)
    drawer, card = ada.page.locator("#comments-drawer"), ada.page.locator("#comments-list [data-suggestion-card]")
    await ada.page.locator(".prose-body [data-suggestion]").first.tap()
    await expect(card).to_contain_text("russet")
    row = ada.page.locator(".comments-filters")
    chips = ada.page.locator(".comments-filter").first
    assert await row.evaluate("each => each.clientHeight") < 2 * await chips.evaluate("each => each.clientHeight")
    await ada.page.locator("#comments-close").click()
    await expect(drawer).to_be_hidden()
    # The number on the button is this suggestion: the button leads to it.
    await ada.page.locator('[data-filter="open"]').evaluate("each => each.click()")
    await ada.page.locator("#comments-toggle").tap()
    await expect(card).to_contain_text("russet")
    # What is told of a decision leads to those that were decided so.
    await ada.go(f"/documents/{document}#suggestions-rejected")
    await ada.page.reload()
    await ada.live()
    await expect(ada.page.locator("#suggestions-state")).to_have_value("rejected")
    await expect(drawer).to_be_visible()
