"""A browser, an installation, and people with windows of their own.

A page's policy allows no evaluated code, so tests wait for selectors and read with functions, never with strings that
the page would have to evaluate.
"""

import asyncio
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Locator,
    Page,
    Playwright,
    StorageState,
    async_playwright,
)

from tests.running import PASSWORD, ROOT, Installation
from tests.server.notifications.catch_all import CatchAll, open_catch_all

ARTIFACTS = Path(__file__).with_name("artifacts")
LIMIT_MILLISECONDS = 20_000
POLL_SECONDS = 0.05
NEEDED = os.environ.get("CI") == "1" or os.environ.get("QUILLROOM_REQUIRE_BROWSER") == "1"
_FAILED = pytest.StashKey[bool]()
_POLICY = re.compile(r"content security policy", re.IGNORECASE)


@dataclass
class Studio:
    """A running installation, whose first account is Ada's; `caught` has the mail that it sends."""

    installation: Installation
    ada: StorageState
    ben: StorageState
    api: httpx.Client
    caught: CatchAll


@dataclass
class Person:
    """One browser with its own cookies and store. `problems`: what pages broke of their own rules."""

    name: str
    address: str
    context: BrowserContext
    page: Page
    problems: list[str] = field(default_factory=list)

    async def go(self, path: str) -> None:
        """Open an address of the installation in the present tab."""
        await self.page.goto(f"{self.address}{path}")

    async def open(self, document: str) -> None:
        """Open a document and wait until it is live."""
        await self.go(f"/documents/{document}")
        await self.live()

    async def live(self) -> None:
        """Wait until the document can be written in."""
        await self.page.wait_for_selector("#document-content[data-live=true]")

    async def saved(self) -> None:
        """Wait until the page says that all is saved."""
        await self.page.wait_for_selector("#save-state[data-state=saved]")

    async def retry(self) -> None:
        """Wait until all is saved, without patience for the page's own pauses between attempts."""
        button = self.page.get_by_role("button", name="Retry now")

        async def saved() -> bool:
            if await button.is_visible():
                # It may go while it is clicked, which is as good.
                with suppress(Error):
                    await button.click(timeout=1000)
            return await self.page.locator("#save-state[data-state=saved]").count() > 0

        await until(saved, self.save_words.text_content)

    async def write_at_end(self) -> None:
        """Put the caret behind the last letter."""
        await self.body.click()
        await self.page.keyboard.press("Control+End")
        await self.heard()

    async def heard(self) -> None:
        """Wait until the editor knows where the caret is: browsers tell it with a frame, tests are quicker."""
        await self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    async def type(self, words: str, *, delay: float = 0) -> None:
        """Type where the caret is; `delay` milliseconds between letters."""
        await self.page.keyboard.type(words, delay=delay)

    @property
    def body(self) -> Locator:
        """The text that is written in."""
        return self.page.locator(".prose-body")

    @property
    def save_words(self) -> Locator:
        """What the page says about saving."""
        return self.page.locator("#save-state [data-save-words]")

    async def text(self) -> str:
        """The document's own words as the page shows them, without carets and tools, a line per block."""
        return str(
            await self.body.evaluate(
                """body => [...body.children].map(block => {
                    const copy = block.cloneNode(true);
                    for (const caret of copy.querySelectorAll(".caret")) caret.remove();
                    return copy.textContent;
                }).join("\\n").trim()"""
            )
        )

    async def reads(self, *expected: str) -> None:
        """Wait until each piece of text is there."""

        async def there() -> bool:
            text = await self.text()
            return all(piece in text for piece in expected)

        await until(there, self.text)

    async def is_titled(self, title: str) -> None:
        """Wait until the tab bears the title of the document."""

        async def titled() -> bool:
            return await self.page.title() == f"{title} · Quillroom"

        await until(titled, self.page.title)

    async def new_tab(self) -> None:
        """Go on in another tab of the same browser."""
        self.page = await self.context.new_page()
        self.watch(self.page)

    def watch(self, page: Page) -> None:
        """Note what goes wrong in a tab."""
        page.set_default_timeout(LIMIT_MILLISECONDS)
        page.on("pageerror", lambda error: self.problems.append(f"{page.url}: {error}"))
        page.on("console", self._hear)

    def _hear(self, message: ConsoleMessage) -> None:
        if _POLICY.search(message.text):
            self.problems.append(f"{message.location}: {message.text}")


Enter = Callable[..., Awaitable[Person]]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember a failure, for the pictures that are taken when the test's browsers close."""
    report = yield
    item.stash[_FAILED] = item.stash.get(_FAILED, False) or report.failed
    return report


@pytest.fixture(scope="package")
async def browser() -> AsyncIterator[Browser]:
    """Chromium: the system's, or Playwright's own."""
    async with async_playwright() as playwright:
        launched = await _launch(playwright)
        yield launched
        await launched.close()


@pytest.fixture(scope="package")
async def studio(browser: Browser) -> AsyncIterator[Studio]:
    """An installation for all tests that do not harm it."""
    async with _studio(browser) as studio:
        yield studio


@pytest.fixture
async def studio_to_kill(browser: Browser) -> AsyncIterator[Studio]:
    """An installation of the test's own."""
    async with _studio(browser) as studio:
        yield studio


