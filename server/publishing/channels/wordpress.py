"""WordPress: a site of one's own, reached by an application password that is filled in or agreed to there.

A post is made as a draft first, known by a slug that is ours alone, so that one whose answer was lost is found again;
publishing it is a change of that draft, and harmless to repeat. Pictures go to the site's library before, tags and
categories are found by their names or made. What it is told of a post: wordpress_content.py;
how it is reached: wordpress_site.py; how people agree:
wordpress_agreeing.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

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
    Post,
    Problem,
    Stage,
    Status,
    web_address,
)
from server.publishing.channels.wordpress_agreeing import consent_at, given_back, renewed, site_agreed
from server.publishing.channels.wordpress_content import (
    ENDINGS,
    MAX_NAME,
    MAX_PICTURES,
    categories_of,
    content_of,
    featured_of,
    file_name,
    marker_of,
    picture_marker,
    problems_of,
    tags_of,
)
from server.publishing.channels.wordpress_site import (
    Site,
    code_of,
    data_of,
    discover,
    plain,
    refusal,
    site_of,
    taken,
)
from server.publishing.http import Http
from server.publishing.remedies import ChannelError, Remedy

# What somebody needs to be able to do there, as the site calls it.
_RIGHTS: Final = ("edit_posts", "publish_posts", "upload_files", "manage_categories")
_ANY_STATUS: Final = "publish,future,draft,pending,private"
_LATEST_LOOK_SECONDS: Final = 3600.0
_SINGULAR: Final = {"categories": "category", "tags": "tag"}
MAX_DIGITS: Final = 19  # of an id
_NOT_SIGNED_IN: Final = 401
_UPLOADED: Final = "x-wp-upload-attachment-id"
_CAPABILITIES: Final = Capabilities(
    titles=True,
    rich_text=True,
    pictures=True,
    updates=True,
    deletes=True,
    updating="The post changes where it is on the site.",
    taking_down="The post goes to the site's trash, where it can be restored. Pictures stay in its library.",
)
_FORM: Final = (
    Field("site", "Site", "https://example.org is enough: you are led there, and agree."),
    Field(
        "username",
        "User name",
        "Only together with a password: of a person there who may publish.",
        required=False,
    ),
    Field(
        "password",
        "Application password",
        "Where agreeing there does not work. Not the one you sign in with: make it on the site, under Users, Profile, "
        "Application Passwords.",
        secret=True,
        required=False,
    ),
)
_OPTIONS: Final = (
    Field("slug", "Slug", "The end of the post's address. Empty: made from the title.", required=False),
    Field("excerpt", "Excerpt", "Empty: the summary.", required=False),
    Field("categories", "Categories", "Names with commas between. Empty: the site's default.", required=False),
)


@dataclass(frozen=True, slots=True)
class WordPress:
    """A WordPress site by its REST API, wp/v2."""

    kind: str = "wordpress"
    name: str = "WordPress"
    about: str = "Articles with headings and pictures, on your own site"
    capabilities: Capabilities = _CAPABILITIES
    form: Sequence[Field] = _FORM
    options: Sequence[Field] = _OPTIONS

    async def connect(
        self, http: Http, answers: Mapping[str, str], *, app: Mapping[str, str], return_to: str
    ) -> Connection | Consent:
        """Find the site's API and see who the password belongs to; without one, ask the person to agree on the site."""
        username, password = answers.get("username", "").strip(), answers.get("password", "").strip()
        if bool(username) != bool(password):
            raise ChannelError(Remedy.RECONNECT, "Fill in both, user name and application password, or neither.")
        url, root, about = await discover(http, answers.get("site", ""), (username, password) if username else None)
        title = plain(str(about.get("name") or ""))
        if not username:
            return consent_at(root, url, about, title=title, return_to=return_to)
        return await _connection(Site(http, root, username, password), url, title)

    async def finish(self, http: Http, kept: Mapping[str, str], answer: Mapping[str, str]) -> Connection:
        """Connect with the password that the site sent along, and put another in its place."""
        site = site_agreed(http, kept, answer)
        connection = await _connection(site, kept["site"], kept["title"])
        return replace(connection, secrets={"username": site.username, "password": await renewed(site)})

    async def check(self, caller: Caller) -> Connection:
        """Look whether the password still opens the site, and what the person may do there."""
        account = caller.account
        return await _connection(site_of(caller), account.base_url, str(account.facts.get("site") or ""))

    async def refresh(self, caller: Caller) -> Connection:
        """Application passwords do not run out: only look."""
        return await self.check(caller)

    def limits(self, account: Account) -> Limits:
        """What any site takes. How large a file may be is its host's affair, and nothing tells it."""
        return Limits(pictures=MAX_PICTURES, picture_types=frozenset(ENDINGS))

    def validate(self, post: Post, account: Account) -> list[Problem]:
        """Say what the site would refuse, and what is likely forgotten."""
        problems = problems_of(post)
        may = account.facts.get("may")
        if isinstance(may, list) and "publish_posts" not in may:
            problems.append(
                Problem("text", "The account may not publish on the site. Give it the role of author there.")
            )
        if isinstance(may, list) and post.pictures and "upload_files" not in may:
            problems.append(
                Problem(
                    "pictures", "The account may not upload pictures to the site. Give it the role of author there."
                )
            )
        if post.replies:
            problems.append(
                Problem("replies", "A WordPress post has no replies. Put them into the text or remove them.")
            )
        return problems

    def said(self, post: Post, account: Account) -> list[str]:
        """Return the words of the post."""
        return [post.text.strip()]

    def begin(self, post: Post, account: Account) -> Handle:
        """Derive the slug that the draft is known by from the post's key."""
        return Handle(Stage.PREPARING, {"marker": marker_of(post.key)})

    async def prepare(self, caller: Caller, post: Post, handle: Handle) -> Handle:
        """Find or make the next tag, category or picture; when all are there, find or make the draft."""
        site = site_of(caller)
        gathered = await _gather(site, post, handle)
        if gathered is not None:
            return gathered
        marker = str(handle.data["marker"])
        draft = await _draft_of(site, marker) or await _make_draft(site, marker, _fields(post, handle))
        return handle.moved(Stage.READY, remote_id=str(_id_of(draft)))

    async def publish(self, caller: Caller, post: Post, handle: Handle) -> Handle:
        """Turn the draft into a published post. Repeating it changes nothing."""
        # The site makes a slug of a title as well as of a slug, in its own way, and adds "-2" where one is taken.
        slug = post.options.get("slug", "").strip() or post.title.strip()
        changes: dict[str, object] = {"status": "publish"}
        if slug:
            changes["slug"] = slug[:MAX_NAME]
        answer = await site_of(caller).tell(f"posts/{handle.remote_id}", changes)
        return _published(handle, answer.entries())

    async def status(self, caller: Caller, post: Post, handle: Handle, *, called_at: datetime | None) -> Status:
        """Look at the post: what its status is there decides."""
        answer = await site_of(caller).try_to_ask(f"posts/{handle.remote_id}", {"context": "edit"})
        if code_of(answer) == "rest_post_invalid_id":
            return Status(Finding.UNCLEAR, handle, "The draft is no longer on the site: somebody deleted it there.")
        entry = taken(answer).entries()
        status = _status_of(entry, Remedy.RETRY)
        evidence = f"On the site, the post has the status “{status}”."
        if status == "publish":
            return Status(Finding.CARRIED_OUT, _published(handle, entry), evidence)
        if status == "future":
            waits = seconds_until(entry.get("date_gmt"), caller.now())
            return Status(Finding.PROCESSING, handle.moved(Stage.PROCESSING), evidence, waits)
        if status in {"draft", "pending"}:
            return Status(Finding.ABSENT if called_at else Finding.REFUSED, handle, evidence)
        return Status(Finding.UNCLEAR, handle, evidence)

    async def update(self, caller: Caller, post: Post, handle: Handle) -> Handle:
        """Change the post on the site. Its address stays, unless a slug was chosen."""
        site = site_of(caller)
        while (gathered := await _gather(site, post, handle)) is not None:
            handle = gathered
        fields = _fields(post, handle)
        slug = post.options.get("slug", "").strip()
        if slug:
            fields["slug"] = slug[:MAX_NAME]
        entry = (await site.tell(f"posts/{handle.remote_id}", fields)).entries()
        if entry.get("status") == "trash":
            raise ChannelError(
                Remedy.FIX_CONTENT, "The post lies in the site's trash. Restore it there, and change it then."
            )
        return handle.moved(handle.stage, url=web_address(entry.get("link")), slug=str(entry.get("slug") or ""))

    async def delete(self, caller: Caller, handle: Handle) -> None:
        """Move the post to the site's trash, where it can be restored; a site without a trash deletes it."""
        site, path = site_of(caller), f"posts/{handle.remote_id}"
        answer = await site.remove(path)
        if code_of(answer) == "rest_trash_not_supported":
            answer = await site.remove(path, force=True)
        if not answer.is_success and code_of(answer) not in {"rest_post_invalid_id", "rest_already_trashed"}:
            raise refusal(answer)

    async def revoke(self, caller: Caller) -> str:
        """Remove the application password from the site. Raises ChannelError."""
        return await given_back(site_of(caller))

    async def metrics(self, caller: Caller, handle: Handle) -> Metrics:
        """WordPress itself counts no readers."""
        return Metrics()


