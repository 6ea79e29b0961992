"""What is to be known of publications besides what stops them: each is one function over the whole scene, pure."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final
from uuid import UUID

from server.publishing.models import Health
from server.publishing.publisher.delivering import STEP_SECONDS, STEP_SECONDS_WITH_PICTURES
from server.publishing.rehearsal.scene import Fate, Finding, Look, Person, Place, Play, Rule, Scene, Severity, Trouble
from server.publishing.rehearsal.troubles import day_words
from server.publishing.rules.slots import Rules, broken
from server.publishing.states import State
from server.publishing.wall_time import Kind, moment, wall_at

# More posts than these within an hour on one account drive readers away.
MANY_AN_HOUR: Final = 4
NO_RULES: Final = Rules()
WEEK: Final = timedelta(days=7)
_HOUR: Final = timedelta(hours=1)
# A publication whose fate is later than its time by less than this is on time.
_LATE: Final = timedelta(minutes=2)


def troubled(scene: Scene, fates: Mapping[UUID, Fate]) -> list[Finding]:
    """Return what stood in the way of each, as bad as it ended by the publisher's own verdict."""
    found = []
    for play in scene.plays:
        fate = fates[play.id]
        for trouble in fate.troubles:
            goes_out = fate.state is State.PUBLISHED and fate.at is not None
            if trouble.until is not None and fate.at is not None and fate.at - max(play.due_at, scene.now) < _LATE:
                # There is room again by its time.
                continue
            severity = Severity.AT_RISK if goes_out or trouble.until is not None else Severity.WILL_FAIL
            found.append(_of_trouble(scene, play, trouble, severity, fate.at if goes_out else None))
    return found


def late_behind_others(scene: Scene, fates: Mapping[UUID, Fate]) -> list[Finding]:
    """Return what waits because its whole account rests: its channel asked for that, or another post used its share."""
    found = []
    for play in scene.plays:
        fate, place = fates[play.id], scene.place_of(play)
        if fate.state is not State.PUBLISHED or fate.at is None or fate.troubles or place is None:
            continue
        meant = max(play.due_at, scene.now)
        if fate.at - meant < _LATE:
            continue
        found.append(
            _finding(
                scene,
                play,
                Rule.ACCOUNT_RESTS,
                Severity.AT_RISK,
                f"“{place.name}” is left alone until {day_words(fate.at, play.zone)}, so this goes out then.",
                "Nothing to do if that is in time; else plan it on another account.",
                scene.planner(play),
                f"{place.account.id}:{fate.at.isoformat()}",
                f"/workspace/channels/{place.account.id}",
            )
        )
    return found


def overdue(scene: Scene, fates: Mapping[UUID, Fate]) -> list[Finding]:
    """Return what should be out already and is not."""
    return [
        _finding(
            scene,
            play,
            Rule.OVERDUE,
            Severity.AT_RISK,
            " ".join(filter(None, [f"It was due {day_words(play.due_at, play.zone)}, and is not out.", play.problem])),
            "Look at its attempts; move it or cancel it if it is too late now.",
            scene.planner(play),
            f"{play.id}:{play.version}",
        )
        for play in scene.plays
        if play.due_at < scene.now - _LATE and not fates[play.id].troubles
    ]


def account_failing(scene: Scene, fates: Mapping[UUID, Fate]) -> list[Finding]:
    """Return what goes to accounts that do not answer as they should."""
    del fates
    found = []
    for play in scene.plays:
        place = scene.place_of(play)
        if place is None or not place.is_connected or place.health is not Health.FAILING:
            continue
        found.append(
            _finding(
                scene,
                play,
                Rule.ACCOUNT_FAILING,
                Severity.AT_RISK,
                f"“{place.name}” does not work at the moment: {place.sentence or 'its channel does not answer well.'}",
                "It is tried again by itself; connect the account again if this goes on.",
                scene.keeper(place),
                f"{place.account.id}:{place.since.isoformat() if place.since else ''}",
                f"/workspace/channels/{place.account.id}",
            )
        )
    return found


