"""What the tasks of one round of an apply share: the account as it is listed, who waits for it, and the slots."""

from dataclasses import dataclass, field

from reconcile.apply.account import AccountView
from reconcile.apply.run import Run
from reconcile.apply.slots import Slots
from reconcile.apply.watch import Watch
from reconcile.diagnostics import Diagnostic
from reconcile.outcomes import Noted


@dataclass(kw_only=True, slots=True)
class Round:
    """One plan of a run. `watch.run` must be running wherever something is waited for."""

    run: Run
    view: AccountView
    slots: Slots
    watch: Watch = field(init=False)
    notes: list[Diagnostic] = field(default_factory=list)
    """What is about more than one action: why no more creates are sent."""

    def __post_init__(self) -> None:
        self.watch = Watch(self.view, self.run.clock)

    def stop_creating(self, why: Diagnostic) -> None:
        """Send no more creates: the next run would not recognise what the service makes of them (spec, section 4.5)."""
        self.slots.close()
        self.notes.append(why)
        self.run.emit(Noted(diagnostic=why))
