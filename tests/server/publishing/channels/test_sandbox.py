"""What is particular about the sandbox: it plays the limits of others, and fails as it is told."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from server.publishing.channel import Connection, Post
from server.publishing.channels.sandbox import LIMITED, Outcome
from server.publishing.publisher.advancing import Progress, advance, begun
from server.publishing.registry import ELSEWHERE
from server.publishing.remedies import ChannelError, Remedy
from tests.server.publishing.subjects.sandbox import sandbox as open_sandbox
from tests.server.publishing.subjects.subject import Subject, a_post


@pytest.fixture
async def subject() -> AsyncIterator[Subject]:
    async with open_sandbox() as opened:
        yield replace(opened, channel=replace(opened.channel, played=ELSEWHERE))  # type: ignore[type-var]  # a dataclass


def _post(subject: Subject, outcome: Outcome) -> Post:
    return a_post(subject, due_at=subject.caller.now(), options={"outcome": outcome.value}, replies=("A vixen",))


async def _deliver(subject: Subject, post: Post, progress: Progress | None = None) -> Progress:
    """Take steps, looking after each answer that is lost, until the post is published. Raises what stops it."""
    progress = progress or Progress(subject.channel.begin(post, subject.caller.account))
    for _ in range(20):
        if progress.is_done:
            return progress
        try:
            progress = await advance(subject.channel, subject.caller, post, progress)
        except ChannelError as error:
            if error.remedy is not Remedy.UNKNOWN or progress.called_at is not None:
                raise
            progress = begun(progress, subject.caller.now())
        assert subject.passes is not None
        subject.passes(progress.wait_seconds)
    raise AssertionError(progress)


@pytest.mark.parametrize("kind", sorted(ELSEWHERE))
async def test_it_has_the_limits_of_whom_it_plays(subject: Subject, kind: str) -> None:
    made = await subject.channel.connect(subject.caller.http, {"plays": kind}, app={}, return_to="")
    assert isinstance(made, Connection)
    account = replace(subject.caller.account, facts=made.facts)
    usual = replace(account, channel=kind, facts={})

    assert subject.channel.limits(account) == ELSEWHERE[kind].limits(usual)
    problems = subject.channel.validate(a_post(subject, "x" * 100_000), account)
    options = {option.name for option in ELSEWHERE[kind].options}
    assert problems == [
        each for each in ELSEWHERE[kind].validate(a_post(subject, "x" * 100_000), usual) if each.where not in options
    ]
    assert not [each for each in subject.channel.validate(a_post(subject), account) if each.blocks]


async def test_nobody_can_be_played_who_is_not_there(subject: Subject) -> None:
    with pytest.raises(ChannelError):
        await subject.channel.connect(subject.caller.http, {"plays": "elsewhere"}, app={}, return_to="")


@pytest.mark.parametrize("outcome", [Outcome.WELL, Outcome.SLOW, Outcome.LOST_AND_FOUND])
async def test_it_is_published_once_in_the_end(subject: Subject, outcome: Outcome) -> None:
    begun_at = subject.caller.now()
    progress = await _deliver(subject, _post(subject, outcome))

    assert subject.seen() == ["The brown fox", "A vixen"]
    assert progress.handle.url
    assert (subject.caller.now() - begun_at >= timedelta(seconds=30)) == (outcome is Outcome.SLOW)


async def test_a_post_that_is_refused_stays_refused(subject: Subject) -> None:
    with pytest.raises(ChannelError) as refused:
        await _deliver(subject, _post(subject, Outcome.REFUSED))

    assert refused.value.remedy is Remedy.FIX_CONTENT
    assert refused.value.evidence
    assert subject.seen() == []


async def test_one_that_is_asked_too_often_takes_it_later(subject: Subject) -> None:
    post = _post(subject, Outcome.LIMITED)
    with pytest.raises(ChannelError) as limited:
        await _deliver(subject, post)
    assert (limited.value.remedy, limited.value.after_seconds) == (Remedy.QUOTA, LIMITED.total_seconds())

    assert subject.passes is not None
    subject.passes(limited.value.after_seconds or 0)
    assert (await _deliver(subject, post)).is_done


async def test_a_person_is_asked_about_what_is_lost_and_their_word_is_taken(subject: Subject) -> None:
    post = _post(subject, Outcome.LOST)
    first = Progress(subject.channel.begin(post, subject.caller.account))
    with pytest.raises(ChannelError) as lost:
        await _deliver(subject, post, first)
    assert lost.value.remedy is Remedy.UNKNOWN
    assert lost.value.evidence
    assert subject.seen() == []

    # They said that it is not there: it is sent again, and this time all goes well.
    assert (await _deliver(subject, post, first)).is_done
    assert subject.seen() == ["The brown fox", "A vixen"]
