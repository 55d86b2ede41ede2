"""How ages, sizes and times are put into words, the same everywhere."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

_UNITS = (("y", 365 * 86400), ("mo", 30 * 86400), ("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
_GIGABYTE = 1024


def age(span: timedelta) -> str:
    """Put a span into its two largest units, rounded down: `1d 2h`. A month counts as 30 days, a year as 365."""
    seconds = max(0, int(span.total_seconds()))
    for number, (unit, length) in enumerate(_UNITS):
        if seconds >= length:
            parts = [f"{seconds // length}{unit}"]
            if number + 1 < len(_UNITS):
                smaller, smaller_length = _UNITS[number + 1]
                rest = seconds % length // smaller_length
                parts += [f"{rest}{smaller}"] if rest else []
            return " ".join(parts)
    return "0s"


def duration(seconds: float) -> str:
    """Put a length of time in seconds into words, as `age` does."""
    return age(timedelta(seconds=seconds))


def size(megabytes: float | None) -> str:
    """Put a size into words; the service leaves it out until a backup is done."""
    if megabytes is None:
        return "size unknown"
    return f"{megabytes / _GIGABYTE:.1f} GB" if megabytes >= _GIGABYTE else f"{megabytes:g} MB"


def time(moment: datetime, zone: ZoneInfo) -> str:
    """Write a moment to the minute, in `zone`; at the very end of the calendar, where no zone reaches, in UTC."""
    try:
        return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"
    except OverflowError:
        return f"{moment:%Y-%m-%d %H:%M}"


def count(number: int, thing: str) -> str:
    """Write a number of things: `1 backup`, `2 backups`; `series` and `deletes` need no care."""
    plural = thing if thing.endswith("s") else f"{thing}s"
    return f"{number:,} {thing if number == 1 else plural}"
