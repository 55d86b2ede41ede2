"""Finds missing restore points: those that a policy would hold by now if every due backup had been created.

It simulates the held backups and, between them, those that became due but do not exist. The planner's `retain` decides
which of these the policy would hold by now. Such a simulated backup is missing unless a held backup is in the same
period (for example, on the day of `daily`). An example, with `every = "1d"` and `keep = { daily = 3, weekly = 3 }` on a
Wednesday; M is a simulated backup that the policy would hold:

    held        Wed Tue         Sun                         Sun
    simulated           M   .       .   .   .   .   .   .           Monday is missing; nothing else is, as each week
                                                                    has a backup, and `daily` looks back three days

Simulated backups are dated evenly between their neighbours, so a backup that is missing for a day of `every` is dated
on that day, however late the others were.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from itertools import chain, pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from reconcile.desired.config import DeclaredSeries, DeclaredServer
from reconcile.desired.document import Settings
from reconcile.desired.keep import Keep, KeepCount, KeepWithin, Period
from reconcile.durations import Duration
from reconcile.plan.calendar import day_of, start_of
from reconcile.plan.pauses import ends_without_creates
from reconcile.plan.reach import EARLIEST, LATEST, applies, retained
from reconcile.plan.retention import retain
from reconcile.plan.series import SeriesState, TimeRules, due_at

_MOST = 10_000
"""Maximum number of simulated backups between two held backups, and until a policy is full."""

_INSTANT, _NOON = timedelta(microseconds=1), time(12)


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """The restore points missing between two backups, by the day of each in the files' time zone."""

    days: tuple[date, ...]
    """From the oldest to the newest; at least one. A day with several missing restore points occurs several times."""


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """The backups of a series, compared with what its policy would hold."""

    oldest: datetime | None = None
    """When the oldest usable backup that is not pinned was created: how far back the series reaches."""
    gaps: tuple[Gap, ...] = ()
    """From the oldest to the newest. A missing backup after the newest is overdue, not a gap."""
    missed: frozenset[date] = frozenset()
    """The days of the gaps, and the days since the newest backup on which a backup was due."""
    complete_from: datetime | None = None
    """When the series will reach back as far as its policy; None if it does, or only after `_MOST` backups."""


def history(server: DeclaredServer, series: DeclaredSeries, state: SeriesState, times: TimeRules) -> History:
    """Compare the usable backups of a series, from the oldest that is not pinned, with what its policy would hold."""
    usable = state.usable
    first = next((place for place, backup in enumerate(usable) if backup.id not in server.pinned), None)
    if first is None:
        return History()
    held = [min(backup.created_at, times.now) for backup in usable[first:]]
    every, keep, settings, zone = series.every, series.keep, times.desired.config.settings, times.zone
    if every is None:
        return History(oldest=held[0])
    # The policy is full once it no longer keeps a backup created one interval before the oldest.
    before = max(every.before(held[0], zone), EARLIEST)
    moments = (before, *held, times.now)
    is_due = state.create is not None
    if every.is_in_days and all(isinstance(rule, KeepCount) and rule.period != Period.HOURLY for rule in keep):
        dates = [moment.astimezone(zone).date() for moment in moments]
        begun = [start_of(day, settings.day_start, zone) <= moment for day, moment in zip(dates, moments, strict=True)]
        is_full, may_lack = _by_date(every, keep, settings.day_start, zone, tuple(dates), tuple(begun), is_due=is_due)
    else:
        may_lack = _may_lack(every, moments[1:], settings)
        is_full, may_lack = _prospects(keep, zone, moments, may_lack, is_due=is_due)
    # To the hour, because thousands of series start in one night.
    start = held[0].replace(minute=0, second=0, microsecond=0)
    complete_from = None if is_full else _full_at(every, keep, zone, start)
    if complete_from and complete_from <= times.now:
        complete_from = None  # without the gaps, the series would be full
    found = History(oldest=held[0], complete_from=complete_from)
    if not may_lack:
        return found
    simulation = _Simulation(
        every=every,
        keep=keep,
        before=before,
        held=held,
        may_lack=may_lack,
        is_due=is_due,
        paused_until=ends_without_creates(server, zone),
        now=times.now,
        settings=settings,
    )
    simulated = [list(simulation.between(place)) for place in range(len(held))]
    gaps = tuple(Gap(days=days) for days in simulation.missing(simulated))
    missed = frozenset((*(day for gap in gaps for day in gap.days), *map(simulation.day, simulated[-1])))
    return replace(found, gaps=gaps, missed=missed)


