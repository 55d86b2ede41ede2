"""Finds missing restore points: those that a policy would hold by now if every due backup had been created.

It simulates the held backups and, between them, those that became due but do not exist. The planner's `retain` decides
which of these the policy would hold by now. Such a simulated backup is missing unless a held backup is in the same
period (for example, on the day of `daily`). An example, with `every = "1d"` and `keep = { daily = 3, weekly = 3 }` on a
Wednesday; M is a simulated backup that the policy would hold:

    held        Wed Tue         Sun                         Sun
    simulated           M   .       .   .   .   .   .   .           Monday is missing; nothing else is, as each week
                                                                    has a backup, and `daily` looks back three days

For an `every` of whole days, simulated backups are dated on the days of `every` after the held one, however late the
next one is. Otherwise, they are dated evenly between their neighbours.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cache, lru_cache
from itertools import chain, pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from reconcile.desired.config import DeclaredSeries, DeclaredServer
from reconcile.desired.keep import Keep, KeepCount, KeepWithin
from reconcile.durations import Duration
from reconcile.plan.days import start_of
from reconcile.plan.pauses import ends_without_creates
from reconcile.plan.reach import EARLIEST, LATEST
from reconcile.plan.reasons import KeptBy
from reconcile.plan.retention import retain
from reconcile.plan.series_state import SeriesState, TimeRules, due_at

_MOST = 10_000
"""Maximum number of simulated backups between two held backups, and until a policy is full."""

_INSTANT = timedelta(microseconds=1)
_NOON = time(12)
_BEFORE_NOON, _AFTER_NOON = time(6), time(18)


Gap = tuple[date, ...]
"""The days, in the files' time zone, of the restore points missing between two backups, from the oldest to the newest.
There is at least one. A day with several occurs several times."""


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """The backups of a series, compared with what its policy would hold."""

    oldest: datetime | None = None
    """When the oldest usable backup that is not pinned was created: how far back the series reaches."""
    gaps: tuple[Gap, ...] = ()
    """From the oldest to the newest. A missing backup after the newest is overdue, not a gap."""
    missed: frozenset[date] = frozenset()
    """The days of the gaps, and the days since the newest backup on which a backup was due."""
    complete_from: date | None = None
    """The day from which the series will reach back as far as its policy, if every due backup is created, in the files'
    time zone; None if it already does, or only after `_MOST` backups."""


def history(server: DeclaredServer, series: DeclaredSeries, state: SeriesState, times: TimeRules) -> History:
    """Compare the usable backups of a series, from the oldest that is not pinned, with what its policy would hold."""
    usable = state.usable
    first = next((place for place, backup in enumerate(usable) if backup.id not in server.pinned), None)
    if first is None:
        return History()
    oldest, every, zone = times.moment(usable[first]), series.every, times.zone
    if every is None:
        return History(oldest=oldest)
    moments = [backup.created_at for backup in usable]
    now = times.now
    ends = [min(end, LATEST) - _INSTANT for end in ends_without_creates(server, zone)]
    if every.is_in_days:
        day_start = times.desired.config.settings.day_start
        *moments, now = (_on_calendar(moment, day_start, zone) for moment in (*moments, now))
        # A pause ends early on its last day: the backup of that day may have been due before.
        ends = [datetime.combine(end.astimezone(zone), time(0), UTC) for end in ends]
    found = _compare(
        _Series(
            every=every,
            keep=series.keep,
            zone=zone,
            held=tuple(moments),
            first=first,
            now=now,
            is_due=state.create is not None,
            paused_until=tuple(ends),
            calendar=UTC if every.is_in_days else zone,
        )
    )
    return replace(found, oldest=oldest)


def _on_calendar(moment: datetime, day_start: time, zone: ZoneInfo) -> datetime:
    """Return a time as the calendar of `zone` shows it, to half a day, labelled as UTC.

    For an `every` of whole days, only this matters: the date, and whether the day of `every` had started.
    """
    day = moment.astimezone(zone).date()
    return datetime.combine(day, _AFTER_NOON if start_of(day, day_start, zone) <= moment else _BEFORE_NOON, UTC)


class _Simulated(NamedTuple):
    """When a missing backup would have been created: about when, and at the latest."""

    moment: datetime
    latest: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class _Series:
    """Everything that the result depends on. For an `every` of whole days, the times are those of `_on_calendar`."""

    every: Duration
    keep: Keep
    zone: ZoneInfo
    held: tuple[datetime, ...]
    """When each usable backup was created, from the oldest to the newest."""
    first: int
    """The place of the oldest that is not pinned."""
    now: datetime
    is_due: bool
    """Whether the planner would create a backup now."""
    paused_until: tuple[datetime, ...]
    """The last moments of the pauses that prevented creates."""
    calendar: tzinfo
    """The time zone in which `keep` counts these times."""

    @property
    def moments(self) -> tuple[datetime, ...]:
        """When each backup was created, and now, if one is due."""
        return (*self.held, self.now) if self.is_due else self.held

    def day(self, moment: datetime) -> date:
        return moment.astimezone(self.calendar).date()

    def due(self, created: datetime) -> datetime:
        """Return `due_at`; for the times of `_on_calendar`, each day of `every` starts at noon."""
        return _due_at(self.every, created, _NOON, self.calendar)

    def since(self, rule: KeepWithin) -> datetime:
        return _since(rule, self.moments[-1], self.calendar)

    def retained(self, moments: Sequence[datetime]) -> list[KeptBy | None]:
        """Return which rules keep each of these backups, from the oldest to the newest, and then one of long before."""
        of_old, *reasons = reversed(retain((*reversed(moments), EARLIEST), self.keep, self.calendar))
        return [*reasons, of_old]

    def between(self, place: int) -> Iterator[_Simulated]:
        """Simulate the backups that became due between a held one and the next, or now, except during a pause."""
        is_last = place == len(self.held) - 1
        start, end = self.held[place], self.now if is_last else self.held[place + 1]
        # The next backup is the one that was due first. At each later time until then, a missing backup was due.
        missing, due = 0, self.due(self.due(start))
        while due <= end and missing < _MOST:
            late = end - due
            due = self.due(due)
            missing += 1
        paused = (self.day(last) for last in self.paused_until if start <= last and (is_last or last < end))
        # The backup of the day on which a pause ended may have been due before.
        paused_until = max(paused, default=date.min)
        moment = latest = start
        for _ in range(missing):
            if self.every.is_in_days:
                moment = latest = self.every.after(moment, UTC)
            else:
                moment += (end - start) / (missing + 1)
                latest = moment + late
            if paused_until < self.day(moment) and _exists(self.day(moment), self.zone):
                yield _Simulated(moment, latest)


@lru_cache(maxsize=1024)
def _compare(series: _Series) -> History:
    """Return the history, except the time of the oldest backup.

    Thousands of series share their policy and their dates: without this cache, `status` takes 2.5 to 4 times as long. A
    benchmark row measures it.
    """
    *reasons, of_old = series.retained(series.moments)
    last = len(series.held) - 1
    simulated = {place: list(series.between(place)) for place in sorted({*_suspects(series, reasons), last})}
    overdue = simulated.pop(last)
    found = dict(_gaps(series, simulated, overdue)) if any(simulated.values()) else {}
    gaps = tuple(gap for place, gap in found.items() if place >= series.first)
    missed = (*chain(*gaps), *(series.day(each.moment) for each in overdue))
    # Older pinned backups count if nothing is missing between them and the others.
    oldest = max((place + 1 for place in found if place < series.first), default=0)
    if oldest:
        of_old = series.retained(series.moments[oldest:])[-1]
    # Only a rule with an unused place keeps a backup of long before.
    unused = {kept.rule for kept in of_old.rules} if of_old else set()
    young = [rule for rule in series.keep if rule in unused or isinstance(rule, KeepWithin)]
    # To the hour, because thousands of series start in one night.
    start = series.held[oldest].replace(minute=0, second=0, microsecond=0)
    days = [_full_on(series.every, rule, series.calendar, start) for rule in young]
    complete_from = max((day for day in days if day), default=None) if all(days) else None
    if complete_from and complete_from <= series.day(series.now):
        complete_from = None  # without the gaps, the series would be full
    return History(gaps=gaps, missed=frozenset(missed), complete_from=complete_from)


def _suspects(series: _Series, reasons: Sequence[KeptBy | None]) -> Iterator[int]:
    """Yield each held backup after which a rule may miss one: most series have none, and need no simulation.

    A rule misses a backup only in a period without one, between two that it keeps or since its span starts.
    """
    moments, zone = series.moments, series.calendar
    kept_by: dict[KeepCount | KeepWithin, list[int]] = {}
    for place, reason in enumerate(reasons):
        for kept in reason.rules if reason else ():
            kept_by.setdefault(kept.rule, []).append(place)
    for rule, places in kept_by.items():
        bucket_of = rule.period.bucket
        buckets = [bucket_of(moments[place].astimezone(zone)) for place in places] if bucket_of else []
        for number, (older, newer) in enumerate(pairwise(places)):
            if not bucket_of or buckets[number + 1] - buckets[number] > 1:
                yield from range(older, newer)
        if isinstance(rule, KeepWithin):
            since = series.since(rule)
            start = series.every.after(since, zone)
            if bucket_of:
                may_miss = bucket_of(start.astimezone(zone)) < buckets[0]
            else:
                may_miss = series.due(start) <= moments[places[0]]
            if may_miss:
                yield from range(max(bisect_right(series.held, since) - 1, 0), places[0])


def _gaps(
    series: _Series, simulated: Mapping[int, Sequence[_Simulated]], overdue: Sequence[_Simulated]
) -> Iterator[tuple[int, Gap]]:
    """Yield the place of each held backup that a gap follows, and the gap: what the policy would hold there."""
    zone = series.calendar
    moments = sorted((*series.moments, *(each.moment for each in chain(*simulated.values(), overdue))))
    reasons = dict(zip(moments, series.retained(moments), strict=False))
    periods = {
        rule: {bucket_of(moment.astimezone(zone)) for moment in series.held}
        for rule in series.keep
        if (bucket_of := rule.period.bucket)
    }

    def is_provided(each: _Simulated, rule: KeepCount | KeepWithin) -> bool:
        bucket_of = rule.period.bucket
        if bucket_of and any(bucket_of(moment.astimezone(zone)) in periods[rule] for moment in each):
            return True
        # The backup may have left the span of the rule, or will with the next backup.
        return isinstance(rule, KeepWithin) and series.every.before(each.moment, zone) <= series.since(rule)

    for place, stretch in simulated.items():
        missing = tuple(
            series.day(each.moment)
            for each in stretch
            if (reason := reasons[each.moment]) and not all(is_provided(each, kept.rule) for kept in reason.rules)
        )
        if missing:
            yield place, missing


def _exists(day: date, zone: ZoneInfo) -> bool:
    """Return whether the calendar of a time zone has a date: Apia had no 30 December 2011."""
    return start_of(day, time(0), zone) < start_of(day + timedelta(days=1), time(0), zone)


# Series with different gaps share their dates: without this cache, they take a quarter longer.
_due_at = lru_cache(maxsize=4096)(due_at)


@lru_cache(maxsize=1024)
def _since(rule: KeepWithin, newest: datetime, zone: tzinfo) -> datetime:
    """Return the latest start that the span of a rule has had.

    A month before 31 March is 3 March, but a month before 1 April is 1 March: what was outside the span on 31 March is
    not missing on 1 April.
    """
    moments = [newest]
    if rule.duration.months:
        local = newest.astimezone(zone)
        moments.append(_end_of(local - timedelta(days=local.day), zone))
    return max(EARLIEST, *(rule.duration.before(moment, zone) for moment in moments))


def _end_of(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time.max, zone)


@cache
def _full_on(every: Duration, rule: KeepCount | KeepWithin, zone: tzinfo, start: datetime) -> date | None:
    """Return the day from which a rule keeps nothing older than a backup of `start`; None if that is too far ahead.

    It assumes a backup at each `every` since `start`, and before it.
    """

    def applies(number: int) -> Duration:
        return Duration(months=number * every.months, days=number * every.days, seconds=number * every.seconds)

    def before(number: int) -> datetime:
        return max(applies(number).before(start, zone), EARLIEST).astimezone(zone)

    if isinstance(rule, KeepWithin):
        period_of = rule.period.bucket or datetime.timestamp
        period = period_of(before(0))
        # The newest of those in an earlier period.
        older = before(bisect_left(range(_MOST), x=True, key=lambda number: period_of(before(number)) < period))
        about = rule.duration.after(older, zone)
        if about > LATEST:
            return None
        # `before` and `after` differ at the end of a month: see `_since`.
        days = (about.astimezone(zone).date() + timedelta(days=number) for number in range(-4, 5))
        return next(day for day in days if rule.duration.before(_end_of(day, zone), zone) >= older)
    if rule.count == "all":
        return None
    periods: set[object] = set()
    for number in range(_MOST):
        moment = min(applies(number).after(start, zone), LATEST).astimezone(zone)
        periods.add(rule.period.bucket(moment) if rule.period.bucket else number)
        if len(periods) == rule.count:  # the rule is full when the last of its periods starts
            return moment.date()
    return None
