"""How long a change that the service rejects is sent again (spec, section 4.4)."""

from dataclasses import dataclass
from datetime import timedelta

from reconcile.actual.backoff import wait_after
from reconcile.actual.errors import ApiError, BusyError
from reconcile.durations import age_text

PATIENCE = 600.0
"""Seconds of pauses. Where a quota is full, or a server is busy for ever, the reason is worth more than another try."""


@dataclass(slots=True)
class Rejections:
    """The rejections of one create, or of the deletes on one server, since the last that was accepted."""

    count: int = 0
    _waited: float = 0.0

    def pause_after(self, error: ApiError, seconds_left: float) -> float | str:
        """Return the seconds to wait before the change is sent again, or why it is not sent again.

        `seconds_left` is the time until the deadline: a longer pause that the service asks for is not even begun.
        """
        self.count += 1
        seconds = wait_after(error, self.count)
        if isinstance(error, BusyError) and (error.retry_after or 0) >= min(seconds_left, PATIENCE):
            return f"rejected, and not to be sent again for {age_text(timedelta(seconds=seconds))}: {error.explanation}"
        self._waited += seconds
        return seconds if self._waited <= PATIENCE else f"rejected for 10 minutes: {error.explanation}"

    def accepted(self) -> None:
        """Start again: the service carries changes out."""
        self.count, self._waited = 0, 0.0
