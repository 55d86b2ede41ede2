"""How far back a policy always reaches: the age of the oldest backup that it holds on its worst day.

`retain` decides, on a simulated series that gets a backup as often as `every` says; there is no second rule. An
example, with `every = "1d"` and `keep = { weekly = 4 }`, whose rule keeps the newest backup of each of four weeks:

    Sunday     holds those of today and of 7, 14 and 21 days ago: four Sundays
    Monday     holds that of today, and the Sundays of 1, 8 and 15 days ago
    Tuesday    holds that of today, and the Sundays of 2, 9 and 16 days ago
    ...

Monday is the worst day: the policy always reaches back 15 days. The search (`_lows`) finds it in this way:

1. It fills the series with backups that reach back as far as is asked, `enough`, and lets `retain` keep some of them.
2. It simulates the next apply, which adds a backup and keeps some. If the oldest one left is now younger than `enough`,
   that is a low; so is each later one that is lower still. In the example, with `enough` = 20 days, Monday is a low.
3. It ends after `_DAYS` days and `_APPLIES` applies: each day of the calendar has occurred, and each time of the day.

Two shortcuts make a second of what would take minutes for a backup every hour (`tests/plan/test_require.py` counts the
steps):

- A stride of many applies is looked at at once. What is deleted stays deleted, so the oldest backup left after a
  hundred applies was there after each of them; if it was old enough at the first, all hundred are good. `retain`,
  asked once, must give what it gives when asked after each apply: `is_cumulative`.
- Once all ages are what they were at the same point of the calendar before, everything repeats.
"""

from collections.abc import Hashable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from math import lcm
from zoneinfo import ZoneInfo

from reconcile.desired.keep import Keep, KeepCount, KeepWithin, Period
from reconcile.durations import Duration
from reconcile.plan.retention import is_cumulative, retain

START = datetime(2001, 1, 1, 12, tzinfo=UTC)
"""When the simulated applies are first looked at: before a February of 28 days, by which months reach back least."""

