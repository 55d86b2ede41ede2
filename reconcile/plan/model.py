"""The plan as data: ordered, frozen, serialisable; no closure and no client inside.

Every action says what to do and why; the backups beside it say what must still hold when it is carried out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from reconcile.actual.inventory import Backup, State
from reconcile.addresses import BackupAddress, Descriptions, SeriesAddress
from reconcile.desired.min_sizes import MinSizes
from reconcile.diagnostics import Diagnostic
from reconcile.durations import Duration
from reconcile.ids import Id
from reconcile.plan.pauses import Pause
from reconcile.plan.reasons import CreateReason, DeleteReason, Ignored, KeepReason, Stalled, Undeclared, UnmanagedReason


@dataclass(frozen=True, kw_only=True, slots=True)
class Create:
    """Create one backup of the series."""

    address: SeriesAddress
    server_id: Id
    server_name: str
    description: str
    reason: CreateReason
    descriptions: Descriptions
    """Those of the series: a backup that someone creates under a former one belongs to it too."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Delete:
    """Delete this backup, if the service still shows it as it is here."""

    address: BackupAddress
    backup: Backup
    reason: DeleteReason
    is_unconfirmed: bool = False
    """Whether it depends on this machine's clock (`rests_on_clock`), and the service has not confirmed that clock."""

    @property
    def is_loss(self) -> bool:
        """Whether this deletes a backup that could be restored."""
        return self.backup.state is State.USABLE

    def rests_on_clock(self, min_age: Duration | None) -> bool:
        """Return whether `prune = AGE` or `min_age` would have kept the backup at another time."""
        is_by_age = isinstance(self.reason, Undeclared) and self.reason.prune is not None
        return is_by_age or (self.is_loss and min_age is not None)


Action = Create | Delete


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """A backup of a declared series that stays, and why."""

    address: BackupAddress
    backup: Backup
    reason: KeepReason


@dataclass(frozen=True, kw_only=True, slots=True)
class Unmanaged:
    """An undeclared backup that stays, and why."""

    address: BackupAddress
    backup: Backup
    reason: UnmanagedReason


@dataclass(frozen=True, kw_only=True, slots=True)
class SeriesPlan:
    """A declared series; its deletes depend on its create.

    `awaited` are the pending backups whose completion would allow a delete, such as those begun by a run that was
    killed, and the one that is `needed`. Apply waits for them, and plans again.
    """

    address: SeriesAddress
    create: Create | None
    deletes: tuple[Delete, ...]
    kept: tuple[Kept, ...]
    awaited: tuple[Backup, ...]
    descriptions: Descriptions
    """Those of the backups that belong to the series."""
    needed: Backup | None = None
    """The newest backup, pending or of unknown status, if `--max-age` is met only once it has become usable."""
    due_at: datetime | None = None
    """When the next backup is due, counted from those that are there; None without `every`, or without a member."""

    @property
    def backups(self) -> tuple[Backup, ...]:
        """All backups of the series as they were observed."""
        return (*(delete.backup for delete in self.deletes), *(kept.backup for kept in self.kept))

    @property
    def actions(self) -> tuple[Action, ...]:
        """The actions, in the order in which they are carried out."""
        return (*([self.create] if self.create else []), *self.deletes)


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerPlan:
    """A declared server: its series in the order of the file, then its undeclared backups.

    `declared` are the descriptions of each of its declared series, including the series outside the targets: an
    undeclared backup is deleted only while each of them has a usable backup (spec, section 4.2).
    """

    key: str
    name: str
    id: Id
    fleet: str | None
    """The fleet that chose the server, if it has no table of its own."""
    looked_at: tuple[tuple[str, str | None], ...]
    """The fields by which the fleet chose it: with other values, it may not be a member any more."""
    is_barred: bool
    """Whether it breaks a rule of `[require]`: nothing on it is deleted until it does not."""
    declared: tuple[Descriptions, ...]
    series: tuple[SeriesPlan, ...]
    pruned: tuple[Delete, ...]
    unmanaged: tuple[Unmanaged, ...]
    pause: Pause | None = None
    """The pause that is on: nothing on the server is deleted, and unless it says so, nothing is created."""
    no_delete: bool = False
    """Whether this run withholds every delete (`apply --no-delete`)."""

    @property
    def is_agreed(self) -> bool:
        """Whether none of its deletes is carried out because the user asked for it."""
        return self.no_delete or self.pause is not None

    @property
    def deletes_nothing(self) -> bool:
        """Whether none of its deletes is carried out, whatever they are."""
        return self.is_barred or self.is_agreed

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
        """The backups of declared series that stay."""
        return tuple(kept for series in self.series for kept in series.kept)

    @property
    def held(self) -> int:
        """How many manual backups were observed on the server."""
        return len(self.deletes) + len(self.kept) + len(self.unmanaged)

    @property
    def stalled(self) -> frozenset[Id]:
        """The backups that have been pending for too long to wait for."""
        entries: tuple[Kept | Unmanaged, ...] = (*self.kept, *self.unmanaged)
        return frozenset(entry.backup.id for entry in entries if isinstance(entry.reason, Stalled))


