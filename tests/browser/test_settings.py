"""One's account and the people of a workspace, as they are used in a browser."""

import re
from uuid import uuid4

import pytest

from tests.browser.conftest import Enter, Person, Studio, create_account, invitation_to_workspace
from tests.running import PASSWORD, create_document

pytestmark = pytest.mark.anyio

NEW_PASSWORD = "eleven paper boats"


async def newcomer(enter: Enter, studio: Studio, name: str, *, link: str) -> Person:
    """Somebody who joins by a link, with an account that no other test uses."""
    person = await enter(studio, name)
    await person.page.goto(link)
    await create_account(person, name, f"{uuid4().hex}@example.org")
    await person.page.wait_for_url("**/documents")
    return person


async def test_a_new_name_and_colour_are_seen_by_those_who_write_along(
    ada: Person, enter: Enter, studio: Studio
) -> None:
    cy = await newcomer(enter, studio, "Cy", link=await invitation_to_workspace(ada))
    await cy.go("/documents")
    await cy.page.get_by_label("Account: Cy").click()
    await cy.page.get_by_role("link", name="Your account").click()
    await cy.page.get_by_label("Your name").fill("Cyra Two")
    await cy.page.get_by_role("radio", name="Indigo").check()
    await cy.page.get_by_role("button", name="Save").click()
    await cy.page.get_by_text("Saved. Pages that are open").wait_for()
    document = create_document(studio.api, title="Who is who", content="Text.")
    await ada.open(document)
    await cy.open(document)
    await ada.page.locator('#presence .presence-9[title="Cyra Two"]').wait_for()


async def test_a_new_password_signs_the_other_browser_out(ada: Person, enter: Enter, studio: Studio) -> None:
    here = await newcomer(enter, studio, "Dee", link=await invitation_to_workspace(ada))
    await here.go("/account")
    email = await here.page.locator("input[autocomplete=username]").input_value()
    there = await enter(studio, "Dee's phone")
    await there.go("/sign-in")
    await there.page.get_by_label("E-mail").fill(email)
    await there.page.get_by_label("Password").fill(PASSWORD)
    await there.page.get_by_role("button", name="Sign in").click()
    await there.page.wait_for_url("**/documents")
    await here.page.reload()
    assert await here.page.locator("#sessions .entry").count() == 2
    await here.page.get_by_label("Password now").fill("not it")
    await here.page.get_by_label("New password").fill(NEW_PASSWORD)
    await here.page.get_by_role("button", name="Change password").click()
    await here.page.get_by_text("This is not your password.").wait_for()
    await here.page.get_by_label("Password now").fill(PASSWORD)
    await here.page.get_by_label("New password").fill(NEW_PASSWORD)
    await here.page.get_by_role("button", name="Change password").click()
    await here.page.get_by_text("every other browser has been signed out").wait_for()
    assert await here.page.locator("#sessions .entry").count() == 1
    await there.go("/documents")
    await there.page.wait_for_url("**/sign-in")


async def test_a_token_is_copied_used_and_revoked(ada: Person, studio: Studio) -> None:
    await ada.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await ada.go("/account")
    name = f"Backup {uuid4().hex[:6]}"
    await ada.page.get_by_label("What is it for?").fill(name)
    await ada.page.get_by_role("button", name="Make a token").click()
    await ada.page.get_by_role("button", name="Copy").click()
    await ada.page.get_by_role("button", name="Copied").wait_for()
    text = await ada.page.evaluate("() => navigator.clipboard.readText()")
    assert text == await ada.page.locator("#token-text").input_value()
    with studio.installation.client(text) as program:
        assert program.get("/api/v1/me").json()["name"] == "Ada Lovelace"
        await ada.go("/account")
        assert await ada.page.locator("#token-text").count() == 0
        await ada.page.get_by_role("button", name=f"Revoke {name}").click()
        await ada.page.get_by_text("The token is revoked.").wait_for()
        assert program.get("/api/v1/me").status_code == 401


async def test_a_guest_comes_by_a_link_is_made_a_member_and_removed(ada: Person, enter: Enter, studio: Studio) -> None:
    await ada.go("/documents")
    await ada.page.get_by_role("link", name="People").click()
    before = await ada.page.locator("#invitations .entry").count()
    await ada.page.get_by_role("button", name="Invite").click()
    await ada.page.get_by_role("radio", name="Guest").check()
    await ada.page.get_by_role("button", name="Make a link").click()
    link = await ada.page.locator("#invitation-url").input_value()
    # The list behind the dialog has the new link without a reload.
    await ada.page.locator("#invitations .entry").nth(before).wait_for()
    await ada.page.keyboard.press("Escape")
    name = f"Eli {uuid4().hex[:6]}"
    eli = await newcomer(enter, studio, name, link=link)
    assert await eli.page.get_by_role("button", name="New document").count() == 0
    await eli.go("/workspace")
    assert await eli.page.locator("#invitations").count() == 0
    await ada.page.reload()
    await ada.page.get_by_text("1 person came").first.wait_for()
    row = ada.page.locator("#members .entry").filter(has_text=name)
    await row.locator("summary").click()
    await row.get_by_role("button", name="Make member").click()
    await ada.page.get_by_text("The role is changed.").wait_for()
    await eli.go("/documents")
    await eli.page.get_by_role("button", name="New document").wait_for()
    await row.locator("summary").click()
    await row.get_by_role("button", name="Remove from the workspace").click()
    await ada.page.get_by_text("They are out.").wait_for()
    assert await row.count() == 0
    await eli.go("/documents")
    await eli.page.get_by_text("You are in no workspace any more").wait_for()


async def test_without_script_people_are_invited_and_links_taken_back(enter: Enter, studio: Studio) -> None:
    ada = await enter(studio, "Ada", java_script_enabled=False)
    await ada.go("/workspace")
    before = await ada.page.locator("#invitations .entry").count()
    await ada.page.get_by_role("button", name="Invite").click()
    assert "/join/" in await ada.page.locator("#invitation-url").input_value()
    await ada.go("/workspace")
    assert await ada.page.locator("#invitations .entry").count() == before + 1
    await ada.page.get_by_label("Actions for the invitation").first.click()
    await ada.page.get_by_role("button", name="Take back").first.click()
    await ada.page.get_by_text("The link is taken back.").wait_for()
    assert await ada.page.locator("#invitations .entry").count() == before
    await ada.page.wait_for_url(re.compile("/workspace$"))
