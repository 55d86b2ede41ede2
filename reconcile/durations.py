"""Durations as people write them (`36h`, `1d12h`, `1mo`), and the calendar arithmetic on them."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache
from typing import TYPE_CHECKING, Self, TypeVar

if TYPE_CHECKING:
    from dateutil.relativedelta import relativedelta

Local = TypeVar("Local", date, datetime)
_PART = re.compile(r"([0-9]{1,9})([a-z]+)")
_UNITS = {
    "s": ("seconds", 1),
    "min": ("seconds", 60),
    "h": ("seconds", 3600),
    "d": ("days", 1),
    "w": ("days", 7),
    "mo": ("months", 1),
    "y": ("months", 12),
}

EXAMPLES = "30s, 90min, 36h, 1d, 2w, 1mo, 1y or 1d12h"
PATTERN = r"^([0-9]{1,9}(s|min|h|d|w|mo|y))+$"
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
            ValueError: the message is for users. A bare `m` is refused, because users of restic wrote it for minutes
                and got months (restic/restic #2396).
        """
        if not text or _PART.sub("", text):
            raise ValueError(f"not a duration; write it like {EXAMPLES}")
        fields = dict.fromkeys(("months", "days", "seconds"), 0)
        for number, unit in ((int(digits), unit) for digits, unit in _PART.findall(text)):
            if unit == "m":
                raise ValueError(f"minutes or months? write min or mo: {number}min or {number}mo")
            if unit not in _UNITS:
                raise ValueError(f'there is no unit "{unit}"; write it like {EXAMPLES}')
            field, length = _UNITS[unit]
            fields[field] += number * length
        if not any(fields.values()):
            raise ValueError("a duration must be longer than zero")
        return cls(**fields)

    def after(self, moment: datetime, zone: tzinfo) -> datetime:
        """Return `moment` plus this duration, in UTC; at most the end of the calendar.

        Months follow the calendar of `zone`: 31 January plus a month is the end of February. A day is 24 hours, also
        when the clocks change.
        """
        try:
            if not self.months:
                return moment.astimezone(UTC) + _span(self.days, self.seconds)
            local = moment.astimezone(zone) + _months(self.months)
            return local.astimezone(UTC) + _span(self.days, self.seconds)
        except (OverflowError, ValueError):
            return _LAST

    @property
    def is_in_days(self) -> bool:
        """Whether the duration is written only in days, weeks, months or years."""
        return not self.seconds

    def on_calendar(self, local: Local) -> Local:
        """Return a date, or a local time, that is later by the days and months of this duration.

        Raises:
            OverflowError, ValueError: the result is after the end of the calendar.
        """
        return (local + _months(self.months) if self.months else local) + _span(self.days)

    def in_seconds(self, moment: datetime) -> float:
        """Return the length in seconds, counted from `moment`."""
        return (self.after(moment, UTC) - moment).total_seconds()

    def before(self, moment: datetime, zone: tzinfo) -> datetime:
        """Return `moment` minus this duration, in UTC, exactly as restic's `--keep-within` does.

        restic uses Go's `AddDate`: days are calendar days of `zone`, and a day that the month lacks runs over into the
        next (31 March less a month is 31 February, which is 3 March). The result is at least the start of the calendar.
        """
        try:
            local = moment.astimezone(zone)
            if self.months:
                local = local.replace(day=1) + _months(-self.months) + timedelta(days=local.day - 1)
            return (local - _span(self.days)).astimezone(UTC) - _span(0, self.seconds)
        except (OverflowError, ValueError):
            return _FIRST

    def __str__(self) -> str:
        rest = {"months": self.months, "days": self.days, "seconds": self.seconds}
        text = ""
        for unit in ("y", "mo", "d", "h", "min", "s"):
            field, length = _UNITS[unit]
            number, rest[field] = divmod(rest[field], length)
            text += f"{number}{unit}" if number else ""
        return text


_span = cache(timedelta)  # takes days and seconds; creating a span takes ten times as long as adding it


@cache
def _months(number: int) -> "relativedelta":
    from dateutil.relativedelta import relativedelta  # noqa: PLC0415 - takes 4 ms, and few durations have months

    return relativedelta(months=number)


_SECONDS = {"y": 365 * 86400, "mo": 30 * 86400, "d": 86400, "h": 3600, "min": 60, "s": 1}


def age_text(span: timedelta) -> str:
    """Format a span in its two largest units, rounded down: `1d 2h`. A month counts as 30 days, a year as 365."""
    rest = max(0, int(span.total_seconds()))
    parts: list[str] = []
    for unit, length in _SECONDS.items():
        number, rest = divmod(rest, length)
        if parts:
            return f"{parts[0]} {number}{unit}" if number else parts[0]
        parts += [f"{number}{unit}"] if number else []
    return parts[0] if parts else "0s"
