"""Reddit: posts of text, of links and of a picture in a subreddit.

Reddit has nothing to recognise a repeated post by. What a lost answer left open is read back: the account's own newest
posts, by subreddit, title and text, but for those that stood there before. One of text or of
a link that is not among them ten minutes later was not made. Posts of pictures come up later, and Reddit does not say
whether they will: of one that does not, a person decides.
"""

import base64
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Any, ClassVar, Final
from urllib.parse import quote

from server.publishing.accounts.consenting import Tokens, code_from, consent_url, new_secret, read_tokens
from server.publishing.channel import (
    Account,
    Caller,
    Capabilities,
    Connection,
    Consent,
    Field,
    Finding,
    Handle,
    Json,
    Limits,
    Metrics,
    Picture,
    Post,
    Problem,
    Stage,
    Status,
    utc_now,
    web_address,
)
from server.publishing.channels.reddit_answers import (
    UNREADABLE,
    errors_of,
    no_subreddit,
    number_of,
    raise_first,
    refused,
    within,
)
from server.publishing.channels.reddit_media import PICTURE_TYPES, Lease, read_lease, refusal_of_upload
from server.publishing.channels.reddit_posts import (
    MAX_PICTURE_BYTES,
    flag_of,
    is_it,
    is_post,
    is_since,
    kind_of,
    names_before,
    names_of_flair,
    picture_problems,
    subreddit_of,
    why_removed,
)
from server.publishing.channels.reddit_text import IMAGE, LINK, SELF, body, is_same, unmet
from server.publishing.http import UPLOAD_SECONDS, Answer, Http
from server.publishing.remedies import ChannelError, Remedy

SCOPES: Final = ("identity", "submit", "read", "flair", "edit", "history")
MAX_TITLE: Final = 300
# Not confirmed; Reddit says TOO_LONG if it takes less.
MAX_TEXT: Final = 40_000
# What is not in the listing by then was not made.
LISTED_AFTER: Final = timedelta(minutes=10)
PICTURE_LISTED_AFTER: Final = timedelta(minutes=30)
ASK_AGAIN_SECONDS: Final = 60.0
# Our clock and Reddit's may differ by this much. Older posts are told apart by what stood there before.
CLOCKS_DIFFER: Final = timedelta(seconds=90)
PAGE: Final = 100
MAX_PAGES: Final = 10
_FLAIR_ID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_YES_OR_NO: Final = (("no", "No"), ("yes", "Yes"))