def seconds_until(date_gmt: object, now: datetime) -> float:
    """Return how long it is until a date of the site, an hour at most: somebody may change it there."""
    try:
        due = datetime.fromisoformat(str(date_gmt)).replace(tzinfo=UTC)
    except ValueError:
        return _LATEST_LOOK_SECONDS
    return min(max((due - now).total_seconds(), 5.0), _LATEST_LOOK_SECONDS)


async def _connection(site: Site, url: str, title: str) -> Connection:
    """See who the password belongs to. Raises ChannelError, also if they may not publish."""
    person = (await site.ask("users/me", {"context": "edit"})).entries()
    rights = person.get("capabilities")
    facts: dict[str, Json] = {
        "root": site.root,
        "site": title,
        "person": plain(str(person.get("name") or site.username)),
    }
    # A plugin may leave the rights out; then only the site itself knows.
    if isinstance(rights, dict):
        may = [right for right in _RIGHTS if rights.get(right)]
        if "publish_posts" not in may:
            raise ChannelError(
                Remedy.RECONNECT,
                f"{facts['person']} may not publish there. Give them the role of author on the site; then connect.",
            )
        facts["may"] = may
    return Connection(
        name=title or url.partition("://")[2],
        base_url=url,
        remote_id=str(_id_of(person)),
        facts=facts,
        secrets={"username": site.username, "password": site.password},
    )


