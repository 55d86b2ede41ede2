"""What applying a plan yields: events while it goes on, and what became of every action."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from reconcile.actual.inventory import Backup
from reconcile.diagnostics import Diagnostic
from reconcile.plan.model import Action, Create, Plan


class Outcome(StrEnum):
    """What became of an action."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """Begun, and not seen to its end; the next run will see from the list what became of it."""
    SKIPPED = "skipped"
    """Left out on purpose: what must hold for it did not."""
    DEFERRED = "deferred"
    """Left to the next run because the user asked not to wait."""
    NOT_STARTED = "not started"


@dataclass(frozen=True, kw_only=True, slots=True)
class Started:
    """The first request of an action is about to be sent."""

    action: Action


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """A create is being waited for; `elapsed` in seconds."""

    action: Create
    backup: Backup
    elapsed: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """An action has ended so; `words` says why for people, `elapsed` in seconds."""

    action: Action
    outcome: Outcome
    words: str
    elapsed: float = 0.0
    backup: Backup | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Noted:
    """Something that concerns more than one action."""

    diagnostic: Diagnostic


Event = Started | Progress | Finished | Noted


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What became of every action of the plan, in its order."""

    finished: tuple[Finished, ...]
    notes: tuple[Diagnostic, ...]

    @classmethod
    def of(cls, plan: Plan, ended: Mapping[str, Finished], notes: tuple[Diagnostic, ...]) -> "Result":
        """Gather what ended, by address; what did not was never started."""
        finished = (
            ended.get(str(action.address)) or Finished(action=action, outcome=Outcome.NOT_STARTED, words="not started")
            for action in plan.actions
        )
        return cls(finished=tuple(finished), notes=notes)

    def count(self, kind: type[Action], outcome: Outcome) -> int:
        """Return how many actions of this kind ended so."""
        return sum(isinstance(it.action, kind) and it.outcome is outcome for it in self.finished)

    @property
    def counts(self) -> Counter[Outcome]:
        """How many actions ended how."""
        return Counter(it.outcome for it in self.finished)

    @property
    def is_complete(self) -> bool:
        """Whether the account is now as planned, but for what the user asked to leave to the next run."""
        return set(self.counts) <= {Outcome.SUCCEEDED, Outcome.DEFERRED}
