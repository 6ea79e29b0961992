"""Scenes put together for a test: a board, one account on it, and what is planned there."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from server.publishing.channel import Account
from server.publishing.rehearsal.rehearsing import Rehearsal, reviewed
from server.publishing.rehearsal.scene import Finding, Paper, Person, Place, Play, Rule, Scene
from server.publishing.states import State
from server.publishing.wall_time import moment
from tests.server.publishing.board import BoardChannel, Wall

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
ADA, BEN = Person(UUID(int=1), "Ada"), Person(UUID(int=2), "Ben")
ACCOUNT, DOCUMENT = UUID(int=10), UUID(int=20)
SIGNED = b"s" * 32


def place(**parts: Any) -> Place:
    """Return an account that works; Ben looks after it."""
    whole = Place(Account(ACCOUNT, "board", "Our board"), BoardChannel(Wall()), responsible_id=BEN.id)
    return replace(whole, **parts)


def play(wall: datetime | None = None, zone: str = "UTC", **parts: Any) -> Play:
    """Return a publication that Ada planned, by default for tomorrow at noon."""
    wall = wall or (NOON + timedelta(days=1)).replace(tzinfo=None)
    due_at = parts.pop("due_at", moment(wall, zone).at)
    whole = Play(
        id=uuid4(),
        document_id=DOCUMENT,
        account_id=ACCOUNT,
        name="The fox",
        wall_time=wall,
        zone=zone,
        due_at=due_at,
        next_at=due_at - timedelta(minutes=1),
        version=0,
        content_hash=SIGNED,
        state=State.SCHEDULED,
        planned_by=ADA.id,
    )
    return replace(whole, **parts)


def paper(**parts: Any) -> Paper:
    """Return a document that is approved as it stands."""
    return replace(Paper("The fox", content_hash=SIGNED, approved_hash=SIGNED), **parts)


def scene(*plays: Play, at: Place | None = None, of: Paper | None = None, **parts: Any) -> Scene:
    """Return a scene with one account and one document."""
    places: Mapping[UUID, Place] = {ACCOUNT: at or place()}
    people = {each.id: each for each in (ADA, BEN)}
    whole = Scene(
        NOON,
        NOON + timedelta(days=30),
        sorted(plays, key=lambda each: (each.due_at, each.id)),
        places=places,
        papers={DOCUMENT: of or paper()},
        publishers=people,
        people=people,
    )
    return replace(whole, **parts)


def found(*plays: Play, **parts: Any) -> list[Finding]:
    """Return what a rehearsal finds."""
    return list(rehearsed(*plays, **parts).findings)


def only(rule: Rule, *plays: Play, **parts: Any) -> Finding:
    """Return the one thing that a rehearsal finds, which is of this rule."""
    [finding] = found(*plays, **parts)
    assert finding.rule is rule
    return finding


def rehearsed(*plays: Play, **parts: Any) -> Rehearsal:
    """Return a rehearsal of them."""
    return reviewed(scene(*plays, **parts))
