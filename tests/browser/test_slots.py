"""Posting times, the queue that fills them, and the hours of the calendar, by pointer and by keys."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.browser.conftest import Enter, Person, Studio
from tests.browser.test_calendar import ZONE, approve, connect
from tests.browser.test_reviewing import look
from tests.running import create_document

pytestmark = pytest.mark.anyio


async def add_times(ada: Person, *times: str) -> str:
    """Give the sandbox posting times on every day. Returns the path of its page."""
    await ada.go("/workspace/channels")
    await ada.page.locator(".channel-link", has_text="Sandbox").first.click()
    await ada.page.get_by_role("link", name="Posting times").click()
    for time in times:
        await ada.page.get_by_label("Time", exact=True).fill(time)
        for day in ("Saturday", "Sunday"):
            await ada.page.get_by_label(day).check()
        await ada.page.get_by_role("button", name="Add").click()
        await ada.page.get_by_text("Added.").wait_for()
    return ada.page.url.removesuffix("/times")


async def test_slots_are_filled_ordered_and_moved(enter: Enter, studio: Studio) -> None:
    ada = await enter(studio, "Ada", bypass_csp=True, **ZONE)
    ben = await enter(studio, "Ben", bypass_csp=True)
    titles = ("Slot one", "Slot two", "Slot three")
    for title in titles:
        await approve(studio, ben, create_document(studio.api, title=title, content=f"{title}."))
    await connect(ada)
    account = await add_times(ada, "09:00", "14:30")
    await ada.page.get_by_label("Quiet from").fill("22:00")
    await ada.page.get_by_label("until").fill("07:00")
    await ada.page.get_by_role("button", name="Save").click()
    await ada.page.get_by_text("Saved.").wait_for()
    await look(ada, "posting-times")

    # A free slot of the week leads to the documents that could fill it.
    day = (datetime.now(UTC) + timedelta(days=21)).date()
    day -= timedelta(days=day.weekday() - 2)
    await ada.go(f"/calendar?view=week&date={day}")
    ghosts = ada.page.locator(f'[data-date="{day}"] .ghost')
    assert await ghosts.count() == 2
    await ghosts.first.focus()
    await ada.page.keyboard.press("Enter")
    for title in titles:
        await ada.page.get_by_role("checkbox", name=re.compile(title)).check()
    await look(ada, "fill")
    await ada.page.get_by_role("button", name="Show where they go").click()
    await ada.page.get_by_role("heading", name="So it would go out").wait_for()
    await look(ada, "fill-shown")
    await ada.page.get_by_role("button", name="Plan 3 publications").click()
    await ada.page.get_by_role("link", name=re.compile("Slot one")).wait_for()

    # The queue, by keys and by the pointer.
    await ada.page.goto(f"{account}/queue")
    names = ada.page.locator(".queue-line .channel-link")
    await names.nth(2).focus()
    await ada.page.keyboard.press("Alt+ArrowUp")
    await ada.page.get_by_text("Moved. Those between").wait_for()
    assert await names.all_inner_texts() == ["Slot one", "Slot three", "Slot two"]
    await ada.page.locator(".queue-line").nth(0).drag_to(ada.page.locator(".queue-line").nth(2))
    await ada.page.locator(".queue-line:first-child", has_text="Slot three").wait_for()
    assert await names.all_inner_texts() == ["Slot three", "Slot two", "Slot one"]
    await look(ada, "queue")

    # The hours of the week: a quarter by the arrows, an hour with Alt, and to another hour by the pointer.
    await ada.go(f"/calendar?view=week&date={day}")
    await look(ada, "calendar-hours")
    chip = ada.page.locator(".hours .chip", has_text="Slot three")
    await chip.focus()
    await ada.page.keyboard.press("Alt+ArrowDown")
    await ada.page.keyboard.press("ArrowDown")
    await ada.page.locator(f'[data-date="{day}"] [data-hour="10:00"][data-target="10:15"]').wait_for()
    await ada.page.keyboard.press("Enter")
    await ada.page.locator(f'.chip[data-at="{day}T10:15"]').wait_for()
    cell = ada.page.locator(f'[data-date="{day + timedelta(days=1)}"] [data-hour="11:00"]')
    box = await cell.bounding_box()
    assert box is not None
    await chip.drag_to(cell, target_position={"x": 20, "y": box["height"] * 0.6})
    await ada.page.locator(f'.chip[data-at="{day + timedelta(days=1)}T11:30"]').wait_for()

    # Copied: the dialog asks where to.
    await chip.focus()
    await ada.page.keyboard.press("c")
    await ada.page.locator("#copy-time").fill(f"{day}T12:00")
    await ada.page.locator("#copy-publication").get_by_role("button", name="Copy").click()
    await ada.page.locator(f'.chip[data-at="{day}T12:00"]', has_text="Slot three").wait_for()

    # By hand into the quiet hours: told first.
    await ada.page.locator(f'.chip[data-at="{day}T12:00"]').click()
    await ada.page.get_by_label("Day and time").fill(f"{day}T23:00")
    await ada.page.get_by_role("button", name="Move", exact=True).click()
    await ada.page.get_by_text("lies in the quiet hours").wait_for()
    await ada.page.get_by_role("button", name="Move nevertheless").click()
    await ada.page.get_by_text("Moved.").wait_for()

    await ada.go("/workspace/blackouts")
    await ada.page.get_by_label("What these days are").fill("Office closed")
    await ada.page.get_by_label("First day").fill(f"{day}")
    await ada.page.get_by_role("button", name="Add").click()
    await ada.page.get_by_text("Office closed").wait_for()
    await look(ada, "blackouts")
    await ada.go(f"/calendar?view=week&date={day}")
    assert await ghosts.count() == 0


async def test_what_repeats_is_planned_and_cancelled_from_one_on(enter: Enter, studio: Studio) -> None:
    ada = await enter(studio, "Ada", bypass_csp=True, **ZONE)
    ben = await enter(studio, "Ben", bypass_csp=True)
    document = create_document(studio.api, title="Weekly note", content="Every week.")
    await approve(studio, ben, document)
    await connect(ada)
    await ada.go(f"/documents/{document}/publish")
    await ada.page.get_by_role("checkbox", name=re.compile("Sandbox")).first.check()
    day = (datetime.now(UTC) + timedelta(days=60)).date()
    await ada.page.get_by_label("Day and time").fill(f"{day}T09:00")
    # What belongs to a series is shown once there is one.
    assert not await ada.page.get_by_label("How many").is_visible()
    await ada.page.get_by_label("Repeat", exact=True).select_option("weeks")
    await ada.page.get_by_label("How many").fill("3")
    await look(ada, "publish-repeat")
    await ada.page.get_by_role("button", name="Schedule").click()
    await ada.page.get_by_text("All of them are planned.").wait_for()
    await ada.page.locator(".publication-line .channel-link").nth(1).click()
    await ada.page.get_by_label("This one and the one after it in its series").last.check()
    await look(ada, "publication-series")
    await ada.page.get_by_role("button", name="Cancel", exact=True).click()
    await ada.page.get_by_text("Cancelled. It will not go out.").wait_for()
    await ada.go(f"/documents/{document}/publish")
    assert await ada.page.locator(".publication-state", has_text="Cancelled").count() == 2
    # The day on which the first goes out, by the hour.
    await ada.go(f"/calendar?view=day&date={day}")
    await ada.page.locator(".hours .chip", has_text="Weekly note").wait_for()
    await look(ada, "calendar-day")
