"""What the user guide tells, lived through by two people; its pictures are taken on the way, and axe looks at each.

With QUILLROOM_GUIDE_PICTURES=1 the pictures go into docs/pictures, where docs/user-guide.md shows them:
`QUILLROOM_GUIDE_PICTURES=1 make test T=tests/browser/test_guide.py`.
"""

import asyncio
import io
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from PIL import Image
from playwright.async_api import expect

from tests.browser.accessible import faults
from tests.browser.conftest import LIMIT_MILLISECONDS, Enter, Person, Studio, until
from tests.browser.test_comments import card, new_card, select
from tests.running import ROOT, create_document

pytestmark = pytest.mark.anyio

GUIDE = ROOT / "docs" / "user-guide.md"
PICTURES = ROOT / "docs" / "pictures"
KEEPS = os.environ.get("QUILLROOM_GUIDE_PICTURES") == "1"
WIDE = {"viewport": {"width": 1200, "height": 760}, "device_scale_factor": 1}
PHONE = {"viewport": {"width": 390, "height": 780}, "device_scale_factor": 1, "is_mobile": True, "has_touch": True}
TAKES = frozenset(
    {"list", "writing", "comments", "modes", "suggestions", "sharing", "notifications", "phone", "history"}
)
# By speech a button is pressed by the words that are seen on it; axe calls this rule an experiment and leaves it out.
ALSO = {"label-content-name-mismatch": {"enabled": True}}
TITLE = "Opening the reading room"
TEXT = """The roof is mended, the shelves are up, and the reading room opens again on the first Saturday of December. \
This page says what is left to do, and who does it.

## Until then

- [x] Hang the lamps above the six tables
- [ ] Order forty chairs from the joiner in Mill Lane
- [ ] Write to the school and to the choir

## The first day

We open the doors at ten, with coffee and a very short speech. The catalogue is explained to whoever asks.

| Hour | What | Who |
|------|------|-----|
| 10:00 | Doors open, coffee | Ada |
| 11:00 | Stories for children | Ben |
| 14:00 | A walk along the shelves | Ada |
"""
LETTER = "Dear neighbours, from the first Saturday of December the reading room is open again, and warm."
MINUTES = "Present: Ada, Ben, the joiner. The lamps hang. The chairs are still a question of money."


@dataclass
class Album:
    """Where pictures go, and what axe found on the pages that they show."""

    folder: Path
    taken: set[str]
    faults: list[str]

    async def take(self, person: Person, name: str, *, scheme: Literal["light", "dark"] = "light") -> None:
        """Hold what somebody sees against axe's rules, light and dark, and keep a picture of it in one of them."""
        await _show(person, scheme)
        shot = await person.page.screenshot(animations="disabled")
        self.faults += [f"{name}, {scheme}: {fault}" for fault in await faults(person.page)]
        await _show(person, "light" if scheme == "dark" else "dark")
        self.faults += [f"{name}, in the other theme: {fault}" for fault in await faults(person.page)]
        picture = Image.open(io.BytesIO(shot))
        # 128 colours look the same, in a third of the bytes.
        picture.convert("RGB").quantize(128, dither=Image.Dither.NONE).save(self.folder / f"{name}.png", optimize=True)
        self.taken.add(name)


async def _show(person: Person, scheme: Literal["light", "dark"]) -> None:
    """Choose a theme, and wait until no colour is on its way to another any more, even if only for a frame."""
    await person.page.emulate_media(color_scheme=scheme)
    await person.page.evaluate(
        """async () => {
            const frame = () => new Promise(requestAnimationFrame);
            await frame();
            for (let still = 0; still < 3; still += 1) {
                await frame();
                if (document.getAnimations().some(each => each.playState === "running")) still = 0;
            }
        }"""
    )


