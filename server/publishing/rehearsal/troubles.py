"""What can stand against a publication when its time comes: each is one function, from values alone.

They come in the order in which the publisher would meet them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from server.publishing.models import Health
from server.publishing.quotas import free_at, quotas_of
from server.publishing.rehearsal.scene import Paper, Place, Play, Rule, Scene, Trouble
from server.publishing.remedies import Remedy
from server.publishing.wall_time import wall_at

MOST_PROBLEMS: Final = 3


@dataclass(frozen=True, slots=True)
class Moment:
    """A play at the moment of its visible call. `sent`: when posts went out on its account before, in order."""

    scene: Scene
    play: Play
    at: datetime
    sent: Sequence[datetime] = ()


Cause = Callable[[Moment], Trouble | None]


def in_trash(moment: Moment) -> Trouble | None:
    """The document is in the trash, or was removed for ever."""
    play = moment.play
    paper = moment.scene.paper_of(play)
    if play.stopped is None or (paper is not None and not paper.is_trashed):
        return None
    return Trouble(
        Rule.IN_TRASH,
        play.stopped,
        "Cancel it." if paper is None else "Restore the document, or cancel the publication.",
        moment.scene.planner(play),
        _publication(play),
        f"{play.document_id or play.id}:{'gone' if paper is None else 'trash'}",
    )


def held(moment: Moment) -> Trouble | None:
    """A reviewer holds the document."""
    paper = moment.scene.paper_of(moment.play)
    if paper is None or paper.is_trashed or moment.play.stopped is None or not paper.is_held:
        return None
    holder = moment.scene.people.get(paper.held_by) if paper.held_by is not None else None
    return Trouble(
        Rule.HELD,
        moment.play.stopped,
        "Release it, or cancel the publication.",
        (holder,) if holder is not None else moment.scene.planner(moment.play),
        f"/documents/{moment.play.document_id}/review",
        f"{moment.play.document_id}:{_stamp(paper.held_at)}",
    )


def unapproved(moment: Moment) -> Trouble | None:
    """The approval of this very text was taken back, or is missing."""
    paper = moment.scene.paper_of(moment.play)
    if paper is None or paper.is_trashed or moment.play.stopped is None or paper.is_held:
        return None
    return Trouble(
        Rule.UNAPPROVED,
        moment.play.stopped,
        _approval_deed(paper),
        paper.waited_for or moment.scene.planner(moment.play),
        f"/documents/{moment.play.document_id}/review",
        f"{moment.play.document_id}:{moment.play.content_hash.hex()[:16]}:{'waits' if paper.waited_for else 'rests'}",
    )


def account_gone(moment: Moment) -> Trouble | None:
    """The account was removed."""
    if moment.scene.place_of(moment.play) is not None:
        return None
    return Trouble(
        Rule.ACCOUNT_GONE,
        "The account of this publication is gone, so nobody sends it.",
        "Plan it on another account, and cancel this one.",
        moment.scene.planner(moment.play),
        _publication(moment.play),
        str(moment.play.id),
    )


def disconnected(moment: Moment) -> Trouble | None:
    """The account is disconnected."""
    place = moment.scene.place_of(moment.play)
    if place is None or place.is_connected:
        return None
    return Trouble(
        Rule.DISCONNECTED,
        f"“{place.name}” is disconnected.",
        "Connect it again, or plan what goes there on another account.",
        moment.scene.keeper(place),
        "/workspace/channels",
        str(place.account.id),
        Remedy.RECONNECT,
    )


def no_channel(moment: Moment) -> Trouble | None:
    """This installation has no channel of that kind any more."""
    place = moment.scene.place_of(moment.play)
    if place is None or not place.is_connected or place.channel is not None:
        return None
    return Trouble(
        Rule.NO_CHANNEL,
        f"This installation has no channel “{place.account.channel}”.",
        "Ask whoever runs this installation, or plan it on another account.",
        moment.scene.keeper(place),
        _account(place),
        str(place.account.id),
        Remedy.OPERATOR,
    )


def reconnect(moment: Moment) -> Trouble | None:
    """The account waits already for its person."""
    place = _connected(moment)
    if place is None or place.health is not Health.RECONNECT:
        return None
    return Trouble(
        Rule.RECONNECT,
        f"“{place.name}” must be connected again: {place.sentence or 'its channel lets nobody in with what is known.'}",
        f"Connect it again before {day_words(moment.at, moment.play.zone)}.",
        moment.scene.keeper(place),
        _account(place),
        f"{place.account.id}:{_stamp(place.since)}",
        Remedy.RECONNECT,
    )


def access_ends(moment: Moment) -> Trouble | None:
    """The account's token ends before, and nothing renews it."""
    place = _connected(moment)
    if place is None or place.health is Health.RECONNECT or place.expires_at is None:
        return None
    if place.expires_at > moment.at or place.renews:
        return None
    ends = day_words(place.expires_at, moment.play.zone)
    return Trouble(
        Rule.ACCESS_ENDS,
        f"What lets Quillroom into “{place.name}” ends {ends}, and cannot be renewed without a person.",
        f"Connect it again before {ends}.",
        moment.scene.keeper(place),
        _account(place),
        f"{place.account.id}:{_stamp(place.expires_at)}",
        Remedy.RECONNECT,
    )


