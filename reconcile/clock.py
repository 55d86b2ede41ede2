"""The clock, as a value that is passed in: hours of waiting cost a test nothing."""

from datetime import datetime
from enum import StrEnum
from typing import Protocol

import anyio

from reconcile.diagnostics import UserError


class Clock(Protocol):
    """Tells the time and lets it pass."""

    def now(self) -> datetime:
        """Return the time of day, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that only ever grow, from an arbitrary start."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Let `seconds` pass; may raise `StoppedError` where waiting has become pointless."""
        ...


class Stop(StrEnum):
    """Why nothing new shall be started."""

    INTERRUPTED = "interrupted"
    DEADLINE = "out of time"


class StoppedError(UserError):
    """A wait was cut short: by an interrupt, or by the deadline."""

    def __init__(self, reason: Stop) -> None:
        super().__init__(f"stopped while waiting: {reason}", "Run it again; nothing is left half done that it needs.")
        self.reason = reason


class StoppableClock:
    """A clock whose sleeps end with `StoppedError` once `stop` is called, or at the deadline.

    Requests in flight are not cut off, they have time-outs of their own; only waiting is. `seconds` bounds the whole.
    """

    def __init__(self, clock: Clock, *, seconds: float) -> None:
        self._clock = clock
        self._deadline = clock.monotonic() + seconds
        self._stopped = anyio.Event()
        self.reason: Stop | None = None

    def now(self) -> datetime:
        """Return the time of day, aware, in UTC."""
        return self._clock.now()

    def monotonic(self) -> float:
        """Return seconds that only ever grow, from an arbitrary start."""
        return self._clock.monotonic()

    def stop(self, reason: Stop) -> None:
        """End all sleeps, also those to come; the first reason stays."""
        if self.reason is None:
            self.reason = reason
            self._stopped.set()

    async def sleep(self, seconds: float) -> None:
        """Let `seconds` pass, or raise `StoppedError` as soon as it is time to stop."""
        left = self._deadline - self.monotonic()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._nap, min(seconds, left), tasks.cancel_scope)
            await self._stopped.wait()
            tasks.cancel_scope.cancel()
        if seconds >= left:
            self.stop(Stop.DEADLINE)
        if self.reason:
            raise StoppedError(self.reason)

    async def _nap(self, seconds: float, scope: anyio.CancelScope) -> None:
        await self._clock.sleep(max(0.0, seconds))
        scope.cancel()
