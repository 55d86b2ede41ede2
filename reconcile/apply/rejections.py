"""Decides for how long a rejected change is sent again (spec, section 4.4)."""

from dataclasses import dataclass, field
from datetime import timedelta

from reconcile.actual.backoff import backoff
from reconcile.actual.errors import ApiError
from reconcile.addresses import Address
from reconcile.apply.run import Run
from reconcile.durations import age_text
from reconcile.outcomes import Rejected
from reconcile.plan.model import Action

PATIENCE = 600.0
"""Maximum seconds of pauses. If a quota is full or a server is always busy, reporting the reason helps more."""


@dataclass(slots=True)
class Rejections:
    """The rejections of one create, or of the deletes on one server, since the last accepted one."""

    run: Run
    last: dict[Address, ApiError] = field(default_factory=dict)
    """The last rejection of each action, which was certainly not carried out."""
    _count: int = 0
    _waited: float = 0.0

    async def pause(self, action: Action, error: ApiError) -> str | None:
        """Wait until the change may be sent again, and return None; or return why it is not sent again.

        The first rejection of an action is shown at once. A pause that would exceed the deadline is not started.

        Raises:
            StoppedError: stopped while waiting.
        """
        is_first = action.address not in self.last
        self.last[action.address] = error
        self._count += 1
        asked_for = error.retry_after or 0.0
        seconds = asked_for or backoff(self._count)
        if asked_for >= min(self.run.clock.seconds_left, PATIENCE):
            return (
                f"rejected, and must not be sent again for {age_text(timedelta(seconds=seconds))}: {error.explanation}"
            )
        self._waited += seconds
        if self._waited > PATIENCE:
            return f"rejected for 10 minutes: {error.explanation}"
        if is_first:
            self.run.emit(Rejected(action=action, explanation=error.explanation, seconds=seconds))
        await self.run.clock.sleep(seconds)
        return None

    def accepted(self) -> None:
        """Start counting again: the service accepted a change."""
        self._count, self._waited = 0, 0.0
