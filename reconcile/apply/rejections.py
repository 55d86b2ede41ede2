"""How long a change that the service rejects is sent again (spec, section 4.4)."""

from dataclasses import dataclass

from reconcile.actual.backoff import wait_after
from reconcile.actual.errors import ApiError

PATIENCE = 600.0
"""Seconds of pauses. Where a quota is full, or a server is busy for ever, the reason is worth more than another try."""


@dataclass(slots=True)
class Rejections:
    """The rejections of one create, or of the deletes on one server, since the last that was accepted."""

    count: int = 0
    _waited: float = 0.0

    def pause_after(self, error: ApiError) -> float | None:
        """Return the seconds to wait before the change is sent again; None if it has been rejected for too long."""
        self.count += 1
        seconds = wait_after(error, self.count)
        self._waited += seconds
        return seconds if self._waited <= PATIENCE else None

    def accepted(self) -> None:
        """Start again: the service carries changes out."""
        self.count, self._waited = 0, 0.0
