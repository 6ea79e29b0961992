"""What the pages of a document's history are given, with names and titles that try to break out."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from markupsafe import Markup

NASTY = "<script>alert('“1”')</script> & \"Co\""
THEN = datetime(2026, 11, 20, 12, tzinfo=UTC)
AUTHOR = SimpleNamespace(id="a1", name=NASTY, email="ada@example.org", colour=3)
VERSIONS = [
    SimpleNamespace(
        id=f"r{number}",
        number=number,
        created_at=THEN,
        name=NASTY if number % 2 else None,
        badge="Imported" if number == 1 else None,
        authors=(AUTHOR,) * number,
        added=number,
        removed=number // 2,
        url=f"/documents/d/history?revision=r{number}",
    )
    for number in (3, 2, 1)
]
BLOCKS = [
    SimpleNamespace(html=Markup("<p>Same</p>"), change=None),
    *(
        SimpleNamespace(
            html=Markup("<p><ins>New</ins></p>"),
            change=number,
            kind=SimpleNamespace(value=kind),
            words=f"{NASTY} {kind} this",
            authors=(AUTHOR,),
            block_id=NASTY,
            put_back="r1",
        )
        for number, kind in enumerate(("added", "removed", "edited"), start=1)
    ),
]
_LIST: dict[str, Any] = {
    "user": AUTHOR,
    "document": {"id": "d", "title": NASTY},
    "days": [(THEN, VERSIONS)],
    "rows": VERSIONS,
    "selected": None,
    "addresses": dict.fromkeys(("earlier", "later", "older", "newest"), "/documents/d/history"),
    "may_edit": False,
    "size_bytes": None,
}
CHANGES: dict[str, Any] = _LIST | {
    "old_title": "",
    "against": VERSIONS[0],
    "blocks": BLOCKS,
    "changes": 3,
    "added": 3,
    "removed": 1,
    "authors": (AUTHOR, AUTHOR),
    "is_same": False,
    "may_copy": False,
    "restored": None,
    "unchanged": False,
}
AUTHORS: dict[str, Any] = _LIST | {
    "shares": [(AUTHOR, 75), (None, 25)],
    "written": [
        SimpleNamespace(html=Markup("<p>Text</p>"), signed=signed, repeats=repeats)
        for signed, repeats in (
            (
                (SimpleNamespace(author=AUTHOR, at=THEN, url="/u"), SimpleNamespace(author=None, at=None, url="/u")),
                False,
            ),
            ((), True),
        )
    ],
}
HISTORY_PAGES: list[tuple[str, dict[str, Any]]] = [
    ("revisions/history.html", CHANGES),
    ("revisions/history.html", CHANGES | {"may_edit": True, "size_bytes": 5_000_000, "unchanged": True}),
    (
        "revisions/history.html",
        CHANGES
        | {"may_edit": True, "may_copy": True, "selected": VERSIONS[0], "against": None, "restored": VERSIONS[2]},
    ),
    ("revisions/history.html", CHANGES | {"rows": [], "days": [], "blocks": [], "changes": 0, "authors": ()}),
    ("revisions/authors.html", AUTHORS),
]
