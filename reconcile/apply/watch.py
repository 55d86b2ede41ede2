"""Waiting for many backups with one list for all of them, at intervals that grow (spec, section 4.7)."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import anyio

from reconcile.actual.clock import Clock
from reconcile.actual.errors import ApiError, RefusedError
from reconcile.actual.inventory import Backup, Health, Id
from reconcile.apply.account import Account

FIRST_LOOK = 0.5
LONGEST_PAUSE = 30.0
"""Seconds between two lists. Backups take minutes; the first look is early for those that fail at once."""

_GROWTH = 1.5
HIDDEN = 30.0
"""Seconds. A new backup may be missing from the list for so long before it counts as gone."""


class Watch:
    """Looks at the list on behalf of all who wait."""

    def __init__(self, account: Account, clock: Clock) -> None:
        self._account = account
        self._clock = clock
        self._turn = anyio.Lock()
        self._waiting: Counter[Id] = Counter()
        self._looks = 0
        self._pause = FIRST_LOOK
        self._seen: dict[Id, Backup] = {}

    async def settled(self, backup: Backup, tell: Callable[[Backup], None]) -> Backup | None:
        """Wait until a list shows the backup as usable or failed; return it so, or None if it has gone.

        `tell` is called with what each look shows, while it is still on its way.

        Raises:
            StoppedError: interrupted, or out of time.
            RefusedError: the token may no longer list.
        """
        started = self._clock.monotonic()
        looks = self._looks
        with self._wait_for(backup.server_id):
            while True:
                looks = await self._look_after(looks)
                current = self._seen.get(backup.id)
                if current is None:
                    if self._clock.monotonic() - started > HIDDEN:
                        return None
                elif current.health in {Health.USABLE, Health.FAILED}:
                    return current
                tell(current or backup)

    @contextmanager
    def _wait_for(self, server_id: Id) -> Iterator[None]:
        self._waiting[server_id] += 1
        try:
            yield
        finally:
            self._waiting[server_id] -= 1
            self._waiting += Counter()  # drops the servers that nobody waits for any more
            if not self._waiting:
                self._pause = FIRST_LOOK

    async def _look_after(self, looks: int) -> int:
        """Return once there has been a look after the one numbered `looks`, ours or somebody else's."""
        async with self._turn:
            if self._looks == looks:
                await self._clock.sleep(self._pause)
                self._pause = min(self._pause * _GROWTH, LONGEST_PAUSE)
                try:
                    listed = await self._account.refresh(set(self._waiting))
                    self._seen = {it.id: it for it in listed}
                except RefusedError:
                    raise
                except ApiError:
                    # Waiting outlives an outage: the backup goes on being made, and the deadline bounds us.
                    pass
                self._looks += 1
            return self._looks