_EARLIEST, _LATEST = datetime(1000, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
"""Calendar arithmetic and time zones need room on both sides of a time."""

_UTC = ZoneInfo("UTC")

_MONDAY = datetime(2001, 1, 1)  # noqa: DTZ001 - by the calendar of any zone

_DAYS, _APPLIES = 400, 400

_MOST_BACKUPS = 200_000
"""Of one series. A policy that still has the first of so many is taken to reach as far as is asked."""

_MOST_SINGLE = 2_000
"""As many where each apply has to be looked at by itself. From fewer, such a policy may seem to reach a period less."""

_FEW = 3
"""Backups by which stretches of one length differ."""

_PATIENCE = 8
"""Single steps before a longer one is tried once more."""


def reach(every: Duration, keep: Keep, zone: ZoneInfo, enough: Duration) -> timedelta | None:
    """Return how old the oldest backup always is, once the policy has been applied for long enough.

    None if that is at least `enough`. The apply runs as often as `every` says, and it is looked at just after an apply,
    when the oldest backup is youngest.
    """
    lowest: timedelta | None = None
    for lowest in _lows(every, keep, _zone_for(every, zone), enough):  # noqa: B007 - the last is the lowest
        pass
    return lowest


def remedies(every: Duration, zone: ZoneInfo, enough: Duration) -> Iterator[KeepCount]:
    """Yield the smallest counts that reach back `enough`, where a number of backups can."""
    zone = _zone_for(every, zone)
    moments = _moments(every, zone, enough)
    for period in (Period.LAST, Period.DAILY):
        if period is Period.DAILY and not is_within(every, Duration(days=1)):
            continue
        # As many as one stretch of this length has; on other days of the calendar, it may have one or two more or less.
        near = len(_kept(moments[::-1], (KeepCount(period=period, count="all"),), zone))
        for count in range(max(1, near - _FEW), near + _FEW):
            remedy = KeepCount(period=period, count=count)
            if next(_lows(every, (remedy,), zone, enough), None) is None:
                yield remedy
                break


def _zone_for(every: Duration, zone: ZoneInfo) -> ZoneInfo:
    """Return the zone to simulate in.

    An `every` of whole days counts days of the calendar (spec, section 3.1). Stepping by them is stepping in UTC, where
    each day has 24 hours.
    """
    return _UTC if every.is_in_days else zone


@cache  # thousands of series share a handful
def is_within(every: Duration, most: Duration) -> bool:
    """Return whether one duration is at most as long as the other, whatever the length of the months in them."""
    months = [START.replace(month=month) for month in range(1, 13)]
    return all(every.after(month, _UTC) <= most.after(month, _UTC) for month in months)


def _moments(every: Duration, zone: ZoneInfo, enough: Duration) -> list[datetime]:
    """Return when the backups of one stretch are created: it ends at `START`, and is as long as is asked."""
    moments = [max(enough.before(START, zone), _EARLIEST)]
    while moments[-1] < START and len(moments) < _MOST_BACKUPS:
        moments.append(min(every.after(moments[-1], zone), _LATEST))
    return moments


def _lows(every: Duration, keep: Keep, zone: ZoneInfo, enough: Duration) -> Iterator[timedelta]:
    """Yield the age of the oldest backup each time that it is below `enough`, and below what it was before.

    Ends early where that takes too many applies, or more years than the calendar has.
    """
    moments = _moments(every, zone, enough)
    may_stride = is_cumulative(keep)
    at_once = may_stride or len(moments) > _MOST_SINGLE
    held = _kept(moments[::-1], keep, zone) if at_once else _kept_one_by_one(moments, keep, zone)
    if len(moments) == _MOST_BACKUPS and held[-1] == moments[0]:
        return
    lowest: timedelta | None = None
    now, looked_at, until = moments[-1], 0, moments[-1] + timedelta(days=_DAYS)
    stride, patience = 1, 0
    cycle = _cycle(keep)
    seen: set[Hashable] = set()
    most = _MOST_BACKUPS if may_stride else _MOST_SINGLE
    # Each turn looks at the next `stride` applies: are they all good enough, by the oldest that is left after them?
    while (now < until or looked_at < _APPLIES) and looked_at < most:
        coming = _applies(stride, every, now, zone)
        if coming[-1] > _LATEST:
            return
        left = _kept([*reversed(coming), *held], keep, zone)
        first, oldest = coming[0], left[-1]
        is_enough = enough.after(oldest, zone) <= first if lowest is None else first - oldest >= lowest
        if not is_enough and stride > 1:
            stride, patience = stride // 2, _PATIENCE
            continue
        if not is_enough:
            lowest = first - oldest
            yield lowest
        held, now, looked_at = left, coming[-1], looked_at + stride
        patience -= 1
        if may_stride and patience < 0:
            stride *= 2
        if cycle is not None:
            point = (now.astimezone(zone).replace(tzinfo=None) - _MONDAY) % cycle if cycle else cycle
            state = point, tuple(now - moment for moment in held)
            if state in seen:
                return
            seen.add(state)


def _applies(number: int, every: Duration, now: datetime, zone: ZoneInfo) -> list[datetime]:
    """Return the times of the next applies after the one at `now`."""
    coming: list[datetime] = []
    for _ in range(number):
        now = every.after(now, zone)
        coming.append(now)
    return coming


def _kept_one_by_one(moments: list[datetime], keep: Keep, zone: ZoneInfo) -> list[datetime]:
    held: list[datetime] = []
    for moment in moments:
        held = _kept([moment, *held], keep, zone)
    return held


def _cycle(keep: Keep) -> timedelta | None:
    """Return after how long the calendar is the same to all rules; None if never, zero if it always is.

    Nights in which clocks change are left out. Without this, an hourly policy that falls short takes a thousand times
    as long.
    """
    repeats = [rule.period.repeats for rule in keep]
    if None in repeats or any(isinstance(rule, KeepWithin) and rule.duration.months for rule in keep):
        return None
    days = [each for each in repeats if each]
    return timedelta(days=lcm(*days) if days else 0)


def _kept(newest_first: list[datetime], keep: Keep, zone: ZoneInfo) -> list[datetime]:
    return [moment for moment, reason in zip(newest_first, retain(newest_first, keep, zone), strict=True) if reason]
