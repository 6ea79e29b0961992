"""The ways in and out: the link of the first account, signing in and out, an invitation."""

import pytest

from tests.browser.conftest import Enter, Person, Studio, create_account, invitation_to_workspace
from tests.running import PASSWORD, create_document

pytestmark = pytest.mark.anyio


async def test_the_link_of_the_first_account_works_once(enter: Enter, studio: Studio) -> None:
    eve = await enter(studio, "Eve")
    await eve.page.goto(studio.installation.setup_link())
    await eve.page.get_by_role("heading", name="This link is used up").wait_for()
    assert await eve.page.get_by_role("main").get_by_role("link").all_inner_texts() == ["Sign in"]


async def test_whoever_is_in_already_goes_from_a_used_up_link_to_the_documents(ada: Person, studio: Studio) -> None:
    await ada.page.goto(studio.installation.setup_link())
    assert await ada.page.get_by_role("main").get_by_role("link").all_inner_texts() == ["Go to documents"]


async def test_the_first_field_at_fault_takes_the_caret_and_its_error_stands_in_the_hints_place(
    ada: Person, enter: Enter, studio: Studio
) -> None:
    link = await invitation_to_workspace(ada)
    eve = await enter(studio, "Eve")
    await eve.page.goto(link)
    await eve.page.get_by_label("Your name").fill("Eve")
    await eve.page.get_by_label("E-mail").fill("eve@example.org")
    await eve.page.get_by_label("Password").fill("short")
    await eve.page.keyboard.press("Enter")
    await eve.page.locator("#field-password:focus[aria-invalid=true][aria-describedby=field-password-error]").wait_for()
    assert await eve.page.locator("#field-password-hint").count() == 0


async def test_the_first_account_finds_a_document_that_explains_itself(ada: Person) -> None:
    await ada.go("/documents")
    await ada.page.locator("[data-document]").last.get_by_role("link").first.click()
    await ada.live()
    assert len(await ada.text()) > 100


async def test_signing_out_and_in_again(enter: Enter, studio: Studio) -> None:
    ada = await enter(studio, "Ada again")
    document = create_document(studio.api, title="Behind the door")
    await ada.go(f"/documents/{document}")
    await ada.page.get_by_label("E-mail").fill("ada@example.org")
    await ada.page.get_by_label("Password").fill("not her password")
    await ada.page.get_by_role("button", name="Sign in").click()
    await ada.page.get_by_text("The e-mail address or the password is not right.").wait_for()
    assert await ada.page.get_by_label("E-mail").input_value() == "ada@example.org"
    await ada.page.locator("#field-password:focus").wait_for()
    await ada.page.get_by_label("Password").fill(PASSWORD)
    await ada.page.get_by_role("button", name="Sign in").click()
    await ada.page.wait_for_url(f"**/documents/{document}")
    await ada.live()
    await ada.page.locator("summary[aria-label^='Account']").click()
    await ada.page.get_by_role("button", name="Sign out").click()
    await ada.page.wait_for_url("**/sign-in")
    await ada.go("/documents")
    await ada.page.get_by_role("heading", name="Sign in").wait_for()


async def test_another_choice_takes_back_the_link_that_was_not_made_from_it(ada: Person, studio: Studio) -> None:
    await ada.open(create_document(studio.api, title="Two links"))
    await ada.page.get_by_label("More about this document").click()
    await ada.page.get_by_role("button", name="Invite to the workspace").click()
    dialog, link = ada.page.locator("dialog#invite"), ada.page.locator("#invitation-url")
    make = dialog.get_by_role("button", name="Make a link")
    await make.click()
    await dialog.locator("button:focus", has_text="Copy").wait_for()
    first = await link.input_value()
    assert not await make.is_visible()
    await dialog.get_by_role("radio", name="Guest").check()
    assert await link.count() == 0
    await make.click()
    assert await link.input_value() != first


async def test_an_invitation_to_a_document_lets_a_second_person_write(
    ada: Person, enter: Enter, studio: Studio
) -> None:
    document = create_document(studio.api, title="Come and see", content="Here it begins.")
    await ada.open(document)
    await ada.page.get_by_label("More about this document").click()
    await ada.page.get_by_role("button", name="Invite to the workspace").click()
    await ada.page.locator("dialog#invite").get_by_role("button", name="Make a link").click()
    link = await ada.page.locator("#invitation-url").input_value()
    await ada.page.keyboard.press("Escape")
    cleo = await enter(studio, "Cleo")
    await cleo.page.goto(link)
    await cleo.page.get_by_text("Come and see").first.wait_for()
    await create_account(cleo, "Cleo de Mérode", "cleo@example.org")
    await cleo.page.wait_for_url(f"**/documents/{document}")
    await cleo.live()
    await cleo.write_at_end()
    await cleo.type(" And here it goes on.")
    await ada.reads("Here it begins. And here it goes on.")
    await ada.page.locator("#presence li.avatar[title^='Cleo']").wait_for()


async def test_an_invitation_that_was_never_made_says_so(enter: Enter, studio: Studio) -> None:
    eve = await enter(studio, "Eve")
    await eve.go("/join/nothing-of-the-kind")
    await eve.page.get_by_role("heading", name="This invitation is over").wait_for()


async def test_somebody_with_an_account_joins_without_a_form(ada: Person, ben: Person) -> None:
    await ben.page.goto(await invitation_to_workspace(ada))
    await ben.page.wait_for_url("**/documents")
