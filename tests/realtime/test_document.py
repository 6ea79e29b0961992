"""Many updates made one, step by step, are what the CRDT core makes of them at once."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import merge_updates

from realtime.document import Document, merged
from realtime.wire import read_state_vector

from .documents import Author, seed, text_of

edits = st.tuples(st.integers(0, 2), st.booleans(), st.integers(0, 40), st.sampled_from(["a", "bc", "é"]))


@settings(max_examples=30)
@given(st.lists(edits, min_size=1, max_size=300))
def test_updates_of_several_people_merge_the_same_in_steps_and_at_once(
    script: list[tuple[int, bool, int, str]],
) -> None:
    start = seed("all that is there at first ")
    authors = [Author(start) for _ in range(3)]
    updates = [start]
    for who, deletes, at, words in script:
        author = authors[who]
        length = len(str(author.text))
        update = author.delete(at, at + 1) if deletes and at < length else author.write(words, min(at, length))
        updates.append(update)
        # The third hears nobody.
        for other in authors[:2]:
            if other is not author and who < 2:
                other.hear(update)
    assert text_of(merged(updates)) == text_of(merge_updates(*updates))
    in_steps, at_once = Document([merged(updates)]), Document([merge_updates(*updates)])
    assert read_state_vector(in_steps.state_vector()) == read_state_vector(at_once.state_vector())


@pytest.mark.parametrize("count", [1, 2, 64, 65, 4097])
def test_any_number_of_keystrokes_merges(count: int) -> None:
    author = Author()
    updates = [author.write("x") for _ in range(count)]
    assert text_of(merged(updates)) == "x" * count
