"""Waiting for many backups with few lists (spec, section 4.7).

Each wait has its own schedule. The first look is early, for backups that fail or complete at once; as soon as one has
completed in this run, it is when the quickest so far did, since earlier looks have shown to be for nothing. Then the
pause grows with the backup's age. Whatever is due at about the same time is served by one look.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import anyio

from reconcile.actual.errors import ApiError, RefusedError
from reconcile.actual.inventory import Backup, State
from reconcile.apply.account import AccountView, Listing
from reconcile.clock import StoppableClock, StoppedError

FIRST_LOOK = 0.5
"""Seconds after which the first backups of a run are looked for."""

SHORTEST_PAUSE = 1.0
"""Seconds between two looks for the same backup."""

AGE_SHARE = 10
"""The pause is the age divided by this, so that an end is seen within a tenth of the time that a backup takes."""

LONGEST_PAUSE = 60.0
"""Seconds."""

LONGEST_FIRST_LOOK = 600.0
"""Seconds. However long the others took, a new backup is looked for by then."""

_EARLY = 0.5
"""What share of its pause a wait may be looked at early, to be served by a look that others need now."""

_NO_TIME = 0.01
"""Seconds. Too short to sleep for, and maybe below the clock's resolution."""

HIDDEN = 30.0
"""Seconds. A new backup may be missing from the list for so long before it counts as gone."""

UNKNOWN_FOR = 600.0
"""Seconds. A status that is not documented and stays for so long is taken for the end."""


@dataclass(eq=False, slots=True)
class _Wait:
    """One backup that is waited for; times by the monotonic clock."""

    backup: Backup
    started_at: float
    next_look: float
    on_look: Callable[[Backup], None]
    give_up_at: float
    ended: anyio.Event = field(default_factory=anyio.Event)
    outcome: Backup | None = None
    error: ApiError | StoppedError | None = None
    unknown_since: tuple[str, float] | None = None

    def pause(self, now: float) -> float:
        return min(max(SHORTEST_PAUSE, (now - self.started_at) / AGE_SHARE), LONGEST_PAUSE)

    def end(self, outcome: Backup | None = None, error: ApiError | StoppedError | None = None) -> None:
        self.outcome, self.error = outcome, error
        self.ended.set()


class Watch:
    """Looks at the account on behalf of all who wait; `run` must be running meanwhile."""

    def __init__(self, view: AccountView, clock: StoppableClock) -> None:
        self._view = view
        self._clock = clock
        self._waits: list[_Wait] = []
        self._new_wait = anyio.Event()
        self._quickest: float | None = None
        """Seconds after which the quickest backup of this run was seen to be completed."""

    async def settled(
        self, backup: Backup, on_look: Callable[[Backup], None], *, patience: float = math.inf
    ) -> Backup | None:
        """Wait until a list shows the backup as usable or failed; return it so, or None if it is no longer listed.

        One whose description is not what it was is returned at once; one whose status is unknown, once it has stayed
        the same for `UNKNOWN_FOR` seconds. `on_look` is called with what each look shows of one still in progress.

        Raises:
            StoppedError: interrupted, or out of time.
            RefusedError: the token may no longer list.
        """
        now = self._clock.monotonic()
        first = now if backup.state is State.USABLE else now + (self._quickest or FIRST_LOOK)
        wait = _Wait(backup, now, first, on_look, now + patience)
        self._waits.append(wait)
        self._new_wait.set()
        try:
            await wait.ended.wait()
        finally:
            self._waits.remove(wait)
        if wait.error:
            raise wait.error
        return wait.outcome

    async def run(self) -> None:
        """Look whenever a wait is due, until cancelled."""
        while True:
            waits = [wait for wait in self._waits if not wait.ended.is_set()]
            try:
                if not waits:
                    await self._wait_for_a_wait()
                elif (seconds := min(wait.next_look for wait in waits) - self._clock.monotonic()) > _NO_TIME:
                    # A wait that is added meanwhile may be due before those that are there.
                    await self._clock.sleep(min(seconds, FIRST_LOOK))
                else:
                    await self._look(waits)
            except StoppedError as stopped:
                for wait in self._waits:
                    wait.end(error=stopped)
                await self._wait_for_a_wait()

    async def _wait_for_a_wait(self) -> None:
        self._new_wait = anyio.Event()
        await self._new_wait.wait()

    async def _look(self, waits: list[_Wait]) -> None:
        now = self._clock.monotonic()
        due = [wait for wait in waits if wait.next_look <= now + _EARLY * wait.pause(now)]
        listings = await self._view.refresh({wait.backup.server_id for wait in due})
        now = self._clock.monotonic()
        for wait in due:
            match listings[wait.backup.server_id]:
                case Listing() as listing:
                    _judge(wait, listing)
                case RefusedError() as refused:
                    wait.end(error=refused)
                case ApiError():
                    pass  # waiting outlives an outage: the backup is still being made, and the deadline bounds us
            wait.next_look = now + wait.pause(now)
            if wait.outcome and wait.outcome.state is State.USABLE:
                self._quickest = min(self._quickest or LONGEST_FIRST_LOOK, max(now - wait.started_at, FIRST_LOOK))


def _judge(wait: _Wait, listing: Listing) -> None:
    """Decide from a list whether a wait has ended."""
    current = next((backup for backup in listing.backups if backup.id == wait.backup.id), None)
    if current is None:
        if listing.asked_at - wait.started_at > HIDDEN:
            wait.end()
        return
    if current.state in {State.USABLE, State.FAILED} or current.description != wait.backup.description:
        wait.end(current)
        return
    if current.state is State.UNKNOWN:
        status, since = wait.unknown_since or ("", 0.0)
        if status != current.status:
            wait.unknown_since = current.status, listing.asked_at
        elif listing.asked_at - since >= UNKNOWN_FOR:
            wait.end(current)
            return
    if listing.asked_at >= wait.give_up_at:
        wait.end(current)
        return
    wait.on_look(current)
