"""How many backups this run has in progress at the service: found out, not assumed (spec, section 4.3).

As TCP and AWS's adaptive retry mode do: start small, grow by one with each success, halve when the other side pushes
back. Creates that were sent together count as one: a burst of refusals halves the number once.
"""

from dataclasses import dataclass

START = 10


@dataclass(slots=True)
class InProgressLimit:
    """The number of backups that may be in progress, from 1 up to `most`."""

    most: int
    size: int = START
    _halved_at: float = float("-inf")

    def __post_init__(self) -> None:
        self.size = min(self.size, self.most)

    def completed(self) -> None:
        """Grow: a backup has completed."""
        self.size = min(self.size + 1, self.most)

    def pushed_back(self, *, started_at: float, now: float) -> None:
        """Halve: the service throttled, or a backup failed, that was started at `started_at`.

        Seconds by the monotonic clock. A backup that was started before the last halving is not counted again.
        """
        if started_at > self._halved_at:
            self.size = max(1, self.size // 2)
            self._halved_at = now
