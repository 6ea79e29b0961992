"""Each thing that a rehearsal finds, by itself: how bad it is, what is said, and who is named."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

import pytest

from server.publishing.channel import Account, Capabilities, Problem
from server.publishing.models import Health
from server.publishing.rehearsal.scene import Person, Rule, Severity
from server.publishing.rules.slots import Quiet, Rules
from tests.server.publishing.board import BoardChannel, Wall
from tests.server.publishing.rehearsal.stage import (
    ACCOUNT,
    ADA,
    BEN,
    DOCUMENT,
    NOON,
    SIGNED,
    found,
    only,
    paper,
    place,
    play,
    rehearsed,
)

WILL_FAIL, AT_RISK, REMARK = Severity


def test_what_is_in_order_is_not_spoken_of() -> None:
    rehearsal = rehearsed(*(play(NOON.replace(tzinfo=None) + timedelta(days=day)) for day in range(1, 6)))
    assert rehearsal.findings == []
    assert (rehearsal.planned, rehearsal.goes_out) == (5, 5)


def test_a_hold_stops_it_and_whoever_holds_can_release() -> None:
    finding = only(Rule.HELD, play(stopped="A reviewer holds it."), of=paper(is_held=True, held_by=BEN.id))
    assert finding.severity is WILL_FAIL
    assert finding.who == (BEN,)
    assert finding.link == f"/documents/{DOCUMENT}/review"


def test_an_approval_taken_back_stops_it_and_reviewers_are_waited_for() -> None:
    cleo = Person(UUID(int=3), "Cleo")
    back, stopped = play(stopped="The approval was taken back."), paper(approved_hash=None, waited_for=(cleo,))
    finding = only(Rule.UNAPPROVED, back, of=stopped)
    assert (finding.severity, finding.who) == (WILL_FAIL, (cleo,))
    assert "Decide" in finding.deed
    without = only(Rule.UNAPPROVED, back, of=replace(stopped, waited_for=()))
    assert without.who == (ADA,)
    assert "Send the document for review" in without.deed
    # Another text is approved by now.
    assert "Let it send" in only(Rule.UNAPPROVED, back, of=paper()).deed


def test_an_account_that_is_gone_or_disconnected_sends_nothing() -> None:
    gone = only(Rule.ACCOUNT_GONE, play(account_id=None))
    assert (gone.severity, gone.who, gone.account_name) == (WILL_FAIL, (ADA,), "an account that is gone")
    off = only(Rule.DISCONNECTED, play(), at=place(is_connected=False))
    assert (off.severity, off.who) == (WILL_FAIL, (BEN,))


def test_a_channel_that_this_installation_lacks_sends_nothing() -> None:
    assert only(Rule.NO_CHANNEL, play(), at=place(channel=None)).severity is WILL_FAIL


def test_an_account_that_waits_for_its_person_names_the_last_moment_to_help() -> None:
    finding = only(Rule.RECONNECT, play(), at=place(health=Health.RECONNECT, sentence="It was revoked."))
    assert (finding.severity, finding.who) == (WILL_FAIL, (BEN,))
    assert finding.sentence == "“Our board” must be connected again: It was revoked."
    assert finding.deed == "Connect it again before Sunday, 22 November, 12:00."


def test_what_ends_before_and_is_not_renewed_is_told_with_its_end() -> None:
    ends = NOON + timedelta(hours=20)
    fixed = BoardChannel(Wall(), capabilities=Capabilities(renews=False))
    finding = only(Rule.ACCESS_ENDS, play(), at=place(channel=fixed, expires_at=ends))
    assert (finding.severity, finding.who) == (WILL_FAIL, (BEN,))
    assert "ends Sunday, 22 November, 08:00" in finding.sentence
    # It goes out before, or is renewed by itself.
    assert found(play(), at=place(channel=fixed, expires_at=NOON + timedelta(days=2))) == []
    assert found(play(), at=place(expires_at=ends)) == []


def test_what_its_channel_would_refuse_by_now_fails_and_what_looks_odd_is_a_remark() -> None:
    refused, odd = Problem("text", "It is 12 characters too long."), Problem("alt", "No words.", blocks=False)
    finding = only(Rule.BREAKS_LIMITS, play(problems=(refused,)))
    assert (finding.severity, finding.who) == (WILL_FAIL, (ADA,))
    assert finding.sentence == "It is 12 characters too long."
    assert only(Rule.LIKELY_MISTAKE, play(problems=(odd,))).severity is REMARK


def test_a_picture_that_is_not_in_the_store_is_missed() -> None:
    finding = only(Rule.PICTURE_MISSING, play(pictures=("a", "b")), missing_pictures=frozenset({"b"}))
    assert finding.severity is WILL_FAIL


def test_what_is_more_than_a_channel_takes_goes_out_later() -> None:
    played = Account(ACCOUNT, "sandbox", "Our sandbox", facts={"plays": "mastodon"})
    finding = only(
        Rule.QUOTA,
        play(),
        at=place(account=played, sent=(NOON + timedelta(hours=22),) * 300),
    )
    assert finding.severity is AT_RISK
    assert "300 posts in 3 hours" in finding.sentence
    assert finding.sentence.endswith("It goes out Sunday, 22 November, 13:00.")


def test_a_quota_that_has_room_again_in_time_is_not_spoken_of() -> None:
    played = Account(ACCOUNT, "sandbox", "Our sandbox", facts={"plays": "mastodon"})
    # Full a minute before its time, when it would be prepared.
    sent = (NOON + timedelta(hours=21, seconds=-30),) * 300
    assert found(play(), at=place(account=played, sent=sent)) == []


def test_who_stands_behind_a_rest_goes_out_after_it() -> None:
    finding = only(Rule.ACCOUNT_RESTS, play(), at=place(rests_until=NOON + timedelta(days=1, hours=2)))
    assert finding.severity is AT_RISK
    assert "until Sunday, 22 November, 14:00" in finding.sentence


def test_what_should_be_out_already_is_told_with_its_problem() -> None:
    finding = only(Rule.OVERDUE, play((NOON - timedelta(hours=1)).replace(tzinfo=None), problem="The server is down."))
    assert finding.severity is AT_RISK
    assert "The server is down." in finding.sentence


def test_an_account_that_falters_is_a_risk() -> None:
    finding = only(Rule.ACCOUNT_FAILING, play(), at=place(health=Health.FAILING, sentence="It answers with 500."))
    assert (finding.severity, finding.who) == (AT_RISK, (BEN,))


def test_a_document_in_the_trash_or_gone_sends_nothing() -> None:
    trashed = only(Rule.IN_TRASH, play(stopped="It is in the trash."), of=paper(is_trashed=True, is_held=True))
    assert (trashed.severity, trashed.who) == (WILL_FAIL, (ADA,))
    gone = only(Rule.IN_TRASH, play(document_id=None, stopped="It was removed."))
    assert (gone.severity, gone.deed) == (WILL_FAIL, "Cancel it.")


@pytest.mark.parametrize(
    ("wall", "severity", "words"),
    [
        (datetime.fromisoformat("2026-11-29T02:30"), None, ""),
        # New York, 14 March 2027: from 2:00 to 3:00.
        (datetime.fromisoformat("2027-03-14T02:30"), AT_RISK, "It will be 03:30."),
        # And on 7 November back again.
        (datetime.fromisoformat("2027-11-07T01:30"), REMARK, "It will be the first one (UTC-04:00)."),
    ],
)
def test_a_time_in_a_jump_of_the_clock_says_what_it_becomes(
    wall: datetime, severity: Severity | None, words: str
) -> None:
    if severity is None:
        assert found(play(wall, "America/New_York")) == []
        return
    finding = only(Rule.TIME_CHANGE, play(wall, "America/New_York"))
    assert finding.severity is severity
    assert words in finding.sentence


def test_a_zone_with_other_rules_than_when_it_was_planned_is_noticed() -> None:
    wall = datetime.fromisoformat("2026-12-01T09:00")
    due_at = datetime(2026, 12, 1, 7, tzinfo=UTC)
    finding = only(Rule.TIME_CHANGE, play(wall, "Europe/Paris", due_at=due_at))
    assert finding.severity is AT_RISK
    assert "the clock shows 08:00 then" in finding.sentence


def test_a_weekly_post_over_a_change_of_the_clocks_comes_earlier_elsewhere() -> None:
    weeks = [
        play(datetime.fromisoformat("2027-03-22T09:00") + timedelta(weeks=week), "Europe/Paris") for week in range(3)
    ]
    finding = only(Rule.SERIES_SHIFTS, *weeks)
    assert (finding.severity, finding.play) == (REMARK, weeks[1])
    assert "comes an hour earlier" in finding.sentence
    assert found(*(replace(each, wall_time=each.due_at.replace(tzinfo=None), zone="UTC") for each in weeks)) == []


def test_two_on_one_account_within_the_time_that_one_takes_are_told() -> None:
    first, second = play(name="One"), play(name="Two", due_at=NOON + timedelta(days=1, minutes=1))
    second = replace(second, wall_time=second.due_at.replace(tzinfo=None))
    finding = only(Rule.TOO_CLOSE, first, second)
    assert (finding.severity, finding.play) == (REMARK, second)
    assert finding.sentence.startswith("“One” goes to the same account 1 minute before.")
    # What the asker may not see is not named, and not told about.
    veiled = found(replace(first, is_visible=False), second)
    assert [each.sentence.split(" goes")[0] for each in veiled] == ["another post"]
    assert found(replace(first, is_visible=False), replace(second, is_visible=False)) == []


def test_many_within_an_hour_are_told_once() -> None:
    start = NOON + timedelta(days=1)
    plays = [
        play((start + timedelta(minutes=8 * number)).replace(tzinfo=None), name=f"{number}") for number in range(7)
    ]
    finding = only(Rule.CROWDED, *plays)
    assert (finding.severity, finding.play.name) == (REMARK, "4")


def test_quiet_hours_and_gaps_are_a_remark() -> None:
    rules = Rules(gap=timedelta(hours=2), quiet=Quiet(time(11), time(13)))
    later = play((NOON + timedelta(days=1, hours=1)).replace(tzinfo=None))
    first, second = found(play(), later, at=place(rules=rules))
    assert {first.rule, second.rule} == {Rule.POSTING_RULES}
    assert first.severity is REMARK
    assert "quiet hours" in first.sentence
    assert "Another post goes to this account 1 hour away" in second.sentence


def test_an_older_form_that_goes_out_is_a_remark() -> None:
    other = b"o" * 32
    assert only(Rule.CHANGED_SINCE, play(), of=paper(content_hash=other)).severity is REMARK
    assert only(Rule.NEWER_APPROVED, play(content_hash=other)).severity is REMARK
    assert found(play(), of=paper(content_hash=None)) == []
    assert found(play(content_hash=SIGNED)) == []


def test_whoever_is_gone_is_spoken_for_by_all_who_may() -> None:
    assert only(Rule.BREAKS_LIMITS, play(problems=(Problem("text", "No."),), planned_by=None)).who == (ADA, BEN)


def test_each_publication_is_counted_once_at_its_worst() -> None:
    bad = play(problems=(Problem("text", "No."),), pictures=("a",))
    odd = play((NOON + timedelta(days=3)).replace(tzinfo=None), problems=(Problem("x", "Odd.", blocks=False),))
    rehearsal = rehearsed(bad, odd, missing_pictures=frozenset({"a"}))
    assert [each.rule for each in rehearsal.findings] == [
        Rule.BREAKS_LIMITS,
        Rule.PICTURE_MISSING,
        Rule.LIKELY_MISTAKE,
    ]
    assert (rehearsal.counts[WILL_FAIL], rehearsal.counts[AT_RISK], rehearsal.counts[REMARK]) == (1, 0, 1)
    assert rehearsal.goes_out == 1
