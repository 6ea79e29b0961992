"""After it is out: brought up to a newer text, how it fares, and taken down."""

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import pytest
from sqlalchemy import insert

from server.db import create_engine, create_sessions, transaction
from server.embedded.servers import running_servers
from server.publishing.aftercare.models import Figures
from tests.browser.conftest import Enter, Person, Studio
from tests.browser.test_calendar import approve, state
from tests.browser.test_reviewing import look
from tests.running import create_document

pytestmark = pytest.mark.anyio

_ZONE = {"timezone_id": "Europe/Paris"}
# A worker takes it up, and the page hears of it, in milliseconds; a busy machine takes its time.
_PATIENCE = 90_000


async def _open_site(ada: Person) -> None:
    await ada.go("/workspace/channels?connect=site")
    form = ada.page.locator("#connect-site form")
    await form.get_by_label("Name of the site").fill("Notes from the burrow")
    await form.get_by_label("Address").fill("burrow")
    await form.get_by_role("button", name="Connect Site").click()
    await ada.page.get_by_role("link", name="Notes from the burrow").wait_for()


async def _publish(ada: Person, document: str) -> str:
    """Publish a document on the site now, and return the address of the publication's page."""
    await ada.go(f"/documents/{document}/publish")
    await ada.page.get_by_role("checkbox", name=re.compile("burrow")).check()
    await ada.page.get_by_label("Now").check()
    await ada.page.get_by_role("button", name="Publish").click()
    await state(ada, "Published")
    return ada.page.url.removeprefix(ada.address)


async def _tell_figures(studio: Studio, publication: str) -> None:
    """Write down what a channel might have told of a publication."""
    servers = running_servers(studio.installation.data_dir)
    assert servers is not None
    engine = create_engine(servers.database_url)
    begin = datetime.now(UTC) - timedelta(days=8)
    told = [(0, 12, 0, 1), (1, 85, 2, 4), (24, 240, 9, 17), (72, 610, 14, 31), (168, 1180, 15, 38)]
    async with transaction(create_sessions(engine)) as db:
        rows = [
            {
                "publication_id": UUID(publication),
                "taken_at": begin + timedelta(hours=hours),
                "likes": likes,
                "replies": replies,
                "shares": shares,
            }
            for hours, likes, replies, shares in told
        ]
        await db.execute(insert(Figures).values(rows))
    await engine.dispose()


async def test_updated_watched_and_taken_down(enter: Enter, studio: Studio) -> None:
    ada = await enter(studio, "Ada", bypass_csp=True, **_ZONE)
    ben = await enter(studio, "Ben", bypass_csp=True)
    document = create_document(studio.api, title="The burrow", content="It is warm in the burrow.\n\nNobody is out.")
    await _open_site(ada)
    await approve(studio, ben, document)
    path = await _publish(ada, document)
    await ada.page.get_by_role("link", name="Update to newest approved text").click()
    await ada.page.get_by_text("already says what is approved now").wait_for()

    # Brought up to a newer text, after the difference was seen.
    content = "It is cold in the burrow.\n\nNobody is out."
    assert studio.api.put(
        f"/api/v1/documents/{document}/content", json={"content": content, "format": "markdown"}
    ).is_success
    assert studio.api.post(f"/api/v1/documents/{document}/review", json={}).is_success
    await ben.go(f"/documents/{document}/review")
    await ben.page.locator("#review-bar").get_by_role("button", name="Approve").click()
    await ben.page.get_by_text("Version 2 is approved").wait_for()
    await ada.go(path)
    await ada.page.get_by_role("link", name="Update to newest approved text").click()
    await ada.page.locator(".after-difference ins", has_text="cold").wait_for()
    await look(ada, "publication-newest")
    await ada.page.get_by_role("button", name="Update it now").click()
    await ada.page.locator(".publication-state", has_text="Updated").wait_for(timeout=_PATIENCE)
    site = f"{ada.address}/p/burrow/the-burrow"
    assert "cold" in httpx.get(site).text

    # How it fares.
    await _tell_figures(studio, path.rpartition("/")[2])
    await ada.go(path)
    await ada.page.get_by_role("img", name="Likes").wait_for()
    await ada.page.get_by_text("All values").click()
    await look(ada, "publication-fares")
    await ada.go(f"/documents/{document}/figures")
    await look(ada, "document-figures")

    # Taken down, once it is meant.
    await ada.go(path)
    await ada.page.get_by_role("link", name="Take down").click()
    await look(ada, "publication-take-down")
    await ada.page.get_by_role("button", name="Take it down").click()
    await ada.page.locator(".publication-state", has_text="Taken down").wait_for(timeout=_PATIENCE)
    await look(ada, "publication-taken-down")
    assert httpx.get(site).status_code == 410
