"""The clock, passed in as a value, and the one deadline of a run."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self

import anyio

from reconcile.diagnostics import UserError
from reconcile.tasks import beside


class Clock(Protocol):
    """Reads the time, and sleeps."""

    def now(self) -> datetime:
        """Return the time of day, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds since an arbitrary start; they never go back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Sleep for `seconds`."""
        ...


class Stop(StrEnum):
    """The reason why nothing new may be started."""

    INTERRUPTED = "interrupted"
    DEADLINE = "out of time"


class StoppedError(UserError):
    """An interrupt or the deadline ended a wait or a request; `during` describes it."""

    is_stop = True

    def __init__(self, reason: Stop, during: str = "") -> None:
        advice = {
            Stop.INTERRUPTED: "Run the command again; it starts from what the account holds then.",
            Stop.DEADLINE: "Allow more time with --timeout, or use --debug to see which requests take so long.",
        }
        super().__init__(f"stopped: {reason}" + (f" while {during}" if during else ""), advice[reason])
        self.reason = reason
        self.is_interrupt = reason is Stop.INTERRUPTED


class StoppableClock:
    """A clock that ends one run: on an interrupt (`stop`), or `seconds` after it was entered.

    It is an async context manager around the whole run. `stop` ends waits but lets the requests in flight finish,
    because the run should see the response to each change if possible. The deadline ends both.
    """

    def __init__(self, clock: Clock, *, seconds: float) -> None:
        self.now, self.monotonic = clock.now, clock.monotonic
        self._clock = clock
        self._seconds = seconds
        self._expiry = beside(self._expire)
        self._waits: set[anyio.CancelScope] = set()
        self._blocks: set[anyio.CancelScope] = set()
        self._requests: set[anyio.CancelScope] = set()
        self._is_over = False
        self._ends_at = float("inf")
        self.reason: Stop | None = None

    async def __aenter__(self) -> Self:
        self._ends_at = self.monotonic() + self._seconds
        await self._expiry.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._expiry.__aexit__(kind, error, trace)

    async def _expire(self) -> None:
        await self._clock.sleep(max(0.0, self._seconds))
        self.abort(Stop.DEADLINE)

    def stop(self, reason: Stop) -> None:
        """End all current and future waits; the first reason is kept. An interrupt ends interruptible blocks too.

        At the deadline, such a block continues to its next wait or request, whose error says what it waited for.
        """
        self.reason = self.reason or reason
        for scope in (*self._waits, *(self._blocks if reason is Stop.INTERRUPTED else ())):
            scope.cancel()

    def abort(self, reason: Stop) -> None:
        """End what `stop` ends, and all current and future requests."""
        self._is_over = True
        self.stop(reason)
        for scope in tuple(self._requests):
            scope.cancel()

    def checkpoint(self) -> None:
        """Raise `StoppedError` if the run is stopped or out of time; call this before starting anything new.

        The event loop ends waits at the deadline, but does not run while a prompt waits for the user.
        """
        if not self.reason and self.monotonic() >= self._ends_at:
            self.abort(Stop.DEADLINE)
        if self.reason:
            raise StoppedError(self.reason)

    async def sleep(self, seconds: float) -> None:
        """Sleep for `seconds`, or raise `StoppedError` as soon as the run is stopped."""
        self.checkpoint()
        with self._registered(self._waits):
            await self._clock.sleep(seconds)
        self.checkpoint()

    @property
    def seconds_left(self) -> float:
        """The seconds until the deadline."""
        return self._ends_at - self.monotonic()

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Let an interrupt end a block that changes nothing, including its requests; raises StoppedError."""
        self.checkpoint()
        with self._registered(self._blocks):
            yield
        self.checkpoint()

    @contextmanager
    def request(self) -> Iterator[None]:
        """Bound a request by the end of the run, and raise StoppedError then."""
        if self._is_over:
            self.checkpoint()
        with self._registered(self._requests) as scope:
            yield
        if scope.cancelled_caught:
            self.checkpoint()

    @contextmanager
    def _registered(self, scopes: set[anyio.CancelScope]) -> Iterator[anyio.CancelScope]:
        with anyio.CancelScope() as scope:
            scopes.add(scope)
            try:
                yield scope
            finally:
                scopes.discard(scope)
