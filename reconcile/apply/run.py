"""What the tasks of one run share, from its first request to its last."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import anyio

from reconcile.actual.reader import Reader
from reconcile.actual.writer import Writer
from reconcile.apply.account import AccountView
from reconcile.apply.slots import Slots, Turn
from reconcile.apply.watch import Watch
from reconcile.clock import StoppableClock
from reconcile.diagnostics import Diagnostic
from reconcile.outcomes import Emit
from reconcile.plan.model import Action, Create, Delete
from reconcile.plan.planning import RunOptions


@dataclass(kw_only=True, slots=True)
class Run:
    """Access to the service, where events go, and the options.

    The writer, the clock with the deadline, the latest view of the account, its watches and the slots are built from
    them. The `run` of a watch must be running while anything waits with it.
    """

    reader: Reader
    emit: Emit
    options: RunOptions = RunOptions()
    writer: Writer = field(init=False)
    clock: StoppableClock = field(init=False)
    view: AccountView = field(init=False)
    watch: Watch = field(init=False)
    delete_watch: Watch = field(init=False)
    """Confirms deletes, which may be so many that their looks would delay those of `watch`."""
    slots: Slots = field(init=False)
    _limiters: Mapping[type[Action], anyio.CapacityLimiter] = field(init=False)
    """A turn is held from the list that a change relies on until its response. If there were more turns than requests
    at a time, some lists would grow too old while other changes are sent. Creates have turns of their own, to pass the
    deletes."""
    notes: list[Diagnostic] = field(init=False, default_factory=list)
    """Diagnostics about more than one action: why the run sends no more creates."""

    def __post_init__(self) -> None:
        self.writer = Writer(self.reader.http)
        self.clock = self.reader.http.clock
        self.view = AccountView(self.reader, self.clock)
        self.watch = Watch(self.view, self.clock)
        self.delete_watch = Watch(self.view, self.clock)
        self.slots = Slots(self.options.max_in_progress)
        parallelism = self.reader.http.parallelism
        self._limiters = {kind: anyio.CapacityLimiter(parallelism) for kind in (Create, Delete)}

    def turn(self, kind: type[Action]) -> Turn:
        """Return a turn that is not taken yet."""
        limiter = self._limiters[kind]
        return Turn(limiter.acquire, limiter.release)

    def stop_creating(self, why: Diagnostic) -> None:
        """Send no more creates: the next run would not recognise the stored backups (spec, section 4.5)."""
        self.slots.close()
        self.notes.append(why)
        self.emit(why)
