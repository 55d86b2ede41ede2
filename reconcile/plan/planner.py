"""The plan (spec, section 3): what the file declares against what the account holds, at one moment."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from reconcile.actual.inventory import COMPLETED, Backup, Inventory, State
from reconcile.addresses import BackupAddress, SeriesAddress, check_targets
from reconcile.desired.config import Config, DeclaredSeries, DeclaredServer
from reconcile.diagnostics import Diagnostic
from reconcile.durations import Duration
from reconcile.ids import Id, id_order
from reconcile.plan.model import Cause, Create, Delete, Kept, Plan, SeriesPlan, ServerPlan, Unmanaged
from reconcile.plan.refusals import check_servers
from reconcile.plan.retention import retain
from reconcile.plan.safety import measure
from reconcile.plan.wording import age, time

MISDATED_BEYOND = timedelta(minutes=10)
_MOST_SLACK = timedelta(hours=1)
WORTH_WAITING = timedelta(hours=1)
"""A backup that has been under way for longer is not waited for: stuck, it would hold up every run until it stalls."""

_SLACK_SHARE = 10


def plan(config: Config, inventory: Inventory, now: datetime, targets: tuple[str, ...] = ()) -> Plan:
    """Work out what to create and what to delete so that the account is as declared.

    The order in which the service lists things has no influence. With `targets` (globs on addresses), all else is
    left out, as if it were neither declared nor there.

    Raises:
        UserError: a declared server is not the account's, or a target matches nothing.
    """
    by_server: dict[Id, list[Backup]] = {}
    for backup in sorted(inventory.backups, key=lambda it: (it.created_at, id_order(it.id))):
        by_server.setdefault(backup.server_id, []).append(backup)
    desks = [_Desk(config, server, by_server.get(server.id, []), now) for server in config.servers]
    check_targets(targets, [address for desk in desks for address in desk.addresses])
    chosen = [desk for desk in desks if any(desk.is_meant(address, targets) for address in desk.addresses)]
    notes = check_servers([desk.server for desk in chosen], inventory)
    servers = tuple(desk.plan(targets) for desk in chosen)
    return Plan(
        base_url=inventory.base_url,
        planned_at=now,
        timezone=str(config.timezone),
        targets=targets,
        servers=servers,
        loss=measure(servers, config.max_shrink_percent),
        warnings=(*notes, *(warning for desk in chosen for warning in desk.warnings(targets))),
    )


def next_due(newest: datetime, every: Duration, zone: ZoneInfo) -> datetime:
    """Return when a series is due again: a tenth of `every` early, and at most an hour.

    A nightly job that runs a minute early would otherwise skip a day.
    """
    full = every.after(newest, zone)
    return full - slack(newest, full)


def slack(newest: datetime, due: datetime) -> timedelta:
    """Return how far from its time a backup may be made without being early or late: a tenth, at most an hour."""
    return min((due - newest) / _SLACK_SHARE, _MOST_SLACK)


def is_misdated(backup: Backup, now: datetime) -> bool:
    """Tell whether a backup is dated so far in the future that it counts for nothing (spec, section 1)."""
    return backup.created_at > now + MISDATED_BEYOND


def is_stalled(backup: Backup, config: Config, now: datetime) -> bool:
    """Tell whether a backup has been pending for so long that it no longer counts (spec, section 1)."""
    if backup.state is not State.PENDING:
        return False
    return config.stalled_after.after(backup.created_at, config.timezone) <= now


@dataclass(frozen=True, slots=True)
class _Desk:
    """One declared server, all its manual backups from the oldest to the newest, and the time."""

    config: Config
    server: DeclaredServer
    backups: list[Backup]
    now: datetime

    @property
    def addresses(self) -> list[SeriesAddress]:
        """Every series of the server, declared or not; a server with neither still has an address."""
        descriptions = dict.fromkeys([*self._declared, *(it.description for it in self.backups)])
        return [SeriesAddress(self.server.key, description) for description in descriptions or [None]]

    @property
    def _declared(self) -> list[str | None]:
        return [it.description for it in self.server.series]

    def is_meant(self, address: SeriesAddress, targets: tuple[str, ...]) -> bool:
        return not targets or any(address.matches(target) for target in targets)

    def plan(self, targets: tuple[str, ...]) -> ServerPlan:
        declared = [it for it in self.server.series if self.is_meant(self._series_address(it.description), targets)]
        descriptions = set(self._declared)
        others = [
            self._undeclared(it)
            for it in self.backups
            if it.description not in descriptions and self.is_meant(self._series_address(it.description), targets)
        ]
        return ServerPlan(
            key=self.server.key,
            name=self.server.name,
            id=self.server.id,
            series=tuple(self._series(it) for it in declared),
            pruned=tuple(it for it in others if isinstance(it, Delete)),
            unmanaged=tuple(it for it in others if isinstance(it, Unmanaged)),
        )

    def warnings(self, targets: tuple[str, ...]) -> Iterable[Diagnostic]:
        held = {it.id for it in self.backups}
        for pin in self.server.pinned:
            if pin not in held:
                yield self._warning(
                    f"pinned backup {pin!r} is not there",
                    f"Server {self.server.name!r} has no manual backup with this id; take it out of pinned.",
                    self.server.key,
                )
        for backup in self.backups:
            address = self._address(backup)
            if not self.is_meant(address.series, targets):
                continue
            if self._is_misdated(backup):
                ahead = age(backup.created_at - self.now)
                yield self._warning(
                    f"it is dated {ahead} in the future",
                    "It counts for nothing and is never deleted; look at it in the web panel.",
                    str(address),
                )
            elif self._is_stalled(backup):
                yield self._warning(
                    f"it has been in progress for {age(self._age(backup))} and counts as stalled",
                    "It no longer counts, and is never deleted; look at it in the web panel.",
                    str(address),
                )
            elif backup.state is State.UNKNOWN and backup.description in self._declared:
                yield self._warning(
                    f"reconcile does not know the status {backup.status!r}",
                    "Nothing of this series is deleted while it is there.",
                    str(address),
                )

    def _warning(self, summary: str, detail: str, address: str) -> Diagnostic:
        return Diagnostic(severity="warning", summary=summary, detail=detail, address=address)

    def _series_address(self, description: str | None) -> SeriesAddress:
        return SeriesAddress(self.server.key, description)

    def _address(self, backup: Backup) -> BackupAddress:
        return BackupAddress(self._series_address(backup.description), backup.id)

    def _is_misdated(self, backup: Backup) -> bool:
        return is_misdated(backup, self.now)

    def _is_stalled(self, backup: Backup) -> bool:
        return is_stalled(backup, self.config, self.now)

    def _moment(self, backup: Backup) -> datetime:
        """Return when it was made; clocks differ a little, and what is just ahead of ours is of age zero."""
        return min(backup.created_at, self.now)

    def _age(self, backup: Backup) -> timedelta:
        return self.now - self._moment(backup)

    def _series(self, declared: DeclaredSeries) -> SeriesPlan:
        address = self._series_address(declared.description)
        backups = [it for it in self.backups if it.description == declared.description]
        dated = [it for it in backups if not self._is_misdated(it)]
        create = self._create(address, declared, dated)
        stays = self._stays(declared, dated, coming=create is not None)
        unsure = any(it.state is State.UNKNOWN for it in dated)
        entries = [self._verdict(it, declared, stays, unsure=unsure) for it in backups]
        deletes = tuple(it for it in entries if isinstance(it, Delete))
        return SeriesPlan(
            address=address,
            create=create,
            deletes=deletes,
            kept=tuple(it for it in entries if isinstance(it, Kept)),
            under_way=self._under_way(declared, dated, than=len(deletes)),
        )

    def _under_way(self, declared: DeclaredSeries, dated: list[Backup], *, than: int) -> tuple[Backup, ...]:
        """Return the pending backups worth waiting for if there would be more deletes `than` now, once completed."""
        pending = [it for it in dated if it.state is State.PENDING and self._age(it) < WORTH_WAITING]
        if not pending:
            return ()
        imagined = [replace(it, status=COMPLETED) if it in pending else it for it in self.backups]
        completed = replace(self, backups=imagined)._series(declared)  # noqa: SLF001 - this very method, on what if
        return tuple(pending) if len(completed.deletes) > than else ()

    def _create(self, address: SeriesAddress, declared: DeclaredSeries, dated: list[Backup]) -> Create | None:
        members = [it for it in dated if it.state is not State.FAILED and not self._is_stalled(it)]
        if not members:
            cause, words = Cause.MISSING, "none exists" if not dated else "none is usable or on its way"
        elif declared.every and self._is_due(members[-1], declared.every):
            cause, words = (
                Cause.DUE,
                f"newest is {age(self._age(members[-1]))} old, due every {declared.every}",
            )
        else:
            return None
        return Create(
            address=address,
            server_id=self.server.id,
            server_name=self.server.name,
            description=declared.description,
            cause=cause,
            words=words,
        )

    def _is_due(self, newest: Backup, every: Duration) -> bool:
        return next_due(self._moment(newest), every, self.config.timezone) <= self.now

    def _stays(self, declared: DeclaredSeries, dated: list[Backup], *, coming: bool) -> dict[Id, str]:
        """Say why each backup stays that retention keeps, the one to be created counted as made now."""
        usable = [it for it in reversed(dated) if it.state is State.USABLE]
        times = [*([self.now] if coming else []), *(self._moment(it) for it in usable)]
        reasons = retain(times, declared.keep, self.config.timezone)[len(times) - len(usable) :]
        return {it.id: ", ".join(why) for it, why in zip(usable, reasons, strict=True) if why}

    def _verdict(
        self, backup: Backup, declared: DeclaredSeries, stays: dict[Id, str], *, unsure: bool
    ) -> Kept | Delete:
        if why := self._untouchable(backup) or stays.get(backup.id):
            return self._kept(backup, why)
        if unsure:
            return self._kept(backup, "the series has a backup of unknown status")
        if backup.state is State.FAILED:
            cause, words = Cause.FAILED, f"its status is {backup.status!r}"
        else:
            cause, words = Cause.RETENTION, "not kept by " + ", ".join(str(rule) for rule in declared.keep)
        return Delete(address=self._address(backup), backup=backup, cause=cause, words=words)

    def _kept(self, backup: Backup, words: str) -> Kept:
        return Kept(address=self._address(backup), backup=backup, words=words)

    def _untouchable(self, backup: Backup) -> str | None:
        """Say why a backup is never deleted, whatever else is said; None for one that may be."""
        if self._is_misdated(backup):
            return f"dated in the future: {time(backup.created_at, self.config.timezone)}"
        if backup.id in self.server.pinned:
            return "pinned"
        if self._is_stalled(backup):
            return f"stalled: {backup.status} for {age(self._age(backup))}"
        if backup.state is State.PENDING:
            return f"{backup.status} for {age(self._age(backup))}"
        if backup.state is State.UNKNOWN:
            return f"unknown status {backup.status!r}"
        return None

    def _undeclared(self, backup: Backup) -> Delete | Unmanaged:
        address = self._address(backup)
        prune = self.server.prune
        if why := self._untouchable(backup):
            return Unmanaged(address=address, backup=backup, words=f"never pruned: {why}", prune_at=None)
        if prune is False:
            return Unmanaged(address=address, backup=backup, words="never pruned: prune = false", prune_at=None)
        if prune is True:
            return Delete(address=address, backup=backup, cause=Cause.UNDECLARED, words="prune = true")
        prune_at = prune.after(self._moment(backup), self.config.timezone)
        if prune_at <= self.now:
            words = f"{age(self._age(backup))} old, pruned after {prune}"
            return Delete(address=address, backup=backup, cause=Cause.UNDECLARED, words=words)
        when = f"pruned after {prune}, at {time(prune_at, self.config.timezone)}"
        return Unmanaged(address=address, backup=backup, words=when, prune_at=prune_at)
