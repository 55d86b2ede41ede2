"""What applying a plan yields: events while it goes on, and what became of every action."""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from reconcile.actual.inventory import Backup
from reconcile.addresses import SeriesAddress
from reconcile.diagnostics import Diagnostic
from reconcile.plan.model import Action


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
    """A backup is being waited for: one that was just begun, or one that was found under way; `elapsed` in seconds."""

    address: SeriesAddress
    backup: Backup
    elapsed: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Settled:
    """A backup that was found under way is usable or failed by now, as `backup` shows; None if it has gone."""

    address: SeriesAddress
    backup: Backup | None


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


Event = Started | Progress | Settled | Finished | Noted


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What became of every action of the plan, in its order, and of the backups that it found under way.

    Where some of those were `settled`, there is more to plan now; `still_under_way` are those that were not, in time.
    """

    finished: tuple[Finished, ...]
    notes: tuple[Diagnostic, ...]
    settled: tuple[SeriesAddress, ...]
    still_under_way: tuple[Backup, ...]

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
        return not self.still_under_way and set(self.counts) <= {Outcome.SUCCEEDED, Outcome.DEFERRED}
