"""How many backups this run has in progress at the service: found out, not assumed (spec, section 4.3).

As TCP and AWS's adaptive retry mode do: start small, grow by one with each success, halve when the service pushes back.
Creates that were sent together count as one: a burst of rejections halves the number once.

Two hazards are bounded here as well. A backup that hangs would keep its slot until the deadline, and ten of them would
keep the whole run waiting: a hung backup gives up its slot. And a service that alters or hides what it stores would
get one more backup for each server, every night: until one create is confirmed by a list, the canary, there is only one
slot, and once the service is caught, there is none.
"""

import heapq
from bisect import insort
from dataclasses import dataclass, field

import anyio

START = 10

HUNG_TIMES = 10
"""How many times as long as the median of the run a backup takes before it counts as hung."""

HUNG_AFTER = 600.0
"""Seconds that a backup takes, at least, before it counts as hung."""


@dataclass(eq=False, slots=True)
class Slots:
    """The slots for backups in progress: from 1 up to `most`, given to the waiting creates in the order of `rank`."""

    most: int
    size: int = START
    is_closed: bool = False
    """Whether no more creates are sent, because the service alters or hides what it stores."""
    is_confirmed: bool = False
    """Whether a list has shown a backup of this run as it was sent."""
    _taken: int = 0
    _waiting: list[tuple[int, int, "Slot"]] = field(default_factory=list)
    _arrivals: int = 0
    _halved_at: float = float("-inf")
    _durations: list[float] = field(default_factory=list)
    """Of the backups that have completed in this run, in seconds, sorted."""

    def __post_init__(self) -> None:
        self.size = min(self.size, self.most)

    def confirm(self) -> None:
        """End the time of the canary: a list has shown a backup as it was sent."""
        self.is_confirmed = True
        self._fill()

    def close(self) -> None:
        """Let no more creates be sent; those that wait for a slot are let through to end."""
        self.is_closed = True
        self._fill()

    def completed(self, seconds: float) -> None:
        """Grow: a backup has completed after so many seconds."""
        insort(self._durations, seconds)
        self.size = min(self.size + 1, self.most)
        self._fill()

    def pushed_back(self, *, started_at: float, now: float) -> None:
        """Halve: the service throttled, or a backup failed, that was started at `started_at`.

        Seconds by the monotonic clock. A backup that was started before the last halving is not counted again.
        """
        if started_at > self._halved_at:
            self.size = max(1, self.size // 2)
            self._halved_at = now

    def is_hung(self, seconds: float) -> bool:
        """Return whether a backup that has been in progress for so many seconds counts as hung."""
        median = self._durations[len(self._durations) // 2] if self._durations else 0.0
        return seconds > max(HUNG_AFTER, HUNG_TIMES * median)

    def _fill(self) -> None:
        room = self.size if self.is_confirmed else 1
        while self._waiting and (self._taken < room or self.is_closed):
            self._taken += 1
            heapq.heappop(self._waiting)[2].granted.set()

    def wait_for(self, slot: "Slot") -> None:
        """Queue a slot behind those of a lower rank."""
        self._arrivals += 1
        heapq.heappush(self._waiting, (slot.rank, self._arrivals, slot))
        self._fill()

    def release(self) -> None:
        """Take a slot back."""
        self._taken -= 1
        self._fill()


@dataclass(eq=False, slots=True)
class Slot:
    """The slot of one create among those in progress."""

    slots: Slots
    rank: int
    granted: anyio.Event = field(default_factory=anyio.Event)
    _is_taken: bool = False

    async def take(self) -> None:
        """Wait until there is room."""
        self.granted = anyio.Event()
        self.slots.wait_for(self)
        await self.granted.wait()
        self._is_taken = True

    def give_up(self) -> None:
        """Let another create take this slot; does nothing if it was given up before."""
        if self._is_taken:
            self._is_taken = False
            self.slots.release()
