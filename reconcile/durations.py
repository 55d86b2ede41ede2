"""Durations as people write them (`36h`, `1d12h`, `1mo`), and the calendar arithmetic on them."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

_PART = re.compile(r"([0-9]{1,9})([a-z]+)")
_SECONDS = {"s": 1, "min": 60, "h": 3600}
_DAYS = {"d": 1, "w": 7}
_MONTHS = {"mo": 1, "y": 12}

EXAMPLES = "30s, 90min, 36h, 1d, 2w, 1mo, 1y or 1d12h"
PATTERN = r"^([0-9]{1,9}(s|min|h|d|w|mo|y))+$"
_UTC = ZoneInfo("UTC")
_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class Duration:
    """A span of time: calendar `months`, `days`, and `seconds`; at least one of them is positive."""

    months: int = 0
    days: int = 0
    seconds: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `text`, as the spec's section 2 writes durations.

        Raises:
            ValueError: with a sentence for people. A bare `m` is one of them: minutes and months have been
                mistaken for each other at a cost (restic/restic #2396).
        """
        if not text or _PART.sub("", text):
            raise ValueError(f"not a duration; write it like {EXAMPLES}")
        months = days = seconds = 0
        for digits, unit in _PART.findall(text):
            number = int(digits)
            if unit in _SECONDS:
                seconds += number * _SECONDS[unit]
            elif unit in _DAYS:
                days += number * _DAYS[unit]
            elif unit in _MONTHS:
                months += number * _MONTHS[unit]
            elif unit == "m":
                raise ValueError(f"minutes or months? write min or mo: {number}min or {number}mo")
            else:
                raise ValueError(f'there is no unit "{unit}"; write it like {EXAMPLES}')
        if not months and not days and not seconds:
            raise ValueError("a duration must be longer than nothing")
        return cls(months=months, days=days, seconds=seconds)

    def after(self, moment: datetime, zone: ZoneInfo) -> datetime:
        """Return the time this much after `moment`, in UTC; one past the calendar's end is its end.

        Months follow the calendar of `zone`, and 31 January and a month is the end of February. A day is 24
        hours, so that a daily backup is as old on the day the clocks change as on any other.
        """
        try:
            local = moment.astimezone(zone) + relativedelta(months=self.months)
            return local.astimezone(UTC) + timedelta(days=self.days, seconds=self.seconds)
        except (OverflowError, ValueError):
            return _LAST

    def in_seconds(self, moment: datetime) -> float:
        """Return how many seconds this is from `moment` on."""
        return (self.after(moment, _UTC) - moment).total_seconds()

    def before(self, moment: datetime, zone: ZoneInfo) -> datetime:
        """Return the time this much before `moment`, in UTC, to the letter as restic's `--keep-within` has it.

        restic uses Go's `AddDate`: days are calendar days of `zone`, and a day that the month lacks runs over
        into the next (31 March less a month is 31 February, which is 3 March). What lies before the calendar
        begins is its beginning.
        """
        try:
            local = moment.astimezone(zone)
            first_of_month = local.replace(day=1) - relativedelta(months=self.months)
            shifted = first_of_month + timedelta(days=local.day - 1 - self.days)
            return shifted.astimezone(UTC) - timedelta(seconds=self.seconds)
        except (OverflowError, ValueError):
            return _FIRST

    def __str__(self) -> str:
        years, months = divmod(self.months, 12)
        minutes, seconds = divmod(self.seconds, 60)
        hours, minutes = divmod(minutes, 60)
        parts = (
            (years, "y"),
            (months, "mo"),
            (self.days, "d"),
            (hours, "h"),
            (minutes, "min"),
            (seconds, "s"),
        )
        return "".join(f"{number}{unit}" for number, unit in parts if number)
