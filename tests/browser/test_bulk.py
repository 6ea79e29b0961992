"""A month from a spreadsheet: tried, planned, found by tag; tabs that count by themselves; the calendar elsewhere."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.browser.conftest import ARTIFACTS, Enter, Studio, until
from tests.browser.test_calendar import approve, connect
from tests.browser.test_reviewing import look
from tests.running import create_document

pytestmark = pytest.mark.anyio


async def test_a_month_comes_from_a_spreadsheet(enter: Enter, studio: Studio) -> None:
    ada = await enter(studio, "Ada", bypass_csp=True, timezone_id="Europe/Paris")
    ben = await enter(studio, "Ben", bypass_csp=True)
    document = create_document(studio.api, title="Bulk fox", content="It jumps in bulk.")
    waiting = create_document(studio.api, title="Bulk dog", content="It sleeps.")
    await connect(ada)
    account = (
        await ada.page.locator('a[href^="/workspace/channels/"]').filter(has_text="Sandbox").first.get_attribute("href")
    )
    assert account
    await approve(studio, ben, document)

    day = (datetime.now(UTC) + timedelta(days=70)).date().replace(day=12)
    rows = [
        "document;account_id;date;time;zone;tags;Notes",
        *(
            f"Bulk fox;{account.rsplit('/', 1)[1]};{day + timedelta(days=n)};09:{n}0;;bulk{n}, bulkfox;"
            for n in range(3)
        ),
        f"Bulk fox;{account.rsplit('/', 1)[1]};{day:%d/%m/%Y};09:00;;;",
        f"Bulk dog;{account.rsplit('/', 1)[1]};{day};09:00;;;",
    ]
    await ada.go("/calendar")
    await ada.page.get_by_role("link", name="Import").click()
    await look(ada, "import")
    # A file that is none is told so where it was chosen.
    choose = ada.page.get_by_label("File")
    await choose.set_input_files({"name": "plan.xlsx", "mimeType": "application/zip", "buffer": b"PK\x03\x04"})
    await ada.page.get_by_role("button", name="Show what would happen").click()
    await ada.page.get_by_text("This is a workbook, not CSV").wait_for()
    content = "\ufeff" + "\r\n".join(rows)
    await choose.set_input_files({"name": "Plan.csv", "mimeType": "text/csv", "buffer": content.encode()})
    await ada.page.get_by_role("button", name="Show what would happen").click()
    plan = ada.page.get_by_role("button", name="Plan 3 publications")
    await plan.wait_for()
    await ada.page.get_by_text("is no day that is the same everywhere").wait_for()
    await ada.page.get_by_text("not approved yet").wait_for()
    await look(ada, "import-rows")
    await plan.click()
    await ada.page.get_by_text("3 publications are planned").wait_for()
    await look(ada, "import-done")

    # Found by tag, alone and with others; the address says all of it.
    await ada.go(f"/calendar?date={day}")
    await ada.page.locator(".calendar-tag", has_text="#bulkfox").click()
    await ada.page.locator(".calendar-tag[aria-current]", has_text="#bulkfox").wait_for()
    assert await ada.page.locator(".chip").count() == 3
    await look(ada, "calendar-tags")
    await ada.page.emulate_media(media="print", color_scheme="dark")
    await ada.page.screenshot(path=ARTIFACTS / "calendar-print.png", full_page=True)
    assert not await ada.page.get_by_role("link", name="Import").is_visible()
    assert await ada.page.locator(".chip-more", has_text="Scheduled").first.is_visible()
    await ada.page.emulate_media(media="screen", color_scheme="light")
    await ada.page.get_by_role("link", name="#bulk1").click()
    await ada.page.wait_for_url(re.compile("tag=bulk1"))
    assert await ada.page.locator(".chip").count() == 1

    # The tabs count by themselves, and what is asked is on top.
    await ada.go("/calendar?tab=approvals")
    badge = ada.page.locator(".tab", has_text="Approvals").locator(".tab-count")
    before = int(await badge.inner_text())
    asked = studio.api.post(f"/api/v1/documents/{waiting}/review", json={})
    assert asked.is_success

    async def counted() -> bool:
        return int(await badge.inner_text()) == before + 1

    await until(counted, badge.inner_text)
    await ada.page.locator(f"#review-{waiting}").wait_for()
    await look(ada, "calendar-approvals")
    await ben.go("/calendar?tab=approvals")
    await ben.page.locator(f"#review-{waiting}").get_by_role("link", name="Decide about Bulk dog").click()
    await ben.page.wait_for_url(re.compile(f"/documents/{waiting}/review"))
    await ada.page.locator(".tab", has_text="Drafts").click()
    await look(ada, "calendar-drafts")

    await ada.page.get_by_role("link", name="Subscribe").click()
    await ada.page.get_by_role("button", name="Make an address").click()
    address = await ada.page.get_by_label("Copy it now").input_value()
    await look(ada, "feed")
    read = await ada.page.request.get(address)
    assert (await read.text()).count("SUMMARY:Bulk fox") == 3
