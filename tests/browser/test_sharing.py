"""Sharing as two people and a passer-by live it: the dialog, asking to be let in, links; with axe, in both themes."""

import re

import pytest

from tests.browser.accessible import faults
from tests.browser.conftest import ARTIFACTS, Enter, Person, Studio, until
from tests.browser.test_pages import PHONE
from tests.running import create_document

pytestmark = pytest.mark.anyio


async def _open_panel(person: Person) -> None:
    await person.page.get_by_role("link", name="Share", exact=True).click()
    await person.page.locator("dialog#share[open] #share-who").wait_for()


async def _said(person: Person, words: str) -> None:
    await person.page.locator("#share-panel [role=status]", has_text=words).wait_for()


async def _picture(person: Person, name: str) -> None:
    ARTIFACTS.mkdir(exist_ok=True)
    await person.page.screenshot(path=ARTIFACTS / f"sharing-{name}.png")


async def test_ben_asks_to_be_let_in_and_reads_then_writes(ada: Person, ben: Person, studio: Studio) -> None:
    document = create_document(studio.api, title="For a few", content="The plan.")
    studio.api.put(f"/api/v1/documents/{document}/sharing", json={"reach": "people"}).raise_for_status()
    await ben.go(f"/documents/{document}")
    await ben.page.get_by_role("heading", name="This is not shared with you").wait_for()
    assert "For a few" not in await ben.page.content()
    await ada.open(document)
    await _open_panel(ada)
    # While she types, the open panel shows what others do, and takes neither her words nor her place.
    typing = ada.page.get_by_label("Add people")
    await typing.fill("Ri")
    await ben.page.get_by_label("A word about why").fill("I write the budget")
    await ben.page.get_by_label("You would like to have it").select_option("editor")
    await ben.page.get_by_role("button", name="Ask for access").click()
    await ben.page.get_by_role("heading", name="You have asked").wait_for()
    await ada.page.get_by_text("I write the budget").wait_for()
    assert await typing.evaluate("each => each === document.activeElement && each.value") == "Ri"
    # Another role than the one that was asked for; whoever waits is led in, and hears which one it is.
    await ada.page.get_by_label("What Ben Okri gets").select_option("viewer")
    await ada.page.get_by_role("button", name="Approve: Ben Okri").click()
    await _said(ada, "They are in: can view.")
    await ben.live()
    await ben.page.locator("[data-bell] summary").click()
    await ben.page.get_by_text("You asked to edit it. You can read it.").first.wait_for()
    await ben.page.keyboard.press("Escape")
    assert await ben.page.locator("#document-content").get_attribute("data-editable") == "false"
    role = ada.page.get_by_label("What Ben Okri may do")
    await role.focus()
    await role.select_option("editor")
    await _said(ada, "The role is changed.")
    # The part that was swapped keeps the place of whoever works with the keyboard.
    assert await role.evaluate("each => each === document.activeElement")
    # What somebody else changes meanwhile stands there, too.
    path = f"/api/v1/documents/{document}/collaborators"
    people = studio.api.get(path).json()["collaborators"]
    theirs = next(f"{path}/{each['person']['id']}" for each in people if each["role"] == "editor")
    for changed in ("reviewer", "editor"):
        studio.api.put(theirs, json={"role": changed}).raise_for_status()

        async def follows(value: str = changed) -> bool:
            return await role.input_value() == value

        await until(follows, role.input_value)
    assert await role.evaluate("each => each === document.activeElement")
    await ben.open(document)
    await ben.write_at_end()
    await ben.type(" And the budget.")
    await ben.saved()
    await ada.page.keyboard.press("Escape")
    await ada.reads("The plan. And the budget.")


