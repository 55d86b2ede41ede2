"""Finds the pauses (spec, section 2) that apply at a moment, are over, or are longer than `[require]` allows."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime

from reconcile.desired.config import Config, DeclaredServer
from reconcile.desired.document import PauseTable
from reconcile.diagnostics import Diagnostic
from reconcile.plan.days import start_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Pause:
    """A current pause: until `ends_at`, it withholds deletes and, unless `creates` is set, prevents creates."""

    ends_at: AwareDatetime
    last_day: date | None
    """The last day of the pause, as in the file; None if the file gives a time."""
    reason: str
    creates: bool


def pause_of(server: DeclaredServer, now: datetime, zone: ZoneInfo) -> Pause | None:
    """Return the current pause of a server: the innermost, if there are several."""
    for table in server.pauses:
        ends_at = _end(table, zone)
        if now < ends_at:
            last_day = None if isinstance(table.until, datetime) else table.until
            return Pause(ends_at=ends_at, last_day=last_day, reason=table.reason, creates=table.creates)
    return None


def ends_without_creates(server: DeclaredServer, zone: ZoneInfo) -> tuple[datetime, ...]:
    """Return when each pause in the files that prevents the server's creates ends or ended."""
    return tuple(_end(table, zone) for table in server.pauses if not table.creates)


def pause_diagnostics(config: Config, now: datetime) -> Iterator[Diagnostic]:
    """Yield a warning for each pause that is over, and an error for each that is longer than `max_pause` allows."""
    for place, table in config.pauses:
        if _end(table, config.settings.timezone) <= now:
            yield Diagnostic(
                severity="warning",
                summary=f"the pause until {table.until} is over",
                detail="It no longer has an effect. Remove the line.",
                place=place,
            )
        elif is_too_long(table, config, now):
            yield Diagnostic(
                summary=f"the pause until {table.until} ends more than {config.require.max_pause} from now",
                detail=f"Choose an earlier end. Required by max_pause in [require], {config.require_place.filename}.",
                place=place.at("until"),
            )


def is_too_long(table: PauseTable, config: Config, now: datetime) -> bool:
    """Return whether a pause ends later than `max_pause` of `[require]` allows."""
    zone, most = config.settings.timezone, config.require.max_pause
    return most is not None and most.after(now, zone) < _end(table, zone)


def _end(table: PauseTable, zone: ZoneInfo) -> datetime:
    """Return when a pause ends, in UTC; if it is until a date, it ends at the end of that day in `zone`."""
    try:
        if isinstance(table.until, datetime):
            return table.until.astimezone(UTC)
        return start_of(table.until + timedelta(days=1), time(0), zone)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)
