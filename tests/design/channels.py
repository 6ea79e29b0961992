"""The pages of channels, with what is worst for them."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, Final

from server.publishing.channel import Capabilities, Field
from server.publishing.models import Health

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
NASTY: Final = "<script>alert('“1”')</script> & \"Co\""
PERSON: Final = SimpleNamespace(id="u", name=NASTY, email="ada@example.org", colour=7)
FORM: Final = (
    Field("address", NASTY, NASTY),
    Field("password", NASTY, secret=True),
    Field("kind", NASTY, NASTY, choices=(("one", NASTY), ("two", NASTY))),
)


def shown(health: Health, channel: str, *, form: tuple[Field, ...] = FORM) -> SimpleNamespace:
    """Return an account as the pages show it."""
    account = SimpleNamespace(
        id=f"a-{health.value}",
        name=NASTY,
        channel=channel,
        base_url="https://fox.example",
        health=health.value,
        health_sentence="" if health is Health.OK else NASTY,
        health_since=NOW,
        checked_at=NOW,
        expires_at=None if health is Health.OK else NOW,
        created_at=NOW,
        responsible_id=None,
    )
    listed = SimpleNamespace(account=account, responsible_name=None, connected_by_name=NASTY)
    return SimpleNamespace(
        account=listed, channel=SimpleNamespace(form=form, capabilities=Capabilities(metrics=True)), channel_name=NASTY
    )


ALL: Final = [shown(Health.OK, "webhook"), shown(Health.FAILING, "blog"), shown(Health.RECONNECT, "reddit", form=())]
LIST: Final[dict[str, Any]] = {
    "user": PERSON,
    "notice": None,
    "problem": NASTY,
    "accounts": ALL,
    "offers": [
        SimpleNamespace(channel=SimpleNamespace(kind="blog", name=NASTY, about=NASTY, form=FORM), is_set_up=True),
        SimpleNamespace(channel=SimpleNamespace(kind="mast", name=NASTY, about=NASTY, form=FORM), is_set_up=True),
        SimpleNamespace(channel=SimpleNamespace(kind="reddit", name=NASTY, about=NASTY, form=()), is_set_up=False),
    ],
    "opened": "blog",
    "errors": {"address": NASTY, "form": NASTY},
    "answers": {"address": NASTY},
    "may_publish": True,
    "Health": Health,
}
ACCOUNT: Final[dict[str, Any]] = {
    "user": PERSON,
    "notice": NASTY,
    "errors": {"form": NASTY, "name": NASTY, "responsible_id": NASTY, "sure": NASTY},
    "typed_name": NASTY,
    "people": [PERSON],
    "shown_once": {NASTY: NASTY},
    "shares": [SimpleNamespace(words=NASTY, used=3, quota=SimpleNamespace(posts=10))],
    "may_publish": True,
    "Health": Health,
}
VARIANTS: Final[dict[str, Any]] = {
    "user": PERSON,
    "document": {"id": "d", "title": NASTY, "epoch": "e", "trashed": False},
    "content_html": "",
    "saved_at": NOW,
    "places": [
        SimpleNamespace(
            id=f"a{number}", name=NASTY, kind="mast", channel=NASTY, has_titles=True, has_replies=True, options=FORM
        )
        for number in range(2)
    ],
    "shown": "a1",
    "may_write": True,
    "may_suggest": True,
    "may_publish": True,
    "is_guest": False,
    "me": PERSON,
    "limits": {"max_upload_bytes": 1},
}
CHANNEL_PAGES: Final[list[tuple[str, dict[str, Any]]]] = [
    ("publishing/channels.html", LIST),
    ("publishing/channels.html", LIST | {"accounts": [], "may_publish": False, "problem": None, "notice": NASTY}),
    *[("publishing/account.html", ACCOUNT | {"shown": each}) for each in ALL],
    ("publishing/account.html", ACCOUNT | {"shown": ALL[0], "errors": {}, "shown_once": {}, "may_publish": False}),
    ("publishing/variants.html", VARIANTS),
    ("publishing/variants.html", VARIANTS | {"places": [], "shown": None}),
    ("publishing/variants.html", VARIANTS | {"places": [], "shown": None, "is_guest": True}),
    ("publishing/consent.html", {"user": PERSON, "url": f"https://reddit.example/?state={NASTY}", "channel": NASTY}),
]
