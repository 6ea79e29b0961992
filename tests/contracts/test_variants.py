"""What the page shows of a variant, and has previewed, is what is signed and sent of it."""

import base64
import json
from typing import Any

from prosemirror.model import Node

from server.documents import variants, ydoc
from server.documents.schema import schema
from tests.static.node import ROOT, run_node


def _bare(value: Any) -> Any:
    """Leave out what says nothing: an attribute that is not set is as good as none."""
    if isinstance(value, list):
        return [_bare(each) for each in value]
    if not isinstance(value, dict):
        return value
    kept = {name: _bare(each) for name, each in value.items()}
    return {name: each for name, each in kept.items() if each not in (None, {}, [])}


def _document() -> bytes:
    paragraphs: list[Node] = [
        schema.node("paragraph", {"id": f"b{number}"}, [schema.text(f"Paragraph {number}.")]) for number in range(5)
    ]
    by: dict[str, Any] = {"id": "s1", "by": "0b0d2a36-55c4-4a41-9f4e-1d1f3a0c7c11", "at": 1}
    words: list[Node] = [
        schema.text("kept "),
        schema.text("added ", [schema.mark("insertion", by)]),
        schema.text("deleted", [schema.mark("deletion", by), schema.mark("bold")]),
    ]
    paragraphs.insert(1, schema.node("paragraph", {"id": "suggested"}, words))
    whole = {"id": "new", "inserted": f"s1 {by['by']} 1"}
    paragraphs.insert(3, schema.node("paragraph", whole, [schema.text("Only suggested.")]))
    return ydoc.seed("Title", schema.node("doc", {}, paragraphs))


def test_the_page_resolves_variants_as_the_server_does() -> None:
    given = json.dumps({"state": base64.b64encode(_document()).decode(), "number": 200})
    finished = run_node(ROOT / "tests/contracts/variants.mjs", given=given)
    assert finished.returncode == 0, finished.stderr
    different = 0
    for place, written in enumerate(json.loads(finished.stdout)):
        doc = ydoc.load(base64.b64decode(written["state"]))
        title, body = ydoc.read_title(doc), ydoc.read_node(doc)
        resolved = variants.resolve(doc, title, body)
        plain = {"type": "doc", "content": [variants.described(block) for block in body.content.content]}
        different += len(resolved)
        for account, sent in written["wholes"].items():
            whole = variants.whole(title, plain, resolved.get(account))
            said = {
                "title": whole.title,
                "body": whole.body.get("content", []),
                "link": whole.link or "",
                "tags": list(whole.tags),
                "options": dict(whole.options),
                "replies": [reply.get("content", []) for reply in whole.replies],
            }
            assert _bare(sent) == _bare(said), f"document {place}"
    assert different > 100
