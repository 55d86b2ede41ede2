"""The days that an `every` of whole days counts (spec, section 3.1): each runs from `day_start` to `day_start`."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache

_A_DAY = timedelta(days=1)


def day_of(moment: datetime, day_start: time, zone: tzinfo) -> date:
    """Return the day that contains `moment`, named by the date on which the day starts."""
    day = moment.astimezone(zone).date()
    while moment < start_of(day, day_start, zone):
        day -= _A_DAY
    return day


@lru_cache(maxsize=4096)  # thousands of series share a few days
def start_of(day: date, day_start: time, zone: tzinfo) -> datetime:
    """Return when a day starts, in UTC: the first time from which the clock stays at `day_start` or later.

    A date that the zone leaves out, such as 30 December 2011 in Apia, starts when the next date does.

    Raises:
        OverflowError: the calendar ends before the day starts.
    """
    wall = datetime.combine(day, day_start)
    earlier, later = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if earlier <= later:  # the clock shows the time once, or twice
        return later
    if earlier - later >= _A_DAY:
        return earlier
    # The clock skips the time. PEP 495 then gives one time after the change and one before it.
    offset = earlier.astimezone(zone).utcoffset()
    while earlier - later > timedelta(seconds=1):
        middle = later + (earlier - later) // 2
        if middle.astimezone(zone).utcoffset() == offset:
            earlier = middle
        else:
            later = middle
    return earlier.replace(microsecond=0)
