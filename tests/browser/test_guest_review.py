"""A client without an account reviews a document by a link: on a phone, and then at a desk."""

import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pycrdt import XmlFragment, XmlText
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from realtime import client
from tests.browser.accessible import faults
from tests.browser.conftest import ARTIFACTS, Enter, Person, Studio, until
from tests.browser.test_comments import card, new_card, select
from tests.browser.test_reviewing import look, pill
from tests.running import create_document

pytestmark = pytest.mark.anyio

TEXT = "# Autumn\n\nThe harbour opens in May.\n\nCome and see."
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}


async def mailed(studio: Studio, address: str, number: int) -> str:
    """Wait for the letters to somebody, and return the link in the newest."""

    def theirs() -> list[str]:
        return [each.part("plain") for each in studio.caught.taken if each.recipient == address]

    async def there() -> bool:
        return len(theirs()) >= number

    await until(there)
    found = re.search(r"https?://\S+/r/\S+", theirs()[-1])
    assert found, theirs()[-1]
    return found[0]


def client_workflow(studio: Studio) -> str:
    """Make a workflow whose one step is for guests. Returns its id."""
    workspace = studio.api.get("/api/v1/me").raise_for_status().json()["workspaces"][0]["id"]
    wish = {"name": "By the client", "steps": [{"name": "Client", "guests": True}]}
    made = studio.api.post(f"/api/v1/workspaces/{workspace}/workflows", json=wish).raise_for_status().json()
    return f"{workspace}/workflows/{made['id']}"


async def test_a_client_reviews_by_a_link(enter: Enter, studio: Studio) -> None:
    ada = await enter(studio, "Ada", bypass_csp=True)
    document = create_document(studio.api, title="Harbour letter", content=TEXT)
    way = client_workflow(studio)
    workflow_id = way.rsplit("/", 1)[1]
    review = f"/api/v1/documents/{document}/review"
    studio.api.post(review, json={"workflow_id": workflow_id, "note": "Is the date right?"}).raise_for_status()

    # Ada invites her client.
    await ada.go(f"/documents/{document}/review")
    panel = ada.page.locator("#guests")
    await panel.locator(".guest-invite summary").click()
    await look(ada, "guest-invite")
    await panel.get_by_label("Name").fill("Carol Client")
    await panel.get_by_label("E-mail").fill("carol@client.example")
    await panel.get_by_label("A word to them").fill("The one for the harbour")
    await panel.get_by_role("button", name="Invite", exact=True).click()
    shown = await panel.locator("#guest-url").input_value()
    assert "/r/" in shown
    await look(ada, "guest-invited")

    # The page follows what happens, and keeps what it shows this once and what she types.
    await panel.locator(".guest-invite summary").click()
    await panel.get_by_label("Name").fill("Dora")
    guests = f"{review}/guests"
    guest = studio.api.get(guests).raise_for_status().json()["guests"][0]["id"]
    day = (datetime.now(UTC) + timedelta(days=30)).replace(hour=12)
    studio.api.patch(f"{guests}/{guest}", json={"expires_at": day.isoformat()}).raise_for_status()
    await panel.get_by_text(f"Works until {day.day} {day:%B %Y}").wait_for()
    assert await panel.locator("#guest-url").input_value() == shown
    assert await panel.get_by_label("Name").input_value() == "Dora"
    assert await panel.get_by_role("button", name="Copy").is_visible()

    # She opens the mail on her phone, says who she is, and is in.
    carol = await enter(studio, "Carol", bypass_csp=True, **PHONE)
    link = await mailed(studio, "carol@client.example", 1)
    assert link != shown
    await carol.page.goto(link)
    assert carol.page.url == f"{carol.address}/guest/{document}"
    await carol.page.get_by_role("heading", name="Ada Lovelace asks you to review “Harbour letter”").wait_for()
    await look_as_is(carol, "guest-welcome")
    await carol.page.get_by_role("button", name="Open the document").click()
    await carol.live()
    await look_as_is(carol, "guest-document")

    # She comments, and writes into the text, which suggests.
    await select(carol, "in May")
    await carol.page.keyboard.press("Control+Alt+m")
    await new_card(carol).locator("textarea").fill("In June!")
    await carol.page.keyboard.press("Control+Enter")
    await ada.open(document)
    await card(ada, "In June!").wait_for()
    assert "Carol Client (guest)" in await card(ada, "In June!").inner_text()
    await carol.page.keyboard.press("Escape")
    await carol.page.locator(".prose-body p").last.click()
    await carol.page.keyboard.press("Control+End")
    await carol.heard()
    await carol.type(" Soon!")
    await carol.saved()
    await ada.page.locator(".prose-body ins", has_text="Soon!").wait_for()

    # She wants it otherwise.
    strip = carol.page.locator("#review-bar")
    await strip.locator("summary", has_text="Ask for changes").click()
    await strip.get_by_label("What should be changed?").fill("It opens in June.")
    await strip.get_by_role("button", name="Ask for changes").click()
    await pill(carol, "Changes requested")
    await pill(ada, "Changes requested")
    assert "It opens in June." in await ada.page.locator("#review-bar").inner_text()

    # Ada mends it and sends it again; Carol hears of it, and sees only that.
    studio.api.put(
        f"/api/v1/documents/{document}/content",
        json={"format": "markdown", "content": TEXT.replace("May", "June")},
    ).raise_for_status()
    await ada.reads("opens in June")
    studio.api.post(review, json={"workflow_id": workflow_id}).raise_for_status()
    await pill(carol, "In review")
    again = await mailed(studio, "carol@client.example", 2)
    desk = await enter(studio, "Carol at her desk", bypass_csp=True)
    await desk.page.goto(again)
    await desk.live()
    await desk.page.locator("#review-bar").get_by_role("link", name="Show only that").click()
    changed = desk.page.locator(".history-text .change")
    await changed.first.wait_for()
    assert await changed.count() == 1
    assert "June" in await changed.locator("ins").inner_text()
    await look(desk, "guest-difference")
    await desk.page.locator("#review-bar").get_by_role("button", name="Approve").click()

    # The link is over: she reads what she approved, and whatever was open has ended.
    await desk.page.get_by_text("You approved this. Thank you!").wait_for()
    assert desk.page.url == f"{desk.address}/guest/{document}"
    await look(desk, "guest-approved")
    await carol.page.locator("#editor-banner", has_text="This link is over. Ask Ada Lovelace").wait_for()
    await pill(ada, "Approved")
    await ada.go(f"/documents/{document}/review")
    await ada.page.get_by_text("Carol Client (guest) approved “Harbour letter”").first.wait_for()
    await ada.page.locator("#guests").get_by_text("Ended with their approval").wait_for()
    await carol.page.goto(shown)
    await carol.page.get_by_text("You approved this. Thank you!").wait_for()
    studio.api.delete(f"/api/v1/workspaces/{way}").raise_for_status()


