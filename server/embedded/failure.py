"""The one error of this package."""


class EmbeddedError(Exception):
    """A private server cannot run; the message says why and what to do."""
