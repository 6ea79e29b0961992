"""Each mail goes out once: whatever the mail server does, whoever is killed, however many workers there are."""

import asyncio
import re
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import anyio
import pytest
from sqlalchemy import select, update
from sqlmodel import col

from server.accounts import people
from server.notifications import bell, choices, delivery, letters
from server.notifications.delivery import LEASE, WAITS, Delivered, claim, deliver
from server.notifications.models import HowMail, Kind, Mail, MailChoice, MailState, PersonalNotice
from server.notifications.noting import MAIL_DELAY, MAILS_IN_AN_HOUR, invite_by_mail
from server.settings import Settings
from server.workspaces import invitations
from server.workspaces.models import Role
from tests.factories import actor
from tests.server.notifications.catch_all import CatchAll, Fault
from tests.server.notifications.conftest import Post


async def _run(post: Post, mailing: Settings) -> Delivered:
    return await deliver(post.sessions, mailing, post.visible, clock=post.clock)


async def _mail(post: Post) -> Mail:
    async with post.sessions() as db:
        return (await db.scalars(select(Mail))).one()


async def _notice(post: Post) -> UUID:
    async with post.sessions() as db:
        return (await db.scalars(select(PersonalNotice))).one().id


async def _due(post: Post) -> UUID:
    document_id = await post.note()
    post.clock.now += MAIL_DELAY
    return document_id


async def test_a_mail_says_what_happened_and_how_to_end_it(post: Post, mailing: Settings, caught: CatchAll) -> None:
    document_id = await post.note(text=".a line that begins with a dot\nand <b>another</b>")
    assert await _run(post, mailing) == Delivered()
    post.clock.now += MAIL_DELAY
    assert await _run(post, mailing) == Delivered(sent=1)
    assert await _run(post, mailing) == Delivered()
    (taken,) = caught.taken
    message = taken.message
    assert taken.recipient == post.ben.email
    assert message["From"] == "Quillroom <room@example.org>"
    assert message["To"] == f"Ben <{post.ben.email}>"
    assert message["Subject"] == "Ada Lovelace mentioned you in “The plan”"
    assert message["Message-ID"] == f"<{(await _mail(post)).id}@quillroom.test>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    # As it goes over the line: mail programs do not decode these, and a parser here would.
    head = taken.text.split(b"\r\n\r\n")[0].split(b"\r\n")
    assert [line for line in head if re.fullmatch(rb"References: <thread-[\w-]{36}@quillroom\.test>", line)]
    assert [
        line for line in head if re.fullmatch(rb"List-Unsubscribe: <http://quillroom\.test/mail/stop/[\w-]{43}>", line)
    ]
    link = f"http://quillroom.test/documents/{document_id}?notice={await _notice(post)}#comment-1"
    text = taken.part("plain")
    for words in ("> the <first> paragraph", ".a line that begins with a dot\nand <b>another</b>", link):
        assert words in text
    html = taken.part("html")
    for words in ("the &lt;first&gt; paragraph", "and &lt;b&gt;another&lt;/b&gt;", f'href="{link}"'):
        assert words in html
    assert taken.text.isascii()
    assert (await _mail(post)).state == MailState.SENT


async def test_what_happens_in_a_document_meanwhile_goes_with_it(
    post: Post, mailing: Settings, caught: CatchAll
) -> None:
    document_id = await post.note(text="the first words")
    post.clock.pass_by(seconds=90)
    await asyncio.gather(
        post.note(document_id=document_id, kind=Kind.REPLY, key="comment:2", text="the second words"),
        post.note(key="comment:3", text="elsewhere"),
    )
    post.clock.pass_by(seconds=30)
    assert await _run(post, mailing) == Delivered(sent=1)
    # It is on its way: what comes now is another mail.
    await post.note(document_id=document_id, key="comment:4", text="the last words")
    post.clock.pass_by(minutes=5)
    assert await _run(post, mailing) == Delivered(sent=2)
    both, *single = caught.taken
    assert both.message["Subject"] == "2 things happened in “The plan”"
    for kind in ("plain", "html"):
        assert both.part(kind).index("the first words") < both.part(kind).index("the second words")
    assert {each.message["Subject"] for each in single} == {"Ada Lovelace mentioned you in “The plan”"}
    assert sum("the last words" in each.part("plain") for each in single) == 1


