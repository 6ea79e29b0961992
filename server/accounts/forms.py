"""The forms of people who come in, and of their account."""

from typing import Annotated, ClassVar, Final

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, field_validator

from server.accounts.passwords import MAX_CHARACTERS
from server.accounts.people import clean_email, clean_name
from server.web.forms import Form

# Longer than is accepted, so that the sentence about the length is the password rules' own.
Secret = Annotated[str, StringConstraints(max_length=MAX_CHARACTERS * 8)]

MAX_TOKEN_DAYS: Final = 36500


def _none_if_empty(value: object) -> object:
    return None if value == "" else value


class SignInForm(Form):
    """E-mail and password. Nothing is said about their form: a wrong e-mail address is like an unknown one."""

    email: Annotated[str, StringConstraints(max_length=2000)] = ""
    password: Secret = ""
    next: Annotated[str, StringConstraints(max_length=4000)] = ""


class AccountForm(Form):
    """What makes an account. The password's rules are checked in `people.hash_new_password`, which knows the name."""

    sentences: ClassVar[dict[str, str]] = {"password": f"Use at most {MAX_CHARACTERS} characters."}

    email: Annotated[str, AfterValidator(clean_email)]
    name: Annotated[str, AfterValidator(clean_name)]
    password: Secret = ""

    @field_validator("email", "name", mode="before")
    @classmethod
    def _short_enough_to_look_at(cls, value: object) -> object:
        return value[:5000] if isinstance(value, str) else value


class ProfileForm(Form):
    """How others see the person. The name is checked in `people.describe`."""

    sentences: ClassVar[dict[str, str]] = {"colour": "Choose one of the colours."}

    name: Annotated[str, StringConstraints(max_length=5000)] = ""
    colour: int


class PasswordForm(Form):
    """The password as it is and as it shall be."""

    sentences: ClassVar[dict[str, str]] = {
        "old_password": "This is not your password.",
        "new_password": f"Use at most {MAX_CHARACTERS} characters.",
    }

    old_password: Secret = ""
    new_password: Secret = ""


class TokenForm(Form):
    """A token to be made; without `days` it never expires. The name is checked in `tokens.create`."""

    sentences: ClassVar[dict[str, str]] = {"days": "Choose a number of days, or leave it at never."}

    name: Annotated[str, StringConstraints(max_length=5000)] = ""
    days: Annotated[int | None, Field(ge=1, le=MAX_TOKEN_DAYS), BeforeValidator(_none_if_empty)] = None
