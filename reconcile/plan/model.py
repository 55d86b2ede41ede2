"""The plan as data: ordered, frozen, serialisable; no closure and no client inside.

Every action says what to do and why; the backups beside it must still be the same when it is carried out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime

from reconcile.actual.inventory import Backup, State
from reconcile.addresses import BackupAddress, Descriptions, SeriesAddress
from reconcile.desired.min_sizes import MinSizes
from reconcile.diagnostics import Diagnostic
from reconcile.durations import Duration
from reconcile.ids import Id
from reconcile.plan.pauses import Pause
from reconcile.plan.reasons import CreateReason, DeleteReason, Exemption, KeepReason, Undeclared, Veto


@dataclass(frozen=True, kw_only=True, slots=True)
class Create:
    """Create one backup of the series."""

    verb: ClassVar[str] = "create"
    address: SeriesAddress
    server_id: Id
    server_name: str
    description: str
    reason: CreateReason


@dataclass(frozen=True, kw_only=True, slots=True)
class Delete:
    """Delete this backup, if the service still lists it unchanged."""

    verb: ClassVar[str] = "delete"
    address: BackupAddress
    backup: Backup
    reason: DeleteReason
    veto: Veto | None = None
    """`CLOCK_UNCONFIRMED` if it `depends_on_clock` and the service has not confirmed the clock of this machine."""

    @property
    def server_id(self) -> Id:
        """The server of the backup."""
        return self.backup.server_id

    @property
    def is_usable(self) -> bool:
        """Whether this deletes a usable backup."""
        return self.backup.state is State.USABLE

    def depends_on_clock(self, min_age: Duration | None) -> bool:
        """Return whether `prune = AGE` or `min_age` would have kept the backup at another time."""
        is_by_age = isinstance(self.reason, Undeclared) and self.reason.prune is not None
        return is_by_age or (self.is_usable and min_age is not None)


Action = Create | Delete
_IDLE = {Exemption.STALLED, Exemption.MISDATED, Exemption.NOT_READABLE}
Withheld = Mapping[BackupAddress, Veto]
"""The deletes that are planned but not carried out, and why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """A kept backup, and why it is kept."""

    series: SeriesAddress
    backup: Backup
    reason: KeepReason

    @property
    def address(self) -> BackupAddress:
        """The address of the backup, which most plans do not show."""
        return self.series.member(self.backup.id, self.backup.description)


@dataclass(frozen=True, kw_only=True, slots=True)
class SeriesPlan:
    """A declared series; its deletes depend on its create.

    `awaited` are the pending backups that apply waits for before it plans again: those whose completion would allow a
    delete, for example from an apply that was killed, and the `needed` one.
    """

    address: SeriesAddress
    create: Create | None
    deletes: tuple[Delete, ...]
    kept: tuple[Kept, ...]
    awaited: tuple[Backup, ...]
    descriptions: Descriptions
    """The descriptions of the backups that belong to the series."""
    needed: Backup | None = None
    """The newest backup, pending or of unknown status, if `--max-age` is met only once it has become usable."""
    due_at: AwareDatetime | None = None
    """When the next backup is due, counted from the existing ones; None without `every`, or without a member."""

    @property
    def backups(self) -> tuple[Backup, ...]:
        """All backups of the series, as observed."""
        return (*(delete.backup for delete in self.deletes), *(kept.backup for kept in self.kept))

    @property
    def ids(self) -> frozenset[Id]:
        """The ids of all backups of the series."""
        return frozenset(backup.id for backup in self.backups)

    @property
    def idle(self) -> frozenset[Id]:
        """The backups that make no create unnecessary: failed, stalled, misdated or without a readable time."""
        kept = (each.backup for each in self.kept if each.reason in _IDLE)
        failed = (backup for backup in self.backups if backup.state is State.FAILED)
        return frozenset(backup.id for backup in (*kept, *failed))

    @property
    def actions(self) -> tuple[Action, ...]:
        """The actions, in the order in which they are carried out."""
        return (*([self.create] if self.create else []), *self.deletes)


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerPlan:
    """A declared server: its series in the order of the file, then its undeclared backups.

    `declared` are the descriptions of each of its declared series, including series outside the targets: an undeclared
    backup is deleted only while each of these series has a usable backup (spec, section 4.2).
    """

    key: str
    name: str
    id: Id
    fleet: str | None
    """The fleet that matched the server, if the server has no table."""
    matched_fields: tuple[tuple[str, str | None], ...]
    """The fields by which the fleet matched the server: with other values, it may no longer be a member."""
    declared: tuple[Descriptions, ...]
    series: tuple[SeriesPlan, ...]
    pruned: tuple[Delete, ...]
    unmanaged: tuple[Kept, ...]
    """Its undeclared backups that are kept."""
    pause: Pause | None = None
    """The current pause: it withholds every delete on the server, and every create unless `creates` is set."""
    veto: Veto | None = None
    """Why every delete on the server is withheld, such as a pause or a broken rule; None without such a reason."""

    @property
    def actions(self) -> tuple[Action, ...]:
        """The actions, in the order in which they are carried out."""
        return (*(action for series in self.series for action in series.actions), *self.pruned)

    @property
    def deletes(self) -> tuple[Delete, ...]:
        """The deletes among the actions."""
        return (*(delete for series in self.series for delete in series.deletes), *self.pruned)

    @property
    def kept(self) -> tuple[Kept, ...]:
        """The kept backups of declared series."""
        return tuple(kept for series in self.series for kept in series.kept)

    @property
    def held(self) -> int:
        """Number of manual backups observed on the server."""
        return len(self.deletes) + len(self.kept) + len(self.unmanaged)


