"""The real clock: the one place that reads it."""

import time
from datetime import UTC, datetime


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
        import anyio  # noqa: PLC0415 - `validate` never sleeps: 1 % of its time

        await anyio.sleep(seconds)
