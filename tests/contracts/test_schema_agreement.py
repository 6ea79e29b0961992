"""The same document gives the same HTML in the editor (TypeScript) and on the server (Python).

The server's text stands in the page until the live editor takes its place; any difference would be a jump.
"""

import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from prosemirror.model import Node

from server.documents import ydoc
from server.documents.schema import FOREIGN_BLOCK, schema
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
    # It stands only for what is in no document that the schema allows.
    assert used == {*schema.nodes, *schema.marks} - {FOREIGN_BLOCK}


def _strange_documents(seed: int, number: int) -> list[str]:
    finished = run_node(ROOT / "tests/contracts/strange_documents.mjs", str(seed), str(number))
    assert finished.returncode == 0, finished.stderr
    states: list[str] = json.loads(finished.stdout)
    return states


def _raw_document(what: str) -> str:
    start = base64.b64encode(ydoc.seed("Title", schema.node("doc", {}, [schema.node("paragraph")] * 2))).decode()
    finished = run_node(ROOT / "tests/browser/raw_client.mjs", given=json.dumps({"state": start, "write": what}))
    assert finished.returncode == 0, finished.stderr
    doc = ydoc.load(base64.b64decode(start))
    doc.apply_update(base64.b64decode(json.loads(finished.stdout)["update"]))
    return base64.b64encode(doc.get_update()).decode()


def test_what_other_programs_write_is_read_alike() -> None:
    page = (ROOT / "templates/documents/writing_words.html").read_text(encoding="utf-8")
    words = dict(re.findall(r'"(foreign\.\w+)": "([^"]*)"', page))
    states = [*map(_raw_document, ("misfits", "values", "strangers")), *_strange_documents(1, 400)]
    finished = run_node(ROOT / "tests/static/read.mjs", given=json.dumps({"words": words, "states": states}))
    assert finished.returncode == 0, finished.stderr
    foreign = shown = 0
    for place, (state, drawn) in enumerate(zip(states, json.loads(finished.stdout), strict=True)):
        node = ydoc.read_node(ydoc.load(base64.b64decode(state)))
        assert _Tree(write_html(node)).content == _Tree(drawn).content, f"document {place}"
        foreign += sum(block.type.name == FOREIGN_BLOCK for block in node.content.content)
        shown += node.child_count
    # Otherwise the documents are not strange enough, or so strange that nothing is left to be compared.
    assert shown / 5 < foreign < shown * 4 / 5
