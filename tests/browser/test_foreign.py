"""Another program wrote into a document what no editor would: the page runs none of it, loses none, and goes on."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pycrdt import Doc, Map, Text

from realtime import awareness, client, wire
from tests.browser.conftest import Enter, Person, Studio, until
from tests.running import create_document
from tests.static.node import ROOT, run_node

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(
        not (ROOT / "static" / "node_modules").is_dir(),
        reason="the packages of static/ are not installed (make run installs them)",
    ),
]

RAW_CLIENT = Path(__file__).with_name("raw_client.mjs")
FOREIGN = ".prose-body [data-foreign-block]"


@dataclass
class Intruder:
    """A program that writes in a document without any editor."""

    client: client.Client

    async def write(self, what: str) -> list[str]:
        """Write what raw_client.mjs has under that name. Returns all blocks as they are then."""
        answer = await self._run(what)
        update = base64.b64decode(answer["update"])
        self.client.doc.apply_update(update)
        return list(answer["blocks"])

    async def blocks(self) -> list[str]:
        """All blocks of the shared document, whatever they are."""
        return list((await self._run("nothing"))["blocks"])

    async def _run(self, what: str) -> dict[str, Any]:
        state = base64.b64encode(self.client.doc.get_update()).decode()
        finished = await asyncio.to_thread(run_node, RAW_CLIENT, given=json.dumps({"state": state, "write": what}))
        assert finished.returncode == 0, finished.stderr
        answer: dict[str, Any] = json.loads(finished.stdout)
        return answer


@asynccontextmanager
async def intruder(studio: Studio, document: str) -> AsyncIterator[Intruder]:
    """Let a program in that has Ben's rights."""
    token = await asyncio.to_thread(studio.installation.create_token, "ben@example.org", "intruder")
    address = f"{studio.installation.socket_address}/collab/{document}"
    doc: Doc[Any] = Doc()
    async with client.join(address, token=token, doc=doc) as joined:
        yield Intruder(joined)


async def _has_run(person: Person) -> bool:
    return bool(await person.page.evaluate("() => 'hasRun' in window"))


async def _arm(person: Person) -> None:
    """Note if anything that the intruder wrote is run."""
    await person.page.add_init_script("window.ran = () => { window.hasRun = true; };")


async def test_blocks_of_another_program_are_read_and_kept(
    ada: Person, ben: Person, studio: Studio, enter: Enter
) -> None:
    document = create_document(studio.api, content="First.\n\nLast.")
    await _arm(ada)
    await asyncio.gather(ada.open(document), ben.open(document))
    async with intruder(studio, document) as program:
        written = await program.write("misfits")
        for person in (ada, ben):
            await person.reads("First.", "callout", "mentions", "stray item", "bottom", "Last.")
            assert await person.page.locator(FOREIGN).count() == len(written) - 2
        # Somebody who comes later, and writes on both sides of it at once.
        late = await enter(studio, "Ada")
        await _arm(late)
        await late.open(document)
        await late.reads("First.", "callout", "Last.")
        await late.saved()
        assert await program.blocks() == written
        await late.body.locator("p", has_text="Last.").click()
        await late.page.keyboard.press("End")
        await late.type(" Written after.")
        await late.page.keyboard.press("Control+Home")
        await late.type("Written before. ")
        await late.page.keyboard.press("Control+a")
        await late.page.keyboard.press("Control+b")
        await late.saved()
        for person in (ada, ben):
            await person.reads("Written before. First.", "callout", "Last. Written after.")
        after = await program.blocks()
        assert after[1:-1] == written[1:-1]
        assert "<bold>" in after[0] and "<bold>" in after[-1]
        # It goes when somebody says so, and not because they type.
        await ben.page.locator(FOREIGN).first.click()
        await ben.type("x")
        await ben.page.keyboard.press("Delete")
        await ben.saved()
        await until(_counts(ada, len(written) - 3))
        assert len(await program.blocks()) == len(written) - 1
    assert not await _has_run(ada)
    assert not await _has_run(late)


async def test_the_page_shows_them_as_the_editor_does_before_it_takes_over(
    ada: Person, studio: Studio, enter: Enter
) -> None:
    document = create_document(studio.api, content="First.\n\nLast.")
    await ada.open(document)
    async with intruder(studio, document) as program:
        written = await program.write("misfits")
        await ada.reads("First.", "callout", "bottom", "Last.")
    await ada.go(f"/documents/{document}")
    await ada.live()
    without_script = await enter(studio, "Ada", java_script_enabled=False)
    await without_script.go(f"/documents/{document}")
    assert await without_script.page.locator(FOREIGN).count() == len(written) - 2
    assert await _places(without_script) == await _places(ada)


async def _places(person: Person) -> list[tuple[str, float, float]]:
    """The words of each block, where it stands below the first, and how high it is."""
    blocks = await person.page.locator(".prose-body > *").all()
    boxes = [(await block.inner_text(), await block.bounding_box()) for block in blocks]
    assert boxes[0][1] is not None
    top = boxes[0][1]["y"]
    return [(words, box["y"] - top, box["height"]) for words, box in boxes if box is not None]


