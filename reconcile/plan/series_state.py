"""The state of a series at one moment: which of its backups count, and when the next one is due.

The planner, status, timeline, metrics and forecast all use these rules, and have none of their own.
"""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from datetime import datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from reconcile.actual.inventory import Backup, HeldBackups, Inventory, State, in_order
from reconcile.desired.config import DeclaredSeries, DeclaredServer
from reconcile.desired.desired import Desired, Freshness
from reconcile.durations import Duration
from reconcile.plan.days import day_of, start_of
from reconcile.plan.look_alikes import LookAlike, look_alikes
from reconcile.plan.pauses import Pause, pause_of
from reconcile.plan.reasons import CreateReason, Due, Missing, TooOld, TooYoung

MISDATED_BEYOND = timedelta(minutes=10)
_MOST_SLACK = timedelta(hours=1)
_SLACK_SHARE = 10
_LEAST_SHARE = 4
"""By the calendar, no backup is due before a quarter of `every` has passed since the newest."""


def due_at(every: Duration, created: datetime, day_start: time, zone: tzinfo) -> datetime:
    """Return when a new backup is due in a series whose newest member was created at `created` (spec, section 3.1).

    An `every` of whole days counts days of the calendar, so neither a late run nor a change of the clocks skips a
    night. Any other `every` counts elapsed time, less the slack.
    """
    full = every.after(created, zone)
    if not every.is_in_days:
        return full - slack(created, full)
    try:
        day = every.on_calendar(day_of(created, day_start, zone))
        if every.months:
            # At two o'clock on 31 March, the day is still 30 March. A month after either is 30 April, and the backup at
            # two o'clock on 1 May would be the next: April, and every other short month, would have none.
            day = min(day, day_of(full, day_start, zone))
        return max(start_of(day, day_start, zone), created + (full - created) / _LEAST_SHARE)
    except (OverflowError, ValueError):
        return full  # the end of the calendar


def is_misdated(backup: Backup, now: datetime) -> bool:
    """Return whether a backup is dated so far in the future that it does not count (spec, section 1)."""
    return backup.created_at > now + MISDATED_BEYOND


def is_usable(backup: Backup, now: datetime) -> bool:
    """Return whether a backup can be restored and counts."""
    return backup.state is State.USABLE and not is_misdated(backup, now)


def too_young(backup: Backup, min_age: Duration | None, now: datetime, zone: ZoneInfo) -> TooYoung | None:
    """Return that a usable backup is younger than `min_age`; if it is just ahead of our clock, its age is zero."""
    if min_age is None or backup.state is not State.USABLE or min_age.after(min(backup.created_at, now), zone) <= now:
        return None
    return TooYoung(min_age=min_age)


@dataclass(frozen=True, kw_only=True, slots=True)
class TimeRules:
    """The rules about the time of a backup at the moment `now` (spec, section 1)."""

    desired: Desired
    now: datetime
    is_confirmed: bool = True
    """Whether the service has confirmed `now`, or the user has set it. Otherwise it depends on this machine's clock."""

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which months and `keep` count."""
        return self.desired.config.settings.timezone

    def moment(self, backup: Backup) -> datetime:
        """Return when a backup was created, at most `now`, because clocks differ a little."""
        return min(backup.created_at, self.now)

    def age(self, backup: Backup) -> timedelta:
        """Return how old a backup is, never less than zero."""
        return self.now - self.moment(backup)

    def state(self, backup: Backup) -> State:
        """Return the state of a backup at `now`: `MISDATED` or `STALLED` if it does not count because of its time."""
        if is_misdated(backup, self.now):
            return State.MISDATED
        if backup.state is not State.PENDING:
            return backup.state
        is_stalled = self.desired.config.settings.stalled_after.after(backup.created_at, self.zone) <= self.now
        return State.STALLED if is_stalled else State.PENDING

    def too_young(self, backup: Backup) -> TooYoung | None:
        """Return that a usable backup is younger than `min_age` of `[require]`, if it is."""
        return too_young(backup, self.desired.config.require.min_age, self.now, self.zone)

    def is_too_old(self, backup: Backup) -> bool:
        """Return whether `--max-age` needs a younger backup. There is no slack, because a person chose the age."""
        freshness = self.desired.freshness
        return freshness is not None and not freshness.is_met_by(self.moment(backup), self.zone)


@dataclass(frozen=True, slots=True)
class SeriesState:
    """The backups of one declared series, each group from the oldest to the newest, in the order of `_GROUPS`.

    Every backup is in one of the groups. The *members* (spec, section 3) are the usable, undersized, pending and
    unknown ones. A member without a readable creation time may be of any age, so it makes no create unnecessary.
    """

    backups: tuple[Backup, ...]
    usable: tuple[Backup, ...]
    undersized: tuple[Backup, ...]
    pending: tuple[Backup, ...]
    unknown: tuple[Backup, ...]
    failed: tuple[Backup, ...]
    stalled: tuple[Backup, ...]
    misdated: tuple[Backup, ...]
    _: KW_ONLY
    due_at: datetime | None
    """When a new backup becomes due (`due_at`); None without `every`, or if there is no member."""
    create: CreateReason | None
    """Why a backup should be created now; None if it should not."""
    is_unmet: bool
    """Whether the series lacks the young backup that `--max-age` requires, because of a pause."""
    needed: Backup | None
    """The newest member that is not undersized, if no usable backup is as young as `--max-age` requires."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerState:
    """One declared server at the moment of `times`: everything that the planner and its warnings need."""

    declared: DeclaredServer
    pause: Pause | None
    held: HeldBackups
    """All manual backups of the server, whatever the targets."""
    series: tuple[tuple[DeclaredSeries, SeriesState], ...]
    """The declared series that this run plans for."""
    undeclared: tuple[Backup, ...]
    """The undeclared backups that this run plans for, from the oldest to the newest."""
    unclear: frozenset[str | None]
    """The descriptions of the series in which nothing is deleted, because an odd backup may belong to them."""
    look_alikes: Mapping[str, LookAlike]
    """The look-alikes of the series that have no member, by description."""
    times: TimeRules