async def test_nobodys_mailbox_is_flooded(post: Post, mailing: Settings, caught: CatchAll) -> None:
    post.clock.pass_by(minutes=30)
    for number in range(MAILS_IN_AN_HOUR + 5):
        await post.note(key=f"comment:{number}", text=f"words {number}.")
    post.clock.now += MAIL_DELAY
    assert await _run(post, mailing) == Delivered(sent=MAILS_IN_AN_HOUR)
    # More of the same hour goes along, whatever it is about.
    await asyncio.gather(*(post.note(key=f"more:{number}") for number in range(3)))
    post.clock.pass_by(minutes=15)
    assert await _run(post, mailing) == Delivered()
    post.clock.pass_by(minutes=15)
    assert await _run(post, mailing) == Delivered(sent=1)
    gathered = caught.taken[-1]
    assert gathered.message["Subject"] == "8 things happened while you were away"
    assert f"words {MAILS_IN_AN_HOUR + 4}." in gathered.part("plain")
    # Later it is as ever.
    post.clock.pass_by(hours=1)
    await post.note(key="later")
    post.clock.now += MAIL_DELAY
    assert await _run(post, mailing) == Delivered(sent=1)


async def test_what_is_just_being_sent_takes_no_more_news(post: Post, mailing: Settings, caught: CatchAll) -> None:
    document_id = await _due(post)
    async with post.sessions() as db:
        # As a worker that claims it, not committed yet.
        await db.scalar(select(Mail).with_for_update())
        await post.note(document_id=document_id, key="comment:2")
    post.clock.now += MAIL_DELAY
    assert await _run(post, mailing) == Delivered(sent=2)
    assert len(caught.taken) == 2


async def test_what_was_read_in_the_page_is_not_mailed(post: Post, mailing: Settings, caught: CatchAll) -> None:
    await _due(post)
    async with post.sessions() as db:
        assert await bell.read_all(db, post.ben.id) == 1
        await db.commit()
    assert await _run(post, mailing) == Delivered(dropped=1)
    assert not caught.connections


async def test_what_may_not_be_seen_any_more_is_not_mailed(post: Post, mailing: Settings, caught: CatchAll) -> None:
    post.hidden.add(await _due(post))
    assert await _run(post, mailing) == Delivered(dropped=1)
    assert not caught.connections


async def test_that_a_role_was_taken_away_is_mailed_without_the_text(
    post: Post, mailing: Settings, caught: CatchAll
) -> None:
    post.hidden.add(await post.note(kind=Kind.ROLE, text="You can no longer open it."))
    post.clock.now += MAIL_DELAY
    assert await _run(post, mailing) == Delivered(sent=1)
    text = caught.taken[0].part("plain")
    assert "You can no longer open it." in text
    assert "paragraph" not in text


async def test_who_switched_mail_off_or_is_gone_gets_none(post: Post, mailing: Settings, caught: CatchAll) -> None:
    await _due(post)
    async with post.sessions() as db:
        await choices.choose(db, post.ben.id, HowMail.NEVER, list(Kind))
        await db.commit()
    assert await _run(post, mailing) == Delivered(dropped=1)
    async with post.sessions() as db:
        await choices.choose(db, post.ben.id, HowMail.AT_ONCE, list(Kind))
        await db.commit()
    await post.note(key="comment:2")
    post.clock.now += MAIL_DELAY
    async with post.sessions() as db:
        await people.disable(db, post.ben.id)
        await db.commit()
    assert await _run(post, mailing) == Delivered(dropped=1)
    assert not caught.connections


async def test_without_a_mail_server_what_is_due_is_dropped(post: Post, settings: Settings) -> None:
    await _due(post)
    assert await _run(post, settings) == Delivered(dropped=1)
    assert (await _mail(post)).problem == "No mail server is set."


@pytest.mark.parametrize(
    "fault",
    [Fault.BUSY_AT_RCPT, Fault.REFUSED_AT_MAIL, Fault.BUSY_AFTER_TEXT, Fault.GONE_AT_START, Fault.GONE_AT_DATA],
)
async def test_what_may_pass_is_tried_again_later_under_the_same_name(
    post: Post, mailing: Settings, caught: CatchAll, fault: Fault
) -> None:
    caught.faults = [fault, fault]
    await _due(post)
    for wait in WAITS[:2]:
        assert await _run(post, mailing) == Delivered(put_off=1)
        assert (await _mail(post)).due_at == post.clock.now + wait
        assert await _run(post, mailing) == Delivered()
        post.clock.now += wait
    assert await _run(post, mailing) == Delivered(sent=1)
    assert [taken.message["Message-ID"] for taken in caught.taken] == [f"<{(await _mail(post)).id}@quillroom.test>"]