@dataclass(frozen=True, kw_only=True, slots=True)
class LossLimit:
    """The limit on loss: a share of the usable backups on `servers`, the declared ones."""

    max_shrink_percent: int
    servers: tuple[Id, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Loss:
    """How much a plan would lose (spec, section 6).

    `lost` is the number of usable backups deleted, less those created in the same series; `usable` is what the declared
    servers hold now; `limit` is the number that may be lost (None: any). `empties` is set if nothing would be left.
    """

    lost: int
    usable: int
    limit: int | None
    empties: bool

    def is_limited(self, allowed: int) -> bool:
        """Return whether a limit applies: it is not switched off, and nobody has allowed a loss of this size."""
        return self.limit is not None and self.lost > allowed

    def is_too_much(self, allowed: int) -> bool:
        """Return whether deletes are withheld, given that a loss of `allowed` backups is allowed for this run."""
        return self.is_limited(allowed) and (self.empties or self.lost > (self.limit or 0))

    def allowing(self, allowed: int) -> "Loss":
        """Return this loss without a limit, if a loss of `allowed` backups is allowed and covers it."""
        return replace(self, limit=None) if allowed and self.lost <= allowed else self


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """Everything to do so that the account is as declared, and everything that stays.

    `errors` are about servers that were left out, about series that can't have a backup as young as `--max-age` asks
    for, and about what `[require]` demands; everything else is planned. `account` is the one that the files name.
    """

    base_url: str
    account: str | None
    planned_at: datetime
    timezone: str
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
    """How young a usable backup each series must have (`--max-age`)."""
    min_age: Duration | None = None
    """No usable backup that is younger is deleted (`min_age` of `[require]`)."""

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
    def barred(self) -> frozenset[BackupAddress]:
        """The deletes on servers that break a rule of `[require]`: none of them is carried out."""
        servers = (server for server in self.servers if server.is_barred)
        return frozenset(delete.address for server in servers for delete in server.deletes)

    @property
    def agreed(self) -> frozenset[BackupAddress]:
        """The deletes that are withheld because the user asked for it: the run is complete without them."""
        servers = (server for server in self.servers if server.is_agreed)
        return frozenset(delete.address for server in servers for delete in server.deletes)

    @property
    def unconfirmed(self) -> frozenset[BackupAddress]:
        """The deletes that depend on a clock that the service has not confirmed: none of them is carried out."""
        return frozenset(delete.address for delete in self.deletes if delete.is_unconfirmed)

    @property
    def awaited(self) -> tuple[Backup, ...]:
        """Every pending backup that apply waits for."""
        return tuple(backup for server in self.servers for series in server.series for backup in series.awaited)

    @property
    def kept(self) -> tuple[Kept, ...]:
        """Every backup of a declared series that stays."""
        return tuple(kept for server in self.servers for kept in server.kept)

    @property
    def unmanaged(self) -> tuple[Unmanaged, ...]:
        """Every undeclared backup that stays."""
        return tuple(entry for server in self.servers for entry in server.unmanaged)

    @property
    def ignored(self) -> tuple[Unmanaged, ...]:
        """Those of the unmanaged backups that belong to people."""
        return tuple(entry for entry in self.unmanaged if isinstance(entry.reason, Ignored))
