"""Forecasts what the declared policies will hold: applies the planner's rules in a loop, on a simulated account.

In that account, every create completes. It starts as the real account, or empty. The limit on loss does not apply,
because the forecast shows where the policies lead; its first plan shows what the user must allow.

A forecast can be compared, series by series, with that of the files before a change.
"""

from array import array
from bisect import bisect_left
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise, repeat, takewhile
from statistics import median
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from reconcile.actual.inventory import COMPLETED, Backup, Inventory, Server, State, in_order
from reconcile.addresses import FLEET, SeriesAddress
from reconcile.desired.config import Config, DeclaredSeries, DeclaredServer
from reconcile.desired.desired import Desired
from reconcile.desired.fleets import member
from reconcile.durations import Duration
from reconcile.ids import Id
from reconcile.insight.simulation import NOTHING, AlikeSeries, Progress, Step, simulate, steps_of
from reconcile.limits import LONGEST_ID
from reconcile.plan.model import Kept, Plan, ServerPlan
from reconcile.plan.planner import plan
from reconcile.plan.reasons import PrunedLater, TooYoung
from reconcile.plan.series_state import TimeRules

MOST_APPLIES = 100_000
"""Maximum number of simulated applies: time and memory are in proportion to it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """The simulated applies: the first at `start`, then one at each `every`, for less than `days`."""

    start: datetime
    days: int
    every: Duration

    def moments(self, zone: ZoneInfo) -> list[datetime]:
        """Return the time of each apply; raises ValueError if there are more than `MOST_APPLIES`.

        An `every` of whole days follows the calendar of `zone`: each apply is at the time of day of the first.
        """
        end = self.start + timedelta(days=self.days)
        before_end = takewhile(lambda moment: moment < end, self._from_start(zone))
        moments = list(islice(before_end, MOST_APPLIES + 1))
        if len(moments) > MOST_APPLIES:
            raise ValueError(f"more than {MOST_APPLIES:,} applies")
        return moments

    def _from_start(self, zone: ZoneInfo) -> Iterator[datetime]:
        moment, local = self.start, self.start.astimezone(zone).replace(tzinfo=None)
        with suppress(OverflowError, ValueError):  # the end of the calendar
            while True:
                yield moment
                previous = moment
                while moment == previous:  # skips a date that the zone leaves out
                    if self.every.is_in_days:
                        local = self.every.on_calendar(local)
                        moment = local.replace(tzinfo=zone).astimezone(UTC)
                    else:
                        moment = self.every.after(moment, zone)


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """The assumed size of each new backup of a series, and its source: a median, or the user's option."""

    megabytes: float | None
    source: Literal["series", "server", "option", "unknown"]