async def test_it_is_not_tried_for_ever(post: Post, mailing: Settings, caught: CatchAll) -> None:
    caught.faults = [Fault.BUSY_AT_RCPT] * 20
    await _due(post)
    for wait in WAITS:
        assert await _run(post, mailing) == Delivered(put_off=1)
        post.clock.now += wait
    assert await _run(post, mailing) == Delivered(failed=1)
    post.clock.now += timedelta(days=30)
    assert await _run(post, mailing) == Delivered()
    assert (await _mail(post)).problem == "451 come again"


@pytest.mark.parametrize("fault", [Fault.REFUSED_AT_RCPT, Fault.REFUSED_AFTER_TEXT])
async def test_a_no_for_good_is_not_tried_again(post: Post, mailing: Settings, caught: CatchAll, fault: Fault) -> None:
    caught.faults = [fault]
    await _due(post)
    assert await _run(post, mailing) == Delivered(failed=1)
    post.clock.now += timedelta(days=30)
    assert await _run(post, mailing) == Delivered()
    assert not caught.taken


async def test_a_mail_whose_answer_was_lost_is_not_sent_a_second_time(
    post: Post, mailing: Settings, caught: CatchAll
) -> None:
    caught.faults = [Fault.GONE_AFTER_TEXT]
    await _due(post)
    assert await _run(post, mailing) == Delivered(unknown=1)
    post.clock.now += timedelta(days=30)
    assert await _run(post, mailing) == Delivered()
    assert len(caught.taken) == 1
    mail = await _mail(post)
    assert (mail.state, mail.stop_hash is not None) == (MailState.UNKNOWN, True)


async def test_a_server_that_is_away_costs_nothing_but_time(post: Post, mailing: Settings, caught: CatchAll) -> None:
    await _due(post)
    nowhere = mailing.model_copy(update={"smtp_url": "smtp://127.0.0.1:1"})
    assert await _run(post, nowhere) == Delivered(put_off=1)
    post.clock.now += WAITS[0]
    assert await _run(post, mailing) == Delivered(sent=1)


async def test_two_workers_at_once_send_each_mail_once(post: Post, mailing: Settings, caught: CatchAll) -> None:
    for number in range(10):
        await post.note(key=f"comment:{number}")
    post.clock.now += MAIL_DELAY
    runs = await asyncio.gather(*(_run(post, mailing) for _ in range(3)))
    assert sum(run.sent for run in runs) == 10
    assert len(caught.taken) == len({taken.message["Message-ID"] for taken in caught.taken}) == 10


async def test_a_worker_that_is_killed_before_it_sends_leaves_the_mail_to_the_next(
    post: Post, mailing: Settings, caught: CatchAll
) -> None:
    await _due(post)
    # It claims, and is never heard of again.
    assert await claim(post.sessions, post.clock.now) is not None
    assert await _run(post, mailing) == Delivered()
    post.clock.now += LEASE
    assert await _run(post, mailing) == Delivered(sent=1)
    assert len(caught.taken) == 1


async def test_a_worker_that_is_killed_while_it_sends_leaves_an_unknown(
    post: Post, mailing: Settings, caught: CatchAll
) -> None:
    await _due(post)
    async with post.sessions() as db:
        await db.execute(update(Mail).values(state=MailState.SENDING.value, lease_until=post.clock.now + LEASE))
        await db.commit()
    assert await _run(post, mailing) == Delivered()
    post.clock.now += LEASE
    assert await _run(post, mailing) == Delivered(unknown=1)
    assert await _run(post, mailing) == Delivered()
    assert not caught.connections


