"""Applies the policies of series again and again, on an imagined account in which every create completes.

Thousands of series may have one policy. Those between which the planner sees no difference are worked out once.
"""

from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple, TypeVar

from reconcile.actual.inventory import COMPLETED, MANUAL, Backup, State
from reconcile.desired.config import DeclaredSeries
from reconcile.ids import Id
from reconcile.plan.planner import judge
from reconcile.plan.reasons import SeriesDeleteReason
from reconcile.plan.retention import retention_key
from reconcile.plan.series import TimeRules, series_state

Entry = TypeVar("Entry")
Progress = Callable[[int, int], None]
"""Called with the number of applies that have been worked out, and with that of all."""


class Step(NamedTuple):
    """What one apply does: the places of the backups that go, and that of the new one among those that stay."""

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
    """Series that are alike: one policy, and backups between which the planner sees no difference. Worked out once.

    `marks` stand for the backups where series are compared. At first each says everything about its backup. Of one that
    is not the newest any more the planner sees less, and once the forecast has made a backup, the marks are blurred.
    """

    declared: DeclaredSeries
    pinned: frozenset[Id]
    backups: list[Backup]
    marks: list[Hashable]
    is_sharp: bool = True
    steps: list[Step] = field(default_factory=list)
    joined: "AlikeSeries | None" = None
    """Those with which it has become alike: their steps are its own too, from the end of its own on."""

    def apply(self, number: int, times: TimeRules) -> None:
        """Imagine the apply with this number."""
        state = series_state(self.declared, tuple(self.backups), times)
        verdicts = judge(self.declared, state, self.pinned, times)
        gone = tuple(place for place, verdict in enumerate(verdicts) if isinstance(verdict, SeriesDeleteReason))
        if not gone and not state.create:
            self.steps.append(NOTHING)
            return
        new = None
        if state.create:
            # The new one is the newest, except for what is dated ahead of our clock.
            new = bisect_right(self.backups, times.now, key=lambda backup: backup.created_at)
            new -= sum(place < new for place in gone)
            if self.is_sharp:
                self._blur(times)
        step = Step(gone=gone, new=new)
        self.steps.append(step)
        step.apply(self.backups, _made(number, times.now))
        step.apply(self.marks, times.now)

    def _blur(self, times: TimeRules) -> None:
        self.is_sharp = False
        for place, backup in enumerate(self.backups):
            if times.is_too_young(backup):
                self.is_sharp = True  # to be tried again when its age no longer protects it
            elif backup.state is State.USABLE and backup.created_at <= times.now:
                seen = retention_key(backup.created_at, self.declared.keep, times.zone)
                self.marks[place] = seen, backup.id in self.pinned


def _made(number: int, now: datetime) -> Backup:
    """Return the backup that the apply with this number makes. The ids of those from the start are below zero."""
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


def work_out(
    series: Iterable[AlikeSeries], moments: Sequence[datetime], times: TimeRules, progress: Progress
) -> list[AlikeSeries]:
    """Find the steps of every series, and return for each the one that stands for it.

    Series that are alike at the start, or become so, go on as one.
    """
    policies: dict[DeclaredSeries, int] = {}
    distinct: dict[Hashable, tuple[int, AlikeSeries]] = {}
    found: list[AlikeSeries] = []
    for each in series:
        policy = policies.setdefault(each.declared, len(policies))
        _, first = distinct.setdefault((policy, tuple(each.marks)), (policy, each))
        found.append(first)
    left = list(distinct.values())
    for number, now in enumerate(moments):
        at_now = replace(times, now=now)
        alike: dict[Hashable, tuple[int, AlikeSeries]] = {}
        for policy, each in left:
            each.apply(number, at_now)
            _, first = alike.setdefault((policy, each.is_sharp, tuple(each.marks)), (policy, each))
            if first is not each:
                each.joined = first
        left = list(alike.values())
        progress(number + 1, len(moments))
    return found


def steps_of(series: AlikeSeries) -> Iterator[Step]:
    """Yield the steps of a series, then the following ones of that which it has joined."""
    following: AlikeSeries | None = series
    number = 0
    while following:
        yield from following.steps[number:]
        number, following = len(following.steps), following.joined
