"""Adapting a document to a channel: together and live, with the document changing underneath."""

import re

import pytest

from tests.browser.conftest import Enter, Person, Studio, until
from tests.browser.test_reviewing import look
from tests.running import create_document

pytestmark = pytest.mark.anyio

TEXT = "We move in autumn.\n\nThe rooms are on the second floor.\n\nBring your own chair."


async def connect(ada: Person, name: str = "mastodon") -> None:
    """Open a sandbox that has the limits of a channel."""
    await ada.go("/workspace/channels?connect=sandbox")
    form = ada.page.locator("#connect-sandbox form")
    await form.get_by_label("Whose limits it has").select_option(name)
    await form.get_by_role("button", name="Connect Sandbox").click()
    await ada.page.wait_for_url(re.compile("/workspace/channels"))


async def open_channels(person: Person, document: str) -> None:
    """Open the variants of a document, the first account's."""
    await person.go(f"/documents/{document}/channels")
    await person.page.wait_for_selector("#variant-text[data-live=true]")


async def test_adapted_together(enter: Enter, studio: Studio) -> None:
    ada = await enter(studio, "Ada", bypass_csp=True)
    ben = await enter(studio, "Ben", bypass_csp=True)
    document = create_document(studio.api, title="Autumn plan", content=TEXT)
    await connect(ada)
    await open_channels(ada, document)
    await open_channels(ben, document)
    await look(ada, "variants")
    row = ada.page.locator(".variant-block", has_text="We move")
    await row.hover()
    await row.get_by_role("button", name="Adapt").click()
    await ada.page.keyboard.type("Soon: ")
    await ben.page.locator(".variant-own", has_text="Soon:").wait_for()
    await look(ada, "variants-adapted")
