"""How far a rehearsal looks ahead."""

from typing import Final

DAYS: Final = 30
MOST_DAYS: Final = 90
