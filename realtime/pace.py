"""How much one connection may ask for: a token bucket."""

from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Allowance:
    """So much at once (`burst`), and as much again as `rate` a second gives back. `now` is in seconds.

    What is spent may go below nothing: whoever spends decides whether to refuse, or to wait until it is paid back.
    """

    rate: float
    burst: float
    now: float
    left: float = field(init=False)

    def __post_init__(self) -> None:
        """Begin with all of it."""
        self.left = self.burst

    def spend(self, amount: float, now: float) -> float:
        """Spend so much. Returns the seconds until it is paid back: none while something is left."""
        self.left = min(self.left + (now - self.now) * self.rate, self.burst) - amount
        self.now = now
        return -self.left / self.rate if self.left < 0 else 0.0

    def is_whole(self, now: float) -> bool:
        """Whether all that was spent is paid back."""
        return self.left + (now - self.now) * self.rate >= self.burst
