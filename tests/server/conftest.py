"""What tests of the server share."""

from collections.abc import MutableMapping

import pytest
import structlog
from structlog.testing import LogCapture

from server import slow


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[MutableMapping[str, object]]:
    """The lines about what was slow, of a logger that no configuration of an earlier test has a hold on."""
    lines = LogCapture()
    monkeypatch.setattr(slow, "log", structlog.wrap_logger(None, processors=[lines]))
    return lines.entries
