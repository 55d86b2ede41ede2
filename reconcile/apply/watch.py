"""Waits for many backups with few lists (spec, section 4.7), until they are completed or deleted.

Each wait has its own schedule. The first look is early, for backups that fail or complete at once. Once a wait has seen
a backup complete, the first look comes after the time that the quickest backup took, because most earlier looks are
useless. Only one wait at a time scouts: it still looks early, and each time twice as late, because later backups may be
quicker. Then the pause grows with the backup's age. One look serves all waits that are due at about the same time.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import anyio

from reconcile.actual.errors import ApiError, FinalError
from reconcile.actual.inventory import Backup, State
from reconcile.apply.account import AccountView, Listing
from reconcile.clock import StoppableClock, StoppedError

FIRST_LOOK = 0.5
"""Seconds from sending the first creates of a run to the first look."""

SHORTEST_PAUSE = 1.0
"""Seconds between two looks for the same backup, at least."""

AGE_SHARE = 10
"""The pause is the age divided by this: the end is noticed within a tenth of the time that a backup takes."""

LONGEST_PAUSE = 60.0
"""Seconds between two looks for the same backup, at most."""

LONGEST_FIRST_LOOK = 600.0
"""Maximum seconds until the first look for a new backup, however long the others took."""

_EARLY = 0.5
"""A wait may be served this share of its pause early, if another wait needs a look now."""

_NO_TIME = 0.01
"""Seconds too short to sleep for, and perhaps below the clock's resolution."""

VANISHED = 30.0
"""Seconds that a listed backup may be missing from lists before it counts as gone."""

NEVER_LISTED = 600.0
"""Seconds after which the service counts as hiding a new backup that no list has shown (spec, section 4.5)."""

STILL_LISTED = 30.0
"""Seconds that a deleted backup may stay listed before the delete counts as not carried out (spec, section 4.6)."""

UNKNOWN_FOR = 600.0
"""Seconds after which an undocumented status that has not changed counts as final."""

Judge = Callable[[Backup | None, float], bool]
"""Decides whether a wait has ended, from the backup in a list (None if missing) and when the list was requested."""


@dataclass(eq=False, slots=True)
class _Wait:
    """One backup that is waited for; times by the monotonic clock."""

    backup: Backup
    judge: Judge
    started_at: float
    next_look: float
    scouts_until: float
    """Until when its looks are early. It is then as old as the quickest backup so far, where others are looked at."""
    ended: anyio.Event = field(default_factory=anyio.Event)
    outcome: Backup | None = None
    error: ApiError | StoppedError | None = None

    def pause(self, now: float) -> float:
        age, left = now - self.started_at, self.scouts_until - now
        return min(max(SHORTEST_PAUSE, min(age, left) if left > 0 else age / AGE_SHARE), LONGEST_PAUSE)

    def end(self, outcome: Backup | None = None, error: ApiError | StoppedError | None = None) -> None:
        self.outcome, self.error = outcome, error
        self.ended.set()


