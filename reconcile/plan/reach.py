"""Calculates how far back a policy always reaches: the age of its oldest backup on the worst day.

`retain` decides, on a simulated series that gets a backup as often as `every` says; there is no second rule. An
example, with `every = "1d"` and `keep = { weekly = 4 }`, whose rule keeps the newest backup of each of four weeks:

    Sunday     holds those of today and of 7, 14 and 21 days ago: four Sundays
    Monday     holds that of today, and the Sundays of 1, 8 and 15 days ago
    Tuesday    holds that of today, and the Sundays of 2, 9 and 16 days ago
    ...

Monday is the worst day: the policy always reaches back 15 days. The search (`_lows`) works like this:

1. It fills the series with backups that reach back `enough`, the required age, and lets `retain` keep some of them.
2. It simulates the next apply, which adds a backup and keeps some. If the oldest backup left is now younger than
   `enough`, that is a low, and so is each later age that is lower still. With `enough` = 20 days, Monday is a low.
3. It ends after `_DAYS` days and `_APPLIES` applies, when each day of the calendar and each time of day has occurred.

For a backup every hour, two shortcuts reduce minutes to a second (`tests/plan/test_require.py` counts the steps):

- The search checks a stride of many applies at once. A deleted backup does not come back, so the oldest backup left
  after a hundred applies existed after each of them; if it was old enough at the first, all hundred are good. `retain`,
  applied once, must give the same result as after each apply: `is_cumulative`.
- Once all ages equal those at the same point of the calendar before, everything repeats.
"""

from collections.abc import Hashable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from math import lcm

from reconcile.desired.keep import Keep, KeepCount, KeepWithin, Period
from reconcile.durations import Duration
from reconcile.plan.retention import is_cumulative, retain

START = datetime(2001, 1, 1, 12, tzinfo=UTC)
"""Start of the simulated applies: before a February of 28 days, after which months reach back least."""

