"""How fast a body must come: one that dawdles gives its room back."""

from dataclasses import dataclass
from datetime import timedelta

_GRACE_SECONDS = 10.0
"""For a connection that is slow to start."""
_SILENCE_SECONDS = 15.0
"""However far a body has come, it does not stop for so long."""
_LEAST_BYTES_A_SECOND = 16 * 2**10
"""Of a body that does not say how large it is."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What is asked of one body: as much of it as needs to be there for all of it to be there at the end."""

    announced: int | None
    longest: timedelta

    def get_deadline(self, received: int, passed_seconds: float) -> float:
        """Seconds from its beginning, up to which more must have come than was received when so many had passed."""
        return min(passed_seconds + _SILENCE_SECONDS, _GRACE_SECONDS + self._get_earned_seconds(received))

    def _get_earned_seconds(self, received: int) -> float:
        if self.announced is None:
            return received / _LEAST_BYTES_A_SECOND
        left = max(self.longest.total_seconds() - _GRACE_SECONDS, 0.0)
        return left * received / max(self.announced, 1)
