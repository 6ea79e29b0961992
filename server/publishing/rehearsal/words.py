"""What severities are called before people."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from server.publishing.rehearsal.scene import Severity

SEVERITY_WORDS: Final[Mapping[Severity, str]] = MappingProxyType(
    {Severity.WILL_FAIL: "Will fail", Severity.AT_RISK: "At risk", Severity.REMARK: "Remark"}
)