async def _gather(site: Site, post: Post, handle: Handle) -> Handle | None:
    """Bring one thing to the site that the post needs and that is not there yet. None: all are there."""
    for kind, names in (("categories", categories_of(post)), ("tags", tags_of(post))):
        known = _mapping(handle, kind)
        for name in names:
            if name not in known:
                found: dict[str, Any] = {kind: {**known, name: await _term(site, kind, name)}}
                return handle.moved(handle.stage, **found)
    media = _mapping(handle, "media")
    for number in range(len(post.pictures)):
        if picture_marker(post, number) not in media:
            return await _bring_picture(site, post, number, handle)
    return None


async def _term(site: Site, kind: str, name: str) -> int:
    """Return the id of a tag or category by its name; make it if there is none."""
    found = (await site.ask(kind, {"search": name, "per_page": "100"})).value()
    for term in found if isinstance(found, list) else []:
        if isinstance(term, dict) and plain(str(term.get("name"))).casefold() == name.casefold():
            return _id_of(term)
    answer = await site.try_to_tell(kind, {"name": name})
    # More than the search shows have the name in theirs, or somebody has just made it.
    if code_of(answer) == "term_exists":
        return _number(data_of(answer).get("term_id"))
    if code_of(answer) == "rest_cannot_create" and answer.status != _NOT_SIGNED_IN:
        raise ChannelError(
            Remedy.FIX_CONTENT,
            f"The site has no {_SINGULAR[kind]} “{name}”, and the account may not make one. Choose one that is there.",
            evidence=answer.evidence,
        )
    return _id_of(taken(answer).entries())


async def _bring_picture(site: Site, post: Post, number: int, handle: Handle) -> Handle:
    """Take a picture one call further into the site's library."""
    picture, marker = post.pictures[number], picture_marker(post, number)
    media, halfway = _mapping(handle, "media"), _mapping(handle, "halfway")
    if marker in halfway:
        # The file arrived, and the site failed to make smaller copies: it takes that up where it stopped.
        answer = await site.tell(f"media/{halfway[marker]}/post-process", {"action": "create-image-subsizes"})
        return handle.moved(handle.stage, media={**media, marker: _medium(answer.entries())})
    found = (await site.ask("media", {"slug": marker, "context": "edit"})).value()
    if isinstance(found, list) and found and isinstance(found[0], dict):
        return handle.moved(handle.stage, media={**media, marker: _medium(found[0])})
    fields = {"slug": marker, "alt_text": picture.alt}
    answer = await site.upload("media", fields, (file_name(picture), await picture.read(), picture.content_type))
    arrived = answer.headers.get(_UPLOADED, "")
    if answer.status // 100 == 5 and arrived.isdecimal():
        return handle.moved(handle.stage, halfway={**halfway, marker: int(arrived)})
    if not answer.is_success and refusal(answer).remedy is Remedy.FIX_CONTENT:
        refused = refusal(answer)
        raise ChannelError(refused.remedy, f"“{picture.name}”: {refused}", evidence=refused.evidence)
    return handle.moved(handle.stage, media={**media, marker: _medium(taken(answer).entries())})


