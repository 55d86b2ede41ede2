"""How many backups this run has in progress at the service: found out, not assumed (spec, section 4.3).

As TCP and AWS's adaptive retry mode do: start small, grow by one with each success, halve when the other side pushes
back. Creates that were sent together count as one: a burst of refusals halves the number once.

A backup that hangs would keep its place until the deadline, and ten of them would keep the whole run waiting. So one
that takes many times as long as the others no longer counts; its end is waited for all the same.
"""

from bisect import insort
from dataclasses import dataclass, field

START = 10

HUNG_TIMES = 10
"""How many times as long as the median of the run a backup takes before it counts as hung."""

HUNG_AFTER = 600.0
"""Seconds that a backup takes, at least, before it counts as hung."""


@dataclass(slots=True)
class InProgressLimit:
    """The number of backups that may be in progress, from 1 up to `most`."""

    most: int
    size: int = START
    _halved_at: float = float("-inf")
    _durations: list[float] = field(default_factory=list)
    """Of the backups that have completed in this run, in seconds, sorted."""

    def __post_init__(self) -> None:
        self.size = min(self.size, self.most)

    def completed(self, seconds: float) -> None:
        """Grow: a backup has completed after so many seconds."""
        self.size = min(self.size + 1, self.most)
        insort(self._durations, seconds)

    def is_hung(self, seconds: float) -> bool:
        """Return whether a backup that has been in progress for so long no longer counts.

        Never before another has completed: then nobody knows how long backups take.
        """
        if not self._durations:
            return False
        median = self._durations[len(self._durations) // 2]
        return seconds > max(HUNG_AFTER, HUNG_TIMES * median)

    def pushed_back(self, *, started_at: float, now: float) -> None:
        """Halve: the service throttled, or a backup failed, that was started at `started_at`.

        Seconds by the monotonic clock. A backup that was started before the last halving is not counted again.
        """
        if started_at > self._halved_at:
            self.size = max(1, self.size // 2)
            self._halved_at = now