def breaks_limits(moment: Moment) -> Trouble | None:
    """The channel would refuse the post as its limits are now."""
    blocking = [each.sentence for each in moment.play.problems if each.blocks]
    if not blocking:
        return None
    return Trouble(
        Rule.BREAKS_LIMITS,
        " ".join(blocking[:MOST_PROBLEMS]),
        "Change the text, have it approved, and let the publication send that.",
        moment.scene.planner(moment.play),
        _publication(moment.play),
        f"{moment.play.id}:{moment.play.version}",
        Remedy.FIX_CONTENT,
    )


def picture_missing(moment: Moment) -> Trouble | None:
    """A picture of the post is not in the store."""
    gone = [key for key in moment.play.pictures if key in moment.scene.missing_pictures]
    if not gone:
        return None
    many = "A picture" if len(gone) == 1 else f"{len(gone)} pictures"
    return Trouble(
        Rule.PICTURE_MISSING,
        f"{many} of this post cannot be found in the store.",
        "Put it into the document again, have that approved, and let the publication send it.",
        moment.scene.planner(moment.play),
        _publication(moment.play),
        f"{moment.play.id}:{moment.play.version}",
        Remedy.FIX_CONTENT,
    )


def quota(moment: Moment) -> Trouble | None:
    """The account has sent its share by then."""
    place = _connected(moment)
    if place is None:
        return None
    waits: list[tuple[datetime, str]] = []
    for each in quotas_of(place.account.channel, place.account.facts):
        free = free_at(each, moment.sent, moment.at, moment.play.posts)
        if free > moment.at:
            waits.append((free, each.words))
    if not waits:
        return None
    free, words = max(waits)
    name = place.channel.name if place.channel is not None else place.account.channel
    return Trouble(
        Rule.QUOTA,
        f"{name} takes {words} from an account, and “{place.name}” has sent as many by then.",
        f"Move it to {day_words(free, moment.play.zone)} or later; else it waits until then by itself.",
        moment.scene.planner(moment.play),
        _publication(moment.play),
        f"{moment.play.id}:{moment.play.version}",
        until=free,
    )


# What the publisher looks at before it opens the account.
FIRST: Final[Sequence[Cause]] = (account_gone, in_trash, held, unapproved, quota)
CAUSES: Final[Sequence[Cause]] = (
    *FIRST,
    disconnected,
    no_channel,
    reconnect,
    access_ends,
    breaks_limits,
    picture_missing,
)


def day_words(at: datetime, zone: str) -> str:
    """Return a time as the clock of a zone shows it, with its weekday: "Tuesday, 3 March, 09:00"."""
    wall = wall_at(at, zone)
    return f"{wall:%A}, {wall.day} {wall:%B}, {wall:%H:%M}"


def _connected(moment: Moment) -> Place | None:
    place = moment.scene.place_of(moment.play)
    return place if place is not None and place.is_connected and place.channel is not None else None


def _approval_deed(paper: Paper) -> str:
    if paper.waited_for:
        return "Decide about it: the review waits."
    if paper.approved_hash is not None:
        return "Let it send what is approved now, or cancel it."
    return "Send the document for review again, or cancel the publication."


def _publication(play: Play) -> str:
    return f"/publications/{play.id}"


def _account(place: Place) -> str:
    return f"/workspace/channels/{place.account.id}"


def _stamp(at: datetime | None) -> str:
    return at.isoformat() if at is not None else ""
