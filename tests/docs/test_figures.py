"""Figures, dashboard, alerts and their explanations say the same."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import yaml  # type: ignore[import-untyped]  # it comes without types

from tests.docs.generate import DOCS

PAGE = (DOCS / "operations.md").read_text(encoding="utf-8")
DASHBOARD: dict[str, Any] = json.loads((DOCS / "grafana" / "quillroom.json").read_text(encoding="utf-8"))
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((DOCS / "alerts" / "quillroom.yml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
COLUMNS = 24
# What a counter or a histogram is made of, besides labels.
PARTS = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("",), "gauge": ("",)}


@pytest.fixture
async def exported(client: httpx.AsyncClient) -> dict[str, str]:
    """What /metrics names, and of which type it is."""
    text = (await client.get("/metrics")).text
    found = dict(re.findall(r"^# TYPE (quillroom_\w+) (\w+)$", text, re.MULTILINE))
    return {name: kind for name, kind in found.items() if not name.endswith("_created")}


def _names(expression: str) -> set[str]:
    return set(re.findall(r"quillroom_[a-z_]+", expression))


def _expressions() -> Iterator[str]:
    for panel in PANELS:
        for target in panel["targets"]:
            yield target["expr"]
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["query"]["query"]
    for rule in RULES:
        yield rule["expr"]


async def test_what_graphs_and_alerts_ask_for_is_there(exported: dict[str, str]) -> None:
    there = {name + part for name, kind in exported.items() for part in PARTS[kind]}
    for expression in _expressions():
        assert _names(expression), expression
        assert _names(expression) <= there, expression


async def test_every_figure_is_in_a_graph(exported: dict[str, str]) -> None:
    asked = set().union(*(_names(target["expr"]) for panel in PANELS for target in panel["targets"]))
    unseen = {name for name, kind in exported.items() if not asked & {name + part for part in PARTS[kind]}}
    assert unseen == set()


async def test_every_figure_is_explained_and_none_that_is_not_there(exported: dict[str, str]) -> None:
    table = PAGE.split("| figure | meaning |\n", 1)[1].split("\n\n", 1)[0]
    assert set(re.findall(r"`(quillroom_\w+)`", table)) == set(exported)


async def test_rates_are_taken_of_what_only_grows(exported: dict[str, str]) -> None:
    gauges = {name for name, kind in exported.items() if kind == "gauge"}
    for expression in _expressions():
        grown = set(re.findall(r"(?:rate|increase)\((quillroom_[a-z_]+)", expression))
        assert not grown & gauges, expression
        for name in _names(expression) - gauges - grown:
            assert re.search(rf"(absent\(|label_values\(.*|~\"[^\"]*){name}", expression), f"{name} in {expression}"


@pytest.mark.parametrize("expression", sorted(set(_expressions())))
def test_expressions_are_whole(expression: str) -> None:
    bare = re.sub(r'"[^"]*"', "", expression)
    assert '"' not in bare
    open_ones = []
    for each in re.findall(r"[(){}\[\]]", bare):
        if each in "({[":
            open_ones.append(each)
        else:
            assert open_ones and open_ones.pop() + each in {"()", "{}", "[]"}
    assert open_ones == []


def test_the_dashboard_can_be_imported() -> None:
    assert DASHBOARD["id"] is None, "Grafana gives one"
    assert DASHBOARD["title"] and DASHBOARD["uid"] and DASHBOARD["schemaVersion"] >= 36
    assert {"list"} == set(DASHBOARD["templating"]) == set(DASHBOARD["annotations"])
    (source,) = [each for each in DASHBOARD["templating"]["list"] if each["type"] == "datasource"]
    ids = Counter(panel["id"] for panel in DASHBOARD["panels"])
    assert set(ids.values()) == {1}
    for panel in PANELS:
        assert panel["datasource"]["uid"] == f"${{{source['name']}}}"
        for target in panel["targets"]:
            assert target["datasource"] == panel["datasource"]
    rows = [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"]
    assert rows == ["People and documents", "Hot path", "Durability", "Bus", "Memory", "Worker"]


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_says_what_it_shows(panel: dict[str, Any]) -> None:
    assert panel["type"] in {"timeseries", "stat"}
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["targets"]
    assert all(target["legendFormat"] for target in panel["targets"])
    assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
    if panel["type"] == "timeseries":
        assert panel["options"]["legend"]["showLegend"]


def test_panels_fill_the_page_without_lying_on_each_other() -> None:
    taken: Counter[tuple[int, int]] = Counter()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= COLUMNS
        taken.update(
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        )
    assert set(taken.values()) == {1}
    assert len(taken) == COLUMNS * (1 + max(y for _, y in taken)), "no holes"


def test_every_alert_is_explained_with_what_to_do() -> None:
    table = PAGE.split("| alert | severity |", 1)[1].split("\n\n", 1)[0]
    told = dict(re.findall(r"^\| `(\w+)` \| (\w+) \| .+ \| .+ \|$", table, re.MULTILINE))
    assert told == {rule["alert"]: rule["labels"]["severity"] for rule in RULES}
    for rule in RULES:
        assert set(rule["annotations"]) == {"summary", "description"}
        # A label that the expression has summed away would be an empty word.
        used = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["description"]))
        kept = re.search(r"by \(([\w, ]+)\)", rule["expr"])
        assert used <= (set(re.split(r",\s*", kept[1])) if kept else {"instance"}), rule["alert"]
