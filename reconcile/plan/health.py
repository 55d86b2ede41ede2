"""The health of every declared series, for `reconcile status`: pure, like the plan, and by the same rules."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum

from reconcile.actual.inventory import Backup, Inventory, Server, State
from reconcile.addresses import SeriesAddress, check_targets
from reconcile.desired.config import Config, DeclaredSeries, DeclaredServer, Keep
from reconcile.diagnostics import Diagnostic
from reconcile.ids import Id, id_order
from reconcile.plan.planner import is_misdated, is_stalled, slack
from reconcile.plan.refusals import check_servers
from reconcile.plan.wording import age, count


class Trouble(IntEnum):
    """What can be wrong with a series, the worst first."""

    OVERDUE = 1
    FAILED = 2
    STALLED = 3
    EMPTY = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class SeriesHealth:
    """How one declared series is; sizes in megabytes, times in UTC."""

    address: SeriesAddress
    newest: Backup | None
    """The newest usable one."""
    next_due: datetime | None
    usable: int
    keep: Keep
    size_mb: float
    failed: tuple[Backup, ...]
    stalled: tuple[Backup, ...]
    troubles: tuple[tuple[Trouble, str], ...]
    """Each kind of trouble once, the worst first, and what there is to say of it."""

    @property
    def is_healthy(self) -> bool:
        """Whether nothing is wrong."""
        return not self.troubles


@dataclass(frozen=True, kw_only=True, slots=True)
class Status:
    """Everything that a person, or a monitoring job, wants to know of the account."""

    base_url: str
    checked_at: datetime
    timezone: str
    series: tuple[SeriesHealth, ...]
    """Trouble on top, then by the order of the files."""
    unprotected: tuple[Server, ...]
    """The account's servers that no file declares; empty too where the token may not list servers."""
    undeclared: tuple[Backup, ...]
    """Manual backups that no series declares, on whatever server."""
    notes: tuple[Diagnostic, ...]

    @property
    def unhealthy(self) -> tuple[SeriesHealth, ...]:
        """The series with trouble."""
        return tuple(it for it in self.series if not it.is_healthy)


def status(config: Config, inventory: Inventory, now: datetime, targets: tuple[str, ...] = ()) -> Status:
    """Work out the health of every declared series; with `targets`, of those only, and of nothing else.

    Raises:
        UserError: a declared server is not the account's, or a target matches nothing.
    """
    notes = check_servers(list(config.servers), inventory)
    held: dict[tuple[Id, str | None], list[Backup]] = {}
    for backup in sorted(inventory.backups, key=lambda it: (it.created_at, id_order(it.id))):
        held.setdefault((backup.server_id, backup.description), []).append(backup)
    series = [
        _health(config, server, it, held.get((server.id, it.description), []), now)
        for server in config.servers
        for it in server.series
    ]
    if targets:
        check_targets(targets, [it.address for it in series])
        meant = [it for it in series if any(it.address.matches(target) for target in targets)]
        return _of(config, inventory, now, meant, notes)
    declared = {(server.id, it.description) for server in config.servers for it in server.series}
    protected = {server.id for server in config.servers if server.series}
    return replace(
        _of(config, inventory, now, series, notes),
        unprotected=tuple(it for it in inventory.servers or () if it.id not in protected),
        undeclared=tuple(
            sorted(
                (it for it in inventory.backups if (it.server_id, it.description) not in declared),
                key=lambda it: (it.server_name, it.created_at, id_order(it.id)),
            )
        ),
    )


def _of(
    config: Config, inventory: Inventory, now: datetime, series: list[SeriesHealth], notes: list[Diagnostic]
) -> Status:
    return Status(
        base_url=inventory.base_url,
        checked_at=now,
        timezone=str(config.timezone),
        series=tuple(sorted(series, key=lambda it: it.troubles[0][0] if it.troubles else max(Trouble) + 1)),
        unprotected=(),
        undeclared=(),
        notes=tuple(notes),
    )


def _health(
    config: Config, server: DeclaredServer, declared: DeclaredSeries, held: list[Backup], now: datetime
) -> SeriesHealth:
    members = [it for it in held if not is_misdated(it, now)]
    usable = [it for it in members if it.state is State.USABLE]
    newest = usable[-1] if usable else None
    stalled = [it for it in members if is_stalled(it, config, now)]
    failed = [it for it in members if it.state is State.FAILED]
    due = declared.every.after(newest.created_at, config.timezone) if newest and declared.every else None
    return SeriesHealth(
        address=SeriesAddress(server.key, declared.description),
        newest=newest,
        next_due=due,
        usable=len(usable),
        keep=declared.keep,
        size_mb=sum(it.size_mb or 0 for it in usable),
        failed=tuple(failed),
        stalled=tuple(stalled),
        troubles=(*_overdue(newest, due, now), *_kinds(usable, failed, stalled)),
    )


def _overdue(newest: Backup | None, due: datetime | None, now: datetime) -> Iterator[tuple[Trouble, str]]:
    # The run that makes the next one starts about when it is due, and takes its time: that is no trouble yet.
    if newest and due and now > due + slack(newest.created_at, due):
        yield Trouble.OVERDUE, f"newest usable is {age(now - newest.created_at)} old, due since {age(now - due)}"


def _kinds(usable: list[Backup], failed: list[Backup], stalled: list[Backup]) -> Iterator[tuple[Trouble, str]]:
    if failed:
        yield Trouble.FAILED, f"{count(len(failed), 'backup')} failed, the last is #{failed[-1].id}"
    if stalled:
        yield Trouble.STALLED, f"{count(len(stalled), 'backup')} stalled, the last is #{stalled[-1].id}"
    if not usable:
        yield Trouble.EMPTY, "no usable backup"
