"""The stock that processes take of themselves, and what is made of several. Sizes in bytes, times in seconds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

MOST_ROOMS: Final = 200
MAX_NAME_CHARACTERS: Final = 80

Amount = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class RoomStock(BaseModel):
    """One document that is live in a process.

    `size_bytes`: its encoded state. `is_built`: whether it is in the CRDT core's own form, too. `pause_seconds`: until
    it may flush again. `idle_seconds`: since its last peer left; None while there is one.
    """

    model_config = ConfigDict(frozen=True)

    document_id: UUID
    peers: Amount
    size_bytes: Amount
    is_built: bool
    unsaved_bytes: Amount
    waiting_bytes: Amount
    slow_peers: Amount
    pause_seconds: Seconds
    idle_seconds: Seconds | None


class ProcessStock(BaseModel):
    """One process: totals over all its rooms, and its largest ones.

    `name`: machine and process number, for people. `largest` may be fewer than `rooms`.
    """

    model_config = ConfigDict(frozen=True)

    name: Annotated[str, Field(max_length=MAX_NAME_CHARACTERS)]
    rooms: Amount
    built: Amount
    peers: Amount
    size_bytes: Amount
    unsaved_bytes: Amount
    waiting_bytes: Amount
    slow_peers: Amount
    last_commit_seconds: Seconds
    largest: Annotated[tuple[RoomStock, ...], Field(max_length=MOST_ROOMS)]


@dataclass(frozen=True, slots=True)
class LiveDocument:
    """A document that is live in one process or several: connections and what waits are added up.

    `size_bytes` is the greatest of what the processes have; `idle_seconds` is None if anywhere somebody is there.
    """

    document_id: UUID
    processes: int
    peers: int
    size_bytes: int
    is_built: bool
    unsaved_bytes: int
    waiting_bytes: int
    slow_peers: int
    pause_seconds: float
    idle_seconds: float | None


@dataclass(frozen=True, slots=True)
class Totals:
    """All processes together.

    `documents` counts one that is live in several processes once, as far as the processes tell of it: beyond their
    largest it may count more often. So do the sizes, which are what each process holds.
    """

    documents: int
    peers: int
    size_bytes: int
    unsaved_bytes: int
    waiting_bytes: int
    slow_peers: int
    slowest_commit_seconds: float


def total(processes: Sequence[ProcessStock]) -> Totals:
    """Add processes up; there is one at least."""
    return Totals(
        documents=len({room.document_id for each in processes for room in each.largest})
        + sum(each.rooms - len(each.largest) for each in processes),
        peers=sum(each.peers for each in processes),
        size_bytes=sum(each.size_bytes for each in processes),
        unsaved_bytes=sum(each.unsaved_bytes for each in processes),
        waiting_bytes=sum(each.waiting_bytes for each in processes),
        slow_peers=sum(each.slow_peers for each in processes),
        slowest_commit_seconds=max(each.last_commit_seconds for each in processes),
    )


def merge(processes: Sequence[ProcessStock], *, most: int = MOST_ROOMS) -> list[LiveDocument]:
    """Make one list of the processes' documents: those with trouble first, then those with most people, at most `most`.

    The order does not change while the figures stay, so that the page does not jump.
    """
    rooms: defaultdict[UUID, list[RoomStock]] = defaultdict(list)
    for process in processes:
        for room in process.largest:
            rooms[room.document_id].append(room)
    return sorted((_merged(each) for each in rooms.values()), key=_urgency)[:most]


def _merged(rooms: Sequence[RoomStock]) -> LiveDocument:
    idle = [each.idle_seconds for each in rooms if each.idle_seconds is not None]
    return LiveDocument(
        document_id=rooms[0].document_id,
        processes=len(rooms),
        peers=sum(each.peers for each in rooms),
        size_bytes=max(each.size_bytes for each in rooms),
        is_built=any(each.is_built for each in rooms),
        unsaved_bytes=sum(each.unsaved_bytes for each in rooms),
        waiting_bytes=sum(each.waiting_bytes for each in rooms),
        slow_peers=sum(each.slow_peers for each in rooms),
        pause_seconds=max(each.pause_seconds for each in rooms),
        idle_seconds=min(idle) if len(idle) == len(rooms) else None,
    )


def _urgency(document: LiveDocument) -> tuple[int, int, int, str]:
    return -document.slow_peers, -document.peers, -document.size_bytes, str(document.document_id)