async def test_a_ticket_suggests_and_nothing_else_until_it_is_over(studio: Studio) -> None:
    document = create_document(studio.api, title="Raw", content="Begun.")
    other = create_document(studio.api, title="Other", content="Other.")
    address = studio.installation.socket_address
    place = f"/api/v1/documents/{document}/review/guests"
    made = studio.api.post(place, json={"name": "Mallory"}).raise_for_status().json()
    with httpx.Client(base_url=studio.installation.address, follow_redirects=True) as browser:
        welcome = browser.get(made["url"])
        token = re.search(r'name="csrf" content="([^"]+)"', welcome.text)
        assert token
        page = browser.post(f"/guest/{document}/begin", data={"csrf": token[1], "name": "Mallory"}).text
    found = re.search(r'data-ticket="([^"]+)"', page)
    assert found
    ticket = found[1]
    whose = {"id": "s1", "by": made["guest"]["id"], "at": 1}
    for change, is_taken in (({"insertion": whose}, True), ({}, False), ({"insertion": whose | {"by": "x"}}, False)):
        async with client.join(f"{address}/collab/{document}", token=ticket) as peer:
            _first_text(peer).insert(0, "words ", change)
            if is_taken:
                await until(lambda: _suggests(studio, document))
            else:
                await _ended(peer, 4405)
    async with connect(f"{address}/collab/{other}?token={ticket}") as elsewhere:
        with pytest.raises(ConnectionClosed):
            await elsewhere.recv()
        assert elsewhere.close_code == 4404
    async with client.join(f"{address}/collab/{document}", token=ticket) as peer:
        soon = datetime.now(UTC) + timedelta(seconds=4)
        change_it = studio.api.patch(f"{place}/{made['guest']['id']}", json={"expires_at": soon.isoformat()})
        change_it.raise_for_status()
        await _ended(peer, 4404)
    text = studio.api.get(f"/api/v1/documents/{document}/content", params={"format": "text"}).text
    assert text.strip() == "Begun."


def _first_text(peer: client.Client) -> XmlText:
    text = peer.doc.get("default", type=XmlFragment).children[0].children[0]
    assert isinstance(text, XmlText)
    return text


async def _suggests(studio: Studio, document: str) -> bool:
    found = studio.api.get(f"/api/v1/documents/{document}/suggestions").raise_for_status().json()
    return bool(found["suggestions"])


async def _ended(peer: client.Client, code: int) -> None:
    async def ended() -> bool:
        return peer.closed is not None

    await until(ended)
    assert peer.closed == code


async def look_as_is(person: Person, name: str) -> None:
    """Hold a phone's page against axe's rules, and take its picture."""
    page = person.page
    ARTIFACTS.mkdir(exist_ok=True)
    for theme in ("light", "dark"):
        await page.evaluate("theme => document.documentElement.setAttribute('data-theme', theme)", theme)
        await page.screenshot(path=ARTIFACTS / f"{name}-{theme}-phone.png")
        assert await faults(page) == [], (name, theme)
    await page.evaluate("() => document.documentElement.removeAttribute('data-theme')")