def time_changes(scene: Scene, fates: Mapping[UUID, Fate]) -> list[Finding]:
    """Return what falls into a jump of the clock, or whose zone has other rules by now than when it was planned."""
    del fates
    found = []
    for play in scene.plays:
        said = moment(play.wall_time, play.zone)
        shown = wall_at(play.due_at, play.zone)
        severity, sentence = Severity.AT_RISK, ""
        if said.kind is Kind.GAP:
            sentence = said.rule
        elif said.kind is Kind.OVERLAP:
            severity = Severity.REMARK
            sentence = moment(play.wall_time, play.zone, later=play.due_at > said.at).rule
        elif shown != play.wall_time:
            sentence = (
                f"It was planned for {play.wall_time:%H:%M}; by the rules that {play.zone} has now the clock shows "
                f"{shown:%H:%M} then."
            )
        if sentence:
            deed = "Move it if another time is better."
            planner = scene.planner(play)
            subject = f"{play.id}:{play.version}"
            found.append(_finding(scene, play, Rule.TIME_CHANGE, severity, sentence, deed, planner, subject))
    return found


def series_shifts(scene: Scene, fates: Mapping[UUID, Fate]) -> list[Finding]:
    """Return the first of weekly posts after the clocks change: for readers elsewhere it comes at another hour."""
    del fates
    weekly: dict[tuple[object, ...], list[Play]] = defaultdict(list)
    for play in scene.plays:
        if play.account_id is not None:
            wall = play.wall_time
            weekly[play.account_id, play.zone, wall.weekday(), wall.time()].append(play)
    found = []
    for plays in weekly.values():
        for before, after in _neighbours(plays):
            if after.wall_time - before.wall_time != WEEK:
                continue
            shift = (after.due_at - before.due_at) - WEEK
            if not shift:
                continue
            minutes = abs(int(shift.total_seconds())) // 60
            length = "an hour" if minutes == 60 else f"{minutes} minutes"
            found.append(
                _finding(
                    scene,
                    after,
                    Rule.SERIES_SHIFTS,
                    Severity.REMARK,
                    f"The clocks of {after.zone} change that week: this weekly post stays at {after.wall_time:%H:%M} "
                    f"there, and comes {length} {'earlier' if shift < timedelta() else 'later'} for readers elsewhere.",
                    "Nothing to do, unless most readers are elsewhere.",
                    scene.planner(after),
                    f"{after.id}:{after.version}",
                )
            )
    return found


def too_close(scene: Scene, fates: Mapping[UUID, Fate]) -> list[Finding]:
    """Return what is due on an account while the post before it may still be on its way: it waits its turn."""
    found = []
    for plays in _by_account(scene).values():
        going = [play for play in plays if fates[play.id].state is State.PUBLISHED]
        for before, after in _neighbours(going):
            takes = timedelta(seconds=STEP_SECONDS_WITH_PICTURES if before.pictures else STEP_SECONDS) * before.posts
            if after.due_at - before.due_at >= takes or after.due_at < scene.now:
                continue
            other = f"“{before.name}”" if before.is_visible else "another post"
            found.append(
                _finding(
                    scene,
                    after,
                    Rule.TOO_CLOSE,
                    Severity.REMARK,
                    f"{other} goes to the same account {_distance(after.due_at - before.due_at)}. An account sends one "
                    "post after the other, so this may come a little late.",
                    "Leave some minutes between them if the time matters.",
                    scene.planner(after),
                    f"{after.id}:{after.version}",
                )
            )
    return found


def crowded(scene: Scene, fates: Mapping[UUID, Fate]) -> list[Finding]:
    """Return the post by which an account has many within an hour."""
    found = []
    for plays in _by_account(scene).values():
        going = [play for play in plays if fates[play.id].state is State.PUBLISHED and play.due_at >= scene.now]
        for place, play in enumerate(going):
            within = [each for each in going[: place + 1] if each.due_at > play.due_at - _HOUR]
            # Told at the first that is too much, not at each after it.
            if len(within) != MANY_AN_HOUR + 1:
                continue
            found.append(
                _finding(
                    scene,
                    play,
                    Rule.CROWDED,
                    Severity.REMARK,
                    f"It is the {len(within)}th post on this account within an hour.",
                    "Spread them over the day, if that was not meant.",
                    scene.planner(play),
                    f"{play.id}:{play.version}",
                )
            )
    return found


