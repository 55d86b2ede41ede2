"""Adapts the number of backups in progress to what the service accepts (spec, section 4.3).

Like TCP and AWS's adaptive retry mode, it starts small, grows by one with each success, and halves when the service
pushes back. Creates that were sent at the same time count once: a burst of rejections halves the number once.

It also bounds two hazards. Ten backups that hang would block the whole run until the deadline, so a hung backup gives
up its slot. And a service that alters or hides what it stores would get one more backup for each server, every night:
until a list confirms the first create (the canary), there is only one slot, and if it is not confirmed, there is none.
"""

import heapq
from bisect import insort
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import anyio

START = 10

HUNG_TIMES = 10
"""A backup counts as hung once it takes this many times the median of the run."""

HUNG_AFTER = 600.0
"""Minimum seconds before a backup counts as hung."""


@dataclass(eq=False, slots=True)
class Slots:
    """The slots for backups in progress, from 1 up to `most`. The waiting creates get them in the order of `rank`."""

    most: int
    size: int = START
    is_closed: bool = False
    """Whether the run sends no more creates, because the service alters or hides what it stores."""
    is_confirmed: bool = False
    """Whether a list has shown a backup of this run as it was sent."""
    _taken: int = 0
    _waiting: list[tuple[float, int, anyio.Event]] = field(default_factory=list)
    _arrivals: int = 0
    _halved_at: float = float("-inf")
    _durations: list[float] = field(default_factory=list)
    """Seconds that each completed backup of this run took, sorted."""

    def __post_init__(self) -> None:
        self.size = min(self.size, self.most)

    def confirm(self) -> None:
        """End the canary: a list has shown a backup as it was sent."""
        self.is_confirmed = True
        self._fill()

    def close(self) -> None:
        """Stop further creates; those that wait for a slot get one, and end without sending."""
        self.is_closed = True
        self._fill()

    def completed(self, seconds: float) -> None:
        """Grow, and end the canary: a backup completed after this many seconds."""
        insort(self._durations, seconds)
        self.is_confirmed = True
        self.size = min(self.size + 1, self.most)
        self._fill()

    def pushed_back(self, *, sent_at: float, now: float) -> None:
        """Halve: the service rejected a create that was sent at `sent_at`, or its backup failed.

        Times are seconds by the monotonic clock. A create that was sent before the last halving no longer counts.
        """
        if sent_at > self._halved_at:
            self.size = max(1, self.size // 2)
            self._halved_at = now

    def is_hung(self, seconds: float) -> bool:
        """Return whether a backup that has been in progress for this many seconds counts as hung."""
        median = self._durations[len(self._durations) // 2] if self._durations else 0.0
        return seconds > max(HUNG_AFTER, HUNG_TIMES * median)

    def _fill(self) -> None:
        room = self.size if self.is_confirmed else 1
        while self._waiting and (self._taken < room or self.is_closed):
            self._taken += 1
            heapq.heappop(self._waiting)[-1].set()

    async def acquire(self, rank: float) -> None:
        """Wait until a slot is free, behind the creates of a lower rank, and take it."""
        granted = anyio.Event()
        self._arrivals += 1
        heapq.heappush(self._waiting, (rank, self._arrivals, granted))
        self._fill()
        await granted.wait()

    def release(self) -> None:
        """Take a slot back."""
        self._taken -= 1
        self._fill()


@dataclass(eq=False, slots=True)
class Permit:
    """The permit for a slot or a turn. To take it twice, or to give it up twice, changes nothing."""

    acquire: Callable[[], Awaitable[None]]
    release: Callable[[], None]
    _is_taken: bool = False

    async def take(self) -> None:
        """Wait for the permit, and take it."""
        if not self._is_taken:
            await self.acquire()
            self._is_taken = True

    def give_up(self) -> None:
        """Let others have it."""
        if self._is_taken:
            self._is_taken = False
            self.release()


@dataclass(eq=False, slots=True)
class Turn(Permit):
    """The turn of one task to list and to change. Its deletes on one server share the turn, and with it their lists."""

    rejections: list[float] = field(default_factory=list)
    """The seconds of each failed attempt since the last accepted change, with the pause after it."""
