"""The table of states: what docs/review.md says is what the code does, and nothing leads astray."""

from itertools import product
from pathlib import Path

import pytest

from server.review import states
from server.review.states import TRANSITIONS, WORDS, Event, NoWay, Publication, Status

DOCS = Path(__file__).resolve().parents[3] / "docs" / "review.md"


def test_the_docs_say_what_the_code_does() -> None:
    told = {line for line in DOCS.read_text(encoding="utf-8").splitlines() if line.startswith("| ")}
    rows = {f"| {WORDS[before]} | {event.value} | {WORDS[to]} |" for (before, event), to in TRANSITIONS.items()}
    assert told - {"| from | by | to |"} == rows


@pytest.mark.parametrize(("status", "event"), list(product(Status, Event)))
def test_what_is_not_in_the_table_is_refused(status: Status, event: Event) -> None:
    if (status, event) in TRANSITIONS:
        assert states.after(status, event) is TRANSITIONS[status, event]
        return
    with pytest.raises(NoWay):
        states.after(status, event)


def test_only_a_review_leads_to_approved_for_the_first_time() -> None:
    # To resume is to go back to an approval that was given before.
    reached, fresh = {Status.DRAFT}, {Status.DRAFT}
    others = {way: to for way, to in TRANSITIONS.items() if way[1] not in {Event.APPROVE, Event.RESUME}}
    while fresh:
        fresh = {to for (before, _), to in others.items() if before in reached} - reached
        reached |= fresh
    assert reached == {Status.DRAFT, Status.IN_REVIEW, Status.CHANGES_REQUESTED}


@pytest.mark.parametrize(("status", "publication"), list(product(Status, [None, *Publication])))
def test_publishing_settles_only_what_is_approved(status: Status, publication: Publication | None) -> None:
    found = states.settled(status, publication)
    if status in {Status.APPROVED, Status.SCHEDULED, Status.PUBLISHED}:
        assert found == (publication.value if publication else Status.APPROVED)
    else:
        assert found is status
