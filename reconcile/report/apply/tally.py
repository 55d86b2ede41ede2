"""How far an apply is: how many of its actions are done, in progress and waiting."""

from dataclasses import dataclass, field

from reconcile.addresses import Address
from reconcile.outcomes import Event, Finished, Planned, Started, Waiting


@dataclass(slots=True)
class Tally:
    """Counts the events of one plan after the other."""

    total: int = 0
    done: int = 0
    _in_progress: set[Address] = field(default_factory=set)

    def count(self, event: Event) -> None:
        """Take an event into account."""
        match event:
            case Planned(plan=plan):
                self.total, self.done = len(plan.actions), 0
                self._in_progress.clear()
            case Started(action=action):
                self._in_progress.add(action.address)
            case Waiting(address=address):
                self._in_progress.add(address)
            case Finished(action=action):
                self._in_progress.discard(action.address)
                self.done += 1
            case _:
                pass

    @property
    def waiting(self) -> int:
        """How many actions have not been started."""
        return max(0, self.total - self.done - len(self._in_progress))

    def __str__(self) -> str:
        """Write it as one line: `12 of 400 done, 10 in progress, 378 waiting`."""
        return f"{self.done:,} of {self.total:,} done, {len(self._in_progress):,} in progress, {self.waiting:,} waiting"
