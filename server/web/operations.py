"""What programs may ask for: a table of operations, from which the routes are made and the description is written.

An operation names its path, method, models and refusals once. `routes` registers exactly the table, reads every query
and body through its models and checks every answer against it; `openapi.describe` writes down the same table. So what
is described is what happens.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Generic, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.errors import Invalid, Unauthenticated, Unsupported
from server.web.bodies import read_bounded
from server.web.forms import field_sentences

JSON: Final = "application/json"
MAX_BODY_BYTES: Final = 64 * 1024
# More faults than these help nobody, and a hostile body could name a hundred thousand.
MAX_FIELD_ERRORS: Final = 20
MAX_FIELD_NAME_CHARACTERS: Final = 100
NOT_MODIFIED: Final = 304


def _in_utc(moment: datetime) -> datetime:
    """Return a moment as it is in UTC. Raises ValueError for one that no clock there shows."""
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("This is out of the range of times.") from error


# A moment that somebody names, with an offset.
Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]


class QueryInput(BaseModel):
    """The parameters after the `?`. Those that the model does not name are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class BodyInput(BaseModel):
    """A JSON body. Fields that the model does not name are refused, and no type is made into another."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class NoQuery(QueryInput):
    """No parameters."""


class NoBody(BodyInput):
    """No body; one that is sent is not read."""


class Answer(BaseModel):
    """A JSON answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Q = TypeVar("Q", bound=QueryInput)
B = TypeVar("B", bound=BodyInput)
R = TypeVar("R", bound=Answer | str | None)


@dataclass(frozen=True, slots=True)
class Call(Generic[Q, B]):
    """A request whose parts have been read and checked."""

    request: Request
    query: Q
    body: B


@dataclass(frozen=True, slots=True)
class Reply(Generic[R]):
    """An answer: a model, text in one of the operation's media types, or nothing. `status` only for a 304."""

    body: R
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = JSON
    status: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Operation(Generic[Q, B, R]):
    """One thing that can be asked for. The docstring of `handle` is its description.

    `path` is Starlette's; its last word and the method must be unique in a table. `refusals` lists the statuses of the
    operation's own; those of signing in, of the query and of the body follow from the rest. `asks_with` and
    `answers_with` name the headers, with what they say.
    """

    name: str
    method: str
    path: str
    summary: str
    handle: Callable[[Call[Q, B]], Awaitable[Reply[R]]]
    query: type[Q]
    body: type[B]
    answer: type[R]
    status: int = 200
    refusals: Sequence[int] = ()
    signed_in: bool = True
    max_body_bytes: int = MAX_BODY_BYTES
    media_types: Sequence[str] = (JSON,)
    asks_with: Mapping[str, str] = field(default_factory=dict)
    answers_with: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_body(self) -> bool:
        """Whether a body is read."""
        return self.body is not NoBody


AnyOperation = Operation[Any, Any, Any]


def routes(table: Sequence[AnyOperation]) -> list[Route]:
    """Return one route per path, so that a wrong method is told all the right ones (405 with Allow)."""
    by_path: dict[str, dict[str, AnyOperation]] = {}
    for operation in table:
        by_path.setdefault(operation.path, {})[operation.method] = operation
    return [Route(path, _endpoint(methods), methods=list(methods)) for path, methods in by_path.items()]


def _endpoint(methods: Mapping[str, AnyOperation]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        # Starlette lets HEAD in wherever GET is, and the server leaves the body out.
        return await _perform(methods["GET" if request.method == "HEAD" else request.method], request)

    return answer


async def _perform(operation: AnyOperation, request: Request) -> Response:
    # First of all: who is nobody costs no body.
    if operation.signed_in and getattr(request.state, "user", None) is None:
        raise Unauthenticated("Send a token that is valid, as `Authorization: Bearer qr_…`, or sign in.")
    query = _read_query(operation.query, request)
    body = await _read_body(operation, request) if operation.has_body else operation.body()
    reply: Reply[Any] = await operation.handle(Call(request, query, body))
    return _response(operation, reply)


def _response(operation: AnyOperation, reply: Reply[Any]) -> Response:
    headers = {"Cache-Control": "private, no-cache", **reply.headers}
    if reply.status == NOT_MODIFIED:
        return Response(status_code=NOT_MODIFIED, headers=headers)
    if reply.body is None and operation.answer is type(None):
        return Response(status_code=operation.status, headers=headers)
    if not isinstance(reply.body, operation.answer) or reply.media_type not in operation.media_types:
        message = f"{operation.name} answers otherwise than it is described"
        raise TypeError(message)
    content = reply.body if isinstance(reply.body, str) else reply.body.model_dump_json()
    return Response(
        content.encode(), status_code=operation.status, headers={"Content-Type": reply.media_type, **headers}
    )


def _read_query(model: type[Q], request: Request) -> Q:
    parameters = request.query_params.multi_items()
    values = dict(parameters)
    if len(values) < len(parameters):
        raise Invalid(sentence="A parameter was given twice.")
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise _invalid(error) from error


async def _read_body(operation: AnyOperation, request: Request) -> BodyInput:
    _require_plain_json(request)
    content = await read_bounded(request, operation.max_body_bytes)
    try:
        # On a thread: the largest allowed body is a tenth of a second of work.
        body: BodyInput = await asyncio.to_thread(operation.body.model_validate_json, content)
    except ValidationError as error:
        raise _invalid(error) from error
    return body


def _require_plain_json(request: Request) -> None:
    kind, _, parameters = request.headers.get("Content-Type", "").partition(";")
    charset = parameters.replace(" ", "").replace('"', "").lower()
    if kind.strip().lower() != JSON or charset not in {"", "charset=utf-8"}:
        raise Unsupported("Send the body as `Content-Type: application/json`, in UTF-8.")
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise Unsupported("Send the body uncompressed.")


def _invalid(error: ValidationError) -> Exception:
    if error.error_count() > MAX_FIELD_ERRORS:
        return Invalid(sentence=f"The body has more than {MAX_FIELD_ERRORS} faults.")
    first = error.errors(include_url=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return HTTPException(400, f"The body cannot be read as JSON: {first.get('ctx', {}).get('error', 'syntax')}.")
    if not first["loc"]:
        return Invalid(sentence="The body must be a JSON object.")
    return Invalid(
        {name[:MAX_FIELD_NAME_CHARACTERS]: sentence for name, sentence in field_sentences(error).items()},
        "Some of the information cannot be used; `errors` says what and why.",
    )
