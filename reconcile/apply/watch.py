"""Waiting for many backups with one list for all of them, at intervals that grow (spec, section 4.7)."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import anyio

from reconcile.actual.errors import ApiError, RefusedError
from reconcile.actual.inventory import Backup, State
from reconcile.apply.account import Account
from reconcile.clock import Clock
from reconcile.ids import Id

FIRST_LOOK = 0.5
LONGEST_PAUSE = 30.0
"""Seconds between two lists. Backups take minutes; the first look is early for those that fail at once."""

_GROWTH = 1.5
HIDDEN = 30.0
"""Seconds. A new backup may be missing from the list for so long before it counts as gone."""


@dataclass(frozen=True, slots=True)
class _Look:
    """What one list showed, of which servers, and when it was asked for."""

    number: int
    asked_at: float
    servers: frozenset[Id]
    backups: dict[Id, Backup]


class Watch:
    """Looks at the list on behalf of all who wait."""

    def __init__(self, account: Account, clock: Clock) -> None:
        self._account = account
        self._clock = clock
        self._turn = anyio.Lock()
        self._waiting: Counter[Id] = Counter()
        self._pause = FIRST_LOOK
        self._last = _Look(0, float("-inf"), frozenset(), {})

    async def settled(self, backup: Backup, tell: Callable[[Backup], None]) -> Backup | None:
        """Wait until a list shows the backup as usable or failed; return it so, or None if it has gone.

        `tell` is called with what each look shows, while it is still on its way.

        Raises:
            StoppedError: interrupted, or out of time.
            RefusedError: the token may no longer list.
        """
        started = self._clock.monotonic()
        look = self._last
        with self._wait_for(backup.server_id):
            while True:
                look = await self._look_after(look)
                if backup.server_id not in look.servers or look.asked_at < started:
                    continue  # somebody else's look: it tells nothing of ours
                current = look.backups.get(backup.id)
                if current is None and look.asked_at - started > HIDDEN:
                    return None
                if current and current.state in {State.USABLE, State.FAILED}:
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

    async def _look_after(self, look: _Look) -> _Look:
        """Return a look after this one, ours or somebody else's."""
        async with self._turn:
            if self._last.number == look.number:
                await self._clock.sleep(self._pause)
                self._pause = min(self._pause * _GROWTH, LONGEST_PAUSE)
                self._last = await self._look(look.number + 1)
            return self._last

    async def _look(self, number: int) -> _Look:
        asked_at, servers = self._clock.monotonic(), frozenset(self._waiting)
        try:
            listed = await self._account.refresh(servers)
        except RefusedError:
            raise
        except ApiError:
            # Waiting outlives an outage: the backup goes on being made, and the deadline bounds us.
            return _Look(number, asked_at, frozenset(), {})
        return _Look(number, asked_at, servers, {it.id: it for it in listed})
