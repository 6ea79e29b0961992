"""Each channel with its server, as the contract suite asks for it: one module each, listed in `SUBJECTS`."""

from tests.server.publishing.subjects.subject import Opening

SUBJECTS: dict[str, Opening] = {}