class Point(NamedTuple):
    """A backup during a forecast. `backup_id` is None if it does not exist today.

    `is_first` marks the usable backups at the start, except pinned ones, and the first new one (see `steady_at`).
    """

    backup_id: Id | None
    created_at: datetime
    size_mb: float | None
    is_usable: bool = True
    is_first: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """The figures of one series, or of several combined.

    `counts` and `megabytes` are the number of backups and their size, first as observed, then after each apply.
    """

    counts: Sequence[int]
    megabytes: Sequence[float]
    creates: int
    deletes: int
    oldest: datetime | None
    """The oldest restore point at the end."""
    longest_gap: timedelta | None
    """The longest time between neighbouring restore points of a series at the end; None if no series has two."""
    steady_at: datetime | None
    """From when on the held backups no longer depend on the start: on existing backups, or on the first new one.

    None if that is after the end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SeriesStart:
    """One declared series before its forecast; if `declared` is None, the undeclared backups of one server."""

    address: SeriesAddress
    declared: DeclaredSeries | None
    fleet: str | None
    size: Size
    held: tuple[Point, ...]
    """The backups at the start, from the oldest to the newest."""

    def after(self, steps: Iterable[Step], moments: Sequence[datetime]) -> "SeriesForecast":
        """Return the forecast of the series, given the effect of the apply at each moment."""
        held = list(self.held)
        megabytes = sum(each.size_mb or 0.0 for each in held)
        firsts = sum(each.is_first for each in held)
        counts, sizes = [len(held)], array("d", [megabytes])
        creates = deletes = 0
        changed_at, steady_at = moments[0], None
        for now, step in zip(moments, steps, strict=True):
            if step is not NOTHING:
                changed_at = now
                for gone in (held[place] for place in step.gone):
                    deletes += 1
                    megabytes -= gone.size_mb or 0.0
                    firsts -= gone.is_first
                new = Point(None, now, self.size.megabytes, is_first=not creates)
                step.apply(held, new)
                if step.new is not None:
                    creates += 1
                    megabytes += new.size_mb or 0.0
                    firsts += new.is_first
                if not firsts and steady_at is None:
                    steady_at = now
            counts.append(len(held))
            sizes.append(megabytes)
        left = (each for each in held if each.is_usable and each.created_at <= moments[-1])
        points = tuple(sorted(left, key=lambda each: each.created_at))
        created = [point.created_at for point in points] if self.declared else []  # undeclared backups are no history
        figures = Figures(
            counts=counts,
            megabytes=sizes,
            creates=creates,
            deletes=deletes,
            oldest=min(created, default=None),
            longest_gap=max((later - earlier for earlier, later in pairwise(created)), default=None),
            steady_at=steady_at if self.declared and self.declared.every else changed_at,
        )
        return SeriesForecast(
            address=self.address,
            declared=self.declared,
            fleet=self.fleet,
            size=self.size,
            held=self.held,
            points=points,
            figures=figures,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class SeriesForecast(SeriesStart):
    """The forecast of one series."""

    points: tuple[Point, ...]
    """The restore points at the end, from the oldest to the newest."""
    figures: Figures

    def untouched(self, moments: Sequence[datetime]) -> "SeriesForecast":
        """Return the forecast of the same backups if the series is no longer declared: each is kept."""
        kept = self.after(repeat(NOTHING, len(moments)), moments)
        return replace(kept, declared=None, fleet=None, figures=replace(kept.figures, steady_at=moments[0]))


@dataclass(frozen=True, kw_only=True, slots=True)
class SeriesChange:
    """A series whose forecasts differ, or that only one of the forecasts has."""

    address: SeriesAddress
    before: SeriesForecast | None
    after: SeriesForecast | None
    gone: tuple[Point, ...]
    """The restore points that exist at the end before the change, and that the change deletes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """What the account will hold; `first` is the plan of the first apply."""

    first: Plan
    schedule: Schedule
    moments: tuple[datetime, ...]
    """The time of each apply."""
    series: tuple[SeriesForecast, ...]
    fleets: Mapping[str, Figures]
    """The combined figures of each fleet's members, by its name."""
    total: Figures | None
    """None if nothing is declared and there are no backups."""
    before: "Forecast | None" = None
    """The forecast of the same applies for the files before a change, if the two are compared."""
    changes: tuple[SeriesChange, ...] = ()
    """The series in which the two differ."""

    @property
    def end(self) -> datetime:
        """The time of the last apply, after which the figures at the end are taken."""
        return self.moments[-1]

    @property
    def times(self) -> tuple[datetime, ...]:
        """The time of each entry in `counts` and `megabytes` of `Figures`."""
        return (self.schedule.start, *self.moments)

    @property
    def without_size(self) -> int:
        """Number of series whose new backups have no known size, and count as zero."""
        return sum(series.size.megabytes is None and series.figures.creates > 0 for series in self.series)


def without_account(config: Config, now: datetime) -> tuple[Config, Inventory]:
    """Return an account with the servers of the files and no backups, and the files for it.

    Only a real account shows which servers a fleet matches, so each fleet becomes a single server with its address, and
    an id that is too long for the file.
    """
    keys = {f"{FLEET}{fleet.name}": fleet for fleet in config.fleets}
    single = (member(fleet, Server(id=key.ljust(LONGEST_ID + 1), name=key), key) for key, fleet in keys.items())
    simulated = replace(config.of_any_account, servers=(*config.servers, *single), fleets=())
    servers = tuple(Server(id=server.id, name=server.name) for server in simulated.servers)
    return simulated, Inventory(base_url="", servers=servers, backups=(), observed_at=now, service_time=now)


