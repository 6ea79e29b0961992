"""The forms of people who come in."""

from typing import Annotated, ClassVar

from pydantic import AfterValidator, StringConstraints, field_validator

from server.accounts.passwords import MAX_CHARACTERS
from server.accounts.people import clean_email, clean_name
from server.web.forms import Form

# Longer than is accepted, so that the sentence about the length is the password rules' own.
Secret = Annotated[str, StringConstraints(max_length=MAX_CHARACTERS * 8)]


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