@pytest.fixture
async def enter(browser: Browser, request: pytest.FixtureRequest) -> AsyncIterator[Enter]:
    """Let people come in: `await enter(studio, "Ada")`, with options of a browser context."""
    people: list[Person] = []

    async def come(studio: Studio, name: str, **options: Any) -> Person:
        states = {"Ada": studio.ada, "Ben": studio.ben}
        options.setdefault("storage_state", states.get(name))
        person = await _enter(browser, studio.installation, name, **options)
        people.append(person)
        return person

    yield come
    if request.node.stash.get(_FAILED, False):
        await _take_pictures(people, request.node.name)
    for person in people:
        await person.context.close()
    problems = [problem for person in people for problem in person.problems]
    assert problems == [], "pages broke the content policy or threw"


@pytest.fixture
async def ada(enter: Enter, studio: Studio) -> Person:
    """The person with the first account."""
    return await enter(studio, "Ada")


@pytest.fixture
async def ben(enter: Enter, studio: Studio) -> Person:
    """Somebody who came by Ada's invitation."""
    return await enter(studio, "Ben")


async def until(holds: Callable[[], Awaitable[bool]], what: Callable[[], Awaitable[object]] | None = None) -> None:
    """Wait for a condition, and fail with what there was instead."""
    try:
        async with asyncio.timeout(LIMIT_MILLISECONDS / 1000):
            while not await holds():
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        pytest.fail(f"did not come true in time; there is: {await what() if what else '?'}")


async def _launch(playwright: Playwright) -> Browser:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    try:
        return await playwright.chromium.launch(executable_path=found, args=arguments)
    except Error as error:
        why = error.message.splitlines()[0]
        missing = f"No browser could be started. Install Chromium, or run: playwright install chromium ({why})"
        if NEEDED:
            pytest.fail(missing)
        pytest.skip(missing)


@asynccontextmanager
async def _studio(browser: Browser) -> AsyncIterator[Studio]:
    """Start an installation, found it as Ada in the browser, and bring Ben in by her invitation."""
    if not (ROOT / "static" / "dist" / "manifest.json").exists():
        pytest.skip("the browser bundle is not built: make build")
    directory = Path(tempfile.mkdtemp(prefix="qr-", dir="/tmp"))
    async with open_catch_all() as caught:
        mail = {"QUILLROOM_SMTP_URL": caught.url, "QUILLROOM_SMTP_FROM": "Quillroom <room@example.org>"}
        async with _running(browser, Installation(directory, settings=mail), caught) as studio:
            yield studio
    shutil.rmtree(directory, ignore_errors=True)


@asynccontextmanager
async def _running(browser: Browser, installation: Installation, caught: CatchAll) -> AsyncIterator[Studio]:
    try:
        await asyncio.to_thread(installation.start)
        ada = await _enter(browser, installation, "Ada")
        await ada.page.goto(await asyncio.to_thread(installation.setup_link))
        await create_account(ada, "Ada Lovelace", "ada@example.org")
        await ada.page.wait_for_url("**/documents")
        ben = await _enter(browser, installation, "Ben")
        await ben.page.goto(await invitation_to_workspace(ada))
        await create_account(ben, "Ben Okri", "ben@example.org")
        await ben.page.wait_for_url("**/documents")
        token = await asyncio.to_thread(installation.create_token, "ada@example.org")
        states = [await person.context.storage_state() for person in (ada, ben)]
        for person in (ada, ben):
            await person.context.close()
            assert person.problems == []
        with installation.client(token) as api:
            yield Studio(installation, states[0], states[1], api, caught)
    finally:
        await asyncio.to_thread(installation.stop)


async def create_account(person: Person, name: str, email: str) -> None:
    """Fill in the form that the link of a first account or of an invitation shows."""
    await person.page.get_by_label("Your name").fill(name)
    address = person.page.get_by_label("E-mail")
    if await address.is_editable():
        await address.fill(email)
    else:
        # The invitation is for this address alone.
        assert await address.input_value() == email
    await person.page.get_by_label("Password").fill(PASSWORD)
    await person.page.get_by_role("button", name=re.compile("Create account")).click()


async def invitation_to_workspace(person: Person) -> str:
    """Make a link on the list of documents. Returns its address."""
    await person.go("/documents")
    await person.page.get_by_role("button", name="Invite").click()
    await person.page.locator("dialog#invite").get_by_role("button", name="Make a link").click()
    return await person.page.locator("#invitation-url").input_value()


async def _enter(browser: Browser, installation: Installation, name: str, **options: Any) -> Person:
    context = await browser.new_context(**options)
    person = Person(name, installation.address, context, await context.new_page())
    person.watch(person.page)
    return person


async def _take_pictures(people: list[Person], test: str) -> None:
    ARTIFACTS.mkdir(exist_ok=True)
    for person in people:
        for number, page in enumerate(person.context.pages):
            name = re.sub(r"[^\w-]+", "-", f"{test}-{person.name}-{number}")
            try:
                await page.screenshot(path=ARTIFACTS / f"{name}.png", timeout=5000)
            except Error as error:
                print(f"no picture of {name}: {error}")
