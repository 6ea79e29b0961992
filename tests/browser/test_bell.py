"""News as people get it: the bell that rings by itself, what they hear of, and the mail that brings somebody in."""

import asyncio
import re

import pytest

from tests.browser.accessible import faults
from tests.browser.conftest import ARTIFACTS, Enter, Person, Studio, create_account, invitation_to_workspace, until
from tests.browser.test_pages import PHONE
from tests.running import create_document

pytestmark = pytest.mark.anyio

# What lies over something else in the header, or out of it.
_OVERLAPS = """() => {
    const shown = [...document.querySelectorAll(".header > :not(.header-end), .header-end > *")]
        .map(each => ({name: each.id || each.className, ...each.getBoundingClientRect().toJSON()}))
        .filter(box => box.width > 0 && box.height > 0)
        .sort((one, other) => one.left - other.left);
    return shown.filter((box, at) => box.right > innerWidth || (at > 0 && box.left < shown[at - 1].right - 1))
        .map(box => box.name);
}"""


async def _rings(person: Person, times: int) -> None:
    """Wait until the bell says so many."""
    name = f"Notifications, {times} unread" if times else "Notifications"
    await person.page.get_by_label(name, exact=True).and_(person.page.locator(".bell > summary")).wait_for()


async def _looks_well(person: Person, name: str) -> None:
    """Hold the page against axe's rules, and take its picture."""
    assert await faults(person.page) == [], name
    ARTIFACTS.mkdir(exist_ok=True)
    await person.page.screenshot(path=ARTIFACTS / f"bell-{name}.png")


async def _say(studio: Studio, document: str, **fields: object) -> str:
    """Say something as Ada, by a program. Returns the thread's id."""
    path = f"/api/v1/documents/{document}/comments"
    answer = await asyncio.to_thread(studio.api.post, path, json=fields)
    assert answer.is_success, answer.text
    return str(answer.json()["id"])