async def test_a_link_is_read_by_anybody_until_it_is_taken_back(ada: Person, enter: Enter, studio: Studio) -> None:
    document = create_document(studio.api, title="Open letter", content="Dear all.")
    await ada.open(document)
    await _open_panel(ada)
    await ada.page.get_by_text("New link").click()
    await ada.page.get_by_label("Password, if you want one").fill("green lantern")
    await ada.page.get_by_role("button", name="Make a link").click()
    link = await ada.page.locator("#share-made").input_value()
    passer = await enter(studio, "Passer-by")
    await passer.page.goto(link)
    await passer.page.get_by_label("Password").fill("green lantern")
    await passer.page.get_by_role("button", name="Open").click()
    await passer.page.get_by_text("Dear all.").wait_for()
    assert await passer.page.locator("[contenteditable]").count() == 0
    # The page follows by itself: what is written, and that it is over.
    await ada.page.keyboard.press("Escape")
    await ada.write_at_end()
    await ada.type(" Until soon.")
    await passer.page.get_by_text("Dear all. Until soon.").wait_for()
    await _open_panel(ada)
    await ada.page.get_by_role("button", name=re.compile("^Take back the link")).click()
    await _said(ada, "opens nothing any more")
    await passer.page.get_by_role("heading", name="This link is over").wait_for()


async def test_all_that_was_given_stands_in_the_panel_and_is_taken_back(
    ada: Person, ben: Person, studio: Studio
) -> None:
    document = create_document(studio.api, title="Handed on", content="Words.")
    await ada.go(f"/documents/{document}/sharing")
    panel = ada.page.locator("#share-panel")
    await panel.get_by_label("Add people").fill("zadie@example.org")
    await panel.get_by_label("They").select_option("viewer")
    await panel.get_by_role("button", name="Share", exact=True).click()
    await panel.get_by_text("Invited").wait_for()
    await panel.get_by_text("New link").click()
    await panel.get_by_label("It works").select_option("7")
    await panel.get_by_role("button", name="Make a link").click()
    await panel.get_by_text(re.compile(r"By you, \d+:\d\d.* · until ")).wait_for()
    await panel.get_by_label("Add people").fill("ben@example.org")
    await panel.get_by_role("button", name="Share", exact=True).click()
    await _said(ada, "Ben Okri: can edit.")
    await _picture(ada, "all")
    # Handing over is asked about, and can be left.
    role = panel.get_by_label("What Ben Okri may do")
    await role.select_option(label="Hand it over…")
    await panel.get_by_role("group", name="Hand it over to Ben Okri?").wait_for()
    await _picture(ada, "sure")
    await panel.get_by_role("link", name="Cancel").click()
    await panel.get_by_role("group", name="Hand it over").wait_for(state="detached")
    assert await role.input_value() == "editor"
    await panel.get_by_role("button", name="Take back the invitation: zadie@example.org").click()
    await _said(ada, "The invitation is taken back.")
    await panel.get_by_role("button", name=re.compile("^Take back the link")).click()
    await _said(ada, "opens nothing any more")
    await role.select_option(label="Hand it over…")
    await panel.get_by_role("button", name="Hand it over").click()
    await _said(ada, "It is handed over.")
    await ben.go(f"/documents/{document}/sharing")
    theirs = ben.page.get_by_label("What Ben Okri may do")
    assert await theirs.input_value() == "owner"
    # Nobody leaves a document without an owner.
    await theirs.select_option("remove")
    await _said(ben, "Somebody has to own this document.")
    assert await theirs.input_value() == "owner"
    await ben.page.get_by_label("What Ada Lovelace may do").select_option("remove")
    await ben.page.get_by_label("What Ada Lovelace may do").wait_for(state="detached")


async def test_lists_follow_what_somebody_is_in_the_workspace(ada: Person, ben: Person, studio: Studio) -> None:
    create_document(studio.api, title="For those at work")
    await ben.go("/documents")
    theirs = ben.page.locator(".document", has_text="For those at work")
    await theirs.wait_for()
    their_list = ben.page
    await ben.new_tab()
    await ben.go("/workspace")
    rename = ben.page.get_by_role("button", name="Rename")
    for role in ("guest", "admin", "scheduler", "member"):
        await ada.go("/workspace")
        await ada.page.get_by_label("Actions for Ben Okri").click()
        await ada.page.get_by_role("button", name=f"Make {role}").click()
        await ada.page.get_by_text("The role is changed.").wait_for()
        await theirs.wait_for(state="detached" if role == "guest" else "visible")
        # Their own page of the people follows, too.
        await rename.wait_for(state="visible" if role == "admin" else "detached")
        await ben.page.locator(".entry", has_text="Ben Okri").locator(".badge", has_text=role.capitalize()).wait_for()
    ben.page = their_list


