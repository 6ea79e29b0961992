"""Who else is here: what their avatar tells, the way to their caret, and seeing what they see."""

import re

from tests.running import create_document

from .conftest import Person, Studio, until

LONG = "\n\n".join(f"Paragraph {number}. " + "Words that fill the line. " * 12 for number in range(60))


async def _top(person: Person) -> float:
    return float(await person.page.evaluate("() => window.scrollY"))


async def test_an_avatar_tells_about_its_person_and_leads_to_their_caret(
    ada: Person, ben: Person, studio: Studio
) -> None:
    document = create_document(studio.api, content=LONG)
    await ada.open(document)
    await ben.open(document)
    await ben.write_at_end()
    avatar = ada.page.locator("#presence li.avatar", has_text="Ben")
    await ada.page.locator(".caret").wait_for(state="attached")
    assert await _top(ada) == 0
    await avatar.locator("summary").click()
    card = avatar.locator(".person-card")
    await card.wait_for()
    assert re.fullmatch(r"Can edit · Active now · on a computer", await card.locator(".person-facts").inner_text())

    async def is_there() -> bool:
        seen = "caret => caret.getBoundingClientRect().top < innerHeight"
        return bool(await ada.page.locator(".caret").evaluate(seen))

    await until(is_there, lambda: _top(ada))


async def test_following_shows_what_somebody_sees_until_one_scrolls(ada: Person, ben: Person, studio: Studio) -> None:
    document = create_document(studio.api, content=LONG)
    await ada.open(document)
    await ben.open(document)
    avatar = ada.page.locator("#presence li.avatar", has_text="Ben")
    await avatar.locator("summary").click()
    await avatar.get_by_role("button", name="Follow", exact=True).click()
    await ada.page.locator("#presence li.avatar[data-followed=true]").wait_for()
    await ben.page.locator("#presence li.avatar", has_text="Ada").wait_for()
    await ben.page.evaluate("() => window.scrollTo(0, 2000)")

    async def sees_the_same() -> bool:
        return abs(await _top(ada) - await _top(ben)) < 3

    async def places() -> tuple[float, float]:
        return await _top(ada), await _top(ben)

    await until(sees_the_same, places)
    await ada.page.mouse.move(400, 400)
    await ada.page.mouse.wheel(0, -300)
    await ada.page.locator("#presence li.avatar[data-followed=false]").wait_for()
