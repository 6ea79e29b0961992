"""What is planned is rehearsed: all well, then a hold; and each of it stands in the document's activity."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.browser.conftest import Enter, Studio
from tests.browser.test_calendar import ZONE, approve, connect, fill
from tests.browser.test_reviewing import look
from tests.running import create_document

pytestmark = pytest.mark.anyio


async def test_what_will_fail_is_told_and_the_deed_stands_in_the_activity(enter: Enter, studio: Studio) -> None:
    ada = await enter(studio, "Ada", bypass_csp=True, **ZONE)
    ben = await enter(studio, "Ben", bypass_csp=True)
    document = create_document(studio.api, title="A rest in winter", content="We rest in winter.")
    await connect(ada)
    await ada.go("/calendar")
    await ada.page.get_by_role("link", name="Rehearse").click()
    await ada.page.get_by_role("heading", name="Rehearsal").wait_for()

    await approve(studio, ben, document)
    day = (datetime.now(UTC) + timedelta(days=3)).date()
    await fill(ada, document, "well", f"{day}T09:00")
    await ada.page.get_by_role("button", name="Schedule").click()
    await ada.page.get_by_text("Planned. It goes out by itself").wait_for()
    await ada.go("/calendar/rehearsal?days=7")
    await ada.page.get_by_text(re.compile("will go out in the next 7 days")).wait_for()
    await look(ada, "rehearsal-well")

    # Ben holds it, and somebody edits it: what was approved would go out, but waits for him.
    await ben.go(f"/documents/{document}/review")
    await ben.page.locator("summary", has_text="Hold").click()
    await ben.page.get_by_role("button", name="Put on hold").click()
    await ben.page.get_by_text("put it on hold").first.wait_for()
    await ada.go("/calendar/rehearsal")
    finding = ada.page.locator('.rehearsal-finding[data-rule="held"]')
    await finding.wait_for()
    assert "Ben" in await finding.inner_text()
    await look(ada, "rehearsal-held")
    await finding.get_by_role("link", name="Open the review").click()
    await ada.page.wait_for_url(re.compile(f"/documents/{document}/review"))

    await ada.go(f"/documents/{document}/activity")
    for words in (
        "sent “A rest in winter”",
        "approved “A rest in winter”",
        "planned “A rest in winter” for Sandbox",
        "put a hold on",
    ):
        await ada.page.locator(".deed", has_text=words).wait_for()
    await look(ada, "activity")
    await ada.go("/workspace/activity?about=Publications")
    await ada.page.locator(".deed", has_text="planned “A rest in winter”").wait_for()
    await look(ada, "activity-workspace")