async def test_from_the_list_a_document_is_shared(ada: Person, studio: Studio) -> None:
    create_document(studio.api, title="In the list")
    await ada.go("/documents")
    row = ada.page.locator(".document", has_text="In the list").first
    await row.get_by_label("Actions for “In the list”").click()
    await row.get_by_text("Share…").click()
    panel = ada.page.locator("dialog#share[open] #share-panel")
    await panel.get_by_text("“In the list”").wait_for()
    await panel.get_by_label("Add people").fill("somebody@example.org")
    await panel.get_by_role("button", name="Share", exact=True).click()
    await panel.get_by_text("Invitation for somebody@example.org").wait_for()

    async def made() -> bool:
        return "/join/" in await panel.locator("#share-made").input_value()

    await until(made)
    # It goes when the invitation has done its work, or is taken back somewhere else.
    theirs = [
        each["id"]
        for each in studio.api.get("/api/v1/workspace/invitations").json()["invitations"]
        if each["email"] == "somebody@example.org"
    ]
    for each in theirs:
        studio.api.delete(f"/api/v1/workspace/invitations/{each}").raise_for_status()
    await panel.locator("#share-made").wait_for(state="detached")


async def test_who_may_only_read_comes_again_and_follows(ada: Person, ben: Person, studio: Studio) -> None:
    document = create_document(studio.api, title="Read me", content="First words.\n\nMore.")
    path = f"/api/v1/documents/{document}"
    studio.api.put(f"{path}/sharing", json={"reach": "people"}).raise_for_status()
    studio.api.post(f"{path}/collaborators", json={"email": "ben@example.org", "role": "viewer"}).raise_for_status()
    await ada.open(document)
    # Something is deleted, too: the copy in the reader's browser tells of that again at the next visit.
    await ada.write_at_end()
    for _ in range(2):
        await ada.page.keyboard.press("Backspace")
    await ada.saved()
    for words in (" Once.", " Twice.", " Thrice."):
        await ben.go(f"/documents/{document}")
        await ben.reads("First words.")
        await ada.type(words)
        await ben.reads(words)
        assert not await ben.page.locator("#editor-banner").is_visible()


async def test_a_role_that_changes_is_told_in_the_open_document(ada: Person, ben: Person, studio: Studio) -> None:
    document = create_document(studio.api, title="In place", content="Words.")
    path = f"/api/v1/documents/{document}"
    studio.api.put(f"{path}/sharing", json={"reach": "people"}).raise_for_status()
    studio.api.post(f"{path}/collaborators", json={"email": "ben@example.org", "role": "viewer"}).raise_for_status()
    people = studio.api.get(f"{path}/collaborators").json()["collaborators"]
    theirs = next(f"{path}/collaborators/{each['person']['id']}" for each in people if each["role"] == "viewer")
    await ada.open(document)
    await ben.open(document)
    banner = ben.page.locator("#editor-banner")
    assert not await banner.is_visible()
    for role, words, shape in (
        ("reviewer", "You now have comment access", "light"),
        ("viewer", "You now have view access", "dark"),
        ("editor", "You now have edit access", "light"),
    ):
        studio.api.put(theirs, json={"role": role}).raise_for_status()
        await banner.get_by_text(words).wait_for()
        await ben.page.emulate_media(color_scheme="dark" if shape == "dark" else "light")
        await _picture(ben, f"told-{role}")
    # Without a reload they write, and what they write is whole.
    await banner.get_by_role("button", name="OK").click()
    await banner.wait_for(state="hidden")
    await ben.write_at_end()
    await ben.page.keyboard.press("Enter")
    await ben.type("And mine.")
    await ben.saved()
    await ada.reads("Words.", "And mine.")
    ids = await ada.body.locator("> p").evaluate_all("all => all.map(each => each.getAttribute('data-id'))")
    assert len(set(ids)) == 2
    assert all(ids)
    # The button to share goes with the right, and comes back with it.
    await ben.page.reload()
    await ben.live()
    share = ben.page.locator(".editor-invite")
    await share.wait_for()
    studio.api.put(theirs, json={"role": "reviewer"}).raise_for_status()
    await share.wait_for(state="hidden")
    studio.api.put(theirs, json={"role": "editor"}).raise_for_status()
    await share.wait_for()
    studio.api.delete(theirs).raise_for_status()
    await banner.get_by_text("you no longer have access to it").wait_for()