async def test_values_of_another_program_do_no_harm(ada: Person, ben: Person, studio: Studio) -> None:
    document = create_document(studio.api, content="First.\n\nLast.")
    await _arm(ada)
    await ben.open(document)
    async with intruder(studio, document) as program:
        written = await program.write("values")
        await ben.reads("unknown mark", "cell")
        await ada.open(document)
        await ada.reads("First.", "link", "unknown mark", "heading", "item", "code", "cell", "half", "Last.")
        assert await ada.page.locator(FOREIGN).count() == 0
        assert await ada.page.locator(".prose-body :is([style], [onclick], [onmouseover], script)").count() == 0
        assert await ada.page.locator(".prose-body a[href]").count() == 0
        link = ada.page.locator(".prose-body a")
        await link.click(modifiers=["Control"])
        await ada.body.get_by_text("heading").click()
        await link.click()
        await ada.page.keyboard.press("Control+k")
        assert await ada.page.locator("[data-link-editor] input").input_value() == ""
        await ada.page.keyboard.press("Escape")
        await ada.body.locator("p", has_text="Last.").click()
        await ada.page.keyboard.press("End")
        await ada.type(" On and on.")
        await ada.saved()
        await ben.reads("Last. On and on.")
        assert (await program.blocks())[:-1] == written[:-1]
    assert not await _has_run(ada)


async def test_what_is_no_block_is_named_and_can_be_taken_out(ada: Person, ben: Person, studio: Studio) -> None:
    document = create_document(studio.api, content="First.\n\nLast.")
    await ada.open(document)
    await ada.write_at_end()
    await ada.type(" Typed.")
    await ada.saved()
    async with intruder(studio, document) as program:
        written = await program.write("strangers")
        banner = ada.page.locator("#editor-banner[data-banner=strangers]")
        await banner.wait_for()
        await ada.page.wait_for_selector("#document-content[data-live=false]")
        assert await ada.text() == "First.\nLast. Typed."
        await ben.go(f"/documents/{document}")
        await ben.page.wait_for_selector("#editor-banner[data-banner=strangers]")
        assert "First." in await ben.text()
        assert await program.blocks() == written
        await ben.page.get_by_role("button", name="Take it out").click()
        for person in (ada, ben):
            await person.live()
            await person.reads("First.\nLast. Typed.")
        await ada.write_at_end()
        await ada.type(" Again.")
        await ben.reads("First.\nLast. Typed. Again.")
        assert len(await program.blocks()) == 2


async def test_a_title_of_another_kind_stops_only_the_title(ada: Person, studio: Studio) -> None:
    document = create_document(studio.api, title="Named", content="First.")
    await ada.open(document)
    async with intruder(studio, document) as program:
        meta = program.client.doc.get("meta", type=Map)
        meta["title"] = 7
        await ada.page.wait_for_selector("textarea#document-title[readonly]")
        await ada.write_at_end()
        await ada.type(" Goes on.")
        await ada.saved()
        meta["title"] = Text("Another")
        await ada.page.wait_for_selector("textarea#document-title:not([readonly])")
        await ada.page.locator("#document-title").click()
        await ada.page.keyboard.press("End")
        await ada.type(" title")
        await ada.is_titled("Another title")
        await program.client.wait_for(lambda doc: str(doc.get("meta", type=Map).get("title")) == "Another title")


async def test_presence_that_no_editor_tells_draws_no_caret_and_hides_none(
    ada: Person, ben: Person, studio: Studio
) -> None:
    document = create_document(studio.api, content="First.\n\nLast.")
    await asyncio.gather(ada.open(document), ben.open(document))
    places: list[Any] = [
        5,
        {"anchor": 1, "head": []},
        {"anchor": {"item": {"client": 1, "clock": -5}}, "head": {"type": {"client": {}, "clock": 1}}},
        {"anchor": {"tname": "made up"}, "head": {"tname": "made up"}},
        {"anchor": {"tname": "default", "assoc": 1e300}, "head": {"tname": "default", "assoc": -1}},
    ]
    async with intruder(studio, document) as program:
        for clock, place in enumerate(places, start=1):
            state = json.dumps({"user": {"id": 1, "name": {}}, "idle": "x", "title": [], "cursor": place})
            entry = awareness.Entry(client=77, clock=clock, state=state).encode()
            await program.client.send(wire.awareness(awareness.encode([entry])))
        await ben.write_at_end()
        await ben.type(" Ben's.")
        await ada.reads("Last. Ben's.")
        await ada.page.locator(".prose-body .caret", has_text="Ben Okri").first.wait_for()


def _counts(person: Person, number: int) -> Any:
    async def counted() -> bool:
        return await person.page.locator(FOREIGN).count() == number

    return counted
