"""Forms: a pydantic model per form, read from a bounded body, with errors as sentences for each field."""

from typing import Annotated, ClassVar, Self
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError
from pydantic.functional_validators import BeforeValidator
from pydantic_core import ErrorDetails
from starlette.requests import Request

from server.errors import Invalid
from server.web.bodies import MAX_FORM_BYTES, MAX_FORM_FIELDS, read_bounded
from server.web.text import clean_line


def _cleaned(value: object) -> object:
    return clean_line(value) if isinstance(value, str) else value


# One line of a person's words, cleaned; see `text.clean_line`. Give it a length where it is used.
Line = Annotated[str, BeforeValidator(_cleaned), StringConstraints(max_length=1000)]


class Form(BaseModel):
    """What a page sends. Fields that the model does not name are ignored, so that a page may be a version older."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    max_bytes: ClassVar[int] = MAX_FORM_BYTES
    # A field's name -> the sentence shown for any fault in it, where the general one is not good enough.
    sentences: ClassVar[dict[str, str]] = {}

    @classmethod
    async def read(cls, request: Request) -> Self:
        """Read the request's form. Raises Invalid with a sentence per field, or TooLarge."""
        return cls.parse(fields_of(await read_bounded(request, cls.max_bytes)))

    @classmethod
    def parse(cls, fields: dict[str, str]) -> Self:
        """Check fields that have been read already. Raises Invalid with a sentence per field."""
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            raise Invalid(field_sentences(error, cls.sentences)) from error


async def read_fields(request: Request) -> dict[str, str]:
    """Read the request's form unchecked, so that a page can show again what was typed. Raises Invalid or TooLarge."""
    return fields_of(await read_bounded(request, MAX_FORM_BYTES))


def fields_of(body: bytes) -> dict[str, str]:
    """Decode an urlencoded body; the last of equal names counts. Raises Invalid if it cannot be a form of ours."""
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=MAX_FORM_FIELDS, errors="strict")
    except ValueError as error:
        raise Invalid(sentence="The form could not be read. Reload the page and try again.") from error
    return dict(pairs)


def field_sentences(error: ValidationError, special: dict[str, str] | None = None) -> dict[str, str]:
    """Turn pydantic's findings into one sentence per field (dotted path), in words for a person."""
    found: dict[str, str] = {}
    for details in error.errors(include_url=False, include_context=True):
        field = ".".join(str(part) for part in details["loc"])
        found.setdefault(field, (special or {}).get(field) or _sentence(details))
    return found


def _sentence(details: ErrorDetails) -> str:
    context = details.get("ctx") or {}
    match details["type"]:
        case "missing":
            return "Fill this in."
        # Pydantic says `too_short` where the length is asked for after another validator.
        case "string_too_short" | "too_short" if context.get("min_length") == 1:
            return "Fill this in."
        case "string_too_short" | "too_short":
            return f"Use at least {context['min_length']} characters."
        case "string_too_long" | "too_long":
            return f"Use at most {context['max_length']} characters."
        case "value_error":
            # Raised by our own validators, whose words are for people.
            return str(context["error"])
        case _:
            return f"{details['msg']}."