EARLIEST, LATEST = datetime(1000, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
"""Calendar arithmetic and time zones need room on both sides of a time."""

_MONDAY = datetime(2001, 1, 1)  # noqa: DTZ001 - by the calendar of any zone

_DAYS, _APPLIES = 400, 400

_MOST_BACKUPS = 200_000
"""Maximum for one series. A policy that still has the first of so many backups counts as reaching far enough."""

_MOST_SINGLE = 2_000
"""The same, if each apply must be checked by itself. With fewer, such a policy may seem to reach one period less."""

_FEW = 3
"""Maximum difference in backups between periods of equal length."""

_PATIENCE = 8
"""Number of single steps before a longer stride is tried again."""


@cache  # thousands of series share a handful of policies
def reach(every: Duration, keep: Keep, zone: tzinfo, enough: Duration) -> timedelta | None:
    """Return the minimum age of the oldest backup, once the policy has been applied for long enough.

    None if that is at least `enough`. An apply runs at each `every`, and the age is taken just after an apply, when the
    oldest backup is youngest.
    """
    lowest: timedelta | None = None
    for lowest in _lows(every, keep, _zone_for(every, zone), enough):  # noqa: B007 - the last is the lowest
        pass
    return lowest


@cache
def remedies(every: Duration, zone: tzinfo, enough: Duration) -> tuple[KeepCount, ...]:
    """Return the smallest counts of `keep` that reach back `enough`, if any count does."""
    zone = _zone_for(every, zone)
    moments = _moments(every, zone, enough)
    found: list[KeepCount] = []
    for period in (Period.LAST, Period.DAILY):
        if period is Period.DAILY and not is_within(every, Duration(days=1)):
            continue
        # The number in one period of this length; elsewhere in the calendar, it may be higher or lower by one or two.
        near = len(retained(moments[::-1], (KeepCount(period=period, count="all"),), zone))
        for count in range(max(1, near - _FEW), near + _FEW):
            remedy = KeepCount(period=period, count=count)
            if next(_lows(every, (remedy,), zone, enough), None) is None:
                found.append(remedy)
                break
    return tuple(found)


def _zone_for(every: Duration, zone: tzinfo) -> tzinfo:
    """Return the zone to simulate in.

    An `every` of whole days counts days of the calendar (spec, section 3.1), which equals steps in UTC, where each day
    has 24 hours.
    """
    return UTC if every.is_in_days else zone


@cache
def is_within(every: Duration, most: Duration) -> bool:
    """Return whether `every` is at most as long as `most`, whatever the length of their months."""
    months = [START.replace(month=month) for month in range(1, 13)]
    return all(every.after(month, UTC) <= most.after(month, UTC) for month in months)


def _moments(every: Duration, zone: tzinfo, enough: Duration) -> list[datetime]:
    """Return when backups are created from `enough` before `START` until `START`."""
    moments = [max(enough.before(START, zone), EARLIEST)]
    while moments[-1] < START and len(moments) < _MOST_BACKUPS:
        moments.append(min(every.after(moments[-1], zone), LATEST))
    return moments


def _lows(every: Duration, keep: Keep, zone: tzinfo, enough: Duration) -> Iterator[timedelta]:
    """Yield the age of the oldest backup each time that it falls below `enough` and below the previous low.

    Ends early if that takes too many applies, or more years than the calendar has.
    """
    moments = _moments(every, zone, enough)
    may_stride = is_cumulative(keep)
    at_once = may_stride or len(moments) > _MOST_SINGLE
    held = retained(moments[::-1], keep, zone) if at_once else _kept_one_by_one(moments, keep, zone)
    if len(moments) == _MOST_BACKUPS and held[-1] == moments[0]:
        return
    lowest: timedelta | None = None
    now, simulated, until = moments[-1], 0, moments[-1] + timedelta(days=_DAYS)
    stride, patience = 1, 0
    cycle = _cycle(keep)
    seen: set[Hashable] = set()
    most = _MOST_BACKUPS if may_stride else _MOST_SINGLE
    # Each turn checks by the oldest backup left after the next `stride` applies whether all of them reach far enough.
    while (now < until or simulated < _APPLIES) and simulated < most:
        coming = applies(stride, every, now, zone)
        if coming[-1] > LATEST:
            return
        left = retained([*reversed(coming), *held], keep, zone)
        first, oldest = coming[0], left[-1]
        is_enough = enough.after(oldest, zone) <= first if lowest is None else first - oldest >= lowest
        if not is_enough and stride > 1:
            stride, patience = stride // 2, _PATIENCE
            continue
        if not is_enough:
            lowest = first - oldest
            yield lowest
        held, now, simulated = left, coming[-1], simulated + stride
        patience -= 1
        if may_stride and patience < 0:
            stride *= 2
        if cycle is not None:
            point = (now.astimezone(zone).replace(tzinfo=None) - _MONDAY) % cycle if cycle else cycle
            state = point, tuple(now - moment for moment in held)
            if state in seen:
                return
            seen.add(state)


def applies(number: int, every: Duration, now: datetime, zone: tzinfo) -> list[datetime]:
    """Return the times of the next applies after the one at `now`."""
    coming: list[datetime] = []
    for _ in range(number):
        now = every.after(now, zone)
        coming.append(now)
    return coming


def _kept_one_by_one(moments: list[datetime], keep: Keep, zone: tzinfo) -> list[datetime]:
    held: list[datetime] = []
    for moment in moments:
        held = retained([moment, *held], keep, zone)
    return held


def _cycle(keep: Keep) -> timedelta | None:
    """Return after how long the calendar repeats for all rules; None if never, zero if it is always the same.

    Ignores nights in which clocks change. Without this, an hourly policy that is too short takes a thousand times as
    long.
    """
    repeats = [rule.period.repeats for rule in keep]
    if None in repeats or any(isinstance(rule, KeepWithin) and rule.duration.months for rule in keep):
        return None
    days = [each for each in repeats if each]
    return timedelta(days=lcm(*days) if days else 0)


def retained(newest_first: list[datetime], keep: Keep, zone: tzinfo) -> list[datetime]:
    """Return the backups that stay, from the newest to the oldest."""
    return [moment for moment, reason in zip(newest_first, retain(newest_first, keep, zone), strict=True) if reason]
