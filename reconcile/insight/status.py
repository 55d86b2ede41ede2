"""The health of every declared series, for `reconcile status`, by the planner's rules, the most urgent first."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from reconcile.actual.inventory import Backup, Inventory, Server, size_mb
from reconcile.addresses import SeriesAddress
from reconcile.desired.config import Config, DeclaredSeries, DeclaredServer
from reconcile.desired.desired import Desired
from reconcile.diagnostics import Diagnostic
from reconcile.ids import Id, id_order
from reconcile.insight.gaps import History, history
from reconcile.insight.required_rules import RequiredRule, rules
from reconcile.plan.pauses import Pause, pause_diagnostics, pause_of
from reconcile.plan.refusals import check_servers, empty_fleets, unconfirmed_clock, unprotected_servers
from reconcile.plan.require import breaches
from reconcile.plan.series_state import SeriesState, TimeRules, overdue_since, series_state
from reconcile.plan.warnings import odd_entries

if TYPE_CHECKING:
    from reconcile.insight.since import Since


class Problem(StrEnum):
    """Why a series needs attention, the most urgent first. The affected backups are in the `state` of the series."""

    EMPTY = "empty"
    """The series has no usable backup."""
    OVERDUE = "overdue"
    """The newest usable backup is older than `every` plus the slack."""
    FAILED = "failed"
    UNDERSIZED = "undersized"
    STALLED = "stalled"


@dataclass(frozen=True, kw_only=True, slots=True)
class SeriesStatus:
    """One declared series, its backups by state, and its problems."""

    address: SeriesAddress
    declared: DeclaredSeries
    state: SeriesState
    pause: Pause | None
    """The current pause of its server."""
    problems: tuple[Problem, ...]
    """Why the series needs attention, the most urgent first; empty if it is healthy."""
    overdue_since: datetime | None
    """When the newest *usable* backup became `every` old, if it is overdue; else None."""
    history: History
    """The missing restore points, which its policy would hold: a notice, not a problem."""

    @property
    def newest(self) -> Backup | None:
        """The newest usable backup."""
        return self.state.usable[-1] if self.state.usable else None

    @property
    def size_mb(self) -> float | None:
        """The size of the usable backups, in megabytes; None if it is not known."""
        return size_mb(self.state.usable)


@dataclass(frozen=True, kw_only=True, slots=True)
class Status:
    """The health of the account, for people and for monitoring."""

    desired: Desired
    inventory: Inventory
    """The account, its backups judged by their size."""
    checked_at: datetime
    series: tuple[SeriesStatus, ...]
    """The most urgent problem first, then in the order of the files."""
    unprotected: tuple[Server, ...] | None
    """The unprotected servers; None with targets, or if the token has no permission to list servers."""
    undeclared: tuple[Backup, ...]
    """The manual backups on any server that no series declares."""
    ignored: frozenset[Id]
    """The ids of those undeclared backups that `ignore` matches."""
    has_series: bool
    """Whether any series is declared: a file without series protects nothing."""
    errors: tuple[Diagnostic, ...]
    """Servers that do not match the account, broken rules of `[require]`, and what can't be checked."""
    empty_fleets: tuple[Diagnostic, ...]
    """A warning for each fleet that matches no server: a problem here, because its servers are unprotected."""
    warnings: tuple[Diagnostic, ...]
    """Warnings that are not problems."""
    rules: tuple[RequiredRule, ...]
    """The rules of `[require]`, and how many servers satisfy each."""
    since: "Since | None" = None
    """The changes since a record, if the user named one."""

    @property
    def config(self) -> Config:
        """The files."""
        return self.desired.config

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the files."""
        return self.config.settings.timezone

    @property
    def health(self) -> dict[str, tuple[Problem, ...]]:
        """The problems of each series, by its address."""
        return {str(series.address): series.problems for series in self.series}

    @property
    def unhealthy(self) -> tuple[SeriesStatus, ...]:
        """The series that need attention."""
        return tuple(series for series in self.series if series.problems)

    @property
    def is_healthy(self) -> bool:
        """Whether nothing needs attention; it decides the exit code of `status --check`."""
        everywhere = not (self.config.require.all_servers and self.unprotected)
        return self.has_series and everywhere and not self.errors and not self.empty_fleets and not self.unhealthy


def status(desired: Desired, inventory: Inventory, now: datetime) -> Status:
    """Return the health of every declared series; with targets, of the selected ones only."""
    inventory = desired.min_sizes.judged_inventory(inventory)
    checked, mismatches = check_servers(desired, inventory)
    times = TimeRules(desired=desired, now=now)
    series = [
        _series_status(server, declared, inventory, times)
        for server in checked
        for declared in server.series
        if desired.selects(server, declared.description)
    ]
    urgency = list(Problem)
    broken = breaches(desired.config, (*desired.servers, *desired.fleets))
    undeclared, ignored = _undeclared(desired, inventory) if desired.selected is None else ((), frozenset())
    diagnostics = (
        *pause_diagnostics(desired.config, now),
        *unconfirmed_clock(inventory),
        *mismatches,
        *(unprotected_servers(desired, inventory) if inventory.servers is None else ()),
        *broken.values(),
        *odd_entries(inventory),
    )
    return Status(
        desired=desired,
        inventory=inventory,
        checked_at=now,
        series=tuple(sorted(series, key=lambda each: min(map(urgency.index, each.problems), default=len(urgency)))),
        unprotected=desired.undeclared(inventory),
        undeclared=undeclared,
        ignored=ignored,
        has_series=any(
            desired.selects(server, declared.description) for server in desired.servers for declared in server.series
        )
        or any(fleet.series for fleet in desired.empty_fleets),
        errors=tuple(each for each in diagnostics if each.severity == "error"),
        empty_fleets=tuple(empty_fleets(desired, inventory)),
        warnings=tuple(each for each in diagnostics if each.severity == "warning"),
        rules=rules(desired, inventory, broken, now),
    )


def _series_status(
    server: DeclaredServer, declared: DeclaredSeries, inventory: Inventory, times: TimeRules
) -> SeriesStatus:
    held = inventory.held_on(server.id)
    pause = pause_of(server, times.now, times.zone)
    state = series_state(declared, held.of(server.descriptions[declared.description]), times, pause)
    is_paused = pause is not None and not pause.creates  # then the series is neither empty nor overdue
    overdue = None if is_paused else overdue_since(declared, state, times)
    found = {
        Problem.EMPTY: not state.usable and not is_paused,
        Problem.OVERDUE: overdue,
        Problem.FAILED: state.failed,
        Problem.UNDERSIZED: state.undersized,
        Problem.STALLED: state.stalled,
    }
    return SeriesStatus(
        address=SeriesAddress(server.key, declared.description),
        declared=declared,
        state=state,
        pause=pause,
        problems=tuple(problem for problem in Problem if found[problem]),
        overdue_since=overdue,
        history=history(server, declared, state, times),
    )


def _undeclared(desired: Desired, inventory: Inventory) -> tuple[tuple[Backup, ...], frozenset[Id]]:
    """Return the manual backups that no series declares, and the ids of those that `ignore` matches."""
    declared = {server.id: server for server in desired.servers}
    found = [
        backup
        for server_id, held in inventory.by_server.items()
        for description in (declared[server_id].undeclared(held) if server_id in declared else held)
        for backup in held[description]
    ]
    with_table = (each for each in found if each.server_id in declared)
    return (
        tuple(sorted(found, key=lambda backup: (backup.server_name, backup.created_at, id_order(backup.id)))),
        frozenset(each.id for each in with_table if declared[each.server_id].ignores(each.description)),
    )
