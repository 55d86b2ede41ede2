"""Simulates applies of the policies of series, on an account in which every create completes.

Thousands of series may have one policy. Series that do not differ to the planner are simulated once.
"""

from bisect import bisect_right
from collections.abc import Callable, Container, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple, Self, TypeVar

from reconcile.actual.inventory import COMPLETED, MANUAL, Backup, State
from reconcile.desired.config import DeclaredSeries
from reconcile.ids import Id
from reconcile.plan.planner import judge
from reconcile.plan.reasons import SeriesDeleteReason
from reconcile.plan.retention import retention_key
from reconcile.plan.series_state import TimeRules, series_state

Entry = TypeVar("Entry")
Progress = Callable[[int, int], None]
"""Called with the number of simulated applies so far, and their total."""


class Step(NamedTuple):
    """The effect of one apply: the places of the deleted backups, and of the new one among the remaining."""

    gone: tuple[int, ...]
    new: int | None

    def apply(self, entries: list[Entry], new: Entry) -> None:
        """Change a list that has an entry for each backup, from the oldest to the newest."""
        for place in reversed(self.gone):
            del entries[place]
        if self.new is not None:
            entries.insert(self.new, new)


NOTHING = Step(gone=(), new=None)


@dataclass(slots=True)
class AlikeSeries:
    """Series with one policy whose backups do not differ to the planner, simulated once.

    Series are compared by `keys`, one for each backup. At first, a key has every property of its backup. The planner
    uses fewer properties of backups that are not the newest, so the keys are reduced once the forecast creates one.
    """

    declared: DeclaredSeries
    pinned: frozenset[Id]
    backups: list[Backup]
    keys: list[Hashable]
    is_unclear: bool
    """Whether nothing is deleted, because the description of a backup on the server can't be read (`judge`)."""
    has_full_keys: bool = True
    steps: list[Step] = field(default_factory=list)
    merged_into: "AlikeSeries | None" = None
    """The series to which these have become alike: its steps continue their own."""

    @classmethod
    def of(cls, series: DeclaredSeries, backups: Sequence[Backup], pinned: Container[Id], *, is_unclear: bool) -> Self:
        """Return a series at the start, with its backups from the oldest to the newest."""
        is_pinned = [backup.id in pinned for backup in backups]
        return cls(
            declared=replace(series, description="", renamed_from=()),
            pinned=frozenset(-1 - place for place, each in enumerate(is_pinned) if each),
            backups=[replace(backup, id=-1 - place) for place, backup in enumerate(backups)],
            keys=[(each.created_at, each.state, is_kept) for each, is_kept in zip(backups, is_pinned, strict=True)],
            is_unclear=is_unclear,
        )

    def apply(self, number: int, times: TimeRules) -> None:
        """Simulate the apply with this number."""
        state = series_state(self.declared, tuple(self.backups), times)
        verdicts = judge(self.declared, state, self.pinned, times, is_unclear=self.is_unclear)
        gone = tuple(place for place, verdict in enumerate(verdicts) if isinstance(verdict, SeriesDeleteReason))
        if not gone and not state.create:
            self.steps.append(NOTHING)
            return
        new = None
        if state.create:
            # The new backup is the newest, except for backups dated ahead of our clock.
            new = bisect_right(self.backups, times.now, key=lambda backup: backup.created_at)
            new -= sum(place < new for place in gone)
            if self.has_full_keys:
                self._reduce_keys(times)
        step = Step(gone=gone, new=new)
        self.steps.append(step)
        step.apply(self.backups, _new_backup(number, times.now))
        step.apply(self.keys, times.now)

    def _reduce_keys(self, times: TimeRules) -> None:
        self.has_full_keys = False
        for place, backup in enumerate(self.backups):
            if times.too_young(backup):
                self.has_full_keys = True  # tried again once min_age no longer keeps the backup
            elif backup.state is State.USABLE and backup.created_at <= times.now:
                key = retention_key(backup.created_at, self.declared.keep, times.zone)
                self.keys[place] = key, backup.id in self.pinned


def _new_backup(number: int, now: datetime) -> Backup:
    """Return the backup that the apply with this number creates. Backups at the start have negative ids."""
    return Backup(
        id=number,
        server_id=0,
        server_name="",
        description="",
        backup_type=MANUAL,
        status=COMPLETED,
        size_mb=None,
        created_at=now,
        expires_at=None,
    )


def simulate(
    series: Iterable[AlikeSeries], moments: Sequence[datetime], times: TimeRules, progress: Progress
) -> list[AlikeSeries]:
    """Simulate the applies at `moments`, and return for each series the `AlikeSeries` that represents it.

    Series that are alike at the start, or become alike, continue as one.
    """
    policies: dict[tuple[DeclaredSeries, bool], int] = {}
    distinct: dict[Hashable, tuple[int, AlikeSeries]] = {}
    found: list[AlikeSeries] = []
    for each in series:
        policy = policies.setdefault((each.declared, each.is_unclear), len(policies))
        _, first = distinct.setdefault((policy, tuple(each.keys)), (policy, each))
        found.append(first)
    left = list(distinct.values())
    for number, now in enumerate(moments):
        at_now = replace(times, now=now)
        alike: dict[Hashable, tuple[int, AlikeSeries]] = {}
        for policy, each in left:
            each.apply(number, at_now)
            _, first = alike.setdefault((policy, each.has_full_keys, tuple(each.keys)), (policy, each))
            if first is not each:
                each.merged_into = first
        left = list(alike.values())
        progress(number + 1, len(moments))
    return found


def steps_of(series: AlikeSeries) -> Iterator[Step]:
    """Yield the steps of a series, then those of the series into which it was merged."""
    following: AlikeSeries | None = series
    number = 0
    while following:
        yield from following.steps[number:]
        number, following = len(following.steps), following.merged_into
