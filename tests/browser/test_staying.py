"""Without a network, with a closed tab, through a reload: the text stays, and the page says truly where it is."""

import asyncio
import re

import pytest

from tests.browser.conftest import Enter, Person, Studio, until
from tests.running import create_document, read_text

pytestmark = pytest.mark.anyio

# A whole alphabet per sentence: one lost or doubled letter shows.
SENTENCE = " The quick brown fox jumps over the lazy dog."


async def test_what_is_typed_offline_is_kept_through_a_closed_tab_and_merges(
    ada: Person, ben: Person, studio: Studio
) -> None:
    document = create_document(studio.api, content="Together.\n\nApart.")
    await asyncio.gather(ada.open(document), ben.open(document))
    await ada.saved()
    await ada.context.set_offline(True)
    await ada.page.wait_for_selector("#save-state[data-state=offline]")
    await ada.write_at_end()
    await ada.type(SENTENCE)
    await ada.page.wait_for_selector("#save-state[data-state=offline]:has-text('kept here')")
    assert re.fullmatch(r"Offline · \d+ edits? kept here", await ada.save_words.text_content() or "")
    await ben.body.locator("p").first.click()
    await ben.page.keyboard.press("End")
    await ben.type(" Meanwhile, Ben.")
    await ben.saved()
    assert SENTENCE.strip() not in read_text(studio.api, document)
    await ada.page.close()
    await ada.context.set_offline(False)
    await ada.new_tab()
    await ada.open(document)
    await ada.saved()
    expected = f"Together. Meanwhile, Ben.\nApart.{SENTENCE}"
    for person in (ada, ben):
        await person.reads(expected)
        assert await person.text() == expected
    assert read_text(studio.api, document).split() == expected.split()


async def test_coming_back_online_while_typing_loses_nothing(ada: Person, ben: Person, studio: Studio) -> None:
    document = create_document(studio.api, content="Start.")
    await asyncio.gather(ada.open(document), ben.open(document))
    await ada.saved()
    await ada.write_at_end()
    await ada.context.set_offline(True)
    await ada.page.wait_for_selector("#save-state[data-state=offline]")
    await ada.type(SENTENCE)
    await asyncio.gather(ada.type(SENTENCE, delay=15), ada.context.set_offline(False))
    await ada.type(SENTENCE)
    await ada.saved()
    expected = "Start." + SENTENCE * 3
    await ben.reads(expected)
    assert await ben.text() == await ada.text() == expected
    assert re.fullmatch(r"Saved · .+", await ada.save_words.text_content() or "")


async def test_a_reload_in_the_middle_of_a_word_loses_nothing(ada: Person, studio: Studio) -> None:
    document = create_document(studio.api, content="Start.")
    await ada.open(document)
    await ada.write_at_end()
    await ada.type(SENTENCE)
    await ada.page.reload()
    await ada.live()
    await ada.saved()
    await ada.reads("Start." + SENTENCE)
    assert await ada.text() == "Start." + SENTENCE
    assert " ".join(read_text(studio.api, document).split()) == "Start." + SENTENCE


async def test_a_page_that_is_left_in_the_middle_of_a_word_has_sent_it(ada: Person, studio: Studio) -> None:
    document = create_document(studio.api, content="Start.")
    await ada.open(document)
    await ada.write_at_end()
    await ada.type(SENTENCE)
    await ada.go("/documents")
    await ada.open(document)
    await ada.saved()
    assert await ada.text() == "Start." + SENTENCE


async def test_saved_is_said_only_when_the_server_has_it(ada: Person, studio: Studio) -> None:
    document = create_document(studio.api, content="Start.")
    await ada.open(document)
    await ada.saved()
    await ada.write_at_end()
    for number in range(5):
        await ada.type(f" word{number}")
        await ada.saved()
        assert f"word{number}" in await asyncio.to_thread(read_text, studio.api, document)


async def test_a_stopped_server_is_told_and_waited_for(studio_to_kill: Studio, enter: Enter) -> None:
    studio = studio_to_kill
    ada = await enter(studio, "Ada")
    document = create_document(studio.api, content="Start.")
    await ada.open(document)
    await ada.saved()
    await ada.write_at_end()
    await asyncio.to_thread(studio.installation.stop)
    await ada.page.wait_for_selector("#save-state[data-state=reconnecting], #save-state[data-state=connecting]")
    await ada.type(SENTENCE)

    async def counted() -> bool:
        words = await ada.save_words.text_content() or ""
        return re.fullmatch(r"(Reconnecting in \d+ s|Connecting…) · \d+ edits? kept here", words) is not None

    await until(counted, ada.save_words.text_content)
    await asyncio.to_thread(studio.installation.start)
    await ada.saved()
    assert await ada.text() == "Start." + SENTENCE
    assert " ".join(read_text(studio.api, document).split()) == "Start." + SENTENCE


async def test_kill_9_in_the_middle_of_typing_loses_and_doubles_nothing(studio_to_kill: Studio, enter: Enter) -> None:
    studio = studio_to_kill
    ada, ben = await enter(studio, "Ada"), await enter(studio, "Ben")
    document = create_document(studio.api, content="Ada:\n\nBen:")
    await asyncio.gather(ada.open(document), ben.open(document))
    await ada.body.locator("p").first.click()
    await ada.page.keyboard.press("End")
    await ben.write_at_end()
    adas = "".join(f" a{number}" for number in range(60))
    bens = "".join(f" b{number}" for number in range(60))

    async def kill_and_start() -> None:
        await ada.reads(" b12")
        await asyncio.to_thread(studio.installation.kill)
        await asyncio.to_thread(studio.installation.start)

    await asyncio.gather(ada.type(adas, delay=15), ben.type(bens, delay=15), kill_and_start())
    await ada.type(" done")
    await ben.type(" done")
    await asyncio.gather(ada.retry(), ben.retry())
    expected = f"Ada:{adas} done\nBen:{bens} done"
    for person in (ada, ben):
        await person.reads(expected)
        assert await person.text() == expected
    assert read_text(studio.api, document).split() == expected.split()
