"""Formats durations, sizes, times and counts the same way everywhere."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from reconcile.durations import age_text

GIBIBYTE = 1024
"""In mebibytes, which is what the service means by `size_mb`."""

_ROUNDED = 10
"""The size in MiB from which no fraction is shown."""


def seconds_text(seconds: float) -> str:
    """Write a length of time in seconds, as `age_text` does."""
    return age_text(timedelta(seconds=seconds))


def size_text(mebibytes: float | None) -> str:
    """Write a size; None until the backup is completed."""
    if mebibytes is None:
        return "size unknown"
    if mebibytes >= GIBIBYTE:
        return f"{mebibytes / GIBIBYTE:,.1f} GiB"
    return f"{mebibytes:,.0f} MiB" if mebibytes >= _ROUNDED else f"{round(mebibytes, 1):g} MiB"


def time_text(moment: datetime, zone: ZoneInfo) -> str:
    """Write a moment to the minute, in `zone`; at the very end of the calendar, where no zone reaches, in UTC."""
    try:
        return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"
    except OverflowError:
        return f"{moment:%Y-%m-%d %H:%M}"


def count_text(number: int, thing: str) -> str:
    """Write a number of things: `1 backup`, `2 backups`, `2 series`."""
    plural = thing if thing == "series" else f"{thing}s"
    return f"{number:,} {thing if number == 1 else plural}"


def span_text(*days: str) -> str:
    """Write the first and the last of one or several days: `05-02`, `05-02 to 05-04`."""
    return days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"


def names_text(names: Sequence[str], most: int, hint: str = "") -> str:
    """List at most this many names, and count the others: `web, db and 3 more`; `hint` says where to find those."""
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more{hint}" if len(names) > most else "")