async def _draft_of(site: Site, marker: str) -> Mapping[str, Any] | None:
    """Find the draft that was made before, by its slug."""
    query = {"slug": marker, "status": _ANY_STATUS, "context": "edit"}
    found = (await site.ask("posts", query)).value()
    if not isinstance(found, list):
        raise ChannelError(Remedy.RETRY, "The site answered with something other than a list of posts.")
    return next((entry for entry in found if isinstance(entry, dict) and entry.get("slug") == marker), None)


async def _make_draft(site: Site, marker: str, fields: Mapping[str, Json]) -> Mapping[str, Any]:
    """Make the draft. If another of ours came in between, that one counts and this one goes."""
    made = (await site.tell("posts", {**fields, "status": "draft", "slug": marker})).entries()
    if made.get("slug") == marker:
        return made
    # The slug was taken, and the site added "-2": a draft whose answer was given up for lost has arrived after all.
    # (Or a plugin chooses slugs by itself, and there is no other.)
    first = await _draft_of(site, marker)
    if first is None:
        return made
    await site.remove(f"posts/{_id_of(made)}", force=True)
    return first


def _fields(post: Post, handle: Handle) -> dict[str, Json]:
    """Return what the site is told of a post, all of which it needs being there."""
    media = _mapping(handle, "media")
    addresses = {marker: str(medium["url"]) for marker, medium in media.items()}
    featured = featured_of(post)
    tags, categories = _mapping(handle, "tags"), _mapping(handle, "categories")
    fields: dict[str, Json] = {
        "title": post.title,
        "content": content_of(post, addresses),
        "excerpt": post.options.get("excerpt", "").strip() or post.summary,
        "tags": [tags[name] for name in tags_of(post)],
        "featured_media": 0 if featured is None else media[picture_marker(post, featured)]["id"],
    }
    chosen = categories_of(post)
    if chosen:
        fields["categories"] = [categories[name] for name in chosen]
    return fields


def _published(handle: Handle, entry: Mapping[str, Any]) -> Handle:
    """Return where a post stands by what the site says of it. Raises ChannelError if it is held back there."""
    status = _status_of(entry, Remedy.UNKNOWN)
    data = {"slug": str(entry.get("slug") or ""), "published_at": str(entry.get("date_gmt") or "")}
    if status == "publish":
        return handle.moved(Stage.PUBLISHED, remote_id=str(_id_of(entry)), url=web_address(entry.get("link")), **data)
    if status == "future":
        return handle.moved(Stage.PROCESSING, **data)
    raise ChannelError(
        Remedy.RECONNECT,
        f"The site keeps the post as “{status}” instead of publishing it: a role or a plugin there holds it back.",
        evidence=f"status {status}",
    )


def _status_of(entry: Mapping[str, Any], otherwise: Remedy) -> str:
    """Return the status of a post. Raises ChannelError with `otherwise` if the answer has none."""
    status = entry.get("status")
    if isinstance(status, str) and status:
        return status
    raise ChannelError(otherwise, "The site answered without the post's status.", evidence=str(entry)[:200])


def _id_of(entry: Mapping[str, Any]) -> int:
    return _number(entry.get("id"))


def _number(value: object) -> int:
    """Return an id of the site. Raises ChannelError if it is none: an answer that leaves open what happened."""
    if isinstance(value, int) or (isinstance(value, str) and value.isdecimal() and len(value) <= MAX_DIGITS):
        return int(value)
    raise ChannelError(Remedy.UNKNOWN, "The site answered without an id.", evidence=str(value)[:100])


def _medium(entry: Mapping[str, Any]) -> dict[str, Json]:
    return {"id": _id_of(entry), "url": str(entry.get("source_url") or "")}


def _mapping(handle: Handle, name: str) -> dict[str, Any]:
    value = handle.data.get(name)
    return dict(value) if isinstance(value, dict) else {}