def _prepare(studio: Studio) -> str:
    """Make the documents, two of them in a collection. Returns the id of the one that it is all about."""
    create_document(studio.api, title="Letter to the neighbours", content=LETTER)
    minutes = create_document(studio.api, title="Minutes of 14 November", content=MINUTES)
    document = create_document(studio.api, title=TITLE, content=TEXT)
    room = studio.api.post("/api/v1/collections", json={"name": "Reading room"}).raise_for_status().json()["id"]
    studio.api.post("/api/v1/collections", json={"name": "Budget"}).raise_for_status()
    for each in (minutes, document):
        body = {"collection_id": room}
        studio.api.put(f"/api/v1/documents/{each}/collection", json=body).raise_for_status()
    body = {"name": "Read at the meeting"}
    studio.api.post(f"/api/v1/documents/{document}/revisions", json=body).raise_for_status()
    return document


async def test_two_people_live_through_the_guide(enter: Enter, studio: Studio, tmp_path: Path) -> None:
    folder = PICTURES if KEEPS else tmp_path
    folder.mkdir(exist_ok=True)
    album = Album(folder, set(), [])
    document = await asyncio.to_thread(_prepare, studio)
    ada, ben = [await enter(studio, name, reduced_motion="reduce", bypass_csp=True, **WIDE) for name in ("Ada", "Ben")]
    await ada.open(document)
    await _share(ada, album)
    await _ask(ada)
    await ben.go("/documents")
    await _hear(ben, album)
    await _answer(ben)
    await _look_at_the_list(ada, document, album)
    await ada.open(document)
    await _see_each_other(ada, ben, album)
    await _read_comments(ada, album)
    await _suggest(ben, album)
    await _decide(ada, album)
    phone = await enter(studio, "Ben", reduced_motion="reduce", bypass_csp=True, **PHONE)
    await phone.open(document)
    await phone.page.locator("#presence li.avatar").first.wait_for(state="attached")
    await album.take(phone, "phone", scheme="dark")
    await _compare(ada, album)
    assert not album.faults, "\n".join(album.faults)
    assert album.taken == TAKES


async def _share(ada: Person, album: Album) -> None:
    await ada.page.get_by_role("link", name="Share", exact=True).click()
    panel = ada.page.locator("dialog#share[open] #share-panel")
    for address, role in (("cleo@example.org", "reviewer"), ("ben@example.org", "editor")):
        await panel.get_by_label("Add people").fill(address)
        await panel.get_by_label("They", exact=True).select_option(role)
        await panel.get_by_role("button", name="Share", exact=True).click()
        await panel.get_by_role("list").get_by_text(address).first.wait_for()
    await album.take(ada, "sharing")
    await ada.page.keyboard.press("Escape")
    await panel.wait_for(state="hidden")


async def _ask(ada: Person) -> None:
    await select(ada, "forty chairs")
    await ada.page.keyboard.press("Control+Alt+m")
    await ada.type("@ben")
    await ada.page.locator(".comment-person", has_text="Ben Okri").wait_for()
    await ada.page.keyboard.press("Enter")
    await ada.type("are forty enough? The choir alone is thirty.")
    await ada.page.keyboard.press("Control+Enter")
    await card(ada, "are forty enough?").wait_for()
    await new_card(ada).wait_for(state="detached")


async def _hear(ben: Person, album: Album) -> None:
    """Read what is new in the bell, and go there."""
    page = ben.page
    await page.locator(".bell > summary").click()
    notice = page.locator("[data-bell-list]").get_by_role("link", name=f"Ada Lovelace mentioned you in “{TITLE}”")
    await notice.wait_for()
    await album.take(ben, "notifications")
    await notice.click()
    await ben.live()


async def _answer(ben: Person) -> None:
    """Answer the comment, and write into the text."""
    thread = card(ben, "are forty enough?")
    await thread.get_by_label("Reply").fill("Fifty, then. The joiner lends us the benches of the hall.")
    await ben.page.keyboard.press("Control+Enter")
    await thread.locator(".comment", has_text="Fifty, then.").wait_for()
    await ben.body.locator("p", has_text="We open the doors").click()
    await ben.page.keyboard.press("End")
    await ben.type(" The choir sings at noon, from the gallery.")
    await ben.saved()


