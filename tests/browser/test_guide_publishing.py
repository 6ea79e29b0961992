"""The second half of the user guide, lived through: from a draft to what is out, with pictures as in `test_guide`."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Enter, Person, Studio
from tests.browser.test_guide import GUIDE, KEEPS, PICTURES, WIDE, Album
from tests.browser.test_guide import TAKES as WRITING
from tests.browser.test_variants import block, connect, press, previews
from tests.running import create_document

pytestmark = pytest.mark.anyio

ZONE = {"timezone_id": "Europe/Paris"}
TAKES = frozenset({"review", "texts-for-accounts", "publish", "calendar"})
TEXT = """The reading room opens again on the first Saturday of December, at ten, with coffee and a very short speech.

Stories for children begin at eleven. The choir sings at noon, from the gallery.

At two, Ada walks along the shelves with whoever likes to come.
"""
OTHERS = ("What the joiner built", "Forty chairs", "A catalogue for everybody", "The choir sings", "Lamps, six of them")


async def _approved(studio: Studio, ben: Person, title: str) -> str:
    """Make a document that Ben approves. Returns its id."""
    document = create_document(studio.api, title=title, content=TEXT)
    assert studio.api.post(f"/api/v1/documents/{document}/review", json={}).is_success
    await ben.go(f"/documents/{document}/review")
    await ben.page.locator("#review-bar").get_by_role("button", name="Approve").click()
    await ben.page.locator("#review-bar .status-pill", has_text="Approved").wait_for()
    return document


async def _plan(studio: Studio, ben: Person, accounts: list[str]) -> None:
    """Fill two weeks."""
    monday = datetime.now(UTC).date() + timedelta(days=7)
    monday -= timedelta(days=monday.weekday())
    for number, title in enumerate(OTHERS):
        document = await _approved(studio, ben, title)
        for place, account in enumerate(accounts):
            day = monday + timedelta(days=(number * 2 + place * 3) % 12)
            time = {"wall_time": f"{day}T{9 + number + place:02}:00:00", "zone": "Europe/Paris"}
            wanted = {"document_id": document, "account_id": account, "time": time, "tags": ["readingroom"]}
            studio.api.post("/api/v1/publications", json=wanted).raise_for_status()


async def test_a_team_lives_through_the_rest_of_the_guide(enter: Enter, studio: Studio, tmp_path: Path) -> None:
    folder = PICTURES if KEEPS else tmp_path
    folder.mkdir(exist_ok=True)
    album = Album(folder, set(), [])
    ada, ben = [
        await enter(studio, name, reduced_motion="reduce", bypass_csp=True, **WIDE, **ZONE) for name in ("Ada", "Ben")
    ]
    short = await connect(ada, "mastodon")
    await connect(ada, "wordpress")
    workspace = studio.api.get("/api/v1/me").json()["workspace"]["id"]
    found = studio.api.get(f"/api/v1/workspaces/{workspace}/accounts").json()["accounts"]
    accounts = {account["name"]: account["id"] for account in found if account["channel"] == "sandbox"}

    document = create_document(studio.api, title="The reading room opens", content=TEXT)
    await _adapt(ada, document, accounts[short], album)
    await _review(ada, ben, document, album)
    await ada.go(f"/documents/{document}/publish")
    await ada.page.get_by_role("checkbox", name=short).first.check()
    await ada.page.mouse.move(5, 5)
    await album.take(ada, "publish")
    await _plan(studio, ben, list(accounts.values()))
    day = datetime.now(UTC).date() + timedelta(days=7)
    await ada.go(f"/calendar?view=week&date={day}")
    await expect(ada.page.locator("[data-chip]").first).to_be_visible()
    await album.take(ada, "calendar")
    assert not album.faults, "\n".join(album.faults)
    assert album.taken == TAKES


async def _adapt(ada: Person, document: str, account: str, album: Album) -> None:
    await ada.go(f"/documents/{document}/channels/{account}")
    await ada.page.wait_for_selector("#variant-text[data-live=true]")
    await press(ada, "Stories for", "adapt")
    await ada.page.keyboard.press("Control+a")
    await ada.type("Stories at eleven, a choir at noon.")
    await press(ada, "At two", "leave-out")
    await previews(ada, "Stories at eleven", without="At two")
    await block(ada, "Stories at eleven").wait_for()
    await ada.saved()
    await album.take(ada, "texts-for-accounts")


async def _review(ada: Person, ben: Person, document: str, album: Album) -> None:
    await ada.go(f"/documents/{document}/review")
    bar = ada.page.locator("#review-bar")
    await bar.get_by_text("Send for review").first.click()
    await bar.get_by_label("A word to the reviewers").fill("For Saturday’s post: please look at the hours.")
    await bar.get_by_role("button", name="Send for review").click()
    await bar.locator(".status-pill", has_text="In review").wait_for()
    await ben.go(f"/documents/{document}/review")
    await ben.page.locator("#review-bar").get_by_role("button", name="Approve").wait_for()
    await album.take(ben, "review", scheme="dark")
    await ben.page.locator("#review-bar").get_by_role("button", name="Approve").click()
    await ben.page.locator("#review-bar .status-pill", has_text="Approved").wait_for()


def test_the_guide_shows_each_picture_once_and_each_is_taken() -> None:
    named = re.findall(r"pictures/([\w-]+)\.png", GUIDE.read_text(encoding="utf-8"))
    assert sorted(named) == sorted(each.stem for each in PICTURES.iterdir())
    assert set(named) == TAKES | WRITING