def forecast(
    desired: Desired,
    inventory: Inventory,
    schedule: Schedule,
    *,
    size_mb: float | None = None,
    progress: Progress = lambda done, total: None,  # noqa: ARG005 - by default, progress is not shown
) -> Forecast:
    """Calculate what the account will hold; `size_mb` is the size to assume if neither series nor server has one.

    Raises:
        ValueError: the schedule has too many applies.
    """
    moments = schedule.moments(desired.config.settings.timezone)
    times = TimeRules(desired=desired, now=schedule.start)
    first = plan(desired, inventory, schedule.start)
    declared = {server.id: server for server in desired.servers}
    starts = [
        start
        for server in first.servers
        for start in _starts(server, declared[server.id], inventory.held_on(server.id), times, size_mb)
    ]
    simulated = simulate((alike for _, alike in starts), moments, times, progress)
    series = [start.after(steps_of(each), moments) for (start, _), each in zip(starts, simulated, strict=True)]
    series += [_undeclared(server, moments, times) for server in first.servers if server.pruned or server.unmanaged]
    members: dict[str, list[SeriesForecast]] = {}
    for each in series:
        if each.fleet is not None:
            members.setdefault(each.fleet, []).append(each)
    return Forecast(
        first=first,
        schedule=schedule,
        moments=tuple(moments),
        series=tuple(series),
        fleets={fleet: figures for fleet, found in members.items() if (figures := combined(found))},
        total=combined(series),
    )


def combined(series: Iterable[SeriesForecast]) -> Figures | None:
    """Return the combined figures of several series; None without series."""
    figures = [each.figures for each in series]
    if not figures:
        return None
    steady = [each.steady_at for each in figures]
    return Figures(
        counts=[sum(counts) for counts in zip(*(each.counts for each in figures), strict=True)],
        megabytes=array("d", map(sum, zip(*(each.megabytes for each in figures), strict=True))),
        creates=sum(each.creates for each in figures),
        deletes=sum(each.deletes for each in figures),
        oldest=min((each.oldest for each in figures if each.oldest), default=None),
        longest_gap=max((each.longest_gap for each in figures if each.longest_gap), default=None),
        steady_at=None if None in steady else max(moment for moment in steady if moment),
    )


def compare(before: Forecast, after: Forecast) -> Forecast:
    """Return the forecast after a change to the files, compared with the one before it.

    Another key for a server is no change.
    """
    declared = {server.id for server in after.first.servers}
    left = {server.key for server in before.first.servers if server.id not in declared}
    # On servers that are no longer in the files, nothing is created or deleted.
    untouched = (series.untouched(after.moments) for series in before.series if series.address.server in left)
    olds, news = _by_server(before, before.series), _by_server(after, after.series) | _by_server(before, untouched)
    series = tuple(news.values())
    kept = {None, *(point.backup_id for each in series for point in each.points)}
    changes = (
        _change((news.get(each) or olds[each]).address, olds.get(each), news.get(each), kept) for each in olds | news
    )
    return replace(after, series=series, total=combined(series), before=before, changes=tuple(filter(None, changes)))


def _starts(
    server: ServerPlan,
    declared: DeclaredServer,
    held: Mapping[str | None, tuple[Backup, ...]],
    times: TimeRules,
    size_mb: float | None,
) -> Iterator[tuple[SeriesStart, AlikeSeries]]:
    """Yield the planned series of a server, each with what the simulation compares with other series."""
    by_description = {series.description: series for series in declared.series}
    on_server = _median(backup for backups in held.values() for backup in backups)
    is_unclear = any("description" in backup.unreadable for backups in held.values() for backup in backups)
    for planned in server.series:
        series = by_description[planned.address.description or ""]
        observed = in_order(planned.backups)
        size = _size(_median(observed), on_server, size_mb)
        # A backup in progress will complete, with the size of the others.
        held_here = [
            replace(backup, status=COMPLETED, size_mb=size.megabytes)
            if times.state(backup) is State.PENDING
            else backup
            for backup in observed
        ]
        start = SeriesStart(
            address=planned.address,
            declared=series,
            fleet=server.fleet,
            size=size,
            held=tuple(_point(each, is_pinned=each.id in declared.pinned) for each in held_here),
        )
        yield start, AlikeSeries.of(series, held_here, declared.pinned, is_unclear=is_unclear)


