"""What one run works with, from its first request to its last."""

from dataclasses import dataclass
from typing import Protocol

from reconcile.actual.inventory import Backup, Inventory, OddEntry
from reconcile.clock import StoppableClock
from reconcile.ids import Id
from reconcile.outcomes import Emit


class Lists(Protocol):
    """Lists the account, completely or not at all. Observing never changes anything."""

    @property
    def pages(self) -> int:
        """How many requests the last whole list of backups took."""
        ...

    async def observe(self, *, automatic: bool = False, server_id: Id | None = None) -> Inventory:
        """Return all servers, and the manual backups of all or of one; with `automatic`, the automatic ones too.

        Raises:
            ApiError, StoppedError: the lists could not be read.
        """
        ...

    async def backups(self, server_id: Id | None = None) -> tuple[Backup | OddEntry, ...]:
        """Return the manual backups of one server, or of all, and the entries that may be one; raises as `observe`."""
        ...


class Changes(Protocol):
    """Creates, deletes and restores, each request sent once; raises as `reconcile.actual.writer.Writer` does."""

    async def create(self, server_id: Id, description: str) -> Backup:
        """Send one create."""
        ...

    async def delete(self, backup_id: Id) -> None:
        """Send one delete."""
        ...

    async def restore(self, server_id: Id, backup_id: Id) -> None:
        """Send one restore."""
        ...


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