class Watch:
    """Looks at the account for all waits; `run` must be running meanwhile."""

    def __init__(self, view: AccountView, clock: StoppableClock) -> None:
        self._view = view
        self._clock = clock
        self._waits: list[_Wait] = []
        self._pause = anyio.CancelScope()
        """Around the sleep until the next look; cancelled when a look is due earlier."""
        self._quickest: float | None = None
        """Seconds after which a look found the quickest backup completed."""

    async def listed(self, backup: Backup) -> Backup | None:
        """Wait until a list shows a new backup; return the listed backup, or None after `NEVER_LISTED` seconds.

        Raises:
            StoppedError: interrupted, or out of time.
            FinalError: the token has no permission to list any more.
        """
        give_up_at = self._clock.monotonic() + NEVER_LISTED
        return await self._until(backup, lambda current, asked_at: current is not None or asked_at > give_up_at)

    async def settled(
        self, backup: Backup, on_look: Callable[[Backup], None], *, is_new: bool = False, patience: float = math.inf
    ) -> Backup | None:
        """Wait until a list shows that a backup has ended; return the listed backup, or None if no list shows it.

        A backup has ended once its status is neither in progress nor unknown, or its description has changed. An
        unknown status counts as the end after `UNKNOWN_FOR` seconds, and any status after `patience` seconds. Each look
        before the end calls `on_look` with the backup it shows. With `is_new`, lists may take up to `NEVER_LISTED`
        seconds to show the backup. Raises as `listed` does.
        """
        started_at = self._clock.monotonic()
        missing_since, most_missing = (started_at, NEVER_LISTED) if is_new else (None, VANISHED)
        unknown_since: tuple[str, float] | None = None

        def judge(current: Backup | None, asked_at: float) -> bool:
            nonlocal missing_since, most_missing, unknown_since
            if current is None:
                # Not since the last look: the looks for an old backup are further apart than one list may be wrong.
                missing_since = asked_at if missing_since is None else missing_since
                return asked_at - missing_since > most_missing
            missing_since, most_missing = None, VANISHED
            if current.state not in {State.PENDING, State.UNKNOWN} or current.description != backup.description:
                return True
            if current.state is State.PENDING:
                unknown_since = None
            elif unknown_since is None or unknown_since[0] != current.status:
                unknown_since = current.status, asked_at
            is_over = asked_at - started_at >= patience
            if is_over or (unknown_since and asked_at - unknown_since[1] >= UNKNOWN_FOR):
                return True
            on_look(current)
            return False

        quickest = self._quickest or FIRST_LOOK
        scouts_for = quickest if all(wait.scouts_until <= started_at for wait in self._waits) else 0.0
        first_look = 0.0 if backup.state is State.USABLE else FIRST_LOOK if scouts_for else quickest
        ended = await self._until(backup, judge, first_look=first_look, scouts_for=scouts_for)
        if ended and ended.state is State.USABLE:
            before, took = self._quickest or LONGEST_FIRST_LOOK, self._clock.monotonic() - started_at
            self._quickest = min(before, max(took, FIRST_LOOK))
            for wait in self._waits if self._quickest < before else ():
                if wait.next_look == wait.started_at + before:  # its first look
                    wait.next_look = wait.started_at + self._quickest
                    self._pause.cancel()
        return ended

    async def wait_until_gone(self, backup: Backup) -> Backup | None:
        """Wait until a list no longer shows a deleted backup, or shows it being deleted; return None.

        Returns the backup if it is still listed after `STILL_LISTED` seconds. Raises as `listed` does.
        """
        give_up_at = self._clock.monotonic() + STILL_LISTED
        return await self._until(backup, lambda current, asked_at: current is None or asked_at > give_up_at)

    async def run(self) -> None:
        """Look whenever a wait is due, until cancelled."""
        while True:
            waits = [wait for wait in self._waits if not wait.ended.is_set()]
            try:
                seconds = min((wait.next_look for wait in waits), default=math.inf) - self._clock.monotonic()
                if seconds <= _NO_TIME:
                    await self._look(waits)
                    continue
                with anyio.CancelScope() as self._pause:
                    await (self._clock.sleep(seconds) if waits else anyio.Event().wait())
            except StoppedError as stopped:
                for wait in waits:  # not those that a look has just ended
                    wait.end(error=stopped)

    async def _until(
        self, backup: Backup, judge: Judge, *, first_look: float = 0.0, scouts_for: float = 0.0
    ) -> Backup | None:
        now = self._clock.monotonic()
        wait = _Wait(backup, judge, now, now + first_look, now + scouts_for)
        self._waits.append(wait)
        self._pause.cancel()  # it may be due first
        try:
            await wait.ended.wait()
        finally:
            self._waits.remove(wait)
        if wait.error:
            raise wait.error
        return wait.outcome

    async def _look(self, waits: list[_Wait]) -> None:
        now = self._clock.monotonic()
        due = [wait for wait in waits if wait.next_look <= now + _EARLY * wait.pause(now)]
        listings = await self._view.refresh({wait.backup.server_id for wait in due})
        now = self._clock.monotonic()
        for wait in due:
            match listings[wait.backup.server_id]:
                case Listing() as listing:
                    current = next((backup for backup in listing.backups if backup.id == wait.backup.id), None)
                    if wait.judge(current, listing.asked_at):
                        wait.end(current)
                case FinalError() as error:
                    wait.end(error=error)
                case ApiError():
                    pass  # an outage does not end a wait: the backup is still in progress, and the deadline limits us
            wait.next_look = now + wait.pause(now)
