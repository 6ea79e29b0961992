"""What every page keeps, whatever its context: it passes the content policy and can be found one's way in."""

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from server.documents.access import DocumentRole
from server.documents.panel import NOTHING, WORDS, Made, Said
from server.notifications.choices import Wishes
from server.notifications.models import HowMail, Kind
from server.notifications.routes import HOW
from server.notifications.words import CHOICES
from server.operations import words
from server.operations.stock import LiveDocument, ProcessStock, total
from server.web.render import environment
from server.workspaces.models import Role
from tests.design.channels import CHANNEL_PAGES
from tests.design.history import HISTORY_PAGES

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
NASTY = "<script>alert('“1”')</script> & \"Co\""
PERSON = SimpleNamespace(id="u", name=NASTY, email="ada@example.org", colour=7)
INVITATION = {
    "workspace_name": NASTY,
    "inviter_name": NASTY,
    "document_title": None,
    "document_role": None,
    "email": None,
}


def row(number: int, *, title: str = NASTY, trashed: bool = False, may_edit: bool = True) -> SimpleNamespace:
    return SimpleNamespace(
        id=f"d{number}",
        title=title,
        excerpt=title,
        updated_at=NOW - timedelta(minutes=number),
        updated_by=NASTY if number % 2 else None,
        trashed_at=NOW if trashed else None,
        may_edit=may_edit,
        may_share=may_edit,
        may_move=may_edit,
        collection=("c1", NASTY) if number % 2 else None,
        visitors=[SimpleNamespace(id=f"u{each}", name=NASTY, colour=each) for each in range(number)],
    )


def listing(*documents: SimpleNamespace, view: str = "all", query: str = "") -> dict[str, Any]:
    counts = {"all": len(documents), "trash": len(documents)}
    addresses = dict.fromkeys(("here", "newest", "older", "more"), f"/documents?q={NASTY}")
    paging = {"after": "", "pages": 1, "addresses": addresses, "may_write": True, "shelf": shelf()}
    return {"user": PERSON, "documents": documents, "view": view, "query": query, "counts": counts} | paging


def shelf(*, is_inside: bool = False) -> SimpleNamespace:
    here = SimpleNamespace(id="c1", name=NASTY) if is_inside else None
    folders = [SimpleNamespace(id=f"c{number}", name=NASTY, documents=number) for number in range(3)]
    return SimpleNamespace(
        way=[here] if here else [],
        here=here,
        documents=3,
        folders=folders[:2],
        more=folders[2:],
        may_edit=is_inside,
    )


COLLECTION_PANEL = {
    "user": PERSON,
    "problem": NASTY,
    "typed": NASTY,
    "parent": None,
    "collection": SimpleNamespace(id="c1", name=NASTY),
    "document": None,
    "present": "c2",
    "places": [SimpleNamespace(id=f"c{depth}", name=NASTY, depth=depth) for depth in (1, 2)],
    "around": SimpleNamespace(id="c0", name=NASTY),
    "may_top": True,
}