async def test_the_bell_rings_leads_there_and_keeps_quiet_when_told_to(enter: Enter, studio: Studio) -> None:
    # Somebody who is new here: nobody told them of anything yet.
    look = {"viewport": {"width": 1200, "height": 900}, "reduced_motion": "reduce", "bypass_csp": True}
    bea = await enter(studio, "Bea", **look)
    await bea.page.goto(await invitation_to_workspace(await enter(studio, "Ada")))
    await create_account(bea, "Bea Bell", "bea@example.org")
    await bea.page.wait_for_url("**/documents")
    document = create_document(studio.api, title="The plan", content="The aim of this plan is to write.")
    people = studio.api.get(f"/api/v1/documents/{document}/comments/people").json()["people"]
    at_bea = next(f"<@{each['id']}>" for each in people if each["name"] == "Bea Bell")
    page, bell = bea.page, bea.page.locator(".bell > summary")
    await bea.go("/documents")
    await _rings(bea, 0)
    await bell.click()
    await page.get_by_text("Nothing new").wait_for()
    await _looks_well(bea, "empty")
    await page.keyboard.press("Escape")
    thread = await _say(studio, document, text=f"{at_bea} look, please", place={"quote": "this plan"})
    await _rings(bea, 1)

    await page.keyboard.press("Enter")
    notice = page.get_by_role("link", name="Ada Lovelace mentioned you in “The plan”")
    await notice.wait_for()
    await _looks_well(bea, "open")
    while not await notice.evaluate("each => each === document.activeElement"):
        await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**/documents/{document}#comment-*")
    await page.locator("article.thread", has_text="@Bea Bell look, please").wait_for()
    await _rings(bea, 0)

    await page.get_by_label("More about this document").click()
    await page.get_by_role("link", name="Notifications", exact=True).click()
    await page.get_by_label("As little as possible").check()
    await _looks_well(bea, "document")
    await page.get_by_role("button", name="Save").click()
    await bea.live()
    await _say(studio, document, text="Nobody in particular", thread_id=thread)
    await _say(studio, document, text=f"{at_bea} once more", thread_id=thread)
    await _rings(bea, 1)
    await bell.click()
    await page.locator("[data-bell-list]").get_by_text("@Bea Bell once more").wait_for()
    assert await page.locator("[data-bell-list] .notice-item").count() == 2
    await page.get_by_role("button", name="Mark all as read").click()
    await page.get_by_text("All read").wait_for()
    await _rings(bea, 0)

    await page.locator("[data-bell-list]").get_by_role("link", name="Settings").click()
    await page.get_by_label("Once a day").check()
    await page.get_by_label("A document is shared with me").uncheck()
    await page.get_by_role("button", name="Save").click()
    await page.get_by_text("Saved.").wait_for()
    assert await page.get_by_label("Once a day").is_checked()
    assert not await page.get_by_label("A document is shared with me").is_checked()
    await _looks_well(bea, "settings")

    signed_in = await bea.context.storage_state()
    dark = {"color_scheme": "dark", "reduced_motion": "reduce", "bypass_csp": True, "storage_state": signed_in}
    small = await enter(studio, "Bea", **dark, **PHONE)
    await _say(studio, document, text=f"{at_bea} and again", thread_id=thread)
    await small.go("/notifications")
    await small.page.get_by_text("@Bea Bell and again").wait_for()
    await _looks_well(small, "page-phone-dark")
    await _rings(small, 1)
    await small.page.locator(".bell > summary").click()
    panel = small.page.locator(".bell [data-menu-panel]")
    await panel.get_by_text("@Bea Bell and again").wait_for()
    box = await panel.bounding_box()
    assert box and box["x"] >= 0 and box["x"] + box["width"] <= 390
    await _looks_well(small, "open-phone-dark")
    # As the link in a mail leads there.
    link = await panel.get_by_role("link", name="Ada Lovelace mentioned you").first.get_attribute("href")
    assert link
    await small.go(f"/documents/{document}?notice={link.rsplit('/', 1)[1]}#comment-{thread}")
    await _rings(bea, 0)
    assert small.page.url.endswith(f"/documents/{document}#comment-{thread}")
    # Also in a document the bell is at hand on a phone, and nothing in the header lies on something else.
    await small.live()
    await _rings(small, 0)
    await (await enter(studio, "Ada")).open(document)
    await small.page.locator("#presence .avatar").first.wait_for()
    assert await small.page.evaluate(_OVERLAPS) == []
    await _looks_well(small, "document-phone-dark")
    await _say(studio, document, text=f"{at_bea} for the last time", thread_id=thread)
    await _rings(bea, 1)
    await bell.click()
    await page.get_by_role("button", name="Mark as read").first.click()
    await _rings(small, 0)


async def test_somebody_without_an_account_comes_in_by_mail(ada: Person, enter: Enter, studio: Studio) -> None:
    document = create_document(studio.api, title="Open letter", content="Dear all.")
    await ada.open(document)
    await ada.page.get_by_role("link", name="Share", exact=True).click()
    await ada.page.get_by_label("Add people").fill("eve@example.org")
    await ada.page.get_by_label("They", exact=True).select_option("viewer")
    await ada.page.get_by_role("button", name="Share", exact=True).click()
    await ada.page.get_by_text("A mail with a link is on its way to them.").wait_for()

    async def has_come() -> bool:
        return any(each.recipient == "eve@example.org" for each in studio.caught.taken)

    await until(has_come)
    mail = next(each for each in studio.caught.taken if each.recipient == "eve@example.org")
    assert mail.message["Subject"] == "Ada Lovelace invites you to “Open letter”"
    words = mail.part("plain")
    join, stop = (re.search(rf"http://\S+/{path}/\S+", words) for path in ("join", "mail/stop"))
    assert join and stop
    eve = await enter(studio, "Eve")
    await eve.page.goto(join[0])
    await create_account(eve, "Eve Adams", "eve@example.org")
    await eve.page.wait_for_url(f"**/documents/{document}")
    await eve.live()
    role = ada.page.get_by_label("What Eve Adams may do")
    await ada.page.reload()
    await ada.page.get_by_role("link", name="Share", exact=True).click()
    await role.select_option("editor")
    await _rings(eve, 1)
    await eve.page.locator(".bell > summary").click()
    await eve.page.get_by_text("You can edit it.").wait_for()

    await eve.page.goto(stop[0])
    await eve.page.get_by_role("button", name="Send me no more mail").click()
    await eve.page.get_by_role("heading", name="No more mail", exact=True).wait_for()