def posting_rules(scene: Scene, fates: Mapping[UUID, Fate]) -> list[Finding]:
    """Return what breaks the posting rules of its account, or a blackout."""
    found = []
    for account_id, plays in _by_account(scene).items():
        rules = scene.places[account_id].rules
        if rules == NO_RULES:
            continue
        times = sorted(play.due_at for play in plays)
        for play in plays:
            if play.due_at < scene.now or fates[play.id].state is not State.PUBLISHED:
                continue
            # A day has at most 25 hours; what is further away than that and the gap breaks nothing.
            reach = max(rules.gap, timedelta(hours=25))
            taken = times[bisect_left(times, play.due_at - reach) : bisect_right(times, play.due_at + reach)]
            taken.remove(play.due_at)
            sentences = [each.sentence for each in broken(rules, taken, play.due_at)]
            if not sentences:
                continue
            found.append(
                _finding(
                    scene,
                    play,
                    Rule.POSTING_RULES,
                    Severity.REMARK,
                    " ".join(sentences),
                    "Move it, unless it was planned so on purpose.",
                    scene.planner(play),
                    f"{play.id}:{play.version}",
                )
            )
    return found


def changed_since(scene: Scene, fates: Mapping[UUID, Fate]) -> list[Finding]:
    """Return what goes out in an older form than the document has, or than is approved by now."""
    del fates
    found = []
    for play in scene.plays:
        paper = scene.paper_of(play)
        if paper is None or paper.approved_hash is None:
            continue
        if paper.approved_hash != play.content_hash:
            rule, sentence = (
                Rule.NEWER_APPROVED,
                "A newer text is approved; this sends what it was planned with.",
            )
            deed = "Let it send what is approved now, if that was meant."
        elif paper.content_hash not in {None, paper.approved_hash}:
            rule, sentence = Rule.CHANGED_SINCE, "The document was changed since; this sends what was approved."
            deed = "Send the document for review again if the changes shall go out, too."
        else:
            continue
        subject = f"{play.id}:{play.version}"
        found.append(_finding(scene, play, rule, Severity.REMARK, sentence, deed, scene.planner(play), subject))
    return found


def likely_mistakes(scene: Scene, fates: Mapping[UUID, Fate]) -> list[Finding]:
    """Return what channels take, and what looks like a mistake."""
    del fates
    found = []
    for play in scene.plays:
        likely = [each.sentence for each in play.problems if not each.blocks]
        if likely:
            deed, subject = "Look at it once more.", f"{play.id}:{play.version}"
            who = scene.planner(play)
            words = " ".join(likely)
            found.append(_finding(scene, play, Rule.LIKELY_MISTAKE, Severity.REMARK, words, deed, who, subject))
    return found


LOOKS: Final[Sequence[Look]] = (
    troubled,
    late_behind_others,
    overdue,
    account_failing,
    time_changes,
    too_close,
    crowded,
    posting_rules,
    changed_since,
    series_shifts,
    likely_mistakes,
)


def _of_trouble(scene: Scene, play: Play, trouble: Trouble, severity: Severity, goes_out: datetime | None) -> Finding:
    late = f" It goes out {day_words(goes_out, play.zone)}." if goes_out is not None else ""
    sentence = trouble.sentence + late
    return _finding(
        scene, play, trouble.rule, severity, sentence, trouble.deed, trouble.who, trouble.subject, trouble.link
    )


def _finding(  # noqa: PLR0917 - one value with that many parts, made in one way
    scene: Scene,
    play: Play,
    rule: Rule,
    severity: Severity,
    sentence: str,
    deed: str,
    who: tuple[Person, ...],
    subject: str,
    link: str = "",
) -> Finding:
    place: Place | None = scene.place_of(play)
    name = place.name if place is not None else "an account that is gone"
    return Finding(rule, severity, play, name, sentence, deed, who, link or f"/publications/{play.id}", subject)


def _by_account(scene: Scene) -> dict[UUID, list[Play]]:
    by_account: dict[UUID, list[Play]] = defaultdict(list)
    for play in scene.plays:
        if play.account_id is not None and play.account_id in scene.places:
            by_account[play.account_id].append(play)
    return by_account


def _neighbours(plays: Iterable[Play]) -> list[tuple[Play, Play]]:
    ordered = sorted(plays, key=lambda play: (play.due_at, play.id))
    return list(pairwise(ordered))


def _distance(length: timedelta) -> str:
    seconds = int(length.total_seconds())
    if seconds == 0:
        return "at the same moment"
    if seconds < 60:
        return f"{seconds} seconds before"
    minutes = seconds // 60
    return f"{minutes} minute{'' if minutes == 1 else 's'} before"