@dataclass(frozen=True, slots=True)
class Reddit:
    """The channel. `www` is where people agree and tokens are given, `api` where everything else is asked."""

    www: str = "https://www.reddit.com"
    api: str = "https://oauth.reddit.com"

    kind: ClassVar[str] = "reddit"
    name: ClassVar[str] = "Reddit"
    about: ClassVar[str] = "Texts, links and pictures in a community"
    capabilities: ClassVar[Capabilities] = Capabilities(
        titles=True,
        rich_text=True,
        pictures=True,
        updates=True,
        deletes=True,
        metrics=True,
        updating="The text of a text post is changed where it is. Titles, links and pictures stay as they are.",
        taking_down="The post is deleted. The comments below it stay.",
    )
    form: ClassVar[Sequence[Field]] = ()
    options: ClassVar[Sequence[Field]] = (
        Field("subreddit", "Subreddit", "Its name, as in r/name."),
        Field(
            "kind",
            "Kind of post",
            "A link leads to where the whole text is to be read.",
            required=False,
            choices=((SELF, "Text"), (LINK, "Link"), (IMAGE, "Picture")),
        ),
        Field("flair", "Flair", "As the subreddit shows it. Some subreddits want one.", required=False),
        Field("flair_text", "Words of the flair", "Where the subreddit lets you choose them.", required=False),
        Field("nsfw", "Not safe for work", required=False, choices=_YES_OR_NO),
        Field("spoiler", "Spoiler", required=False, choices=_YES_OR_NO),
        Field(
            "resubmit",
            "Post a link that was posted there before",
            "Reddit refuses it otherwise.",
            required=False,
            choices=_YES_OR_NO,
        ),
    )

    async def connect(
        self, http: Http, answers: Mapping[str, str], *, app: Mapping[str, str], return_to: str
    ) -> Connection | Consent:
        """See Channel."""
        del http, answers
        _require_app(app)
        state = new_secret()
        url = consent_url(
            f"{self.www}/api/v1/authorize",
            client_id=app["client_id"],
            return_to=return_to,
            scope=" ".join(SCOPES),
            state=state,
            duration="permanent",
        )
        return Consent(url, {**app, "state": state, "return_to": return_to})

    async def finish(self, http: Http, kept: Mapping[str, str], answer: Mapping[str, str]) -> Connection:
        """See Channel."""
        code = code_from(answer, state=kept.get("state", ""), channel=self.name)
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": kept["return_to"]}
        tokens = await self._tokens(http, kept, form)
        missing = sorted(set(SCOPES) - set(re.split(r"[\s,]+", tokens.scope))) if tokens.scope not in {"", "*"} else []
        if missing:
            raise ChannelError(
                Remedy.RECONNECT, f"Reddit did not allow everything that posting needs: {', '.join(missing)}."
            )
        if not tokens.refresh:
            raise ChannelError(Remedy.RECONNECT, "Reddit let Quillroom in for an hour only. Begin to connect anew.")
        secrets = {"access_token": tokens.access, "refresh_token": tokens.refresh}
        return await self._look(http, kept, secrets, tokens.expires_at)

    async def check(self, caller: Caller) -> Connection:
        """See Channel."""
        return await self._look(caller.http, caller.account.app, caller.account.secrets, None)

    async def refresh(self, caller: Caller) -> Connection:
        """See Channel."""
        account = caller.account
        kept = account.secrets.get("refresh_token", "")
        if not kept:
            raise ChannelError(Remedy.RECONNECT, "Connect the account again: there is nothing to renew its access by.")
        tokens = await self._tokens(caller.http, account.app, {"grant_type": "refresh_token", "refresh_token": kept})
        return Connection(
            account.name,
            account.base_url,
            account.remote_id,
            account.facts,
            # Reddit sends another refresh token only now and then; until it does, the old one holds.
            {"access_token": tokens.access, "refresh_token": tokens.refresh or kept},
            tokens.expires_at,
        )

    def limits(self, account: Account) -> Limits:
        """See Channel."""
        del account
        return Limits(
            text=MAX_TEXT, title=MAX_TITLE, pictures=1, picture_bytes=MAX_PICTURE_BYTES, picture_types=PICTURE_TYPES
        )

    def validate(self, post: Post, account: Account) -> list[Problem]:
        """See Channel."""
        limits = self.limits(account)
        problems: list[Problem] = []
        title = post.title.strip()
        if not title:
            problems.append(Problem("title", "Reddit wants a title. Give the post one."))
        if limits.title is not None and len(title) > limits.title:
            problems.append(
                Problem("title", f"Reddit takes titles of at most {limits.title} characters; this has {len(title)}.")
            )
        length = len(body(post))
        if limits.text is not None and length > limits.text:
            problems.append(
                Problem("text", f"Reddit takes at most {limits.text} characters, with its formatting; it has {length}.")
            )
        if subreddit_of(post) is None:
            problems.append(Problem("subreddit", "Name one subreddit, as in r/name."))
        if kind_of(post) == LINK and not (post.link or "").startswith(("https://", "http://")):
            problems.append(Problem("kind", "A link needs an address to lead to. Publish the whole text first."))
        if post.options.get("flair_text") and not post.options.get("flair"):
            problems.append(Problem("flair_text", "Words of a flair need a flair. Choose one."))
        problems.extend(picture_problems(post))
        if post.replies:
            problems.append(Problem("replies", "Reddit gets one post. Take the further ones out."))
        if post.tags:
            problems.append(Problem("tags", "Reddit has no hashtags; they are left out.", blocks=False))
        return problems

    def said(self, post: Post, account: Account) -> list[str]:
        """See Channel."""
        del account
        return [body(post)]

    def begin(self, post: Post, account: Account) -> Handle:
        """See Channel."""
        del post, account
        return Handle(Stage.PREPARING)

    async def prepare(self, caller: Caller, post: Post, handle: Handle) -> Handle:
        """See Channel. Looks at the subreddit, what it requires, its flairs, and what stands there under this title."""
        subreddit = subreddit_of(post)
        if subreddit is None:
            raise ChannelError(Remedy.FIX_CONTENT, "Name one subreddit, as in r/name.")
        if "subreddit" not in handle.data:
            await self._look_at_subreddit(caller, post, subreddit)
            return handle.moved(Stage.PREPARING, subreddit=subreddit)
        if "requirements" not in handle.data:
            await self._look_at_requirements(caller, post, subreddit)
            return handle.moved(Stage.PREPARING, requirements="met")
        if post.options.get("flair") and "flair_id" not in handle.data:
            return handle.moved(Stage.PREPARING, flair_id=await self._flair_id(caller, post, subreddit))
        if kind_of(post) == IMAGE and "media_url" not in handle.data:
            return handle.moved(Stage.PREPARING, media_url=await self._upload(caller, post))
        before = [each["name"] async for each in self._own(caller, subreddit, post.title, None)]
        return handle.moved(Stage.READY, before=before, ready_at=caller.now().isoformat())

    async def publish(self, caller: Caller, post: Post, handle: Handle) -> Handle:
        """See Channel."""
        form = {
            "api_type": "json",
            "sr": str(handle.data["subreddit"]),
            "title": post.title.strip(),
            "kind": kind_of(post),
            "text": body(post),
            "sendreplies": "true",
            "nsfw": flag_of(post, "nsfw"),
            "spoiler": flag_of(post, "spoiler"),
            "resubmit": flag_of(post, "resubmit"),
            "validate_on_submit": "true",
        }
        if kind_of(post) == LINK:
            form["url"] = post.link or ""
        if kind_of(post) == IMAGE:
            form["url"] = str(handle.data["media_url"])
        if handle.data.get("flair_id"):
            form["flair_id"] = str(handle.data["flair_id"])
            if post.options.get("flair_text"):
                form["flair_text"] = post.options["flair_text"]
        called_at = caller.now()
        answer = await self._call(caller, "POST", "/api/submit", form=form, changes=True)
        errors = errors_of(answer)
        if errors and errors[0][0] == "ALREADY_SUB":
            return await self._made_before(caller, post, handle, errors[0][1])
        raise_first(errors, answer)
        made = within(answer, "json", "data")
        name = made.get("name")
        if kind_of(post) == IMAGE and name is None:
            # Reddit makes the post later, and says which it is on a socket alone.
            return handle.moved(Stage.PROCESSING, called_at=called_at.isoformat())
        if not isinstance(name, str) or not name.startswith("t3_"):
            raise ChannelError(
                Remedy.UNKNOWN, "Reddit took the post and did not say where it is.", evidence=answer.evidence
            )
        url = made.get("url")
        return handle.moved(Stage.PUBLISHED, remote_id=name, url=web_address(url))

    async def status(self, caller: Caller, post: Post, handle: Handle, *, called_at: datetime | None) -> Status:
        """See Channel."""
        asked = handle.data.get("called_at")
        since = datetime.fromisoformat(asked) if isinstance(asked, str) else called_at
        if since is None:
            return Status(Finding.UNCLEAR, handle, "It is not known when the post was sent.")
        others: list[str] = []
        before = names_before(handle)
        async for each in self._own(caller, str(handle.data["subreddit"]), post.title, since - CLOCKS_DIFFER):
            if each["name"] in before:
                continue
            if is_it(post, each):
                return Status(Finding.CARRIED_OUT, self._found(handle, each))
            others.append(each["name"])
        if others:
            sentence = f"A post with this title and another text was made there meanwhile: {', '.join(others[:3])}."
            return Status(Finding.UNCLEAR, handle, sentence)
        is_picture = kind_of(post) == IMAGE
        if caller.now() - since < (PICTURE_LISTED_AFTER if is_picture else LISTED_AFTER):
            waiting = handle.moved(Stage.PROCESSING, called_at=since.isoformat())
            sentence = "Not among the account's posts yet; Reddit may still list it."
            return Status(Finding.PROCESSING, waiting, sentence, ASK_AGAIN_SECONDS)
        if is_picture:
            sentence = "The account shows no such post after 30 minutes. Reddit may have rejected the picture."
            return Status(Finding.UNCLEAR, handle, sentence)
        return Status(Finding.ABSENT, handle.moved(Stage.READY, called_at=None), "Not among the account's posts.")

    async def update(self, caller: Caller, post: Post, handle: Handle) -> Handle:
        """See Channel. Reddit changes the text of a text post, nothing else."""
        shown = await self._info(caller, handle)
        if shown is None:
            raise ChannelError(Remedy.FIX_CONTENT, "The post is gone from Reddit, so it cannot be changed.")
        if str(shown.get("title", "")) != post.title.strip():
            raise ChannelError(Remedy.FIX_CONTENT, "Reddit changes no titles. Keep the title, or post anew.")
        if kind_of(post) == LINK:
            if shown.get("url") != post.link:
                raise ChannelError(Remedy.FIX_CONTENT, "Reddit changes no links. Keep the address, or post anew.")
            return handle
        if kind_of(post) == IMAGE:
            if not is_same(body(post), str(shown.get("selftext") or "")):
                raise ChannelError(Remedy.FIX_CONTENT, "Posts of pictures cannot be changed on Reddit. Post anew.")
            return handle
        form = {"api_type": "json", "thing_id": str(handle.remote_id), "text": body(post), "validate_on_submit": "true"}
        answer = await self._call(caller, "POST", "/api/editusertext", form=form, changes=True)
        raise_first(errors_of(answer), answer)
        return handle

    async def delete(self, caller: Caller, handle: Handle) -> None:
        """See Channel. Reddit says nothing about what was there."""
        await self._call(caller, "POST", "/api/del", form={"id": str(handle.remote_id)}, changes=True)

    async def revoke(self, caller: Caller) -> str:
        """See Channel. With the refresh token goes every access token that it gave."""
        account = caller.account
        by_hand = "Take Quillroom's access back on Reddit, under Preferences, Apps."
        if not (account.app.get("client_id") and account.app.get("client_secret")):
            return by_hand
        answer = await caller.http.call(
            "POST",
            f"{self.www}/api/v1/revoke_token",
            changes=False,
            headers={"User-Agent": user_agent(account.app), "Authorization": _basic(account.app)},
            form={"token": account.secrets.get("refresh_token", ""), "token_type_hint": "refresh_token"},
        )
        return "" if answer.is_success else by_hand

    async def metrics(self, caller: Caller, handle: Handle) -> Metrics:
        """See Channel. Its likes are its points: votes for it less those against."""
        shown = await self._info(caller, handle)
        if shown is None:
            return Metrics(gone="Reddit shows it no longer: it was deleted there.")
        return Metrics(
            views=number_of(shown.get("view_count")),
            likes=number_of(shown.get("score")),
            replies=number_of(shown.get("num_comments")),
            shares=number_of(shown.get("num_crossposts")),
            gone=why_removed(shown),
        )

    async def _call(
        self,
        caller: Caller,
        method: str,
        path: str,
        *,
        changes: bool = False,
        form: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        accept: frozenset[int] = frozenset(),
    ) -> Answer:
        account = caller.account
        return await self._ask(
            caller.http,
            account.app,
            account.secrets.get("access_token", ""),
            method,
            path,
            changes=changes,
            form=form,
            params=params,
            accept=accept,
        )

    async def _ask(
        self,
        http: Http,
        app: Mapping[str, str],
        token: str,
        method: str,
        path: str,
        *,
        changes: bool = False,
        form: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        accept: frozenset[int] = frozenset(),
    ) -> Answer:
        answer = await http.call(
            method,
            f"{self.api}{path}",
            changes=changes,
            headers={"Authorization": f"Bearer {token}", "User-Agent": user_agent(app)},
            # Without it `&`, `<` and `>` come back as entities.
            params={"raw_json": "1", **(params or {})},
            form=form,
        )
        if not answer.is_success and answer.status not in accept:
            raise refused(answer)
        return answer

    async def _tokens(self, http: Http, app: Mapping[str, str], form: Mapping[str, str]) -> Tokens:
        _require_app(app)
        # Not as a change: a token that is lost on its way harms nobody, and the next one is asked for in the same way.
        answer = await http.call(
            "POST",
            f"{self.www}/api/v1/access_token",
            changes=False,
            headers={"User-Agent": user_agent(app), "Authorization": _basic(app)},
            form=form,
        )
        if answer.status in {400, 401, 403} or answer.is_success:
            said = answer.entries()
            tokens = read_tokens(said, utc_now()) if answer.is_success else None
            if tokens is not None:
                return tokens
            # The answer itself is no evidence: it may repeat what was sent.
            evidence = f"HTTP {answer.status}: {str(said.get('error', ''))[:100]}"
            if said.get("error") in {"invalid_grant", "unsupported_grant_type", "invalid_request"}:
                raise ChannelError(
                    Remedy.RECONNECT,
                    "Reddit lets Quillroom in no more. Connect the account again.",
                    evidence=evidence,
                )
            raise ChannelError(
                Remedy.OPERATOR,
                "Reddit does not know this installation. Check QUILLROOM_REDDIT_CLIENT_ID and "
                "QUILLROOM_REDDIT_CLIENT_SECRET.",
                evidence=evidence,
            )
        raise refused(answer)

    async def _look(
        self, http: Http, app: Mapping[str, str], secrets: Mapping[str, str], expires_at: datetime | None
    ) -> Connection:
        answer = await self._ask(http, app, secrets.get("access_token", ""), "GET", "/api/v1/me")
        me = answer.entries()
        name, user_id = me.get("name"), me.get("id")
        if not isinstance(name, str) or not name:
            raise ChannelError(Remedy.RETRY, UNREADABLE, evidence=answer.evidence)
        if me.get("is_suspended") is True:
            raise ChannelError(Remedy.RECONNECT, f"Reddit has suspended u/{name}. Connect another account.")
        facts: dict[str, Json] = {"user": name}
        return Connection(
            f"u/{name}", remote_id=str(user_id or name), facts=facts, secrets=dict(secrets), expires_at=expires_at
        )

    async def _look_at_subreddit(self, caller: Caller, post: Post, subreddit: str) -> None:
        answer = await self._call(caller, "GET", f"/r/{subreddit}/about", accept=frozenset({301, 302, 403, 404}))
        if not answer.is_success:
            raise no_subreddit(answer, subreddit)
        about = within(answer, "data")
        if about.get("user_is_banned") is True:
            raise ChannelError(Remedy.FIX_CONTENT, f"r/{subreddit} has banned this account. Choose another one.")
        takes = about.get("submission_type")
        if takes == LINK and kind_of(post) == SELF:
            raise ChannelError(Remedy.FIX_CONTENT, f"r/{subreddit} takes links only, no texts.")
        if kind_of(post) == IMAGE and about.get("allow_images") is False:
            raise ChannelError(Remedy.FIX_CONTENT, f"r/{subreddit} takes no pictures.")
        if takes == SELF and kind_of(post) == LINK:
            raise ChannelError(Remedy.FIX_CONTENT, f"r/{subreddit} takes texts only, no links.")

    async def _look_at_requirements(self, caller: Caller, post: Post, subreddit: str) -> None:
        # Some subreddits have none, and some do not show them: Reddit itself then says what it misses.
        answer = await self._call(caller, "GET", f"/api/v1/{subreddit}/post_requirements", accept=frozenset({403, 404}))
        if not answer.is_success:
            return
        sentence = unmet(
            answer.entries(),
            title=post.title.strip(),
            kind=kind_of(post),
            words=body(post),
            link=post.link or "",
            has_flair=bool(post.options.get("flair")),
        )
        if sentence is not None:
            raise ChannelError(Remedy.FIX_CONTENT, f"r/{subreddit}: {sentence}")

    async def _upload(self, caller: Caller, post: Post) -> str:
        """Lay the picture down where Reddit takes it from, unseen, and return its address there."""
        if not post.pictures:
            raise ChannelError(Remedy.FIX_CONTENT, "A post of a picture needs one. Add it, or post the text.")
        picture = post.pictures[0]
        asked = {"filepath": picture.name, "mimetype": picture.content_type}
        # Not as changes: both may be made again.
        lease = read_lease(await self._call(caller, "POST", "/api/media/asset.json", form=asked), scheme_of=self.api)
        answer = await _lay_down(caller, lease, picture)
        if not answer.is_success:
            raise refusal_of_upload(answer)
        return lease.address

    async def _flair_id(self, caller: Caller, post: Post, subreddit: str) -> str:
        wanted = post.options["flair"].strip()
        answer = await self._call(caller, "GET", f"/r/{subreddit}/api/link_flair_v2", accept=frozenset({403, 404}))
        if not answer.is_success:
            if _FLAIR_ID.fullmatch(wanted):
                return wanted
            raise ChannelError(
                Remedy.FIX_CONTENT, f"r/{subreddit} does not show this account its flairs. Post without one."
            )
        listed = answer.value()
        flairs = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
        found = next((each for each in flairs if wanted.casefold() in names_of_flair(each)), None)
        if found is None:
            known = ", ".join(str(each.get("text")) for each in flairs[:10] if each.get("text")) or "none"
            raise ChannelError(Remedy.FIX_CONTENT, f"r/{subreddit} has no flair “{wanted}”. It has: {known}.")
        if found.get("mod_only") is True:
            raise ChannelError(Remedy.FIX_CONTENT, f"In r/{subreddit} only moderators give the flair “{wanted}”.")
        if post.options.get("flair_text") and found.get("text_editable") is not True:
            raise ChannelError(Remedy.FIX_CONTENT, f"The words of the flair “{wanted}” cannot be chosen.")
        return str(found.get("id"))

    async def _own(
        self, caller: Caller, subreddit: str, title: str, since: datetime | None
    ) -> AsyncIterator[dict[str, Any]]:
        """Yield the account's posts of this title there, the newest first; all that Reddit lists if `since` is None."""
        user = str(caller.account.facts.get("user") or caller.account.name.removeprefix("u/"))
        after: str | None = None
        for _ in range(MAX_PAGES if since is not None else 1):
            params = {"sort": "new", "limit": str(PAGE), **({"after": after} if after else {})}
            answer = await self._call(caller, "GET", f"/user/{quote(user, safe='')}/submitted", params=params)
            listing = within(answer, "data")
            children = listing.get("children")
            posts = [each["data"] for each in children if is_post(each)] if isinstance(children, list) else []
            for each in posts:
                if str(each.get("subreddit", "")).lower() != subreddit.lower():
                    continue
                if str(each.get("title", "")).strip() == title.strip() and is_since(each, since):
                    yield each
            after = listing.get("after")
            if not isinstance(after, str) or not posts or not is_since(posts[-1], since):
                return

    async def _made_before(self, caller: Caller, post: Post, handle: Handle, said: str) -> Handle:
        """Return where this very link stands, if an earlier call has made it; Reddit says only that it is there."""
        before = names_before(handle)
        since = datetime.fromisoformat(str(handle.data["ready_at"])) - CLOCKS_DIFFER
        async for each in self._own(caller, str(handle.data["subreddit"]), post.title, since):
            if each["name"] not in before and is_it(post, each):
                return self._found(handle, each)
        raise ChannelError(
            Remedy.FIX_CONTENT,
            "This link was posted in this subreddit before. Choose to post it once more, or another subreddit.",
            evidence=said,
        )

    def _found(self, handle: Handle, post: Mapping[str, Any]) -> Handle:
        permalink = post.get("permalink")
        url = f"{self.www}{permalink}" if isinstance(permalink, str) else None
        return handle.moved(Stage.PUBLISHED, remote_id=str(post["name"]), url=url)

    async def _info(self, caller: Caller, handle: Handle) -> dict[str, Any] | None:
        """Return a post as Reddit shows it; None if it is gone."""
        answer = await self._call(caller, "GET", "/api/info", params={"id": str(handle.remote_id)})
        children = within(answer, "data").get("children")
        posts = [each["data"] for each in children if is_post(each)] if isinstance(children, list) else []
        shown: dict[str, Any] | None = posts[0] if posts else None
        return None if shown is None or shown.get("author") == "[deleted]" else shown


async def _lay_down(caller: Caller, lease: Lease, picture: Picture) -> Answer:
    return await caller.http.call(
        "POST",
        lease.url,
        changes=False,
        headers={"User-Agent": user_agent(caller.account.app)},
        form=lease.fields,
        files={"file": (picture.name, await picture.read(), picture.content_type)},
        seconds=UPLOAD_SECONDS,
    )


def user_agent(app: Mapping[str, str]) -> str:
    """Return what Reddit's rules ask for: platform, id of the application, version, and who is behind it."""
    by = f" (by /u/{app['user']})" if app.get("user") else ""
    return f"web:quillroom.{app.get('client_id', '')}:{version('quillroom')}{by}"


def _basic(app: Mapping[str, str]) -> str:
    return "Basic " + base64.b64encode(f"{app['client_id']}:{app['client_secret']}".encode()).decode()


def _require_app(app: Mapping[str, str]) -> None:
    if not (app.get("client_id") and app.get("client_secret")):
        raise ChannelError(
            Remedy.OPERATOR,
            "Reddit is not set up here. Whoever runs this installation registers an application at Reddit and sets "
            "QUILLROOM_REDDIT_CLIENT_ID and QUILLROOM_REDDIT_CLIENT_SECRET.",
        )
