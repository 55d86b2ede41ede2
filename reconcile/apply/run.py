"""What one run works with, from its first request to its last, and what its tasks share."""

from dataclasses import dataclass, field
from typing import Protocol

from reconcile.actual.inventory import Backup
from reconcile.apply.account import AccountView, Lists
from reconcile.apply.slots import Slots
from reconcile.apply.watch import Watch
from reconcile.clock import StoppableClock
from reconcile.diagnostics import Diagnostic
from reconcile.ids import Id
from reconcile.outcomes import Emit, Noted


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


@dataclass(kw_only=True, slots=True)
class Run:
    """Both sides of the service, the clock with the one deadline, where events go, and the options.

    The account as it was last listed, who waits for it, and the slots are made from them. `watch.run` must be running
    wherever something is waited for.
    """

    lists: Lists
    changes: Changes
    clock: StoppableClock
    emit: Emit
    options: Options
    view: AccountView = field(init=False)
    watch: Watch = field(init=False)
    slots: Slots = field(init=False)
    notes: list[Diagnostic] = field(init=False, default_factory=list)
    """What is about more than one action: why no more creates are sent."""

    def __post_init__(self) -> None:
        self.view = AccountView(self.lists, self.clock)
        self.watch = Watch(self.view, self.clock)
        self.slots = Slots(self.options.max_in_progress)

    def stop_creating(self, why: Diagnostic) -> None:
        """Send no more creates: the next run would not recognise what the service makes of them (spec, section 4.5)."""
        self.slots.close()
        self.notes.append(why)
        self.emit(Noted(diagnostic=why))