@lru_cache(maxsize=1024)
def _by_date(  # noqa: PLR0913, PLR0917 - all that the result depends on
    every: Duration,
    keep: Keep,
    day_start: time,
    zone: ZoneInfo,
    dates: tuple[date, ...],
    begun: tuple[bool, ...],
    *,
    is_due: bool,
) -> tuple[bool, list[bool]]:
    """Return what `_prospects` does, from the dates, and whether the day of `every` of each had started.

    No rule in days needs more. Thousands of series share their policy and their dates: without this cache,
    `status` takes 2.8 times as long. A benchmark row measures it.
    """
    settings = Settings.model_construct(day_start=day_start, timezone=zone)
    starts = [start_of(day, day_start, zone) for day in dates]
    on_days = [start if is_begun else start - _INSTANT for start, is_begun in zip(starts, begun, strict=True)]
    moments = [datetime.combine(day, _NOON, zone) for day in dates]
    return _prospects(keep, zone, moments, _may_lack(every, on_days[1:], settings), is_due=is_due)


def _may_lack(every: Duration, moments: Sequence[datetime], settings: Settings) -> list[bool]:
    """Return for each moment but the last whether any backup may be missing between it and the next.

    For an `every` of whole days, it compares only the days: that is fast, and in rare cases true where `due_at`
    creates no backup.
    """
    if every.is_in_days:
        days = [day_of(moment, settings.day_start, settings.timezone) for moment in moments]
        try:
            return [every.on_calendar(every.on_calendar(day)) <= following for day, following in pairwise(days)]
        except (OverflowError, ValueError):  # the end of the calendar
            return [False] * (len(moments) - 1)
    return [due_at(every, due_at(every, start, settings), settings) <= end for start, end in pairwise(moments)]


def _prospects(
    keep: Keep, zone: ZoneInfo, moments: Sequence[datetime], may_lack: list[bool], *, is_due: bool
) -> tuple[bool, list[bool]]:
    """Return whether a policy is full, and `may_lack`, or an empty list if no rule misses a backup.

    `moments` are when the backup before the oldest would have been created, then the held ones, then now. A rule misses
    a backup only in a period without one, between two that it keeps, so most series need no simulation.
    """
    before, *reasons = retain(moments[::-1] if is_due else moments[-2::-1], keep, zone)[::-1]
    is_full = before is None
    if may_lack[-1]:
        return is_full, may_lack
    held = moments[1:-1]
    kept_by: dict[KeepCount | KeepWithin, list[int]] = {rule: [] for rule in keep}
    for place, reason in enumerate(reasons[: len(held)]):
        for kept in reason.rules if reason else ():
            kept_by[kept.rule].append(place)
    for rule, places in kept_by.items():
        if isinstance(rule, KeepWithin) and places and places[0]:
            places.insert(0, places[0] - 1)  # a backup may be missing between that one and the start of the span
        bucket_of = rule.period.bucket
        buckets = (
            [bucket_of(held[place].astimezone(zone)) for place in places]
            if bucket_of
            else range(0, 2 * len(places), 2)  # no two backups are in one period, or in neighbouring ones
        )
        for (older, newer), (first, last) in zip(pairwise(places), pairwise(buckets), strict=True):
            if last - first > 1 and any(may_lack[older:newer]):
                return is_full, may_lack
    return is_full, []


