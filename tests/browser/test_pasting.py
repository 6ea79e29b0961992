"""What becomes of pasted text: Markdown as blocks, prose as it is typed, styles of other programs as marks."""

import pytest

from tests.browser.conftest import Enter, Person, Studio
from tests.running import create_document, read_json

pytestmark = pytest.mark.anyio

MARKDOWN = "# Title\n\n- a\n- b\n\n**bold** text\n"
LARGE = """## Plan

1. first
2. second

- [x] done
- [ ] to do

> said

```python
# no heading
print("**as typed**")
```

| a | b |
|---|---|
| 1 | 2 |

---

See [there](https://example.org) and [bad](javascript:ran()).
"""
PROSE = "A #hashtag here\nand a - dash there,\n- and one in front."


async def paste(person: Person, text: str, html: str | None = None, source: str | None = None) -> None:
    """Give text to the editor as a clipboard does, a frame after the caret came to its place.

    Chromium tells of a moved caret with the next frame, and a busy machine may draw none between two keys.
    """
    await person.body.evaluate(
        """async (body, [text, html, source]) => {
            await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
            const clipboardData = new DataTransfer();
            clipboardData.setData("text/plain", text);
            if (html !== null) clipboardData.setData("text/html", html);
            if (source !== null) clipboardData.setData("vscode-editor-data", source);
            body.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
        }""",
        [text, html, source],
    )


async def _at_an_empty_line(person: Person, studio: Studio) -> str:
    document = create_document(studio.api)
    await person.open(document)
    await person.body.click()
    return document


async def test_markdown_becomes_blocks_and_one_undo_gives_the_text_back(ada: Person, studio: Studio) -> None:
    document = await _at_an_empty_line(ada, studio)
    await paste(ada, MARKDOWN)
    await ada.body.locator("h1", has_text="Title").wait_for()
    await ada.saved()
    blocks = read_json(studio.api, document)["content"]
    assert [block["type"] for block in blocks] == ["heading", "bulletList", "paragraph"]
    assert await ada.body.locator("ul > li").all_text_contents() == ["a", "b"]
    assert await ada.body.locator("p > strong").text_content() == "bold"
    await ada.type(" goes on")
    await ada.reads("bold text goes on")
    await ada.page.keyboard.press("Control+z")
    await ada.page.keyboard.press("Control+z")
    await ada.reads("# Title", "- a", "- b", "**bold** text")
    await ada.body.locator("h1").wait_for(state="detached")
    await ada.page.keyboard.press("Control+z")
    await ada.body.locator("p", has_text="Title").wait_for(state="detached")


async def test_all_kinds_of_blocks_come_from_markdown(ada: Person, studio: Studio) -> None:
    document = await _at_an_empty_line(ada, studio)
    await paste(ada, LARGE)
    await ada.body.locator("h2", has_text="Plan").wait_for()
    await ada.saved()
    blocks = read_json(studio.api, document)["content"]
    kinds = ["heading", "orderedList", "taskList", "blockquote", "codeBlock", "table", "horizontalRule", "paragraph"]
    assert [block["type"] for block in blocks] == kinds
    assert [item["attrs"]["checked"] for item in blocks[2]["content"]] == [True, False]
    assert blocks[4]["attrs"]["language"] == "python"
    assert blocks[4]["content"][0]["text"] == '# no heading\nprint("**as typed**")'
    assert await ada.body.locator("a").count() == 1
    assert len({block["attrs"]["id"] for block in blocks}) == len(blocks)


async def test_prose_and_code_stay_as_typed(ada: Person, studio: Studio) -> None:
    await _at_an_empty_line(ada, studio)
    await paste(ada, PROSE)
    await ada.reads(PROSE)
    assert await ada.body.locator("h1, ul, ol").count() == 0
    await ada.page.keyboard.press("Enter")
    await ada.type("``` ")
    await ada.body.locator("pre").wait_for()
    await paste(ada, MARKDOWN)
    await ada.body.locator("pre", has_text="# Title").wait_for()
    assert await ada.body.locator("h1, ul, strong").count() == 0