async def _look_at_the_list(ada: Person, document: str, album: Album) -> None:
    await ada.go("/documents")
    await ada.page.get_by_role("link", name=re.compile("^Reading room")).first.wait_for()
    row = ada.page.locator(f"#document-{document}")
    # Ada has left it, and what Ben wrote is known to be his.
    faces = row.get_by_role("list", name="In this document now").get_by_role("listitem")
    await expect(faces).to_have_text(["Ben Okri"], timeout=LIMIT_MILLISECONDS)
    await expect(row.locator(".document-by")).to_have_text("by Ben Okri", timeout=LIMIT_MILLISECONDS)
    await album.take(ada, "list")


async def _see_each_other(ada: Person, ben: Person, album: Album) -> None:
    """See the other's caret, and what their avatar tells."""
    await select(ben, "from the gallery")
    await ada.page.locator(".caret-name", has_text="Ben Okri").wait_for(state="attached")
    avatar = ada.page.locator("#presence li.avatar", has_text="Ben")
    await avatar.locator("summary").click()
    await avatar.locator(".person-card").wait_for()
    await ada.page.evaluate("() => window.scrollTo(0, 0)")
    await album.take(ada, "writing")
    await ada.page.keyboard.press("Escape")


async def _read_comments(ada: Person, album: Album) -> None:
    await ada.body.locator(".comment-mark").click()
    await ada.page.locator("article.thread[data-active=true]", has_text="are forty enough?").wait_for()
    await ada.page.locator("#comments-toggle").click()
    await ada.page.locator("#comments-drawer").wait_for()
    await album.take(ada, "comments")
    await ada.page.locator("#comments-close").click()
    # The list is put away, and nothing of it stays opened.
    await ada.body.locator("p", has_text="The roof is mended").click()
    await ada.page.locator("article.thread[data-active=true]").wait_for(state="detached")


async def _suggest(ben: Person, album: Album) -> None:
    """Choose the mode, and suggest other words, fewer words and another look."""
    await ben.page.locator("#mode-switch summary").click()
    suggesting = ben.page.get_by_role("menuitemradio", name="Suggesting")
    await suggesting.wait_for()
    await album.take(ben, "modes")
    await suggesting.click()
    await ben.page.locator("#document-content[data-mode=suggesting]").wait_for()
    await select(ben, "very short")
    await ben.type("short")
    await select(ben, "The catalogue is explained to whoever asks. ")
    await ben.page.keyboard.press("Delete")
    await select(ben, "first Saturday")
    await ben.page.keyboard.press("Control+b")
    await ben.saved()


async def _decide(ada: Person, album: Album) -> None:
    cards = ada.page.locator("[data-suggestion-card]")
    await expect(cards).to_have_count(3)
    await cards.first.wait_for()
    await ada.page.mouse.move(5, 400)
    await album.take(ada, "suggestions")
    replaced = ada.page.locator("[data-suggestion-card]", has_text="“short”")
    await replaced.get_by_role("button", name="Accept").click()
    await expect(cards).to_have_count(2)
    await ada.saved()


async def _compare(ada: Person, album: Album) -> None:
    """See what has changed since the version that has a name, and by whom."""
    await ada.page.get_by_label("More about this document").click()
    await ada.page.get_by_role("link", name="History").click()
    await ada.page.wait_for_url("**/history")

    async def is_told() -> bool:
        # Whose words these are is written down once the room has settled.
        await ada.page.reload()
        return await ada.page.locator(".change-words", has_text="Ben Okri").count() > 0

    await until(is_told, ada.page.locator(".history-view").inner_text)
    await ada.page.keyboard.press("j")
    await ada.page.locator(".change:focus").wait_for()
    await album.take(ada, "history")
