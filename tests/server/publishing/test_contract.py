"""What holds for every channel: it publishes once, whatever is lost on the way."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from server.publishing.channel import Post
from server.publishing.publisher.advancing import Progress, advance, begun
from server.publishing.publisher.delivering import read_handle, write_handle
from server.publishing.remedies import ChannelError, Remedy
from tests.server.publishing.elsewhere.running import Fault
from tests.server.publishing.subjects import SUBJECTS
from tests.server.publishing.subjects.subject import Subject, a_post, a_whole_post

_Make = Callable[..., Post]

# More steps than any channel needs for the posts below.
_STEPS = 60
# So often the publisher would try again before it gives up.
_TRIES = 6


@pytest.fixture(params=sorted(SUBJECTS))
async def subject(request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
    async with SUBJECTS[request.param]() as opened:
        yield opened


async def test_it_publishes_once_and_says_where(subject: Subject) -> None:
    post = a_post(subject)

    progress = await _deliver(subject, post)

    assert progress.is_done
    assert progress.handle.remote_id
    assert len([text for text in subject.seen() if "brown fox" in text]) == 1


async def test_what_it_says_goes_out_goes_out(subject: Subject) -> None:
    link, tags = "https://example.org/fox", ("fox", "open source")
    post = replace(a_whole_post(subject), link=link, tags=tags)

    await _deliver(subject, post)

    said = [" ".join(text.split()) for text in subject.channel.said(post, subject.caller.account)]
    assert len(said) == 1 + len(post.replies)
    assert all(_times(subject, text) == 1 for text in said), (said, subject.seen())
    if subject.channel.limits(subject.caller.account).text is not None:
        # And that is all that counts: nothing but a title is added to it on the way.
        seen = [" ".join(text.split()).removeprefix(f"{post.title} ") for text in subject.seen()]
        assert sorted(seen) == sorted(said)


@pytest.mark.parametrize("make", [a_post, a_whole_post])
async def test_whatever_call_breaks_off_it_is_there_once_or_a_person_is_asked(subject: Subject, make: _Make) -> None:
    calls = await _count_calls(subject, make)
    for fault in (Fault.ANSWER_LOST, Fault.NOT_TAKEN, Fault.BUSY):
        for number in range(calls):
            text = f"Fox {fault} {number}"
            subject.place.breaks(fault, after=number)
            try:
                progress = await _deliver(subject, make(subject, text))
            except ChannelError as error:
                assert error.remedy is Remedy.UNKNOWN, f"call {number}, {fault}: {error}"
                assert not subject.decides, f"call {number}, {fault}: {error} ({error.evidence})"
                assert error.evidence
                assert _most(subject, make(subject, text)) <= 1
            else:
                assert progress.is_done
                assert _all_once(subject, make(subject, text)), f"call {number}, {fault}"
            subject.place.faults.clear()


async def test_an_answer_that_never_comes_is_one_that_was_lost(subject: Subject) -> None:
    hurried = replace(subject, caller=replace(subject.caller, http=replace(subject.caller.http, answer_seconds=0.5)))
    last = await _count_calls(hurried, a_post) - 1
    hurried.place.breaks(Fault.SILENCE, after=last)
    try:
        progress = await _deliver(hurried, a_post(hurried, "Fox unheard"))
    except ChannelError as error:
        assert error.remedy is Remedy.UNKNOWN
        assert not hurried.decides
    else:
        assert progress.is_done
    assert _times(hurried, "Fox unheard") == 1


@pytest.mark.parametrize("make", [a_post, a_whole_post])
async def test_a_publisher_that_dies_after_any_step_makes_no_second_post(subject: Subject, make: _Make) -> None:
    steps = await _count_steps(subject, make)
    for number in range(steps):
        text = f"Fox {number}"
        post = make(subject, text)
        try:
            progress = await _deliver(subject, post, forgets=number)
        except ChannelError as error:
            assert error.remedy is Remedy.UNKNOWN
            assert not subject.decides, f"step {number}: {error} ({error.evidence})"
            assert _most(subject, post) <= 1
        else:
            assert progress.is_done
            assert _all_once(subject, post), f"step {number}"


async def test_an_access_token_that_has_run_out_is_told_apart(subject: Subject) -> None:
    if subject.expire is None:
        pytest.skip("This channel's secrets do not run out.")
    subject.expire()

    with pytest.raises(ChannelError) as refused:
        await _deliver(subject, a_post(subject))

    assert refused.value.remedy in {Remedy.REFRESH, Remedy.RECONNECT}
    assert subject.seen() == []
    if refused.value.remedy is Remedy.REFRESH:
        connection = await subject.channel.refresh(subject.caller)
        account = replace(subject.caller.account, secrets=connection.secrets)
        refreshed = replace(subject, caller=replace(subject.caller, account=account))
        assert (await _deliver(refreshed, a_post(refreshed))).is_done


async def test_an_account_can_be_looked_at(subject: Subject) -> None:
    connection = await subject.channel.check(subject.caller)

    assert connection.name
    assert subject.seen() == []


async def test_what_was_published_can_be_taken_back(subject: Subject) -> None:
    if not subject.channel.capabilities.deletes:
        pytest.skip("This channel takes nothing back.")
    progress = await _deliver(subject, a_whole_post(subject))

    await subject.channel.delete(subject.caller, progress.handle)
    await subject.channel.delete(subject.caller, progress.handle)

    assert subject.seen() == []


async def test_what_was_published_can_be_changed(subject: Subject) -> None:
    if not subject.channel.capabilities.updates:
        pytest.skip("This channel changes nothing.")
    post = a_post(subject)
    progress = await _deliver(subject, post)

    changed = a_post(subject, "The red fox", publication_id=post.publication_id, key=post.key)
    for _ in range(2):
        progress = Progress(await subject.channel.update(subject.caller, changed, progress.handle))

    assert [text for text in subject.seen() if "fox" in text and "red" not in text] == []
    assert _times(subject, "The red fox") == 1


async def test_of_what_was_taken_back_it_tells_that_it_is_gone(subject: Subject) -> None:
    if not (subject.channel.capabilities.deletes and subject.channel.capabilities.metrics):
        pytest.skip("This channel takes nothing back, or tells nothing.")
    progress = await _deliver(subject, a_whole_post(subject))
    fares = await subject.channel.metrics(subject.caller, progress.handle)
    assert fares.gone is None
    assert fares.likes is not None

    await subject.channel.delete(subject.caller, progress.handle)

    assert (await subject.channel.metrics(subject.caller, progress.handle)).gone


async def _deliver(subject: Subject, post: Post, *, forgets: int | None = None) -> Progress:
    """Take steps until all is done, trying again what may be; the outcome of step `forgets` is lost, as by a crash.

    Raises ChannelError where a publisher would stop and ask a person.
    """
    progress = Progress(subject.channel.begin(post, subject.caller.account))
    tries = 0
    for step in range(_STEPS):
        if progress.is_done:
            return progress
        saved = begun(progress, subject.caller.now())
        try:
            after = await advance(subject.channel, subject.caller, post, progress)
        except ChannelError as error:
            # People read both, and they stand in logs.
            assert not [secret for secret in subject.caller.account.secrets.values() if secret in _told(error)]
            tries += 1
            if tries > _TRIES or error.remedy not in {Remedy.RETRY, Remedy.UNKNOWN, Remedy.QUOTA}:
                raise
            if error.remedy is Remedy.UNKNOWN:
                if progress.called_at is not None:
                    raise
                progress = saved
            if subject.passes is not None:
                subject.passes(error.after_seconds or 60)
            continue
        # The row holds it as JSON.
        assert read_handle(json.loads(json.dumps(write_handle(after.handle)))) == after.handle
        progress = saved if step == forgets else after
        if subject.passes is not None:
            subject.passes(progress.wait_seconds)
    raise AssertionError(f"not done after {_STEPS} steps: {progress}")


def _told(error: ChannelError) -> str:
    return f"{error} {error.evidence}"


async def _count_calls(subject: Subject, make: _Make) -> int:
    before = len(subject.place.calls)
    await _deliver(subject, make(subject, "Counted fox"))
    return len(subject.place.calls) - before


async def _count_steps(subject: Subject, make: _Make) -> int:
    post = make(subject, "Counted fox")
    progress = Progress(subject.channel.begin(post, subject.caller.account))
    for step in range(_STEPS):
        if progress.is_done:
            return step
        progress = await advance(subject.channel, subject.caller, post, progress)
    raise AssertionError("not done")


def _all_once(subject: Subject, post: Post) -> bool:
    return all(_times(subject, text) == 1 for text in (post.text, *post.replies))


def _most(subject: Subject, post: Post) -> int:
    """Return how often that part is to be seen that is there most often."""
    return max(_times(subject, text) for text in (post.text, *post.replies))


def _times(subject: Subject, text: str) -> int:
    # Whole words: "Fox 1" is no "Fox 10".
    return len([seen for seen in subject.seen() if f" {text} " in f" {' '.join(seen.split())} "])
