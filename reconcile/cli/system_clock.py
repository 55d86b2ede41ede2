"""The real clock: the one place that reads it."""

import time
from datetime import UTC, datetime

import anyio


class SystemClock:
    """This machine's clock, and real sleep."""

    def now(self) -> datetime:
        """Return the time of day, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds since an arbitrary start; they never go back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Sleep for `seconds`."""
        await anyio.sleep(seconds)
