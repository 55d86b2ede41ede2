"""Which restore points a policy would hold by now, had every due backup been created, and that no backup provides.

The account is simulated as `forecast` does it: the backups that are held, and between them those that became due and
are not there. The planner's `retain` says which of these the policy would hold by now. One of them is missing unless a
backup in the same period (the day of `daily`, for example) stands for it. An example, with `every = "1d"` and `keep =
{ daily = 3, weekly = 3 }` on a Wednesday; M stands for a simulated backup that the policy would hold:

    held        Wed Tue         Sun                         Sun
    simulated           M   .       .   .   .   .   .   .           Monday is missing; nothing else is, as each week
                                                                    has a backup, and `daily` looks back three days

A simulated backup is dated evenly between its neighbours. So one that is missing for a day of `every` is dated on that
day, however late the others were.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import chain, pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from reconcile.desired.config import DeclaredSeries
from reconcile.desired.keep import Keep, KeepCount, KeepWithin, Period
from reconcile.durations import Duration
from reconcile.ids import Id
from reconcile.plan.reasons import KeptBy
from reconcile.plan.retention import retain
from reconcile.plan.series import SeriesState, TimeRules, due_at

_MOST = 10_000
"""Simulated backups. More than so many are not looked for between two that are held, nor until a policy is full."""

_EARLIEST, _LATEST = datetime(1000, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
"""Calendar arithmetic and time zones need room on both sides of a time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """Restore points that are missing between two backups, by the day of each in the files' time zone."""

    days: tuple[date, ...]
    """From the oldest to the newest; at least one. A day occurs more than once if several are missing on it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """How the backups of a series compare with what its policy would hold."""

    oldest: datetime | None = None
    """When the oldest usable backup that is not pinned was created: how far back the series reaches."""
    gaps: tuple[Gap, ...] = ()
    """From the oldest to the newest. What should follow the newest backup is overdue, and no gap."""
    missed: frozenset[date] = frozenset()
    """The days of the gaps, and those since the newest backup on which another one was due."""
    complete_from: datetime | None = None
    """When the series will reach back as far as its policy; None if it does, or in more than `_MOST` backups."""


def history(series: DeclaredSeries, state: SeriesState, pinned: frozenset[Id], times: TimeRules) -> History:
    """Compare the usable backups of a series, from the oldest that is not pinned, with what its policy would hold."""
    usable = state.usable
    first = next((place for place, backup in enumerate(usable) if backup.id not in pinned), None)
    if first is None:
        return History()
    held = [times.moment(each) for each in usable[first:]]
    if series.every is None:
        return History(oldest=held[0])
    return _Simulation(series.every, series.keep, held, times).history()


class _Simulation:
    """The held backups of one series, from the oldest to the newest, and what is simulated between them."""

    def __init__(self, every: Duration, keep: Keep, held: list[datetime], times: TimeRules) -> None:
        self._every, self._keep, self._held = every, keep, held
        self._now, self._zone, self._settings = times.now, times.zone, times.desired.config.settings
        self._is_due = self._due(held[-1]) <= self._now
        self._periods: dict[Period, set[int]] = {}
        """The periods of each kind that have a held backup."""
        self._before = max(every.before(held[0], self._zone), _EARLIEST)
        """When the backup before the oldest would have been created: the policy is full once it lets go of that one."""

    def history(self) -> History:
        before, *reasons = self._retained(self._held)
        # To the hour, as thousands of series begin in one night.
        start = self._held[0].replace(minute=0, second=0, microsecond=0)
        complete_from = _full_at(self._every, self._keep, self._zone, start) if before else None
        if complete_from and complete_from <= self._now:
            complete_from = None  # it would be full, were it not for the gaps
        if not self._may_lack_one(reasons):
            return History(oldest=self._held[0], complete_from=complete_from)
        simulated = [list(self._between(place, self._lacking(place))) for place in range(len(self._held))]
        gaps = tuple(Gap(days=days) for days in self._missing(simulated))
        missed = frozenset((*(day for gap in gaps for day in gap.days), *map(self._day, simulated[-1])))
        return History(oldest=self._held[0], gaps=gaps, missed=missed, complete_from=complete_from)

    def _retained(self, moments: Sequence[datetime]) -> list[KeptBy | None]:
        """Ask the planner which backups it keeps now, with the one before the oldest, which comes first."""
        newest_first = [*([self._now] if self._is_due else []), *reversed(moments), self._before]
        reasons = retain(newest_first, self._keep, self._zone)[::-1]
        return reasons[:-1] if self._is_due else reasons

    def _may_lack_one(self, reasons: Sequence[KeptBy | None]) -> bool:
        """Return whether anything may be missing, by the reasons for which the planner keeps the held backups.

        That takes a period without a backup between two that a rule keeps. So most series need nothing simulated.
        """
        if self._lacking(len(self._held) - 1):
            return True
        for rule in self._keep:
            kept = [
                place
                for place, reason in enumerate(reasons)
                if reason and any(each.rule is rule for each in reason.rules)
            ]
            if isinstance(rule, KeepWithin) and kept and kept[0]:
                kept.insert(0, kept[0] - 1)  # something may be missing between that one and the beginning of the span
            bucket_of = rule.period.bucket
            for older, newer in pairwise(kept):
                if bucket_of and bucket_of(self._local(newer)) - bucket_of(self._local(older)) <= 1:
                    continue
                if any(map(self._lacking, range(older, newer))):
                    return True
        return False

    def _due(self, made: datetime) -> datetime:
        return due_at(self._every, made, self._settings)

    def _local(self, place: int) -> datetime:
        return self._held[place].astimezone(self._zone)

    def _end(self, place: int) -> datetime:
        """Return when the held backup after this one was created, or now."""
        return self._held[place + 1] if place + 1 < len(self._held) else self._now

    def _lacking(self, place: int) -> list[datetime]:
        """Return when backups became due after a held one, so long before the next, or now, that they are missing."""
        found: list[datetime] = []
        due = self._due(self._held[place])
        while len(found) < _MOST and (following := self._due(due)) <= self._end(place):
            found.append(due)
            due = following
        return found

    def _missing(self, simulated: Sequence[Sequence["_Placed"]]) -> Iterator[tuple[date, ...]]:
        """Yield the days of the restore points that are missing between each held backup and the next."""
        held = [_Placed(moment, moment, moment) for moment in self._held]
        entries = sorted((*held, *chain(*simulated)), key=lambda entry: entry.moment)
        _, *reasons = self._retained([entry.moment for entry in entries])
        kept_by = {entry: reason for entry, reason in zip(entries, reasons, strict=True) if reason}
        for between in simulated[:-1]:
            missing = [
                entry
                for entry in between
                if entry in kept_by and not all(self._is_provided(entry, kept.rule) for kept in kept_by[entry].rules)
            ]
            if missing:
                yield tuple(map(self._day, missing))

    def _day(self, entry: "_Placed") -> date:
        return entry.moment.astimezone(self._zone).date()

    def _between(self, place: int, dues: list[datetime]) -> Iterator["_Placed"]:
        """Spread as many backups as were due evenly between a held one and the next, or now."""
        start, end, parts = self._held[place], self._end(place), len(dues) + 1
        if not self._every.is_in_days:
            spare = end - self._due(dues[-1]) if dues else timedelta(0)
            for step, due in enumerate(dues, 1):
                yield _Placed(start + (end - start) * step / parts, due, due + spare)
            return
        # By the clock on the wall, so that each is on its own day also in a week in which clocks change.
        first, last = (moment.astimezone(self._zone).replace(tzinfo=None) for moment in (start, end))
        for step in range(1, parts):
            local = first + (last - first) * step / parts
            moment = local.replace(tzinfo=self._zone).astimezone(UTC)
            if moment.astimezone(self._zone).date() == local.date():  # a zone may leave out a day
                midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=self._zone)
                yield _Placed(moment, midnight.astimezone(UTC), moment)

    def _is_provided(self, entry: "_Placed", rule: KeepCount | KeepWithin) -> bool:
        """Return whether a held backup is in the same period of a rule as a simulated one."""
        if isinstance(rule, KeepWithin):
            newest = self._now if self._is_due else self._held[-1]
            if self._every.before(entry.earliest, self._zone) <= rule.duration.before(newest, self._zone):
                return True  # it may have left the span of the rule, or will with the next backup
        bucket_of = rule.period.bucket
        if bucket_of is None:
            return False
        if rule.period not in self._periods:
            self._periods[rule.period] = {bucket_of(moment.astimezone(self._zone)) for moment in self._held}
        found = (bucket_of(each.astimezone(self._zone)) for each in (entry.moment, entry.latest))
        return not self._periods[rule.period].isdisjoint(found)


class _Placed(NamedTuple):
    """When a backup was created; of a simulated one, about when, and between which times.

    If it may have left the span of a rule, or have been replaced by a later backup in its period, it is not missing.
    """

    moment: datetime
    earliest: datetime
    latest: datetime


@cache
def _full_at(every: Duration, keep: Keep, zone: ZoneInfo, start: datetime) -> datetime | None:
    """Return when a series with its first backup at `start` reaches back as far as its policy; None if too late.

    That is when a backup created before `start` would be let go.
    """
    before = max(every.before(start, zone), _EARLIEST)
    held, stride, number = [start], 1, 0
    may_grow = True
    while number < _MOST and held[0] < _LATEST:
        coming = [min(every.after(held[0], zone), _LATEST)]
        while len(coming) < stride:
            coming.append(min(every.after(coming[-1], zone), _LATEST))
        newest_first = [*reversed(coming), *held]
        *reasons, is_let_go = retain([*newest_first, before], keep, zone)
        if is_let_go is None:
            if stride == 1:
                return coming[0]
            stride, may_grow = stride // 2, False
            continue
        held = [moment for moment, reason in zip(newest_first, reasons, strict=True) if reason]
        number += stride
        stride *= 2 if may_grow else 1
    return None
