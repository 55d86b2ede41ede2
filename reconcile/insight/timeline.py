"""Arranges the restore points of each server by time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from reconcile.actual.inventory import MANUAL, Backup, Inventory, Server, State, in_order
from reconcile.desired.config import Config
from reconcile.desired.desired import resolve
from reconcile.ids import Id
from reconcile.insight.status import SeriesStatus, Status
from reconcile.insight.status import status as status_of
from reconcile.plan.series_state import is_usable

RECENT_DAYS = 30


class DayMark(StrEnum):
    """What a series has from one day."""

    HELD = "held"
    """A usable backup."""
    MISSED = "missed"
    """No backup, although one was due that the policy would hold by now."""
    THINNED = "thinned"
    """No backup, as intended: the policy no longer keeps it, or none was due."""
    BEFORE = "before"
    """No backup, because the series is younger."""


def recent_days(series: SeriesStatus, now: datetime, zone: ZoneInfo) -> tuple[tuple[date, DayMark], ...]:
    """Return the last `RECENT_DAYS` days in `zone`, today last."""
    held = {min(backup.created_at, now).astimezone(zone).date() for backup in series.state.usable}
    oldest = series.history.oldest.astimezone(zone).date() if series.history.oldest else date.max

    def mark(day: date) -> DayMark:
        if day in held:
            return DayMark.HELD
        if day in series.history.missed:
            return DayMark.MISSED
        return DayMark.THINNED if day > oldest else DayMark.BEFORE

    today = now.astimezone(zone).date()
    days = (today - timedelta(days=ago) for ago in reversed(range(RECENT_DAYS)))
    return tuple((day, mark(day)) for day in days)


class Interval(NamedTuple):
    """A time without a restore point: from one restore point to the next, or from the newest until now."""

    start: datetime
    end: datetime


class RowKind(StrEnum):
    """Where the backups of a row come from."""

    DECLARED = "declared"
    UNDECLARED = "undeclared"
    AUTOMATIC = "automatic"


@dataclass(frozen=True, kw_only=True, slots=True)
class TimelineRow:
    """The backups of one series, or all automatic backups of a server, from the oldest to the newest."""

    kind: RowKind
    description: str | None
    """The description of the series; None for automatic backups, and for backups without a description."""
    series: SeriesStatus | None
    """The status of a declared series."""
    backups: tuple[Backup, ...]
    points: tuple[Backup, ...]
    """The restore points among the backups."""
    longest_interval: Interval | None
    """The longest time between two restore points, or since the newest; None without restore points."""

    @property
    def failed(self) -> tuple[Backup, ...]:
        """The failed and undersized backups, which are not restore points."""
        return tuple(backup for backup in self.backups if backup.state in {State.FAILED, State.UNDERSIZED})


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerTimeline:
    """The restore points of one server, on one axis of time."""

    key: str
    """The key of a declared server; the name of an unprotected one."""
    server: Server
    rows: tuple[TimelineRow, ...]
    pinned: Mapping[Id, str]
    """The file that pins each pinned backup, by id."""

    @property
    def oldest(self) -> datetime | None:
        """When the oldest backup shown was created."""
        return min((each.created_at for row in self.rows for each in (*row.points, *row.failed)), default=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Timeline:
    """The restore points of every server, and the health of the account."""

    status: Status
    servers: tuple[ServerTimeline, ...]
    """The declared servers that this run covers, by key."""
    unprotected: tuple[ServerTimeline, ...]

    @property
    def every_server(self) -> tuple[ServerTimeline, ...]:
        """The declared and the unprotected servers."""
        return (*self.servers, *self.unprotected)


def timeline(status: Status) -> Timeline:
    """Arrange the backups of an account by server, including automatic ones if the inventory contains them."""
    now = status.checked_at
    automatic = (backup for backup in status.inventory.backups if backup.backup_type != MANUAL)
    others = _other_rows([*status.undeclared, *automatic], now)
    series: dict[str, list[TimelineRow]] = {}
    for found in status.series:
        row = _row(RowKind.DECLARED, found.address.description, found.state.backups, now, found)
        series.setdefault(found.address.server, []).append(row)
    by_key = {server.key: server for server in status.desired.servers}
    return Timeline(
        status=status,
        servers=tuple(
            ServerTimeline(
                key=key,
                server=Server(id=by_key[key].id, name=status.inventory.names.get(by_key[key].id, by_key[key].name)),
                rows=(*series.get(key, ()), *others.get(by_key[key].id, ())),
                pinned=dict.fromkeys(by_key[key].pinned, by_key[key].place.filename),
            )
            for key in sorted(by_key)
        ),
        unprotected=tuple(
            ServerTimeline(key=server.name, server=server, rows=tuple(others.get(server.id, ())), pinned={})
            for server in status.unprotected or ()
        ),
    )


def server_timeline(server: Server, config: Config, inventory: Inventory) -> Timeline:
    """Arrange the backups of one server, declared or not; does not check the account."""
    known = next((each for each in inventory.servers or () if each.id == server.id), server)
    held = tuple(backup for backup in inventory.backups if backup.server_id == server.id)
    alone = replace(inventory, servers=(known,), backups=held)
    found = timeline(status_of(resolve(config.of_any_account, alone), alone, inventory.observed_at))
    (one,) = (each for each in found.every_server if each.server.id == server.id)
    # If a server does not match the account, its series are not in the status; their backups can be restored anyway.
    arranged = {backup.id for row in one.rows for backup in row.backups}
    others = (backup for backup in found.status.inventory.backups if backup.id not in arranged)
    rest = _other_rows(others, inventory.observed_at).get(server.id, ())
    return replace(found, servers=(replace(one, server=server, rows=(*one.rows, *rest)),), unprotected=())


def _other_rows(backups: Iterable[Backup], now: datetime) -> dict[Id, list[TimelineRow]]:
    """Return the rows of undeclared and automatic backups, by server."""
    grouped: dict[tuple[Id, RowKind, str | None], list[Backup]] = {}
    for backup in backups:
        is_manual = backup.backup_type == MANUAL
        kind = RowKind.UNDECLARED if is_manual else RowKind.AUTOMATIC
        grouped.setdefault((backup.server_id, kind, backup.description if is_manual else None), []).append(backup)
    rows: dict[Id, list[TimelineRow]] = {}
    for (server_id, kind, description), group in grouped.items():
        rows.setdefault(server_id, []).append(_row(kind, description, in_order(group), now))
    return rows


def _row(
    kind: RowKind,
    description: str | None,
    backups: tuple[Backup, ...],
    now: datetime,
    series: SeriesStatus | None = None,
) -> TimelineRow:
    points = tuple(backup for backup in backups if is_usable(backup, now))
    moments = [*(min(point.created_at, now) for point in points), now]
    intervals = (Interval(*each) for each in pairwise(moments))
    return TimelineRow(
        kind=kind,
        description=description,
        series=series,
        backups=backups,
        points=points,
        longest_interval=max(intervals, key=lambda each: each.end - each.start, default=None),
    )
