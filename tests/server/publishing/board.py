"""A channel whose other side is a list in memory, so that tests can let any call of it go wrong."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from server.publishing.channel import (
    Account,
    Caller,
    Capabilities,
    Connection,
    Consent,
    Field,
    Finding,
    Handle,
    Limits,
    Metrics,
    Post,
    Problem,
    Stage,
    Status,
)
from server.publishing.http import Http
from server.publishing.remedies import ChannelError


@dataclass
class Wall:
    """What hangs on the other side. `before` and `after` are called around each change; they may raise."""

    drafts: dict[str, str] = field(default_factory=dict)
    posts: list[tuple[str, str]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    # What it tells of any post.
    metrics: Metrics = field(default_factory=Metrics)
    before: Callable[[str], None] = lambda _: None
    after: Callable[[str], None] = lambda _: None

    def called(self, call: str, deed: Callable[[], None]) -> None:
        self.calls.append(call)
        self.before(call)
        deed()
        self.after(call)


@dataclass(frozen=True)
class BoardChannel:
    """Drafts first, then a first post and its replies. `tells`: whether one can look what is there."""

    wall: Wall
    tells: bool = True
    kind: str = "board"
    name: str = "Board"
    about: str = "Notes on a board"
    capabilities: Capabilities = field(default=Capabilities(replies=True, updates=True, deletes=True, metrics=True))
    form: tuple[Field, ...] = ()
    options: tuple[Field, ...] = ()

    async def connect(
        self, http: Http, answers: Mapping[str, str], *, app: Mapping[str, str], return_to: str
    ) -> Connection | Consent:
        raise NotImplementedError

    async def finish(self, http: Http, kept: Mapping[str, str], answer: Mapping[str, str]) -> Connection:
        raise NotImplementedError

    async def check(self, caller: Caller) -> Connection:
        return Connection(name="Board")

    async def refresh(self, caller: Caller) -> Connection:
        raise NotImplementedError

    def limits(self, account: Account) -> Limits:
        return Limits()

    def validate(self, post: Post, account: Account) -> list[Problem]:
        return []

    def said(self, post: Post, account: Account) -> list[str]:
        return [post.text, *post.replies]

    def begin(self, post: Post, account: Account) -> Handle:
        return Handle(Stage.PREPARING, {"key": post.key, "parts": 0})

    async def prepare(self, caller: Caller, post: Post, handle: Handle) -> Handle:
        self.wall.called("draft", lambda: self.wall.drafts.update({post.key: post.text}))
        return handle.moved(Stage.READY, remote_id=f"draft-{post.key}")

    async def publish(self, caller: Caller, post: Post, handle: Handle) -> Handle:
        texts = [post.text, *post.replies]
        part = int(str(handle.data["parts"]))
        self.wall.called("post", lambda: self.wall.posts.append((f"{post.key}/{part}", texts[part])))
        return self._next(post, handle, part)

    async def status(self, caller: Caller, post: Post, handle: Handle, *, called_at: datetime | None) -> Status:
        part = int(str(handle.data["parts"]))
        self.wall.called("look", lambda: None)
        if not self.tells:
            return Status(Finding.UNCLEAR, handle, "The board shows nothing.")
        if any(key == f"{post.key}/{part}" for key, _ in self.wall.posts):
            return Status(Finding.CARRIED_OUT, self._next(post, handle, part))
        return Status(Finding.ABSENT, handle)

    def _next(self, post: Post, handle: Handle, part: int) -> Handle:
        last = part == len(post.replies)
        return handle.moved(
            Stage.PUBLISHED if last else Stage.READY, url=f"https://board.test/{post.key}", parts=part + 1
        )

    async def update(self, caller: Caller, post: Post, handle: Handle) -> Handle:
        texts = [post.text, *post.replies]

        def deed() -> None:
            for number, (key, _) in enumerate(self.wall.posts):
                name, _, part = key.partition("/")
                if name == handle.data["key"]:
                    self.wall.posts[number] = (key, texts[int(part)])

        self.wall.called("update", deed)
        return handle.moved(handle.stage, updates=int(str(handle.data.get("updates", 0))) + 1)

    async def replay(self, caller: Caller, post: Post, handle: Handle) -> None:
        self.wall.called("replay", lambda: None)

    async def delete(self, caller: Caller, handle: Handle) -> None:
        def deed() -> None:
            self.wall.posts[:] = [each for each in self.wall.posts if each[0].split("/")[0] != handle.data["key"]]

        self.wall.called("delete", deed)

    async def revoke(self, caller: Caller) -> str:
        self.wall.called("revoke", lambda: None)
        return "Take the key off the board."

    async def metrics(self, caller: Caller, handle: Handle) -> Metrics:
        self.wall.called("count", lambda: None)
        return self.wall.metrics


def failing(times: Mapping[int, ChannelError], calls: list[str], only: str) -> Callable[[str], None]:
    """Return a hook that raises at the calls of one kind by their number, from 0."""

    def hook(call: str) -> None:
        number = len([each for each in calls if each == only]) - 1
        if call == only and number in times:
            raise times[number]

    return hook
