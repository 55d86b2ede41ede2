"""The outcome of each action of an apply, and the events of a run, which `report` shows."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from reconcile.actual.inventory import Backup, State
from reconcile.addresses import Address, SeriesAddress
from reconcile.clock import Stop
from reconcile.diagnostics import Diagnostic
from reconcile.plan.guards import AGREED, DEFERRED, WITHHELD, Objection
from reconcile.plan.model import Action, Create, Delete, Plan, Withheld
from reconcile.plan.reasons import Veto


class Outcome(StrEnum):
    """How an action ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """The action may have been carried out or not; the next run will find out from the list."""
    IN_PROGRESS = "in progress"
    """Started, and still in progress when the run ended; the next run counts it."""
    SKIPPED = "skipped"
    """Not carried out, because a precondition failed."""
    WITHHELD = "withheld"
    """Not carried out: too much would be lost (spec, section 6), or the server breaks a rule of `[require]`."""
    DEFERRED = "deferred"
    """Left to the next run: the run did not wait for the new backup, or its date makes `keep` keep this one."""
    NOT_STARTED = "not started"


FAILURES = frozenset({Outcome.FAILED, Outcome.UNKNOWN, Outcome.IN_PROGRESS})
"""The outcomes of an action that was sent and is not known to have succeeded."""


def outcome_of(objection: Objection) -> Outcome:
    """Return the outcome of a delete that was not sent for this reason."""
    if objection in WITHHELD:
        return Outcome.WITHHELD
    return Outcome.DEFERRED if objection in DEFERRED else Outcome.SKIPPED


@dataclass(frozen=True, kw_only=True, slots=True)
class Planned:
    """The account was read and the plan was created; no action has started yet."""

    plan: Plan
    withheld: Withheld


@dataclass(frozen=True, kw_only=True, slots=True)
class Started:
    """The first request of an action is about to be sent."""

    action: Action


@dataclass(frozen=True, kw_only=True, slots=True)
class Rejected:
    """An action, or its list, was rejected or failed for the first time; it is tried again in `seconds`."""

    action: Action
    explanation: str
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """The run is waiting for a backup, new or already in progress; `elapsed` is in seconds."""

    address: SeriesAddress
    backup: Backup
    elapsed: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Settled:
    """A backup that was already in progress has ended; `backup` is None if it is no longer listed."""

    address: SeriesAddress
    backup: Backup | None

    @property
    def is_usable(self) -> bool:
        """Whether the backup is usable now."""
        return self.backup is not None and self.backup.state is State.USABLE


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """An action has ended; `objection` or else `explanation` says why, and `elapsed` is in seconds.

    `is_final` is set if another attempt would be rejected too, for example because of a missing permission.
    """

    action: Action
    outcome: Outcome
    explanation: str
    objection: Objection | None = None
    elapsed: float = 0.0
    backup: Backup | None = None
    is_final: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Announced:
    """The run waits noticeably, for the service or for another apply; `text` says why."""

    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Interrupted:
    """A first Ctrl-C: the run starts nothing new, and finishes the requests in flight."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """The outcome of every action of a plan, in its order, and of the pending backups that the run waited for.

    If some of these backups have `settled`, there may be more to plan; `still_pending` are the others, each with its
    series.
    """

    plan: Plan
    finished: tuple[Finished, ...]
    notes: tuple[Diagnostic, ...]
    settled: tuple[Settled, ...]
    still_pending: tuple[tuple[SeriesAddress, Backup], ...]
    withheld: Withheld = field(default_factory=dict)
    """The deletes that were withheld from the start, as `Planned` said."""
    unmet: tuple[SeriesAddress, ...] = ()
    """The series whose `needed` backup has not become usable."""
    stopped: Stop | None = None
    """Why the run ended early; None if it did not."""

    def count(self, kind: type[Action], outcome: Outcome) -> int:
        """Return how many actions of this kind had this outcome."""
        return sum(isinstance(ended.action, kind) and ended.outcome is outcome for ended in self.finished)

    @property
    def counts(self) -> Counter[Outcome]:
        """The number of actions by outcome."""
        return Counter(ended.outcome for ended in self.finished)

    @property
    def is_complete(self) -> bool:
        """Whether the account is now as planned, apart from what the user left to the next run."""
        is_done = all(
            ended.outcome in {Outcome.SUCCEEDED, Outcome.DEFERRED} or ended.objection in AGREED
            for ended in self.finished
        )
        return is_done and not self.still_pending and not self.unmet

    @property
    def is_final(self) -> bool:
        """Whether actions failed and all of them would be rejected again, so another run would end the same way."""
        failed = [ended for ended in self.finished if ended.outcome in FAILURES]
        return bool(failed) and all(ended.is_final for ended in failed)

    @property
    def balance(self) -> Counter[SeriesAddress]:
        """How many backups each series has gained: those completed, less those with data that were deleted."""
        balance = Counter(settled.address for settled in self.settled if settled.is_usable)
        for action in (ended.action for ended in self.finished if ended.outcome is Outcome.SUCCEEDED):
            balance[action.address.series] += 1 if isinstance(action, Create) else -action.backup.has_data
        return balance

    @property
    def loss_still_to_allow(self) -> int:
        """The `--allow-loss` with which the next run would carry out the withheld deletes.

        A withheld series that has gained a backup then loses one more, because its create is no longer subtracted.
        """
        return sum(
            ended.objection in {Veto.TOO_MUCH_LOST, Veto.LAST_USABLE} and ended.action.backup.has_data
            for ended in self.finished
            if isinstance(ended.action, Delete)
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Applied:
    """A plan was carried out as far as possible; `plans_again` is set if another round follows.

    `failed_before` is how many creates failed in earlier rounds, and were not planned again.
    """

    result: Result
    plans_again: bool = False
    failed_before: int = 0


_CHANGES = {
    **dict.fromkeys(FAILURES, "failed"),
    Outcome.SKIPPED: "skipped",
    Outcome.DEFERRED: "skipped",
    Outcome.WITHHELD: "withheld",
    Outcome.NOT_STARTED: "not_started",
}
"""Terraform's names of the outcomes other than success."""


@dataclass(slots=True)
class Rounds:
    """The plans of a run so far, each with its result once it was carried out."""

    rounds: list[tuple[Planned, Result | None]] = field(default_factory=list)

    def add(self, event: "Event") -> None:
        """Take an event into account."""
        match event:
            case Planned():
                self.rounds.append((event, None))
            case Applied(result=result):
                self.rounds[-1] = (self.rounds[-1][0], result)
            case _:
                pass

    @property
    def changes(self) -> dict[str, int]:
        """Number of actions by outcome, with Terraform's names, including those of a plan that was not started.

        An action that several rounds planned counts once for each success, and once if it did not succeed in the end.
        """
        changes = dict.fromkeys(("add", "change", "remove", "failed", "skipped", "withheld", "not_started"), 0)
        left: dict[Address, Outcome] = {}
        for planned, result in self.rounds:
            if result is None:
                left |= dict.fromkeys((action.address for action in planned.plan.actions), Outcome.NOT_STARTED)
                continue
            for ended in result.finished:
                left[ended.action.address] = ended.outcome
                if ended.outcome is Outcome.SUCCEEDED:
                    del left[ended.action.address]
                    changes["add" if isinstance(ended.action, Create) else "remove"] += 1
        for outcome in left.values():
            changes[_CHANGES[outcome]] += 1
        return changes


Event = Planned | Started | Rejected | Waiting | Settled | Finished | Diagnostic | Announced | Interrupted | Applied
Emit = Callable[[Event], None]
