"""What the tasks of one run share, from its first request to its last."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import anyio

from reconcile.actual.reader import Reader
from reconcile.actual.writer import Writer
from reconcile.apply.account import AccountView
from reconcile.apply.slots import Slots
from reconcile.apply.watch import Watch
from reconcile.clock import StoppableClock
from reconcile.diagnostics import Diagnostic
from reconcile.outcomes import Emit
from reconcile.plan.model import Action, Create, Delete
from reconcile.plan.planning import RunOptions


@dataclass(kw_only=True, slots=True)
class Run:
    """Access to the service, the clock with the deadline, where events go, and the options.

    The latest view of the account, its watches and the slots are built from them. The `run` of a watch must be running
    while anything waits with it.
    """

    reader: Reader
    writer: Writer
    clock: StoppableClock
    emit: Emit
    options: RunOptions = RunOptions()
    view: AccountView = field(init=False)
    watch: Watch = field(init=False)
    delete_watch: Watch = field(init=False)
    """Confirms deletes, which may be so many that their looks would delay those of `watch`."""
    slots: Slots = field(init=False)
    turns: Mapping[type[Action], anyio.CapacityLimiter] = field(init=False)
    """Held from the list that a change relies on until its response. If more changes than requests were possible at a
    time, the lists of some would grow too old while others are sent. Creates have their own, to pass the deletes."""
    notes: list[Diagnostic] = field(init=False, default_factory=list)
    """Diagnostics about more than one action: why the run sends no more creates."""

    def __post_init__(self) -> None:
        self.view = AccountView(self.reader, self.clock)
        self.watch = Watch(self.view, self.clock)
        self.delete_watch = Watch(self.view, self.clock)
        self.slots = Slots(self.options.max_in_progress)
        parallelism = self.reader.http.parallelism
        self.turns = {kind: anyio.CapacityLimiter(parallelism) for kind in (Create, Delete)}

    def stop_creating(self, why: Diagnostic) -> None:
        """Send no more creates: the next run would not recognise the stored backups (spec, section 4.5)."""
        self.slots.close()
        self.notes.append(why)
        self.emit(why)