SHARING = {
    "user": PERSON,
    "gone": False,
    "document": SimpleNamespace(id="d1", title=NASTY),
    "its_workspace": NASTY,
    "people": [
        SimpleNamespace(user_id=UUID(int=number), name=NASTY, email=NASTY, colour=1, role=role, inherited=inherited)
        for number, (role, inherited) in enumerate(
            [
                (DocumentRole.OWNER, None),
                (DocumentRole.VIEWER, None),
                (DocumentRole.VIEWER, SimpleNamespace(id="c1", name=NASTY)),
            ]
        )
    ],
    "me": UUID(int=0),
    "others": [SimpleNamespace(name=NASTY, email=NASTY)],
    "invited": [
        SimpleNamespace(
            invitation=SimpleNamespace(id="i1", email=NASTY, created_by="u1", created_at=NOW, expires_at=NOW, uses=1),
            role=DocumentRole.VIEWER,
            inviter_name=NASTY,
        )
    ],
    "may_invite": True,
    "asked": [SimpleNamespace(user_id="u9", name=NASTY, colour=2, role=DocumentRole.EDITOR, message=NASTY)],
    "links": [
        SimpleNamespace(
            link=SimpleNamespace(
                id="l1",
                role=DocumentRole.VIEWER,
                password_hash="x",
                created_by="u0",
                created_at=NOW,
                expires_at=NOW,
                last_used_at=None,
            ),
            made_by=NASTY,
        )
    ],
    "reach": "inherit",
    "inherited": None,
    "words": WORDS,
    "roles": [DocumentRole.EDITOR, DocumentRole.VIEWER],
    "may_own": True,
    "link_days": [(0, "Until taken back")],
    "said": Said(problem=NASTY, made=Made("https://example.org/s/x"), handing_to=UUID(int=1), who=NASTY),
}
REFUSED = {"form": NASTY, "name": NASTY, "email": NASTY, "password": NASTY}
MADE = {"id": "t", "name": NASTY, "text": "qr_secret"}
DEVICES = [
    SimpleNamespace(id=f"s{number}", name=NASTY, address=NASTY, created_at=NOW, last_seen_at=NOW, is_this=number == 0)
    for number in range(2)
]
TOKENS = [
    SimpleNamespace(id=f"t{number}", name=NASTY, hint="qr_abcde", created_at=NOW, last_used_at=used, expires_at=expires)
    for number, (used, expires) in enumerate([(None, None), (NOW, NOW), (NOW, NOW + timedelta(days=1))])
]
ACCOUNT = {
    "user": PERSON,
    "notice": None,
    "problem": None,
    "errors": {},
    "profile": {"name": NASTY, "colour": "7"},
    "token": {},
    "made": None,
    "colours": [(0, "Red"), (7, "Cyan")],
    "token_days": [(7, "In 7 days")],
    "devices": DEVICES,
    "tokens": TOKENS,
}
ACCOUNT_FAULTS = {
    "profile": {"name": NASTY, "colour": NASTY},
    "password": {"old_password": NASTY, "new_password": NASTY},
    "token": {"name": NASTY, "days": NASTY},
}


INVITED: dict[str, Any] = {"url": NASTY, "expires_at": NOW, "email": None, "is_mailed": False, "is_for_one": True}
LINK = {"user": PERSON, "made": INVITED}


def people(*, manages: bool) -> dict[str, Any]:
    members = [
        SimpleNamespace(
            user_id=f"u{number}",
            name=NASTY,
            email=NASTY,
            colour=number,
            role=role,
            joined_at=NOW,
            is_disabled=number == 2,
        )
        for number, role in enumerate([Role.ADMIN, Role.MEMBER, Role.GUEST])
    ]
    links = [
        SimpleNamespace(
            invitation=SimpleNamespace(
                id=f"i{uses}",
                created_by="u1",
                created_at=NOW,
                expires_at=NOW,
                uses=uses,
                email=title,
                role=Role.GUEST,
            ),
            inviter_name=NASTY,
            document_title=title,
            may_change=manages,
        )
        for uses, title in enumerate([None, "", NASTY])
    ]
    return {
        "user": PERSON,
        "workspaces": [SimpleNamespace(id="w1", name=NASTY), SimpleNamespace(id="w2", name=NASTY)],
        "notice": NASTY,
        "errors": {"name": NASTY} if manages else {},
        "typed_name": NASTY,
        "members": members,
        "me": "u0" if manages else "u1",
        "gives": list(Role) if manages else [Role.MEMBER, Role.GUEST],
        "show_emails": manages,
        "may_invite": manages,
        "may_manage": manages,
        "last_admin": "u0",
        "links": links,
    }


def notices(*, in_bell: bool) -> dict[str, Any]:
    rows = [
        SimpleNamespace(
            id=f"n{number}",
            kind=kind,
            sentence=NASTY,
            actor_name=name,
            actor_colour=number,
            quote=NASTY,
            text=NASTY,
            path=path,
            created_at=NOW,
            is_read=number == 0,
        )
        for number, (kind, name, path) in enumerate([(Kind.MENTION, NASTY, "/documents/1"), (Kind.ROLE, None, "")])
    ]
    request = SimpleNamespace(cookies={}, url=SimpleNamespace(query=NASTY))
    return {
        "user": PERSON,
        "request": request,
        "notices": rows,
        "unread": True,
        "older": NOW.isoformat(),
        "in_bell": in_bell,
    }


def live(*documents: LiveDocument, **context: Any) -> dict[str, Any]:
    own = ProcessStock(
        name=NASTY,
        rooms=1,
        built=1,
        peers=1,
        size_bytes=1,
        unsaved_bytes=1,
        waiting_bytes=1,
        slow_peers=1,
        last_commit_seconds=0.0,
        largest=(),
    )
    processes = [own, own.model_copy(update={"last_commit_seconds": 0.5})]
    return {
        "user": PERSON,
        "manages": True,
        "alone": False,
        "refreshes": True,
        "processes": processes,
        "totals": total(processes),
        "documents": documents,
        "titles": {UUID(int=1): NASTY, UUID(int=2): ""},
        "left_out": 1,
        "size": words.size,
        "duration": words.duration,
        **context,
    }


