"""Whether Quillroom knows a published post there, so that it can be changed, taken down and looked at."""

from server.errors import Conflict
from server.publishing.channel import Stage
from server.publishing.models import Publication
from server.publishing.publisher.delivering import read_handle


class NotKnown(Conflict):
    """A person said that it is live; by what it is known there, nobody has heard."""

    sentence = (
        "Somebody found this on its channel by hand, so Quillroom does not know it there. Change it, or take it down, "
        "there by hand."
    )


def is_known(publication: Publication) -> bool:
    """Whether the channel itself has said that all of it is out, and by what it is known."""
    return publication.handle is not None and read_handle(publication.handle).stage is Stage.PUBLISHED
