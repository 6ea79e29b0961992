"""From what was approved to what is out: planned in the document, moved in the calendar, settled by a person."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.browser.conftest import Enter, Person, Studio, until
from tests.browser.test_reviewing import look
from tests.running import create_document

pytestmark = pytest.mark.anyio

ZONE = {"timezone_id": "Europe/Paris"}


async def approve(studio: Studio, ben: Person, document: str) -> None:
    """Let Ada send it for review, and Ben approve it."""
    review = f"/api/v1/documents/{document}/review"
    assert studio.api.post(review, json={}).is_success
    await ben.go(f"/documents/{document}/review")
    await ben.page.locator("#review-bar").get_by_role("button", name="Approve").click()
    await ben.page.locator("#review-bar .status-pill", has_text="Approved").wait_for()


async def connect(ada: Person) -> None:
    """Open a sandbox, which takes everything."""
    await ada.go("/workspace/channels?connect=sandbox")
    form = ada.page.locator("#connect-sandbox form")
    await form.get_by_label("Whose limits it has").select_option(index=0)
    await form.get_by_role("button", name="Connect Sandbox").click()
    await ada.page.wait_for_url(re.compile("/workspace/channels"))


async def fill(ada: Person, document: str, outcome: str, at: str | None) -> None:
    """Choose the sandbox, what shall happen there, and when."""
    await ada.go(f"/documents/{document}/publish")
    await ada.page.get_by_role("checkbox", name=re.compile("Sandbox")).first.check()
    await ada.page.get_by_label("What shall happen").first.select_option(outcome)
    if at is None:
        await ada.page.get_by_label("Now").check()
    else:
        await ada.page.get_by_label("At a time").check()
        await ada.page.get_by_label("Day and time").fill(at)


async def plan(ada: Person) -> None:
    """Do what the form says; its button is named after when."""
    await ada.page.locator('button[name="do"][value="plan"]:visible').click()


async def state(person: Person, words: str) -> None:
    """Wait until the publication's page says so, by itself."""
    shown = person.page.locator("#publication .publication-state")

    async def says() -> bool:
        return (await shown.inner_text()).strip() == words

    await until(says, shown.inner_text)


async def test_planned_moved_out_and_settled(enter: Enter, studio: Studio) -> None:
    ada = await enter(studio, "Ada", bypass_csp=True, **ZONE)
    ben = await enter(studio, "Ben", bypass_csp=True)
    document = create_document(studio.api, title="Autumn plan", content="We move in autumn.")
    await connect(ada)
    await ada.go(f"/documents/{document}/publish")
    await ada.page.get_by_text("not approved yet").wait_for()
    await approve(studio, ben, document)

    # A day of next month, in the middle of a week. A click on one of its hours, or its +, is where a post begins.
    day = (datetime.now(UTC) + timedelta(days=40)).date()
    day -= timedelta(days=day.weekday() - 2)
    await ada.go(f"/calendar?date={day}")
    await ada.page.locator(f'.calendar-day[data-date="{day}"] .calendar-add').click()
    await ada.page.wait_for_url(f"**/calendar/plan?at={day}T09:00")
    await ada.go(f"/calendar?view=week&date={day}")
    await ada.page.locator(f'.hours-day[data-date="{day}"] .hour[data-hour="15:00"]').click()
    await ada.page.wait_for_url(f"**/calendar/plan?at={day}T15:00")
    await look(ada, "calendar-begin")
    await ada.page.get_by_role("link", name="Autumn plan").click()
    await ada.page.get_by_label("Day and time").and_(ada.page.locator(f'[value="{day}T15:00"]')).wait_for()

    await fill(ada, document, "well", f"{day}T09:00")
    # What is chosen shows how it will look there.
    await ada.page.locator("details.publish-preview[open] .post-preview").first.wait_for()
    await look(ada, "publish")
    # The button says what it does, as it is chosen; a check answers beside it, and whoever hears the page is told.
    await ada.page.get_by_label("Now").check()
    await ada.page.get_by_role("button", name="Publish now").wait_for()
    await ada.page.get_by_label("At a time").check()
    await ada.page.get_by_role("button", name="Check first").click()
    answer = ada.page.locator("#said-answer [role=status]:focus")
    await answer.get_by_text("Nothing stands against it").wait_for()
    assert f"{day:%A}, {day.day} {day:%B %Y}, 09:00" in await answer.inner_text()
    assert await ada.page.locator(".publish-approval", has_text="approved by Ben").count() == 1
    await look(ada, "publish-checked")
    # Said of another time it would not be true; of one that is over, it is told at once.
    await ada.page.get_by_label("Day and time").fill("2020-01-01T09:00")
    await ada.page.get_by_label("Day and time").blur()
    await ada.page.locator("#said-when", has_text="This time is over").wait_for()
    assert not await answer.count()
    await ada.page.get_by_label("Day and time").fill(f"{day}T09:00")
    await ada.page.get_by_role("button", name="Schedule").click()
    await ada.page.get_by_text("Planned. It goes out by itself").wait_for()

    # Moved by keys, and back by the toast.
    await ada.go(f"/calendar?date={day}")
    chip = ada.page.locator(f'.calendar-day[data-date="{day}"] .chip')
    await chip.focus()
    await ada.page.keyboard.press("m")
    await ada.page.keyboard.press("ArrowRight")
    await look(ada, "calendar-moving")
    await ada.page.keyboard.press("Enter")
    moved = ada.page.locator(f'.calendar-day[data-date="{day + timedelta(days=1)}"] .chip')
    await moved.wait_for()
    await ada.page.get_by_role("button", name="Undo").click()
    await chip.wait_for()
    # And by the pointer.
    await chip.drag_to(ada.page.locator(f'.calendar-day[data-date="{day + timedelta(days=1)}"]'))
    await moved.wait_for()
    await ada.page.keyboard.press("w")
    await ada.page.locator('.hours[data-view="week"] .chip').wait_for()
    await look(ada, "calendar-week")
    # Also what is only read out, in the last column, leaves the page as wide as the window.
    await ada.page.set_viewport_size({"width": 1280, "height": 860})
    sunday = ada.page.locator(f'.hours-day[data-date="{day + timedelta(days=4)}"]')
    await ada.page.locator(".hours .chip").drag_to(sunday.locator('[data-hour="12:00"]'))
    await sunday.locator(".chip").wait_for()
    assert await ada.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0

    # Now, and it goes out while the page is open.
    await fill(ada, document, "well", None)
    await plan(ada)
    await state(ada, "Published")
    await look(ada, "publication")

    # An answer that is lost and never found: a person says what they see.
    await fill(ada, document, "lost", None)
    await plan(ada)
    await state(ada, "Outcome unknown")
    await look(ada, "publication-unknown")
    await ada.page.get_by_label("Its link, if it is there").fill("https://board.test/1")
    await ada.page.get_by_role("button", name="It is live").click()
    await state(ada, "Published")
    await ada.go("/calendar?tab=sent")
    assert await ada.page.locator(".publication-line", has_text="Autumn plan").count() == 2
    await look(ada, "calendar-sent")

    # What was refused is mended where it is shown, and tried again.
    await fill(ada, document, "refused", None)
    await plan(ada)
    await state(ada, "Failed")
    await look(ada, "publication-failed")
    await ada.page.get_by_label("What shall happen").select_option("well")
    await ada.page.get_by_role("button", name="Try again now").click()
    await state(ada, "Published")
    await look(ada, "publication-again")