def live_document(number: int, **figures: Any) -> LiveDocument:
    known = {
        "processes": number,
        "peers": number,
        "size_bytes": 1,
        "is_built": number == 1,
        "unsaved_bytes": number,
        "waiting_bytes": 1,
        "slow_peers": number,
        "pause_seconds": 0.0,
        "idle_seconds": None,
    }
    return LiveDocument(document_id=UUID(int=number), **{**known, **figures})


WISHES = Wishes(HowMail.DAILY, frozenset({Kind.MENTION}))
PAGES: list[tuple[str, dict[str, Any]]] = [
    ("documents/index.html", listing()),
    ("documents/index.html", listing() | {"may_write": False}),
    ("documents/index.html", listing(query=NASTY)),
    ("documents/index.html", listing(view="trash")),
    ("documents/index.html", listing(row(1), row(2, title=""), row(3, may_edit=False))),
    ("documents/index.html", listing(row(1)) | {"after": NASTY, "pages": 2}),
    ("documents/index.html", listing(row(1)) | {"shelf": shelf(is_inside=True)}),
    ("documents/index.html", listing() | {"shelf": shelf(is_inside=True)}),
    ("documents/sharing.html", SHARING),
    ("documents/sharing.html", SHARING | {"said": Said(made=Made("x", NASTY, is_mailed=True))}),
    (
        "documents/sharing.html",
        SHARING
        | {
            "collection": SimpleNamespace(id="c1", name=NASTY),
            "said": NOTHING,
            "inherited": True,
            "asked": (),
            "invited": (),
        },
    ),
    ("documents/sharing.html", SHARING | {"gone": True, "has_left": True}),
    *[("documents/collection.html", COLLECTION_PANEL | {"panel": panel}) for panel in ("rename", "move", "remove")],
    ("documents/collection.html", COLLECTION_PANEL | {"panel": "new", "collection": None, "parent": "c1"}),
    (
        "documents/collection.html",
        COLLECTION_PANEL | {"panel": "move-document", "collection": None, "document": row(1), "present": None},
    ),
    ("documents/index.html", listing(row(1, trashed=True), row(2, trashed=True, may_edit=False), view="trash")),
    ("accounts/setup.html", {"values": {}, "errors": {}}),
    ("accounts/setup.html", {"values": {"name": NASTY, "email": NASTY}, "errors": REFUSED}),
    ("accounts/setup_needed.html", {}),
    ("accounts/link_spent.html", {}),
    ("accounts/sign_in.html", {"values": {}, "errors": {}, "next": None}),
    ("accounts/sign_in.html", {"values": {"email": NASTY}, "errors": REFUSED, "next": NASTY}),
    ("accounts/join.html", {"values": {}, "errors": {}, "invitation": INVITATION, "next_url": NASTY}),
    ("accounts/join.html", {"user": PERSON, "values": {}, "errors": {}, "invitation": INVITATION, "next_url": "/"}),
    (
        "accounts/join.html",
        {"user": PERSON, "values": {}, "errors": {}, "invitation": INVITATION | {"email": NASTY}, "next_url": "/"},
    ),
    ("workspaces/invite.html", LINK),
    ("workspaces/invite.html", LINK | {"made": INVITED | {"email": NASTY, "is_mailed": True}}),
    ("accounts/account.html", ACCOUNT),
    (
        "accounts/account.html",
        ACCOUNT | {"notice": NASTY, "errors": ACCOUNT_FAULTS, "profile": {}, "devices": DEVICES[:1]},
    ),
    ("accounts/account.html", ACCOUNT | {"made": MADE, "tokens": []}),
    ("accounts/account.html", ACCOUNT | {"problem": NASTY}),
    ("workspaces/people.html", people(manages=True)),
    ("workspaces/people.html", people(manages=False)),
    ("workspaces/people.html", people(manages=True) | {"links": []}),
    ("notifications/index.html", notices(in_bell=False)),
    ("notifications/index.html", notices(in_bell=False) | {"notices": [], "older": None}),
    (
        "notifications/settings.html",
        {"user": PERSON, "notice": NASTY, "wishes": WISHES, "how": HOW, "kinds": CHOICES, "digest_hour": 6},
    ),
    ("notifications/document.html", {"user": PERSON, "document_id": "d", "title": NASTY, "attention": None}),
    *HISTORY_PAGES,
    *CHANNEL_PAGES,
    ("operations/live.html", live(*map(live_document, range(5)))),
    ("operations/live.html", live(live_document(1, pause_seconds=0.1), live_document(2, idle_seconds=3.0))),
    ("operations/live.html", live(alone=True, refreshes=False, left_out=0)),
    ("errors/error.html", {"status": 404, "title": NASTY, "detail": NASTY, "action_url": None, "action_label": None}),
]