def _point(backup: Backup, *, is_pinned: bool = True) -> Point:
    is_usable = backup.state is State.USABLE
    return Point(backup.id, backup.created_at, backup.size_mb, is_usable, is_first=is_usable and not is_pinned)


def _median(backups: Iterable[Backup]) -> float | None:
    sizes = [backup.size_mb for backup in backups if backup.state is State.USABLE and backup.size_mb is not None]
    return float(median(sizes)) if sizes else None


def _size(of_series: float | None, of_server: float | None, given: float | None) -> Size:
    if of_series is not None:
        return Size(megabytes=of_series, source="series")
    if of_server is not None:
        return Size(megabytes=of_server, source="server")
    return Size(megabytes=given, source="unknown" if given is None else "option")


def _pruned_at(entry: Kept, times: TimeRules) -> datetime | None:
    """Return from when on the planner prunes an undeclared backup; None if never, for example if it is misdated."""
    match entry.reason:
        case PrunedLater(at=at):
            return at
        case TooYoung(min_age=min_age):
            return min_age.after(entry.backup.created_at, times.zone)
        case _:
            return None


def _undeclared(server: ServerPlan, moments: Sequence[datetime], times: TimeRules) -> SeriesForecast:
    """Return the forecast for the undeclared backups of a server: each is kept until the planner prunes it."""
    pruned_by = {delete.backup.id: 0 for delete in server.pruned}
    pruned_by |= {
        entry.backup.id: bisect_left(moments, at) for entry in server.unmanaged if (at := _pruned_at(entry, times))
    }
    backups = in_order([*(delete.backup for delete in server.pruned), *(entry.backup for entry in server.unmanaged)])
    gone: list[list[int]] = [[] for _ in (*moments, None)]  # by apply; the last list is of those that stay
    for number, backup in enumerate(backups):
        gone[pruned_by.get(backup.id, -1)].append(number)
    start = SeriesStart(
        address=SeriesAddress(server.key, None),
        declared=None,
        fleet=server.fleet,
        size=Size(megabytes=None, source="unknown"),
        held=tuple(map(_point, backups)),
    )
    left = list(range(len(backups)))
    steps: list[Step] = []
    for numbers in gone[:-1]:
        step = Step(gone=tuple(bisect_left(left, each) for each in numbers), new=None) if numbers else NOTHING
        step.apply(left, -1)
        steps.append(step)
    return start.after(steps, moments)


def _by_server(forecast: Forecast, series: Iterable[SeriesForecast]) -> dict[tuple[Id, str | None], SeriesForecast]:
    """Return series by the id of their server, which is the same in both forecasts, and their description."""
    ids = {server.key: server.id for server in forecast.first.servers}
    return {(ids[each.address.server], each.address.description): each for each in series}


def _change(
    address: SeriesAddress, before: SeriesForecast | None, after: SeriesForecast | None, kept: Container[Id | None]
) -> SeriesChange | None:
    if before and after and (before.declared, before.figures) == (after.declared, after.figures):
        return None
    if after and after.declared:
        held = {(point.backup_id, point.created_at) for point in after.points}
        gone = [each for each in (before.points if before else ()) if (each.backup_id, each.created_at) not in held]
    else:
        # Only an existing backup can be lost. It may also still exist, undeclared or on an unprotected server.
        gone = [each for each in (before.points if before else ()) if each.backup_id not in kept]
    return SeriesChange(address=address, before=before, after=after, gone=tuple(gone))
