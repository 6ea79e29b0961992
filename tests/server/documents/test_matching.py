"""What two sequences share, found with a bound on the work."""

from hypothesis import given
from hypothesis import strategies as st

from server.documents.matching import Effort, common_ends, opcodes

WORDS = st.lists(st.sampled_from(["a", "b", " ", "one", "two"]), max_size=40)


@given(WORDS, WORDS, st.integers(0, 400))
def test_whatever_the_effort_one_becomes_the_other(old: list[str], new: list[str], steps: int) -> None:
    effort = Effort(steps)
    made: list[str] = []
    place = 0
    for kind, i0, i1, j0, j1 in opcodes(old, new, effort):
        assert i0 == place
        place = i1
        if kind == "equal":
            assert old[i0:i1] == new[j0:j1]
        made += new[j0:j1]
    assert (place, made) == (len(old), new)
    assert effort.left >= 0


def test_a_hostile_text_takes_no_more_steps_than_it_is_given() -> None:
    old = ["a", " "] * 2000 + ["x"]
    new = ["y", " ", *("a" if at % 7 else "b" for at in range(2000))]
    effort = Effort.worth(8000)
    given_steps = effort.left

    found = opcodes(old, new, effort)

    assert 0 <= effort.left <= given_steps
    assert found[-1][2::2] == (len(old), len(new))
    # With nothing left all between the ends counts as replaced.
    assert [kind for kind, *_ in opcodes(["a", "b", "c"], ["a", "x", "b", "y", "c"], Effort(0)) if kind != "equal"] == [
        "replace"
    ]


@given(WORDS, WORDS, st.integers(0, 5))
def test_what_is_shared_at_the_ends_never_overlaps(old: list[str], new: list[str], most: int) -> None:
    for limit in (None, most):
        start, end = common_ends(old, new, most=limit)
        assert start + end <= min(len(old), len(new))
        assert old[:start] == new[:start]
        assert old[len(old) - end :] == new[len(new) - end :]
