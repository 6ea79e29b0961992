"""What every page keeps: readable without script, still at take-over, usable by all, in both themes and on a phone."""

import json

import pytest

from tests.browser.accessible import bring, faults
from tests.browser.conftest import Enter, Person, Studio
from tests.running import create_document

pytestmark = pytest.mark.anyio

PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}
EVERYTHING = """# A heading

A paragraph with **bold**, *italic*, ~~struck~~, `code` and a [link](https://example.org).

- one
- two

1. first
2. second

- [ ] to do
- [x] done

> Somebody else's words.

```python
print("kept as typed")
```

| Left | Right |
|------|-------|
| a    | b     |

---

The end.
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "page",
    [
        "/sign-in",
        "/documents",
        "/documents?view=trash",
        "/account",
        "/workspace",
        "/workspace/channels?connect=wordpress",
        "/operations",
        "document",
        "dialog",
        "menu",
        "link",
    ],
)
async def test_axe_finds_nothing(enter: Enter, studio: Studio, page: str, scheme: str) -> None:
    person = await enter(studio, "Eve" if page == "/sign-in" else "Ada", color_scheme=scheme, reduced_motion="reduce")
    await bring(person.page)
    if page.startswith("/"):
        await person.go(page)
    else:
        await person.open(create_document(studio.api, title="For everybody", content=EVERYTHING))
        await person.saved()
        if page == "dialog":
            await person.page.get_by_label("More about this document").click()
            await person.page.get_by_role("button", name="Invite to the workspace").click()
            await person.page.locator("dialog#invite[open]").wait_for()
        if page == "menu":
            await person.write_at_end()
            await person.page.keyboard.press("Enter")
            await person.type("/")
            await person.page.get_by_role("listbox").wait_for()
        if page == "link":
            await person.body.locator("a").click()
            await person.page.locator("[data-link-card]").wait_for()
    assert await faults(person.page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_on_the_pages_around_a_document(enter: Enter, studio: Studio, scheme: str) -> None:
    document = create_document(studio.api, title=f"Looked at {scheme}", content=EVERYTHING)
    path = f"/api/v1/documents/{document}"
    first = studio.api.post(f"{path}/revisions", json={"name": "First"}).json()["id"]
    content = {"format": "markdown", "content": EVERYTHING.replace("The end.", "To be continued.")}
    studio.api.put(f"{path}/content", json=content).raise_for_status()
    studio.api.post(f"{path}/comments", json={"text": "Hm?", "place": {"quote": "Somebody"}}).raise_for_status()
    invited = studio.api.post("/api/v1/workspace/invitations", json={"email": f"axe-{scheme}@example.org"}).json()
    over = studio.api.post(f"{path}/links", json={}).json()
    studio.api.delete(f"{path}/links/{over['link']['id']}").raise_for_status()
    options = {"color_scheme": scheme, "reduced_motion": "reduce"}
    ada, passer = await enter(studio, "Ada", **options), await enter(studio, "Passer-by", **options)
    here = f"/documents/{document}"
    looked = [
        (
            ada,
            [
                f"{here}/history",
                f"{here}/history?from={first}",
                f"{here}/history/authors",
                f"{here}/sharing",
                f"{here}/notifications",
                "/notifications",
                "/account/notifications",
            ],
        ),
        (
            passer,
            [
                studio.api.post(f"{path}/links", json={"role": "reviewer"}).json()["url"],
                studio.api.post(f"{path}/links", json={"password": "green lantern"}).json()["url"],
                over["url"],
                invited["url"],
                "/join/made-up",
            ],
        ),
    ]
    found = {}
    for person, addresses in looked:
        await bring(person.page)
        for address in addresses:
            await person.go(address.removeprefix(person.address))
            found[address] = await faults(person.page)
    await ada.open(document)
    await ada.page.locator("#comments-toggle").click()
    await ada.page.locator("#comments-drawer").get_by_text("Hm?").wait_for()
    found["comments"] = await faults(ada.page)
    assert {page: each for page, each in found.items() if each} == {}
    studio.api.delete(f"/api/v1/workspace/invitations/{invited['id']}").raise_for_status()


async def test_without_script_the_text_is_there_to_read(enter: Enter, studio: Studio) -> None:
    document = create_document(studio.api, title="Plain", content=EVERYTHING)
    ada = await enter(studio, "Ada", java_script_enabled=False)
    await ada.go(f"/documents/{document}")
    assert await ada.page.locator("#document-title").input_value() == "Plain"
    await ada.page.get_by_text("A paragraph with bold, italic, struck, code and a link.").wait_for()
    assert await ada.page.locator("noscript p").is_visible()
    await ada.go("/documents")
    await ada.page.get_by_role("link", name="Plain", exact=True).first.wait_for()
    await ada.page.get_by_role("button", name="New document").click()
    await ada.page.wait_for_selector("#document-title", state="attached")


async def test_nothing_moves_when_the_editor_takes_over(enter: Enter, studio: Studio) -> None:
    document = create_document(studio.api, title="Standing still", content=EVERYTHING)
    still = await enter(studio, "Ada", java_script_enabled=False)
    await still.go(f"/documents/{document}")
    before = await _places(still)
    ada = await enter(studio, "Ada")
    await ada.context.add_init_script(
        "window.shifts = []; new PerformanceObserver(list => { for (const shift of list.getEntries())"
        " window.shifts.push(shift.value); }).observe({type: 'layout-shift', buffered: true});"
    )
    await ada.open(document)
    await ada.saved()
    assert await _places(ada) == before
    assert await ada.page.evaluate("() => window.shifts.reduce((sum, shift) => sum + shift, 0)") < 0.01


async def test_a_phone_shows_all_without_sideways_scrolling(enter: Enter, studio: Studio) -> None:
    document = create_document(studio.api, title="On the train with a long title that has to wrap", content=EVERYTHING)
    ada = await enter(studio, "Ada", **PHONE)
    for path in ("/documents", "/documents?view=trash", "/account", "/workspace", f"/documents/{document}"):
        await ada.go(path)
        assert await ada.page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth"), path
    await ada.live()
    await ada.body.locator("p").last.tap()
    await ada.page.keyboard.press("End")
    await ada.type(" Written with a thumb.")
    await ada.saved()
    await ada.reads("The end. Written with a thumb.")
    for control in await ada.page.locator("header :is(a, button, summary):visible").all():
        box = await control.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 40, await control.get_attribute("aria-label")


@pytest.mark.parametrize("page", ["live", "without script"])
async def test_a_wide_table_scrolls_by_itself_on_a_phone(enter: Enter, studio: Studio, page: str) -> None:
    row = "|".join(["", *"ABCDEFGH", ""])
    content = f"{row}\n{'|---' * 8}|\n{row}\n"
    ada = await enter(studio, "Ada", **PHONE, java_script_enabled=page == "live")
    await ada.go(f"/documents/{create_document(studio.api, title='Wide', content=content)}")
    if page == "live":
        await ada.live()
    assert await ada.page.locator("td").last.evaluate("cell => cell.getBoundingClientRect().right > innerWidth")
    assert await ada.page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")


async def test_the_theme_can_be_chosen_and_is_kept(ada: Person) -> None:
    await ada.page.emulate_media(color_scheme="light")
    await ada.go("/documents")
    await ada.page.keyboard.press("Control+Shift+L")
    await ada.page.wait_for_selector("html[data-theme=dark]")
    await ada.page.reload()
    await ada.page.wait_for_selector("html[data-theme=dark]")
    background = await ada.page.locator("body").evaluate("body => getComputedStyle(body).backgroundColor")
    assert sum(json.loads(background.replace("rgb(", "[").replace(")", "]"))) < 150


async def test_the_keyboard_reaches_the_text_past_the_header(ada: Person, studio: Studio) -> None:
    document = create_document(studio.api, title="Keys", content="Text.")
    await ada.open(document)
    await ada.page.keyboard.press("Tab")
    focused = ada.page.locator(":focus")
    assert await focused.text_content() == "Skip to content"
    await ada.page.locator("#document-title").focus()
    await ada.page.keyboard.press("Enter")
    await ada.type("Begin. ")
    await ada.reads("Begin. Text.")


async def _places(person: Person) -> list[list[float]]:
    """Where each block stands below the title, in whole pixels; above it stands a notice for those without script."""
    places: list[list[float]] = await person.page.locator("#document-title, .prose-body > *").evaluate_all(
        "blocks => blocks.map(block => block.getBoundingClientRect())"
        ".map(({x, y, width, height}, _, [title]) => [x, y - title.y, width, height].map(Math.round))"
    )
    return places


async def test_each_paragraph_runs_in_the_direction_of_its_first_letter(ada: Person, studio: Studio) -> None:
    document = create_document(studio.api, title="عنوان", content="Left to right.\n\nمن اليمين إلى اليسار")
    await ada.open(document)
    assert await ada.body.evaluate(
        """body => [...body.children].map(block => {
            const words = document.createRange();
            words.selectNodeContents(block);
            const [line, room] = [words.getBoundingClientRect(), block.getBoundingClientRect()];
            return room.right - line.right < line.left - room.left ? "right" : "left";
        })"""
    ) == ["left", "right"]


async def test_all_shortcuts_are_seen_at_once(enter: Enter, studio: Studio) -> None:
    ada = await enter(studio, "Ada", viewport={"width": 1280, "height": 720})
    await ada.open(create_document(studio.api, title="Keys"))
    await ada.page.locator("summary[aria-label^='More']").click()
    await ada.page.get_by_role("button", name="Keyboard shortcuts").click()
    dialog = ada.page.locator("dialog#shortcuts")
    await dialog.wait_for()
    assert await dialog.evaluate("dialog => dialog.scrollHeight <= dialog.clientHeight")
