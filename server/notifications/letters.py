"""From a mail's row to the text that is sent. What it is about, and whether it is wanted, is read then."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime, parseaddr
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import User
from server.accounts.secret import digest, new_secret
from server.notifications.models import (
    HowMail,
    Kind,
    Letter,
    Mail,
    MailChoice,
    PersonalNotice,
    StoppedAddress,
)
from server.notifications.words import UNTITLED, sentence
from server.settings import Settings
from server.web.render import environment
from server.workspaces import invitations

# Which of these documents a person may see now; the documents' own layer answers.
Visible = Callable[[AsyncSession, User, Collection[UUID]], Awaitable[Collection[UUID]]]

# More are only counted: nobody reads a mail of hundreds.
MAX_IN_DIGEST = 50


@dataclass(frozen=True, slots=True)
class Told:
    """A notice, as it is shown to its person. `path` is empty where there is nothing they may open any more."""

    id: UUID
    kind: Kind
    sentence: str
    title: str
    actor_name: str | None
    actor_colour: int
    quote: str
    text: str
    path: str
    document_id: UUID | None
    thread_id: UUID | None
    created_at: datetime
    is_read: bool

    @property
    def mail_path(self) -> str:
        """Return the path as a mail has it: it names the notice, which the page marks as read if it is its reader's."""
        parts = urlsplit(self.path)
        query = f"{parts.query}&notice={self.id}" if parts.query else f"notice={self.id}"
        return parts._replace(query=query).geturl()


@dataclass(frozen=True, slots=True)
class Written:
    """A mail, ready to be sent. The secrets in it are stored by their hashes before it goes."""

    recipient: str
    text: bytes
    stop_hash: bytes
    invitation_id: UUID | None = None
    invitation_hash: bytes | None = None
    guest_id: UUID | None = None
    guest_hash: bytes | None = None


class NotNeeded(Exception):
    """Nobody wants this mail any more; the message says why."""


async def write(db: AsyncSession, mail: Mail, *, settings: Settings, visible: Visible, now: datetime) -> Written:
    """Make the text of a mail that is due. Raises NotNeeded."""
    if mail.letter == Letter.INVITATION.value:
        return await _invitation(db, mail, settings=settings, now=now)
    if mail.letter == Letter.GUEST.value:
        return await _to_guest(db, mail, settings=settings, visible=visible)
    user = await db.get(User, mail.user_id)
    if user is None or user.disabled_at is not None:
        raise NotNeeded("The person is gone.")
    choice = await db.get(MailChoice, user.id)
    if choice is not None and choice.how == HowMail.NEVER.value:
        raise NotNeeded("The person has switched mail off.")
    rows = await told(
        db,
        user,
        visible,
        (col(PersonalNotice.mail_id) == mail.id) & col(PersonalNotice.read_at).is_(None),
        limit=MAX_IN_DIGEST + 1,
    )
    shown = [each for each in reversed(rows) if each.path]
    if not shown:
        raise NotNeeded("It was read in the page, or may not be seen any more.")
    if len(shown) == 1 and mail.letter == Letter.NOTICE.value:
        (notice,) = shown
        return _made(
            mail,
            settings,
            to=_addressed(user.email, _plain(user.name)),
            subject=notice.sentence,
            template="notice",
            thread_id=notice.thread_id,
            context={"notice": notice},
        )
    return _made(
        mail,
        settings,
        to=_addressed(user.email, _plain(user.name)),
        subject=_count(shown, is_of_one=len({each.document_id or each.title for each in shown}) == 1),
        template="digest",
        thread_id=shown[0].thread_id if len({each.thread_id for each in shown}) == 1 else None,
        context={"notices": shown[-MAX_IN_DIGEST:], "more": len(shown) > MAX_IN_DIGEST},
    )


async def told(db: AsyncSession, user: User, visible: Visible, condition: object, *, limit: int) -> Sequence[Told]:
    """Return the person's notices that fulfil the condition, the newest first.

    Of what is about a document that they may not see any more, they learn only that it was.
    """
    rows = (
        await db.execute(
            select(PersonalNotice, col(User.name), col(User.colour))
            .outerjoin(User, col(User.id) == col(PersonalNotice.actor_id))
            .where(col(PersonalNotice.user_id) == user.id, condition)  # type: ignore[arg-type]  # any SQL condition
            .order_by(col(PersonalNotice.created_at).desc(), col(PersonalNotice.id).desc())
            .limit(limit)
        )
    ).all()
    about = {row.document_id for row, _, _ in rows if row.document_id is not None}
    seen = set(await visible(db, user, about)) if about else set()
    return [
        _told(row, name, colour, hidden=row.document_id is not None and row.document_id not in seen)
        for row, name, colour in rows
    ]


def _told(row: PersonalNotice, name: str | None, colour: int | None, *, hidden: bool) -> Told:
    kind = Kind(row.kind)
    # That their own role was taken away is theirs to know, and they knew the title.
    covered = hidden and kind is not Kind.ROLE
    return Told(
        id=row.id,
        kind=kind,
        sentence="This was about a document that is not shared with you any more"
        if covered
        else sentence(kind, name, row.title),
        title="" if covered else row.title or UNTITLED,
        actor_name=None if covered else name,
        actor_colour=colour or 0,
        quote="" if hidden else row.quote,
        text="" if covered else row.text,
        path="" if covered else "/documents" if hidden else row.path,
        document_id=None if hidden else row.document_id,
        thread_id=row.thread_id,
        created_at=row.created_at,
        is_read=row.read_at is not None,
    )


