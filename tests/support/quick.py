"""A clock that makes a command in a test wait less for a real service."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime

import anyio


@dataclass(frozen=True)
class QuickClock:
    """Measures and sleeps `pace` seconds in each second of this machine, whose time of day it shows.

    A higher pace than 5 would save little, and a busy machine could seem to take longer than reconcile trusts a list.
    """

    pace: float = 5.0

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic() * self.pace

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds / self.pace)