async def test_the_list_shows_who_is_in_a_document_now(ada: Person, ben: Person, studio: Studio) -> None:
    document = create_document(studio.api, title="Looked at", content="Words.")
    await ada.go("/documents")
    faces = ada.page.locator(f"#here-{document}").get_by_role("listitem")
    assert await faces.count() == 0
    await ben.open(document)
    await faces.filter(has_text="Ben Okri").wait_for()
    await _picture(ada, "visitor")
    await ada.new_tab()
    await ada.open(document)
    await ada.page.close()
    ada.page = ada.context.pages[0]
    await ben.go("/documents")
    await faces.first.wait_for(state="detached")


@pytest.mark.parametrize("shape", ["wide-light", "phone-dark"])
async def test_axe_finds_nothing(enter: Enter, studio: Studio, shape: str) -> None:
    size, scheme = shape.split("-")
    options = dict(PHONE) if size == "phone" else {"viewport": {"width": 1200, "height": 900}}
    document = create_document(studio.api, title="A plan for the second half of the year", content="Words.\n\nMore.")
    path = f"/api/v1/documents/{document}"
    studio.api.post(f"{path}/collaborators", json={"email": "ben@example.org", "role": "reviewer"}).raise_for_status()
    link = studio.api.post(f"{path}/links", json={"role": "viewer", "password": "green lantern"}).json()["url"]
    plain = studio.api.post(f"{path}/links", json={"role": "editor"}).json()["url"]
    ada = await enter(studio, "Ada", color_scheme=scheme, reduced_motion="reduce", bypass_csp=True, **options)
    await ada.go(f"/documents/{document}/sharing")
    assert await faults(ada.page) == []
    await _picture(ada, f"page-{shape}")
    await ada.open(document)
    if size == "phone":
        await ada.page.get_by_label("More about this document").click()
        await ada.page.get_by_text("Share…").click()
        await ada.page.locator("dialog#share[open] #share-who").wait_for()
    else:
        await _open_panel(ada)
    assert await faults(ada.page) == []
    await _picture(ada, f"dialog-{shape}")
    await ada.page.get_by_text("New link").click()
    await ada.page.get_by_role("button", name="Make a link").click()
    await ada.page.locator("#share-link-form button:focus", has_text="Copy").wait_for()
    assert await faults(ada.page) == []
    await _picture(ada, f"made-{shape}")
    passer = await enter(studio, "Passer-by", color_scheme=scheme, bypass_csp=True, **options)
    await passer.page.goto(link)
    assert await faults(passer.page) == []
    await _picture(passer, f"password-{shape}")
    await passer.page.goto(plain)
    assert await faults(passer.page) == []
    await _picture(passer, f"read-{shape}")
    hidden = create_document(studio.api, title="Hidden")
    studio.api.put(f"/api/v1/documents/{hidden}/sharing", json={"reach": "people"}).raise_for_status()
    ben = await enter(studio, "Ben", color_scheme=scheme, bypass_csp=True, **options)
    await ben.go(f"/documents/{hidden}")
    assert await faults(ben.page) == []
    await _picture(ben, f"ask-{shape}")


