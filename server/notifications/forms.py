"""The forms of notifications."""

from server.errors import Invalid
from server.notifications.models import Attention, HowMail, Kind
from server.web.forms import Form


class ChoicesForm(Form):
    """How a person wants mail. A ticked box is a field named `about_<kind>`."""

    how: HowMail
    sentences = {"how": "Choose one of the three."}  # noqa: RUF012 - pydantic reads the base's ClassVar

    @staticmethod
    def kinds(fields: dict[str, str]) -> frozenset[Kind]:
        """Return the kinds whose boxes are ticked."""
        return frozenset(kind for kind in Kind if fields.get(f"about_{kind.value}"))


def attention_in(fields: dict[str, str]) -> Attention | None:
    """Read whether a document is followed, muted, or neither (`usual`). Raises Invalid."""
    chosen = fields.get("attention", "")
    if chosen == "usual":
        return None
    try:
        return Attention(chosen)
    except ValueError as error:
        raise Invalid({"attention": "Choose one of the three."}) from error