@dataclass(frozen=True, kw_only=True, slots=True)
class LossLimit:
    """The limit on loss: a share of the backups with data on `servers`, the declared servers."""

    max_shrink_percent: int
    servers: tuple[Id, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Loss:
    """How many backups a plan would lose (spec, section 6).

    `lost` is the number of backups with data deleted, less those created in the same series. `with_data` is the number
    of backups with data on the declared servers now, `usable` that of the usable ones among them, and `limit` how many
    may be lost (None: any number). `empties` is set if no usable one would be left.
    """

    lost: int
    with_data: int
    usable: int
    limit: int | None
    empties: bool

    def limit_for(self, allowed: int) -> int | None:
        """Return the limit of a run that allows a loss of `allowed` backups; None if it applies no limit."""
        return self.limit if self.lost > allowed else None

    def is_too_much(self, allowed: int) -> bool:
        """Return whether deletes are withheld in a run that allows a loss of `allowed` backups."""
        limit = self.limit_for(allowed)
        return limit is not None and (self.empties or self.lost > limit)

    def allowing(self, allowed: int) -> "Loss":
        """Return this loss with the limit of a run that allows a loss of `allowed` backups, if it allows any."""
        return replace(self, limit=self.limit_for(allowed)) if allowed else self


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """Every action that makes the account match the files, and every backup that is kept.

    `errors` are about servers that were left out, series that can't have a backup as young as `--max-age` requires, and
    broken rules of `[require]`; everything else is planned. `account` is the account named in the files.
    """

    base_url: str
    account: str | None
    planned_at: AwareDatetime
    zone: ZoneInfo
    targets: tuple[str, ...]
    fleets: tuple[str, ...]
    """The fleets in the order of the files; with targets, those that have a selected member."""
    servers: tuple[ServerPlan, ...]
    limit: LossLimit
    min_sizes: MinSizes
    loss: Loss
    errors: tuple[Diagnostic, ...]
    warnings: tuple[Diagnostic, ...]
    max_age: Duration | None = None
    """Maximum age of the newest usable backup of each series (`--max-age`)."""
    min_age: Duration | None = None
    """Minimum age at which a usable backup may be deleted (`min_age` of `[require]`)."""

    @property
    def actions(self) -> tuple[Action, ...]:
        """Every action, server by server."""
        return tuple(action for server in self.servers for action in server.actions)

    @property
    def members(self) -> Mapping[str, tuple[ServerPlan, ...]]:
        """The servers of each fleet."""
        grouped: dict[str, list[ServerPlan]] = {fleet: [] for fleet in self.fleets}
        for server in self.servers:
            if server.fleet is not None:
                grouped.setdefault(server.fleet, []).append(server)
        return {fleet: tuple(servers) for fleet, servers in grouped.items()}

    @property
    def creates(self) -> tuple[Create, ...]:
        """Every create."""
        return tuple(action for action in self.actions if isinstance(action, Create))

    @property
    def deletes(self) -> tuple[Delete, ...]:
        """Every delete, including the withheld ones."""
        return tuple(delete for server in self.servers for delete in server.deletes)

    @property
    def awaited(self) -> tuple[Backup, ...]:
        """Every pending backup that apply waits for."""
        return tuple(backup for server in self.servers for series in server.series for backup in series.awaited)

    @property
    def waiting_only_for_needed(self) -> "Plan":
        """This plan for a run that does not plan again, or deletes nothing that depends on a wait."""

        def waiting(series: SeriesPlan) -> SeriesPlan:
            return replace(series, awaited=tuple(backup for backup in series.awaited if backup == series.needed))

        servers = (replace(server, series=tuple(map(waiting, server.series))) for server in self.servers)
        return replace(self, servers=tuple(servers))

    @property
    def kept(self) -> tuple[Kept, ...]:
        """Every kept backup of a declared series."""
        return tuple(kept for server in self.servers for kept in server.kept)

    @property
    def unmanaged(self) -> tuple[Kept, ...]:
        """Every unmanaged backup."""
        return tuple(entry for server in self.servers for entry in server.unmanaged)

    @property
    def ignored(self) -> tuple[Kept, ...]:
        """The unmanaged backups that `ignore` matches."""
        return tuple(entry for entry in self.unmanaged if entry.reason is Exemption.IGNORED)