async def test_a_worker_that_slept_past_its_lease_lets_go_before_it_sends(
    post: Post, mailing: Settings, caught: CatchAll, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _due(post)
    asking = delivery._ask
    claims: list[int] = []

    async def take_over() -> None:
        mail = await claim(post.sessions, post.clock.now + LEASE)
        assert mail is not None
        claims.append(mail.fence)

    def slow(*arguments: Any) -> object:
        conversation = asking(*arguments)
        anyio.from_thread.run(take_over)
        return conversation

    monkeypatch.setattr(delivery, "_ask", slow)
    await _run(post, mailing)
    assert claims == [2]
    assert not caught.taken
    mail = await _mail(post)
    assert (mail.state, mail.fence) == (MailState.CLAIMED, 2)


async def test_an_intent_is_committed_before_the_text_goes(post: Post, mailing: Settings, caught: CatchAll) -> None:
    caught.faults = [Fault.SLOW]
    await _due(post)
    run = asyncio.create_task(_run(post, mailing))
    with anyio.fail_after(20):
        await caught.asked_for_text.wait()
    assert (await _mail(post)).state == MailState.SENDING
    caught.go_on.set()
    assert await run == Delivered(sent=1)


async def test_one_mail_that_cannot_be_made_does_not_hold_up_the_others(
    post: Post, mailing: Settings, caught: CatchAll, monkeypatch: pytest.MonkeyPatch
) -> None:
    await post.note(key="comment:1")
    post.clock.pass_by(seconds=1)
    await post.note(key="comment:2")
    post.clock.now += MAIL_DELAY
    writing = letters.write
    broken = [True]

    async def write(*arguments: Any, **named: Any) -> object:
        if broken:
            broken.clear()
            raise RuntimeError("a defect")
        return await writing(*arguments, **named)

    monkeypatch.setattr(letters, "write", write)
    assert await _run(post, mailing) == Delivered(sent=1)
    post.clock.now += LEASE
    assert await _run(post, mailing) == Delivered(sent=1)
    assert len(caught.taken) == 2


async def _invite(post: Post, *, address: str = "new@example.org") -> UUID:
    async with post.sessions() as db:
        invitation, _ = await invitations.create(
            db, actor(post.ada, post.workspace, Role.ADMIN), post.workspace.id, email=address, now=post.clock.now
        )
        await invite_by_mail(db, invitation, title="The plan", text="Come and see", now=post.clock.now)
        await db.commit()
    return invitation.id


async def test_an_invitation_goes_to_an_address_at_once_with_a_link_that_works(
    post: Post, mailing: Settings, caught: CatchAll
) -> None:
    invitation_id = await _invite(post)
    assert await _run(post, mailing) == Delivered(sent=1)
    (taken,) = caught.taken
    assert taken.recipient == "new@example.org"
    assert taken.message["Subject"] == "Ada Lovelace invites you to “The plan”"
    assert "Come and see" in taken.part("plain")
    found = re.search(r"http://quillroom\.test/join/([\w-]+)", taken.part("plain"))
    assert found
    async with post.sessions() as db:
        invited = await invitations.look(db, found[1], now=post.clock.now)
    assert invited.invitation.id == invitation_id


async def test_an_invitation_that_was_taken_back_is_not_sent(post: Post, mailing: Settings, caught: CatchAll) -> None:
    invitation_id = await _invite(post)
    async with post.sessions() as db:
        await invitations.revoke(db, actor(post.ada, post.workspace, Role.ADMIN), invitation_id, now=post.clock.now)
        await db.commit()
    assert await _run(post, mailing) == Delivered(dropped=1)
    assert not caught.connections


async def test_whoever_wants_no_invitations_gets_none(post: Post, mailing: Settings, caught: CatchAll) -> None:
    await _invite(post)
    await _run(post, mailing)
    found = re.search(r"/mail/stop/([\w-]+)", caught.taken[0].message["List-Unsubscribe"])
    assert found
    async with post.sessions() as db:
        for _ in range(2):
            await choices.stop_by_link(db, found[1])
        await db.commit()
    await _invite(post)
    assert await _run(post, mailing) == Delivered(dropped=1)
    await _invite(post, address="other@example.org")
    assert await _run(post, mailing) == Delivered(sent=1)


@pytest.mark.parametrize(
    ("address", "recipient"),
    [("ada@bücher.example", "ada@xn--bcher-kva.example"), ("adä@bücher.example", "adä@xn--bcher-kva.example")],
)
async def test_addresses_of_all_alphabets_are_written_to(
    post: Post, mailing: Settings, caught: CatchAll, address: str, recipient: str
) -> None:
    await _invite(post, address=address)
    assert await _run(post, mailing) == Delivered(sent=1)
    assert caught.taken[0].recipient == recipient


async def test_a_notice_of_somebody_whose_name_would_be_a_header_is_one_line(
    post: Post, mailing: Settings, caught: CatchAll
) -> None:
    async with post.sessions() as db:
        db.add(
            PersonalNotice(
                user_id=post.ben.id,
                workspace_id=post.workspace.id,
                kind=Kind.REPLY,
                title="x\r\nBcc: all@example.org",
                path="/documents",
                dedupe_key="k",
                mail_id=(mail_id := uuid4()),
            )
        )
        db.add(Mail(id=mail_id, letter="notice", user_id=post.ben.id, dedupe_key="k", due_at=post.clock.now))
        await db.commit()
    assert await _run(post, mailing) == Delivered(sent=1)
    assert caught.taken[0].message["Bcc"] is None
    async with post.sessions() as db:
        assert await db.scalar(select(col(MailChoice.user_id))) is None
