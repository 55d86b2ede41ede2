"""An event loop on virtual time, for tests of whatever takes time: hours pass at once, in the right order."""

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import anyio

Value = TypeVar("Value")


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time jumps ahead instead of sleeping."""

    def __init__(self) -> None:
        super().__init__(_Jump(self))
        self.elapsed = 0.0

    def time(self) -> float:
        return self.elapsed


class _Jump(selectors.SelectSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("every task waits for another")
        self._loop.elapsed += max(0.0, timeout)
        return []


@dataclass(frozen=True)
class VirtualClock:
    """The clock of a virtual loop."""

    started: datetime = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
    monotonic_at_start: float = 0.0
    """In seconds. A monotonic clock may start anywhere, so only its differences mean anything."""

    def now(self) -> datetime:
        return self.started + timedelta(seconds=asyncio.get_running_loop().time())

    def monotonic(self) -> float:
        return self.monotonic_at_start + asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)


def run_virtually(function: Callable[[], Awaitable[Value]]) -> Value:
    """Run to the end on a new virtual loop."""
    return anyio.run(function, backend_options={"loop_factory": VirtualLoop})
