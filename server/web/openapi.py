"""The table of operations as an OpenAPI 3.1 document. Source: spec.openapis.org/oas/v3.1.1."""

import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import models_json_schema
from starlette.convertors import UUIDConvertor
from starlette.routing import compile_path

from server.web import csrf
from server.web.errors import PROBLEM_TYPE
from server.web.operations import JSON, NOT_MODIFIED, AnyOperation

Json = dict[str, Any]

_REF: Final = "#/components/schemas/{model}"
_CONVERTOR: Final = re.compile(r":[a-z]+\}")
_SAFE: Final = frozenset({"GET"})


class FieldProblem(BaseModel):
    """What is wrong with one field of the request."""

    model_config = ConfigDict(frozen=True)

    field: str = Field(description="The field's name; dots lead to what is inside it.")
    detail: str = Field(description="A sentence for a person.")


class Problem(BaseModel):
    """An error as RFC 9457 writes it."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(
        description="`urn:quillroom:problem:<kind>`, or `about:blank` where the status says what kind of problem it is."
    )
    title: str = Field(description="A few words for the kind of problem.")
    status: int = Field(description="The status code.")
    detail: str = Field(description="A sentence for a person: what happened and what to do.")
    errors: list[FieldProblem] = Field(default=[], description="The fields at fault, where it is about fields.")


def describe(table: Sequence[AnyOperation], *, info: Mapping[str, str], server: str, cookie: str) -> Json:
    """Return the OpenAPI document. `server` is the public address, `cookie` the name of the session's cookie.

    `info` holds title, version and description.
    """
    schemas = _schemas(table)
    paths: Json = {}
    for operation in table:
        place = paths.setdefault(_CONVERTOR.sub("}", operation.path), {})
        place[operation.method.lower()] = _operation(operation, schemas)
    return {
        "openapi": "3.1.1",
        "info": dict(info),
        "servers": [{"url": server}],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "responses": {"Problem": _problem("Any other refusal, and every fault of the server.")},
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API token; its text begins `qr_`.",
                },
                "session": {"type": "apiKey", "in": "cookie", "name": cookie, "description": "A signed-in browser."},
                "csrf": {
                    "type": "apiKey",
                    "in": "header",
                    "name": csrf.HEADER,
                    "description": "With a session, every change needs the token that our pages carry.",
                },
            },
        },
    }


class _Schemas:
    """The models of a table as JSON Schema: `components` for all, `of(model)` a reference to one of them."""

    def __init__(self, models: Iterable[tuple[type[BaseModel], bool]]) -> None:
        wanted = [(model, "validation" if sent else "serialization") for model, sent in dict.fromkeys(models)]
        # mypy takes the pairs for strings in general; the two modes are all that pydantic knows.
        found, definitions = models_json_schema(wanted, ref_template=_REF)  # type: ignore[arg-type]
        self.components: Json = dict(sorted(definitions.get("$defs", {}).items()))
        self._references = {model: reference for (model, _), reference in found.items()}

    def of(self, model: type[BaseModel]) -> Json:
        return self._references[model]

    def parameters(self, model: type[BaseModel]) -> Iterable[tuple[str, Json, bool]]:
        """Yield a query model's fields: name, schema, whether one must be given."""
        schema = model.model_json_schema(ref_template=_REF)
        self.components.update(schema.get("$defs", {}))
        required = set(schema.get("required", ()))
        for name, described in schema.get("properties", {}).items():
            yield name, described, name in required


def _schemas(table: Sequence[AnyOperation]) -> _Schemas:
    sent = [(operation.body, True) for operation in table if operation.has_body]
    answered = [
        (operation.answer, False)
        for operation in table
        if isinstance(operation.answer, type) and issubclass(operation.answer, BaseModel)
    ]
    return _Schemas([*sent, *answered, (Problem, False)])


def _operation(operation: AnyOperation, schemas: _Schemas) -> Json:
    described: Json = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": inspect.getdoc(operation.handle) or operation.summary,
        "parameters": [*_path_parameters(operation.path), *_query_parameters(operation, schemas)],
        "responses": _responses(operation, schemas),
        "security": _security(operation),
    }
    described["parameters"] += [
        {"name": name, "in": "header", "required": False, "description": text, "schema": {"type": "string"}}
        for name, text in operation.asks_with.items()
    ]
    if operation.has_body:
        described["requestBody"] = {"required": True, "content": {JSON: {"schema": schemas.of(operation.body)}}}
    return described


def _path_parameters(path: str) -> list[Json]:
    _, _, convertors = compile_path(path)
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "format": "uuid"} if isinstance(convertor, UUIDConvertor) else {},
        }
        for name, convertor in convertors.items()
    ]


def _query_parameters(operation: AnyOperation, schemas: _Schemas) -> list[Json]:
    return [
        {
            "name": name,
            "in": "query",
            "required": required,
            "description": described.get("description", ""),
            "schema": {key: value for key, value in described.items() if key not in {"title", "description"}},
        }
        for name, described, required in schemas.parameters(operation.query)
    ]


def _responses(operation: AnyOperation, schemas: _Schemas) -> Json:
    good: Json = {"description": HTTPStatus(operation.status).phrase}
    headers = {
        name: {"description": text, "schema": {"type": "string"}} for name, text in operation.answers_with.items()
    }
    if headers:
        good["headers"] = headers
    if operation.answer is str:
        good["content"] = {
            kind.partition(";")[0]: {"schema": {"type": "object"} if kind == JSON else {"type": "string"}}
            for kind in operation.media_types
        }
    elif operation.answer is not type(None):
        good["content"] = {JSON: {"schema": schemas.of(operation.answer)}}
    responses: Json = {str(operation.status): good}
    for status in sorted(_refusals(operation)):
        if status == NOT_MODIFIED:
            responses[str(status)] = {"description": "You have this version already."}
        else:
            responses[str(status)] = _problem(_REFUSALS.get(status) or HTTPStatus(status).phrase)
    responses["default"] = {"$ref": "#/components/responses/Problem"}
    return responses


def _refusals(operation: AnyOperation) -> set[int]:
    found = {*operation.refusals, 422}
    if operation.signed_in:
        found.add(401)
        if operation.method not in _SAFE:
            found.add(403)
    if operation.has_body:
        found |= {400, 408, 413, 415}
    return found


_REFUSALS: Final[Mapping[int, str]] = {
    400: "The body cannot be read as JSON.",
    401: "There is no valid token and nobody is signed in.",
    403: "You may see it, but not do this; or a session came without its CSRF token.",
    404: "It does not exist, or it is not shared with you.",
    406: "There is none in the form that `Accept` asks for.",
    408: "The body did not arrive in time.",
    409: "It is not in a state that allows this.",
    412: "It has changed since the version that `If-Match` names.",
    413: "That is more than this server accepts.",
    415: "The body is not plain JSON.",
    422: "Some of what was sent cannot be used; `errors` says which fields.",
}


def _problem(text: str) -> Json:
    return {
        "description": text,
        "content": {PROBLEM_TYPE: {"schema": {"$ref": _REF.format(model=Problem.__name__)}}},
    }


def _security(operation: AnyOperation) -> list[Json]:
    if not operation.signed_in:
        return [{}]
    return [{"token": []}, {"session": []} if operation.method in _SAFE else {"session": [], "csrf": []}]