@pytest.mark.parametrize("shape", ["wide-light", "phone-dark"])
async def test_collections_are_made_and_filled_from_the_list(enter: Enter, studio: Studio, shape: str) -> None:
    size, scheme = shape.split("-")
    options = dict(PHONE) if size == "phone" else {"viewport": {"width": 1200, "height": 900}}
    title, name, inner = f"For the shelf {shape}", f"Plans {shape}", f"Money {shape}"
    create_document(studio.api, title=title, content="Words.")
    ada = await enter(studio, "Ada", color_scheme=scheme, reduced_motion="reduce", bypass_csp=True, **options)
    page, panel = ada.page, ada.page.locator("dialog#place[open]")
    await ada.go("/documents")
    for each in (name, inner):
        await page.get_by_role("link", name="New collection").click()
        await panel.locator("#place-name:focus").fill(each)
        await page.keyboard.press("Enter")
        await page.get_by_role("heading", name=each, exact=True).wait_for()
        await page.get_by_text("Nothing lies here yet").wait_for()
    await page.get_by_role("navigation", name="Collections around").get_by_role("link", name=name).click()
    await page.get_by_role("link", name=f"{inner} 0 documents").wait_for()
    await ada.go("/documents")
    row = page.locator(".document", has_text=title).first
    await row.hover()
    await row.get_by_label(f"Actions for “{title}”").click()
    await row.get_by_text("Move to…").click()
    # The present place has the focus; the arrows lead on to the others.
    await panel.get_by_label("In no collection").and_(page.locator(":focus")).wait_for()
    await panel.get_by_label(name).check()
    await page.keyboard.press("ArrowDown")
    await panel.get_by_label(inner).and_(page.locator(":checked")).wait_for()
    await page.keyboard.press("ArrowUp")
    assert await faults(ada.page) == []
    await _picture(ada, f"move-{shape}")
    await page.keyboard.press("Enter")
    await page.locator(".toast", has_text=f"“{title}” is moved.").wait_for()
    await row.get_by_role("link", name=f"In the collection “{name}”").wait_for()
    assert await faults(ada.page) == []
    await _picture(ada, f"list-{shape}")
    await page.get_by_role("link", name=f"{name} 1 document", exact=True).click()
    await page.get_by_role("link", name=title, exact=True).wait_for()
    assert await faults(ada.page) == []
    await _picture(ada, f"collection-{shape}")
    await page.get_by_role("link", name=title, exact=True).click()
    await ada.live()
    await page.get_by_label("More about this document").click()
    await page.get_by_text("Move to…").click()
    await panel.get_by_label(inner).check()
    await page.keyboard.press("Enter")
    await page.locator(".toast", has_text=f"“{title}” is moved.").wait_for()
    await ada.go("/documents")
    await page.get_by_role("link", name=f"{name} 1 document", exact=True).click()
    await page.get_by_role("link", name=f"{inner} 1 document", exact=True).wait_for()
    await page.get_by_role("link", name="Share", exact=True).click()
    share = page.locator("dialog#share[open] #share-panel")
    await share.get_by_label("Everybody else in").select_option("people")
    await _said(ada, "That is how it is shared from now on.")
    await share.get_by_label("Add people").fill("Ben Okri")
    await share.get_by_role("button", name="Share", exact=True).click()
    await _said(ada, "Ben Okri: can edit.")
    assert await share.get_by_label("Add people").input_value() == ""
    assert await faults(ada.page) == []
    await _picture(ada, f"share-collection-{shape}")
    await page.keyboard.press("Escape")
    await page.get_by_label("Actions for the collection").click()
    await page.get_by_text("Delete…").click()
    await panel.get_by_text("No document is lost.").wait_for()
    assert await faults(ada.page) == []
    await _picture(ada, f"delete-{shape}")
    await panel.get_by_role("button", name="Delete the collection").click()
    await page.get_by_role("link", name=title, exact=True).wait_for()
    assert await page.get_by_role("link", name=re.compile(f"^{name} ")).count() == 0