async def test_with_shift_all_of_it_stays_text(enter: Enter, studio: Studio) -> None:
    ada = await enter(studio, "Ada")
    await ada.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await _at_an_empty_line(ada, studio)
    await ada.page.evaluate("text => navigator.clipboard.writeText(text)", MARKDOWN)
    await ada.page.keyboard.press("Control+Shift+v")
    await ada.reads("# Title\n- a\n- b\n**bold** text")
    assert await ada.body.locator("h1, ul, strong").count() == 0
    await ada.page.keyboard.press("Enter")
    await ada.page.keyboard.press("Control+v")
    await ada.body.locator("h1", has_text="Title").wait_for()


async def test_the_source_of_markdown_is_not_taken_for_its_colours(ada: Person, studio: Studio) -> None:
    await _at_an_empty_line(ada, studio)
    coloured = "<div><span>## Plan</span></div><div><span>- [ ] go</span></div>"
    await paste(ada, "## Plan\n- [ ] go", coloured, '{"version":1,"mode":"markdown"}')
    await ada.body.locator("h2", has_text="Plan").wait_for()
    await ada.body.locator("li[data-checked=false]", has_text="go").wait_for()


async def test_markdown_within_a_line_keeps_what_is_around_it(ada: Person, studio: Studio) -> None:
    await ada.open(create_document(studio.api, content="Before, after."))
    await ada.body.click()
    await ada.page.keyboard.press("Home")
    for _ in range(len("Before,")):
        await ada.page.keyboard.press("ArrowRight")
    await paste(ada, "- a\n- b\n")
    await ada.body.locator("li").first.wait_for()
    text = await ada.text()
    assert text.startswith("Before,") and text.endswith("after.")
    await ada.page.keyboard.press("Control+z")
    await ada.page.keyboard.press("Control+z")
    await ada.reads("Before, after.")
    assert await ada.body.locator("li").count() == 0


GOOGLE = """<meta charset="utf-8"><b style="font-weight:normal;" id="docs-internal-guid-1a"><p dir="ltr"
style="line-height:1.38"><span style="font-weight:400">Plain</span></p><br><p dir="ltr"><span
style="font-weight:700">strong</span><br><span>line</span></p></b><br class="Apple-interchange-newline">"""


async def test_breaks_between_blocks_of_google_docs_are_no_lines(ada: Person, studio: Studio) -> None:
    document = await _at_an_empty_line(ada, studio)
    await paste(ada, "Plain strong line", GOOGLE)
    await ada.body.locator("strong", has_text="strong").wait_for()
    await ada.saved()
    blocks = read_json(studio.api, document)["content"]
    kinds = [[piece["type"] for piece in block.get("content", [])] for block in blocks]
    assert kinds == [["text"], ["text", "hardBreak", "text"]]


def _word_item(mark: str, words: str, style: str) -> str:
    return (
        f"<p class=MsoListParagraph style='text-indent:-18pt;mso-list:{style} lfo1'><![if !supportLists]>"
        f"<span style='mso-list:Ignore'>{mark}<span>&nbsp;&nbsp;</span></span><![endif]>{words}</p>\n"
    )


async def test_lists_of_word_that_follow_on_each_other_stay_apart(ada: Person, studio: Studio) -> None:
    document = await _at_an_empty_line(ada, studio)
    items = [
        ("·", "bullet", "l0 level1"),
        ("o", "inner", "l0 level2"),
        ("·", "another", "l0 level1"),
        ("1.", "first", "l1 level1"),
        ("2.", "second", "l1 level1"),
    ]
    html = "".join(_word_item(*item) for item in items)
    await paste(ada, "bullet", f"<html><body>{html}</body></html>")
    await ada.body.locator("ol > li", has_text="second").wait_for()
    await ada.saved()
    blocks = read_json(studio.api, document)["content"]
    assert [block["type"] for block in blocks] == ["bulletList", "orderedList"]
    assert [len(block["content"]) for block in blocks] == [2, 2]
    assert await ada.body.locator("ul ul > li").all_text_contents() == ["inner"]
