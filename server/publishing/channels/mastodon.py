"""Mastodon, and servers that speak its API: text with pictures and a thread below, once by an idempotency key.

Every server is a host of its own, with its own limits. A server forgets a key after about an hour, and servers other
than Mastodon may not know it; then the account's newest posts are read back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import quote

from server.publishing.accounts.consenting import code_from, consent_url, new_secret, read_tokens
from server.publishing.channel import (
    Account,
    Caller,
    Capabilities,
    Connection,
    Consent,
    Counting,
    Field,
    Finding,
    Handle,
    Json,
    Limits,
    Metrics,
    Post,
    Problem,
    Stage,
    Status,
    utc_now,
)
from server.publishing.channels.mastodon_calls import (
    NAME,
    authorized,
    entries_without_evidence,
    get,
    host_of,
    id_of,
    refused,
    whole,
)
from server.publishing.channels.mastodon_parts import (
    APP,
    APPEARS,
    KEY_KNOWN,
    SETTLES,
    body_of,
    find,
    made_of,
    parts,
    said,
    since,
    with_next,
)
from server.publishing.channels.mastodon_pictures import (
    are_old,
    look_at_picture,
    mark_of,
    pictures_of,
    problems_of,
    stage_after,
    upload,
    wait_for,
)
from server.publishing.channels.mastodon_server import allows, discovered, instance, keeps_keys, look
from server.publishing.counting import count, graphemes
from server.publishing.http import Http
from server.publishing.remedies import ChannelError, Remedy

SCOPES: Final = "read:accounts read:statuses write:statuses write:media"
# No rule of Mastodon: a server takes 300 posts in three hours, and nobody reads a longer thread.
MAX_REPLIES: Final = 25
_VISIBILITIES: Final = (
    ("public", "Public: everybody, and in the timelines"),
    ("unlisted", "Quiet public: everybody, but not in the timelines"),
    ("private", "Followers only"),
)

# What a server takes that does not say so.
_USUAL: Final[Mapping[str, Json]] = {
    "max_characters": 500,
    "max_pictures": 4,
    "picture_bytes": 16_777_216,
    "picture_pixels": 33_177_600,
    "picture_types": ["image/jpeg", "image/png", "image/gif", "image/webp"],
    "alt": 1500,
}


@dataclass(frozen=True, slots=True)
class Mastodon:
    """The channel. Its account's secrets are `access_token`, which does not end and cannot be refreshed, and the app's.

    The app's are `client_id` and `client_secret`, which only accounts have that were connected since they are kept.
    """

    kind: str = "mastodon"
    name: str = NAME
    about: str = "Short posts, threads and pictures, on the server that the account is on"

    @property
    def capabilities(self) -> Capabilities:
        """Everything but titles and rich text."""
        return Capabilities(
            pictures=True,
            replies=True,
            updates=True,
            deletes=True,
            metrics=True,
            renews=False,
            updating="Each post of the thread is written anew where it is, and is marked there as edited.",
            taking_down="The post and the further ones of its thread are deleted, with what was counted. Answers of "
            "others stay, and copies on other servers are theirs to remove.",
        )

    @property
    def form(self) -> Sequence[Field]:
        """The server is all that is asked for; the person signs in there."""
        return (
            Field("instance", "Server", "Where the account is: mastodon.social, or its full name @ada@mastodon.social"),
        )

    @property
    def options(self) -> Sequence[Field]:
        """Who sees it, what it warns of, and its language."""
        return (
            Field("visibility", "Who sees it", required=False, choices=_VISIBILITIES),
            Field(
                "content_warning",
                "Content warning",
                "Shown instead of the text until opened",
                required=False,
                counts=True,
            ),
            Field("language", "Language", "Two letters; the document's own if left empty", required=False),
        )

    async def connect(
        self, http: Http, answers: Mapping[str, str], *, app: Mapping[str, str], return_to: str
    ) -> Connection | Consent:
        """Make Quillroom known to the server, and say where the person agrees. Raises ChannelError."""
        base_url = instance(answers.get("instance", ""))
        known = await discovered(http, base_url)
        form = {"client_name": APP, "redirect_uris": return_to, "scopes": SCOPES}
        answer = await http.call("POST", f"{base_url}/api/v1/apps", changes=False, form=form)
        if answer.status in {301, 302, 303, 307, 308, 404, 405, 410}:
            sentence = (
                f"{host_of(base_url)} does not speak Mastodon's language. Write the address that its people sign in at."
            )
            raise ChannelError(Remedy.RECONNECT, sentence, evidence=answer.evidence)
        if not answer.is_success:
            raise refused(answer, f"{host_of(base_url)} did not take the registration as an app")
        made = entries_without_evidence(answer)
        client_id, state = str(made.get("client_id", "")), new_secret()
        verifier = new_secret() if known.proves else ""
        url = consent_url(
            known.authorize_url,
            client_id=client_id,
            return_to=return_to,
            scope=SCOPES,
            state=state,
            verifier=verifier or None,
        )
        kept = {
            "base_url": base_url,
            "token_url": known.token_url,
            "client_id": client_id,
            "client_secret": str(made.get("client_secret", "")),
            "state": state,
            "verifier": verifier,
            "return_to": return_to,
        }
        return Consent(url, kept)

    async def finish(self, http: Http, kept: Mapping[str, str], answer: Mapping[str, str]) -> Connection:
        """Exchange the code for a token. Raises ChannelError."""
        host = host_of(kept["base_url"])
        code = code_from(answer, state=kept["state"], channel=host)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": kept["client_id"],
            "client_secret": kept["client_secret"],
            "redirect_uri": kept["return_to"],
            **({"code_verifier": kept["verifier"]} if kept["verifier"] else {}),
        }
        given = await http.call("POST", kept["token_url"], changes=False, form=form)
        if given.status in {400, 401, 403}:
            sentence = f"{host} did not accept the sign-in; it may have taken too long. Connect again."
            raise ChannelError(Remedy.RECONNECT, sentence, evidence=given.evidence)
        if not given.is_success:
            raise refused(given, f"{host} gave no access")
        tokens = read_tokens(entries_without_evidence(given), utc_now())
        if tokens is None:
            raise ChannelError(Remedy.RETRY, f"{host} gave no access, and no reason. Connect again.")
        scopes = (tokens.scope or SCOPES).split()
        if not allows(scopes, "write:statuses") or not allows(scopes, "write:media"):
            raise ChannelError(Remedy.RECONNECT, f"{host} gave access without the right to post. Connect again.")
        # With the app's own secret, so that the access can be taken back.
        app_secrets = {"client_id": kept["client_id"], "client_secret": kept["client_secret"]}
        return await look(http, kept["base_url"], {"access_token": tokens.access, **app_secrets})

    async def check(self, caller: Caller) -> Connection:
        """Look at the account and at what its server takes now. Raises ChannelError."""
        return await look(caller.http, caller.account.base_url, caller.account.secrets)

    async def refresh(self, caller: Caller) -> Connection:
        """There is nothing to refresh. Raises ChannelError."""
        raise ChannelError(Remedy.RECONNECT, "Mastodon gives no new tokens. Connect the account again.")

    def limits(self, account: Account) -> Limits:
        """What the account's server said when it was last looked at."""
        facts = {**_USUAL, **account.facts}
        types = facts["picture_types"]
        return Limits(
            text=whole(facts["max_characters"]),
            counting=Counting.MASTODON,
            replies=MAX_REPLIES,
            pictures=whole(facts["max_pictures"]) or 0,
            picture_bytes=whole(facts["picture_bytes"]),
            picture_pixels=whole(facts["picture_pixels"]),
            picture_types=frozenset(str(kind) for kind in types) if isinstance(types, list) else frozenset(),
            alt=whole(facts["alt"]),
        )

    def validate(self, post: Post, account: Account) -> list[Problem]:
        """Say what the server would refuse."""
        limits = self.limits(account)
        problems = []
        if not said(post).strip() and not post.pictures:
            problems.append(Problem("text", "Mastodon wants a text or a picture. Write something."))
        if len(post.replies) > limits.replies:
            sentence = f"A thread may have {limits.replies} replies; this one has {len(post.replies)}. Join some."
            problems.append(Problem("replies", sentence))
        for number, text in enumerate(parts(post)):
            where = "replies" if number else "text"
            which = f"Reply {number}" if number else "The text"
            if number and not text.strip():
                problems.append(Problem(where, f"{which} is empty. Write something, or take it out."))
            length = count(text, limits.counting) + graphemes(post.options.get("content_warning", ""))
            if limits.text is not None and length > limits.text:
                more = " with its warning" if post.options.get("content_warning") else ""
                sentence = (
                    f"{which}{more} has {length} characters; {host_of(account.base_url)} takes {limits.text}. "
                    f"Shorten it by {length - limits.text}."
                )
                problems.append(Problem(where, sentence))
        problems += problems_of(post.pictures, limits)
        visibility = post.options.get("visibility") or "public"
        if visibility not in dict(_VISIBILITIES):
            problems.append(Problem("visibility", f"“{visibility}” is nothing Mastodon knows. Choose another."))
        return problems

    def said(self, post: Post, account: Account) -> list[str]:
        """Return the texts of the thread."""
        return parts(post)

    def begin(self, post: Post, account: Account) -> Handle:
        """Its key comes from the post's, so nothing has to be chosen."""
        return Handle(Stage.PREPARING)

    async def prepare(self, caller: Caller, post: Post, handle: Handle) -> Handle:
        """Send the next picture. One that is sent twice is seen by nobody, and thrown away there."""
        pictures = pictures_of(handle)
        handle = handle.moved(handle.stage, since=since(handle, caller.now()).isoformat())
        if len(pictures) >= len(post.pictures):
            return handle.moved(Stage.READY)
        pictures.append(await upload(caller, post.pictures[len(pictures)]))
        sent_at = handle.data.get("pictures_at") or caller.now().isoformat()
        return handle.moved(stage_after(post, pictures), pictures=pictures, pictures_at=sent_at)

    async def publish(self, caller: Caller, post: Post, handle: Handle) -> Handle:
        """Make the first post, or the next reply of its thread. Raises ChannelError."""
        made = made_of(handle)
        now = caller.now()
        if now > since(handle, now) + KEY_KNOWN:
            # What may have been sent before, its key may be forgotten by now: it must not be made again.
            there = await find(caller, post, handle)
            if there is not None:
                return with_next(post, handle, there, now)
        if not made and are_old(handle, now):
            return handle.moved(Stage.PREPARING, pictures=[], pictures_at=None)
        number = len(made)
        body = {**body_of(post, number), "visibility": post.options.get("visibility") or "public"}
        if number == 0 and post.pictures:
            body["media_ids"] = [picture["id"] for picture in pictures_of(handle)]
        if number:
            body["in_reply_to_id"] = made[-1]
        headers = {**authorized(caller), "Idempotency-Key": f"{post.key}-{number}"}
        url = f"{caller.account.base_url}/api/v1/statuses"
        answer = await caller.http.call("POST", url, changes=True, headers=headers, body=body)
        if not answer.is_success:
            raise refused(answer, f"{NAME} did not take the post")
        id_of(answer)
        return with_next(post, handle, answer.entries(), caller.now())

    async def status(self, caller: Caller, post: Post, handle: Handle, *, called_at: datetime | None) -> Status:
        """Look whether a picture is ready, or whether a post that may have been made can be, or was."""
        pictures = pictures_of(handle)
        if called_at is None and pictures and not pictures[-1]["ready"]:
            return await look_at_picture(caller, post, handle)
        now = caller.now()
        called_at = called_at or now
        if now < called_at + SETTLES:
            sentence = "The server may still be making the post; a call right now could make it twice."
            wait = (called_at + SETTLES - now).total_seconds()
            raise ChannelError(Remedy.RETRY, sentence, after_seconds=wait, evidence="asked too soon")
        if keeps_keys(caller.account) and now < since(handle, now) + KEY_KNOWN:
            evidence = "The server knows the post by its key and makes it once, however often it is sent."
            return Status(Finding.ABSENT, handle, evidence)
        there = await find(caller, post, handle)
        if there is not None:
            return Status(Finding.CARRIED_OUT, with_next(post, handle, there, now), "The account shows the post.")
        if not keeps_keys(caller.account) and now < called_at + APPEARS:
            sentence = "The account does not show the post; a busy server may still bring it."
            raise ChannelError(Remedy.RETRY, sentence, evidence="asked too soon")
        return Status(Finding.ABSENT, handle, "The account's posts since then do not hold it.")

    async def update(self, caller: Caller, post: Post, handle: Handle) -> Handle:
        """Write the parts anew, with pictures that were not there sent before. Raises ChannelError."""
        made = made_of(handle)
        if len(parts(post)) != len(made):
            sentence = (
                f"This thread was published with {len(made)} posts and can be changed, but not made longer or shorter."
            )
            raise ChannelError(Remedy.FIX_CONTENT, sentence)
        known = {picture["mark"]: picture for picture in pictures_of(handle)}
        pictures = []
        for picture in post.pictures:
            there = known.get(mark_of(picture)) or await upload(caller, picture)
            pictures.append(there if there["ready"] else await wait_for(caller, there))
        for number, remote_id in enumerate(made):
            body = body_of(post, number)
            if number == 0:
                body["media_ids"] = [picture["id"] for picture in pictures]
            url = _address_of(caller, remote_id)
            answer = await caller.http.call("PUT", url, changes=True, headers=authorized(caller), body=body)
            if not answer.is_success:
                raise refused(answer, f"{NAME} did not take the change")
        return handle.moved(handle.stage, pictures=pictures)

    async def delete(self, caller: Caller, handle: Handle) -> None:
        """Take the thread back, the last reply first. Raises ChannelError."""
        for remote_id in reversed(made_of(handle)):
            url = _address_of(caller, remote_id)
            answer = await caller.http.call("DELETE", url, changes=True, headers=authorized(caller))
            if not answer.is_success and answer.status != 404:
                raise refused(answer, f"{NAME} did not take the post back")

    async def revoke(self, caller: Caller) -> str:
        """Take the token back, by the app that it was given to. Raises ChannelError."""
        secrets = caller.account.secrets
        host = host_of(caller.account.base_url)
        by_hand = f"Take Quillroom's access back on {host}, under Preferences, Account, Authorized apps."
        if not secrets.get("client_id"):
            # Connected before the app's own secret was kept.
            return by_hand
        form = {"client_id": secrets["client_id"], "client_secret": secrets["client_secret"]}
        form["token"] = secrets["access_token"]
        answer = await caller.http.call("POST", f"{caller.account.base_url}/oauth/revoke", changes=False, form=form)
        return "" if answer.is_success else by_hand

    async def metrics(self, caller: Caller, handle: Handle) -> Metrics:
        """Count favourites, boosts and replies of the first post. Raises ChannelError."""
        answer = await get(caller, f"/api/v1/statuses/{quote(handle.remote_id or '', safe='')}")
        if answer.status == 404:
            return Metrics(gone=f"{host_of(caller.account.base_url)} knows no such post any more.")
        if not answer.is_success:
            raise refused(answer, f"{NAME} does not show the post")
        entries = answer.entries()
        return Metrics(
            likes=whole(entries.get("favourites_count")),
            shares=whole(entries.get("reblogs_count")),
            replies=whole(entries.get("replies_count")),
        )


def _address_of(caller: Caller, remote_id: str) -> str:
    return f"{caller.account.base_url}/api/v1/statuses/{quote(remote_id, safe='')}"
