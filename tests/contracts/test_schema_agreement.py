"""The same document gives the same HTML in the editor (TypeScript) and on the server (Python).

The server's text stands in the page until the live editor takes its place; any difference would be a jump.
"""

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from prosemirror.model import Node

from server.documents.schema import schema
from server.documents.write_html import write_html
from tests.static.node import ROOT, run_node

DOCUMENTS: dict[str, dict[str, Any]] = json.loads(
    Path(__file__).with_name("documents.json").read_text(encoding="utf-8")
)

pytestmark = pytest.mark.skipif(
    not (ROOT / "static/node_modules").is_dir(), reason="the packages of static/ are not installed"
)


class _Tree(HTMLParser):
    """HTML as nested lists, in which the order of attributes and the writing of entities do not count."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.content: list[Any] = []
        self._open = [self.content]
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element: list[Any] = [tag, {name: value or "" for name, value in attrs}]
        self._open[-1].append(element)
        if tag not in {"br", "hr", "img", "input"}:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        if tag not in {"br", "hr", "img", "input"}:
            assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        self._open[-1].append(data)


@pytest.fixture(scope="module")
def drawn_by_editor() -> dict[str, str]:
    finished = run_node(ROOT / "tests/static/render.mjs", given=json.dumps(list(DOCUMENTS.values())))
    assert finished.returncode == 0, finished.stderr
    return dict(zip(DOCUMENTS, json.loads(finished.stdout), strict=True))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_html_is_the_same(name: str, drawn_by_editor: dict[str, str]) -> None:
    node = Node.from_json(schema, DOCUMENTS[name])
    node.check()
    assert _Tree(write_html(node)).content == _Tree(drawn_by_editor[name]).content


def test_the_documents_use_the_whole_schema() -> None:
    def names(value: Any) -> set[str]:
        if isinstance(value, list):
            return set().union(*map(names, value), set())
        if isinstance(value, dict):
            return {value["type"]} | names(value.get("content", [])) | names(value.get("marks", []))
        return set()

    used = set().union(*map(names, DOCUMENTS.values()))
    assert used == {*schema.nodes, *schema.marks}