def render(name: str, context: dict[str, Any], *, block: str | None = None) -> str:
    everything = {
        "request": SimpleNamespace(cookies={"quillroom_theme": "dark"}),
        "user": None,
        "workspace": SimpleNamespace(id="w1", name=NASTY),
        "csrf": "token",
        "static": lambda bundle: f"/static/{bundle}",
        "sends_mail": True,
        "manages": True,
        "now": NOW,
        **context,
    }
    template = environment().get_template(name)
    if block is None:
        return template.render(everything)
    return "".join(template.blocks[block](template.new_context(everything)))


@pytest.mark.parametrize(("name", "context"), PAGES)
def test_page_passes_the_content_policy(name: str, context: dict[str, Any]) -> None:
    tags = re.findall(r"<[a-z][^>]*>", render(name, context))
    assert not [tag for tag in tags if re.search(r"\s(style|on\w+|hx-on\S*)=", re.sub(r'"[^"]*"', '""', tag))]
    assert not [tag for tag in tags if tag.startswith("<style")]
    assert all(" src=" in tag for tag in tags if tag.startswith("<script"))


@pytest.mark.parametrize(("name", "context"), PAGES)
def test_page_has_one_heading_one_main_and_no_id_twice(name: str, context: dict[str, Any]) -> None:
    page = render(name, context)
    assert len(re.findall(r"<h1[ >]", page)) == 1
    assert len(re.findall(r"<main[ >]", page)) == 1
    assert not [name for name, times in Counter(re.findall(r'\sid="([^"]+)"', page)).items() if times > 1]


@pytest.mark.parametrize(("name", "context"), PAGES)
def test_every_form_that_changes_something_carries_the_token(name: str, context: dict[str, Any]) -> None:
    for attributes, body in re.findall(r"<form\b([^>]*)>(.*?)</form>", render(name, context), re.DOTALL):
        if 'method="post"' in attributes:
            assert 'name="csrf" value="token"' in body, attributes


@pytest.mark.parametrize(("name", "context"), PAGES)
def test_every_field_has_a_name_that_is_read_out(name: str, context: dict[str, Any]) -> None:
    page = render(name, context)
    labelled = set(re.findall(r'<label[^>]* for="([^"]+)"', page))
    for field in re.findall(r"<input\b[^>]*>", page):
        if 'type="hidden"' in field or "aria-label=" in field:
            continue
        found = re.search(r'\sid="([^"]+)"', field)
        assert found and found.group(1) in labelled, field


def test_list_block_is_the_region_that_replaces_itself() -> None:
    part = render("documents/index.html", listing(row(1)), block="list").strip()
    assert part.startswith('<section class="documents" id="documents"')
    assert part.endswith("</section>")
    assert "<html" not in part


def test_link_block_stands_alone() -> None:
    made = INVITED | {"url": "https://example.org/join/x"}
    part = render("workspaces/invite.html", LINK | {"made": made}, block="link")
    assert 'value="https://example.org/join/x"' in part
    assert "28 November" not in part and "21 November 2026" in part


def test_nobody_without_the_right_is_offered_to_write() -> None:
    page = render("documents/index.html", listing(row(1, may_edit=False)) | {"may_write": False})
    assert 'action="/documents"' not in re.sub(r"<form[^>]*role=\"search\"[^>]*>", "", page)
    assert "/rename" not in page
    assert '/trash"' not in page
    assert "/workspace/invitations" not in page


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(seconds=-3), "12:00 UTC"),
        (timedelta(hours=11), "01:00 UTC"),
        (timedelta(hours=13), "20 Nov, 23:00 UTC"),
        (timedelta(days=400), "17 Oct 2025, 12:00 UTC"),
    ],
)
def test_time_in_words(age: timedelta, words: str) -> None:
    ui: Any = environment().get_template("ui.html").module
    assert f">{words}</time>" in str(ui.time(NOW - age, NOW))
