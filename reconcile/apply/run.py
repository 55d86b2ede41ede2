"""What one run works with, from its first request to its last."""

from dataclasses import dataclass

from reconcile.apply.service import Changes, Lists
from reconcile.clock import StoppableClock
from reconcile.outcomes import Emit


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """How to carry a plan out.

    `max_in_progress` bounds the backups that this run has in progress at the service; without `wait`, creates are sent
    and not waited for; `allow_loss` is the number of usable backups that a person allows to be lost.
    """

    max_in_progress: int = 100
    wait: bool = True
    allow_loss: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """Both sides of the service, the clock with the one deadline, where events go, and the options."""

    lists: Lists
    changes: Changes
    clock: StoppableClock
    emit: Emit
    options: Options
