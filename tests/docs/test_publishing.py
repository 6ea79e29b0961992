"""docs/publishing.md says what the code does."""

import re
from pathlib import Path

from server.publishing.publisher import patience
from server.publishing.remedies import Remedy
from server.publishing.states import ALLOWED, State

PAGE = (Path(__file__).parents[2] / "docs" / "publishing.md").read_text()


def rows(head: str) -> list[list[str]]:
    table = PAGE.split(head, 1)[1].split("\n\n", 1)[0]
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line.startswith("| `")
    ]


def test_the_states_and_what_may_follow_are_those_of_the_code() -> None:
    told = {State(name.strip("`")): set(re.findall(r"`(\w+)`", after)) for name, _, after in rows("| state |")}
    assert told == {state: {each.value for each in after} for state, after in ALLOWED.items()}


def test_every_class_of_failure_is_explained() -> None:
    told = {name.strip("`"): what for name, what, _ in rows("| class |")}
    assert set(told) == {remedy.value for remedy in Remedy}
    waits = [int(wait.total_seconds()) for wait in patience.WAITS]
    assert waits == [15, 30, 60, 120, 300, 600, 1200, 1800]
    assert f"after {patience.MOST_TRIES} failures" in told["retry"]
