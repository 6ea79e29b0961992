"""Pictures: pasted, stored outside of the document, shown to everybody."""

import asyncio
import base64
import io
import json
import re

import pytest
from PIL import Image

from tests.browser.conftest import Person, Studio
from tests.running import create_document, read_json

pytestmark = pytest.mark.anyio

# A page has no way to put a file into the real clipboard; the event is what the browser makes of one.
PASTE = """(body, {data, type, name}) => {
    const bytes = Uint8Array.from(atob(data), letter => letter.charCodeAt(0));
    const clipboard = new DataTransfer();
    clipboard.items.add(new File([bytes], name, {type}));
    body.dispatchEvent(new ClipboardEvent("paste", {clipboardData: clipboard, bubbles: true, cancelable: true}));
}"""
PASTE_HTML = """(body, html) => {
    const clipboard = new DataTransfer();
    clipboard.setData("text/html", html);
    body.dispatchEvent(new ClipboardEvent("paste", {clipboardData: clipboard, bubbles: true, cancelable: true}));
}"""


def picture(colour: str) -> str:
    """A small PNG in base64."""
    file = io.BytesIO()
    Image.new("RGB", (24, 16), colour).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


async def test_a_pasted_picture_is_stored_and_seen_by_others(ada: Person, ben: Person, studio: Studio) -> None:
    document = create_document(studio.api, content="Look:")
    await asyncio.gather(ada.open(document), ben.open(document))
    await ada.write_at_end()
    await ada.body.evaluate(PASTE, {"data": picture("teal"), "type": "image/png", "name": "teal.png"})
    for person in (ada, ben):
        image = person.body.locator("img[src^='/assets/']")
        await image.wait_for()
        assert await image.evaluate("async image => { await image.decode(); return image.naturalWidth; }") == 24
    await ada.saved()
    content = json.dumps(read_json(studio.api, document))
    assert re.search(r'"src": ?"/assets/[0-9a-f-]{36}"', content)
    assert "base64" not in content


async def test_a_picture_inside_of_pasted_text_is_stored_too(ada: Person, studio: Studio) -> None:
    document = create_document(studio.api, content="Look:")
    await ada.open(document)
    await ada.write_at_end()
    await ada.body.evaluate(
        PASTE_HTML, f'<p>Before it.</p><p><img src="data:image/png;base64,{picture("plum")}"></p><p>After it.</p>'
    )
    await ada.body.locator("img[src^='/assets/']").wait_for()
    await ada.reads("Before it.", "After it.")
    await ada.saved()
    assert "base64" not in json.dumps(read_json(studio.api, document))


async def test_a_picture_is_described_where_it_stands(ada: Person, ben: Person, studio: Studio) -> None:
    document = create_document(studio.api, content="Look:")
    await asyncio.gather(ada.open(document), ben.open(document))
    await ada.write_at_end()
    await ada.body.evaluate(PASTE, {"data": picture("navy"), "type": "image/png", "name": "navy.png"})
    image = ada.body.locator("img[src^='/assets/']")
    await image.click()
    form = ada.page.locator("[data-image-toolbar]")
    await form.get_by_text("No description yet").wait_for()
    await ada.page.keyboard.press("Alt+F10")
    await ada.type("A dark blue field")
    await form.get_by_text("No description yet").wait_for(state="hidden")
    await ada.page.keyboard.press("Enter")
    await ben.body.get_by_role("img", name="A dark blue field").wait_for()
    # The focus is back on the picture: from there the keyboard goes on, and Escape takes nothing over.
    await ada.page.keyboard.press("Alt+F10")
    await ada.type("Something else")
    await ada.page.keyboard.press("Escape")
    await ada.saved()
    assert await ben.body.get_by_role("img", name="A dark blue field").count() == 1
    assert "A dark blue field" in json.dumps(read_json(studio.api, document))


async def test_pasted_text_keeps_what_its_styles_say(ada: Person, studio: Studio) -> None:
    document = create_document(studio.api)
    await ada.open(document)
    await ada.body.click()
    # As Google Docs and Word write it.
    await ada.body.evaluate(
        PASTE_HTML,
        '<b style="font-weight:normal" id="docs-internal-guid-1"><p><span style="font-weight:400">Normal </span>'
        '<span style="font-weight:700">bold</span><span style="font-style:italic"> italic</span>'
        '<span style="text-decoration:line-through"> gone</span></p></b>',
    )
    paragraph = ada.body.locator("p", has_text="Normal")
    assert await paragraph.inner_html() == "Normal <strong>bold</strong><em> italic</em><s> gone</s>"
    item = "<p class=MsoListParagraph style='mso-list:l0 level{} lfo1'><span style='mso-list:Ignore'>{}</span>{}</p>"
    items = [(1, "·", "First"), (2, "o", "Nested"), (1, "·", "Second")]
    await ada.page.keyboard.press("Enter")
    await ada.body.evaluate(PASTE_HTML, "".join(item.format(*each) for each in items))
    await ada.body.locator("ul > li", has_text="Nested").locator("ul > li", has_text="Nested").wait_for()
    assert await ada.body.locator("ul").first.locator("> li").count() == 2
    await ada.saved()


async def test_a_file_that_is_no_picture_is_refused_in_words(ada: Person, studio: Studio) -> None:
    document = create_document(studio.api, content="Look:")
    await ada.open(document)
    await ada.write_at_end()
    forged = base64.b64encode(b"<script>alert(1)</script>").decode()
    await ada.body.evaluate(PASTE, {"data": forged, "type": "image/png", "name": "forged.png"})
    failed = ada.page.locator("[data-upload=failed]")
    await failed.get_by_role("alert").wait_for()
    await failed.get_by_role("button", name="Remove").click()
    await failed.wait_for(state="detached")
    assert "image" not in json.dumps(read_json(studio.api, document))