async def _invitation(db: AsyncSession, mail: Mail, *, settings: Settings, now: datetime) -> Written:
    if mail.address is None or mail.invitation_id is None:  # what the table's constraints rule out
        raise NotNeeded("It is to nobody.")
    if await db.get(StoppedAddress, mail.address) is not None:
        raise NotNeeded("This address wants no invitations by mail.")
    invited = await invitations.find_open(db, mail.invitation_id, now=now)
    if invited is None:
        raise NotNeeded("The invitation was taken back, or is over.")
    secret = new_secret()
    written = _made(
        mail,
        settings,
        to=_addressed(mail.address),
        subject=f"{invited.inviter_name} invites you to “{mail.title or invited.workspace_name}”",
        template="invitation",
        context={
            "inviter": invited.inviter_name,
            "workspace_name": invited.workspace_name,
            "title": mail.title,
            "words": mail.text,
            "join_url": f"{settings.public_url}/join/{secret}",
            "expires_at": invited.invitation.expires_at,
        },
    )
    return Written(
        recipient=written.recipient,
        text=written.text,
        stop_hash=written.stop_hash,
        invitation_id=mail.invitation_id,
        invitation_hash=digest(secret),
    )


async def _to_guest(db: AsyncSession, mail: Mail, *, settings: Settings, visible: Visible) -> Written:
    if mail.address is None or mail.guest_id is None or mail.document_id is None:  # what the constraints rule out
        raise NotNeeded("It is to nobody.")
    if await db.get(StoppedAddress, mail.address) is not None:
        raise NotNeeded("This address wants no invitations by mail.")
    guest = await db.get(User, mail.guest_id)
    if guest is None or not await visible(db, guest, [mail.document_id]):
        raise NotNeeded("The link was taken back, or is over.")
    secret = new_secret()
    written = _made(
        mail,
        settings,
        to=_addressed(mail.address),
        subject=mail.title,
        template="guest",
        context={"words": mail.text, "open_url": f"{settings.public_url}/r/{secret}"},
    )
    return Written(
        recipient=written.recipient,
        text=written.text,
        stop_hash=written.stop_hash,
        guest_id=guest.id,
        guest_hash=digest(secret),
    )


def _made(
    mail: Mail,
    settings: Settings,
    *,
    to: Address,
    subject: str,
    template: str,
    context: dict[str, object],
    thread_id: UUID | None = None,
) -> Written:
    host = urlsplit(settings.public_url).hostname or "localhost"
    stop = new_secret()
    stop_url = f"{settings.public_url}/mail/stop/{stop}"
    message = EmailMessage(policy=SMTP if to.addr_spec.isascii() else SMTPUTF8)
    name, address = parseaddr(settings.smtp_from)
    message["From"] = Address(name or "Quillroom", addr_spec=address)
    message["To"] = to
    message["Subject"] = _plain(subject)
    # Both the same at every attempt, so that a mail server can tell a repetition; and news stands in its order,
    # whichever of a worker's conversations was quicker.
    message["Date"] = format_datetime(mail.created_at.astimezone(UTC))
    message["Message-ID"] = f"<{mail.id}@{host}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message["Auto-Submitted"] = "auto-generated"
    everything = {
        **context,
        "subject": subject,
        "now": mail.created_at.astimezone(UTC),
        "url": settings.public_url,
        "stop_url": stop_url,
        "has_account": mail.user_id is not None,
    }
    message.set_content(environment().get_template(f"mail/{template}.txt").render(everything), cte="quoted-printable")
    html = environment().get_template(f"mail/{template}.html").render(everything)
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    # By hand: `email` makes encoded words of what is longer than a line, and no mail program reads an address in these.
    whole = {"List-Unsubscribe": f"<{stop_url}>"}
    if thread_id is not None:
        # Mail programs show what has a common ancestor together.
        whole["References"] = f"<thread-{thread_id}@{host}>"
    head = "".join(f"{name}: {value}\r\n" for name, value in whole.items())
    return Written(recipient=to.addr_spec, text=head.encode() + message.as_bytes(), stop_hash=digest(stop))


def address_of(sender: str) -> str:
    """Return the address in `Name <address>`."""
    return parseaddr(sender)[1]


def _count(notices: Sequence[Told], *, is_of_one: bool) -> str:
    """Say how much happened; `is_of_one`: in one document, or at one other place."""
    if len(notices) == 1:
        return notices[0].sentence
    many = f"{MAX_IN_DIGEST}+" if len(notices) > MAX_IN_DIGEST else str(len(notices))
    where = f"in “{notices[-1].title}”" if is_of_one else "while you were away"
    return f"{many} things happened {where}"


def _plain(text: str) -> str:
    """Return text that is safe in a header: it was cleaned when it came, but a line break here would be a header."""
    return " ".join(text.split())


def _addressed(address: str, name: str = "") -> Address:
    """Return an address as mail servers take it: the part after the @ in ASCII. Raises NotNeeded."""
    local, _, domain = address.rpartition("@")
    try:
        return Address(name, username=local, domain=domain.encode("idna").decode("ascii"))
    except UnicodeError as error:
        raise NotNeeded("No mail server could be found for this address.") from error