@dataclass(frozen=True, kw_only=True, slots=True)
class _Simulation:
    """The held backups of one series, and those that would have been created between them, from the oldest on."""

    every: Duration
    keep: Keep
    before: datetime
    """When the backup before the oldest would have been created."""
    held: Sequence[datetime]
    may_lack: Sequence[bool]
    """For each held backup, whether a backup may be missing between it and the next, or now."""
    is_due: bool
    """Whether the planner would create a backup now."""
    paused_until: Sequence[datetime]
    """The ends of the pauses that prevented creates."""
    now: datetime
    settings: Settings

    @property
    def zone(self) -> ZoneInfo:
        return self.settings.timezone

    def _due(self, created: datetime) -> datetime:
        return due_at(self.every, created, self.settings)

    def _end(self, place: int) -> datetime:
        """Return when the held backup after this one was created, or now."""
        return self.held[place + 1] if place + 1 < len(self.held) else self.now

    def _lacking(self, place: int) -> list[datetime]:
        """Return when the backups that are missing between this held one and the next, or now, were due."""
        if not self.may_lack[place]:
            return []
        found: list[datetime] = []
        due = self._due(self.held[place])
        while len(found) < _MOST and (following := self._due(due)) <= self._end(place):
            found.append(due)
            due = following
        return found

    def missing(self, simulated: Sequence[Sequence["_Placed"]]) -> Iterator[tuple[date, ...]]:
        """Yield the days of the missing restore points between each held backup and the next."""
        held = [_Placed(moment, moment, moment) for moment in self.held]
        entries = sorted((*held, *chain(*simulated)), key=lambda entry: entry.moment)
        newest_first = [*([self.now] if self.is_due else []), *(each.moment for each in entries[::-1]), self.before]
        reasons = retain(newest_first, self.keep, self.zone)[::-1][1:]
        kept_by = {entry: reason for entry, reason in zip(entries, reasons, strict=False) if reason}
        periods = {
            rule: {bucket_of(moment.astimezone(self.zone)) for moment in self.held}
            for rule in self.keep
            if (bucket_of := rule.period.bucket)
        }
        for between in simulated[:-1]:
            missing = [
                entry
                for entry in between
                if entry in kept_by
                and any(not self._is_provided(entry, kept.rule, periods) for kept in kept_by[entry].rules)
            ]
            if missing:
                yield tuple(map(self.day, missing))

    def day(self, entry: "_Placed") -> date:
        return entry.moment.astimezone(self.zone).date()

    def between(self, place: int) -> Iterator["_Placed"]:
        """Simulate the backups that became due between a held one and the next, or now, except during a pause."""
        is_last = place == len(self.held) - 1
        ends = [end for end in self.paused_until if self.held[place] < end and (is_last or end <= self._end(place))]
        # Without the day on which the pause ended: the backup of that day may have been due before.
        paused = (max(ends) - _INSTANT).astimezone(self.zone).date() if ends else date.min
        dues = self._lacking(place)
        return (each for each in self._spread(place, dues) if self.day(each) > paused)

    def _spread(self, place: int, dues: list[datetime]) -> Iterator["_Placed"]:
        """Spread the due backups evenly between a held one and the next, or now."""
        start, end, parts = self.held[place], self._end(place), len(dues) + 1
        if not self.every.is_in_days:
            spare = end - self._due(dues[-1]) if dues else timedelta(0)
            for step, due in enumerate(dues, 1):
                yield _Placed(start + (end - start) * step / parts, due, due + spare)
            return
        # By local time: each backup is then on its own day, even in a week in which clocks change.
        first, last = (moment.astimezone(self.zone).replace(tzinfo=None) for moment in (start, end))
        for step in range(1, parts):
            local = first + (last - first) * step / parts
            moment = local.replace(tzinfo=self.zone).astimezone(UTC)
            if moment.astimezone(self.zone).date() == local.date():  # a zone may leave out a day
                midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=self.zone)
                yield _Placed(moment, midnight.astimezone(UTC), moment)

    def _is_provided(
        self, entry: "_Placed", rule: KeepCount | KeepWithin, periods: Mapping[KeepCount | KeepWithin, set[int]]
    ) -> bool:
        """Return whether a held backup is in the same period of a rule as a simulated backup."""
        if isinstance(rule, KeepWithin):
            newest = self.now if self.is_due else self.held[-1]
            if self.every.before(entry.earliest, self.zone) <= rule.duration.before(newest, self.zone):
                return True  # the backup may have left the span of the rule, or will with the next backup
        bucket_of = rule.period.bucket
        if bucket_of is None:
            return False
        return any(bucket_of(each.astimezone(self.zone)) in periods[rule] for each in (entry.moment, entry.latest))


class _Placed(NamedTuple):
    """When a backup was created; for a simulated backup, about when, and between which times.

    If it may have left the span of a rule, or a later backup in its period may have replaced it, it is not missing.
    """

    moment: datetime
    earliest: datetime
    latest: datetime


@cache
def _full_at(every: Duration, keep: Keep, zone: ZoneInfo, start: datetime) -> datetime | None:
    """Return when a series with its first backup at `start` reaches back as far as its policy; None if too late.

    That is when the policy would no longer keep a backup created one interval before `start`.
    """
    before = max(every.before(start, zone), EARLIEST)
    held, stride, number = [start], 1, 0
    may_grow = True
    while number < _MOST:
        coming = applies(stride, every, held[0], zone)
        if coming[-1] > LATEST:
            return None
        left = retained([*reversed(coming), *held, before], keep, zone)
        if left[-1] == before:
            held, number = left[:-1], number + stride
            stride *= 2 if may_grow else 1
        elif stride == 1:
            return coming[0]
        else:
            stride, may_grow = stride // 2, False
    return None