def server_state(server: DeclaredServer, inventory: Inventory, times: TimeRules) -> ServerState:
    """Derive the state of a server from what the account holds."""
    held = inventory.held_on(server.id)
    selects = times.desired.selects
    pause = pause_of(server, times.now, times.zone)
    states = tuple(
        (series, series_state(series, held.of(server.descriptions[series.description]), times, pause))
        for series in server.series
        if selects(server, series.description)
    )
    undeclared = server.undeclared(held)
    missing = [series.description for series, state in states if isinstance(state.create, Missing)]
    return ServerState(
        declared=server,
        pause=pause,
        held=held,
        series=states,
        undeclared=in_order(
            backup for description in undeclared if selects(server, description) for backup in held[description]
        ),
        unclear=_unclear(held),
        look_alikes=(
            look_alikes(missing, (each for each in undeclared if not server.ignores(each))) if missing else {}
        ),
        times=times,
    )


def _unclear(held: HeldBackups) -> frozenset[str | None]:
    """Return the descriptions of the series to which an unreadable backup may belong.

    A backup without a readable description may belong to any series; one without a readable time belongs to its own.
    """
    odd = [backup for backups in held.values() for backup in backups if backup.unreadable and not backup.is_identified]
    if any("description" in backup.unreadable for backup in odd):
        return frozenset(held)
    return frozenset(backup.description for backup in odd)


def series_state(
    series: DeclaredSeries, backups: tuple[Backup, ...], times: TimeRules, pause: Pause | None = None
) -> SeriesState:
    """Derive the state of a series from all its backups, sorted from the oldest to the newest.

    While a pause prevents new backups, the series is not due.
    """
    groups: dict[State, list[Backup]] = {state: [] for state in _GROUPS}
    newest = newest_sized = None
    for backup in backups:
        group = times.state(backup)
        groups[group].append(backup)
        if group in _MEMBERS and backup.is_identified:
            newest = backup
            if group is not State.UNDERSIZED:
                newest_sized = backup
    usable = groups[State.USABLE]
    settings = times.desired.config.settings
    due = None
    if series.every and newest:
        due = due_at(series.every, times.moment(newest), settings.day_start, settings.timezone)
    create: CreateReason | None = None
    if newest is None:
        create = Missing(has_others=len(backups) > len(groups[State.MISDATED]))
    elif series.every and due and due <= times.now:
        create = Due(age=times.age(newest), every=series.every)
    elif times.desired.freshness:  # an undersized backup does not meet it
        create = _too_old(newest_sized, times, times.desired.freshness)
    has_young = times.desired.freshness is None or (bool(usable) and not times.is_too_old(usable[-1]))
    needed = None if create or has_young else newest_sized
    is_paused = pause is not None and not pause.creates
    is_unmet = is_paused and create is not None and not has_young
    if pause and is_paused:
        due, create = due and max(due, pause.ends_at), None
    grouped = map(tuple, groups.values())
    return SeriesState(backups, *grouped, due_at=due, create=create, is_unmet=is_unmet, needed=needed)


_MEMBERS = (State.USABLE, State.UNDERSIZED, State.PENDING, State.UNKNOWN)
_GROUPS = (*_MEMBERS, State.FAILED, State.STALLED, State.MISDATED)


def overdue_since(series: DeclaredSeries, state: SeriesState, times: TimeRules) -> datetime | None:
    """Return when the newest *usable* backup became `every` old, if it is older than that plus the slack; else None."""
    if not series.every or not state.usable:
        return None
    created = times.moment(state.usable[-1])
    full = series.every.after(created, times.zone)
    # Subtracted from now, not added to a time that may be the end of the calendar.
    return full if times.now - slack(created, full) > full else None


def _too_old(newest: Backup | None, times: TimeRules, freshness: Freshness) -> CreateReason | None:
    """Return why `--max-age` needs a new backup; None if the newest is young enough."""
    if newest is None:
        return Missing(has_others=True)
    return TooOld(age=times.age(newest), max_age=freshness.max_age) if times.is_too_old(newest) else None


def slack(newest: datetime, due: datetime) -> timedelta:
    """Return how early or late a backup may be and still count as on time: a tenth of its interval, at most an hour.

    Otherwise, a nightly job that runs a minute early would skip a day (spec, section 3).
    """
    return min((due - newest) / _SLACK_SHARE, _MOST_SLACK)
