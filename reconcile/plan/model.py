"""The plan as data: ordered, frozen, serialisable; no closure and no client inside.

Every entry says what is to be done, why, and, by the backups it carries, what must still hold when it is done.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from reconcile.actual.inventory import Backup, State
from reconcile.addresses import BackupAddress, SeriesAddress
from reconcile.diagnostics import Diagnostic
from reconcile.ids import Id


class Cause(StrEnum):
    """Why an action is there; the words beside it are for people and never branched on."""

    MISSING = "missing"
    DUE = "due"
    RETENTION = "retention"
    FAILED = "failed"
    UNDECLARED = "undeclared"


@dataclass(frozen=True, kw_only=True, slots=True)
class Create:
    """Make one backup of the series."""

    address: SeriesAddress
    server_id: Id
    server_name: str
    description: str
    cause: Cause
    words: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Delete:
    """Delete this backup, provided that the service still shows it as it is here."""

    address: BackupAddress
    backup: Backup
    cause: Cause
    words: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """A backup of a declared series that stays, and why."""

    address: BackupAddress
    backup: Backup
    words: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Unmanaged:
    """An undeclared backup that stays; `prune_at` is when it will be pruned, None for never."""

    address: BackupAddress
    backup: Backup
    words: str
    prune_at: datetime | None


Action = Create | Delete


@dataclass(frozen=True, kw_only=True, slots=True)
class SeriesPlan:
    """A declared series: its deletes hang on its create.

    `under_way` is the pending backups that, once completed, would let something be deleted: those that a run that was
    killed had begun, say. Apply waits for them, and plans again.
    """

    address: SeriesAddress
    create: Create | None
    deletes: tuple[Delete, ...]
    kept: tuple[Kept, ...]
    under_way: tuple[Backup, ...]

    @property
    def backups(self) -> tuple[Backup, ...]:
        """All backups of the series as they were observed."""
        return (*(it.backup for it in self.deletes), *(it.backup for it in self.kept))

    @property
    def actions(self) -> tuple[Action, ...]:
        """What is to be done, in the order in which it is done."""
        return (*([self.create] if self.create else []), *self.deletes)


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerPlan:
    """A declared server: its series in the order of the file, then its undeclared backups."""

    key: str
    name: str
    id: Id
    series: tuple[SeriesPlan, ...]
    pruned: tuple[Delete, ...]
    unmanaged: tuple[Unmanaged, ...]

    @property
    def actions(self) -> tuple[Action, ...]:
        """What is to be done, in the order in which it is done."""
        return (*(action for series in self.series for action in series.actions), *self.pruned)

    @property
    def kept(self) -> tuple[Kept, ...]:
        """The backups of declared series that stay."""
        return tuple(kept for series in self.series for kept in series.kept)


@dataclass(frozen=True, kw_only=True, slots=True)
class Loss:
    """What a plan takes away (spec, section 6), and whether that needs a person's word.

    `lost` is usable backups deleted less those created in the same series, `usable` what the declared servers hold
    now, `limit` the number that may go without asking (None: any). `empties` is set where nothing would be left.
    """

    lost: int
    usable: int
    limit: int | None
    empties: bool

    def refused(self, allowed: int) -> bool:
        """Tell whether apply must refuse, where a person allowed a loss of `allowed` backups."""
        if self.limit is None or self.lost <= allowed:
            return False
        return self.empties or self.lost > self.limit


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """All that is to be done so that the account is as declared, and all that stays."""

    base_url: str
    planned_at: datetime
    timezone: str
    targets: tuple[str, ...]
    servers: tuple[ServerPlan, ...]
    loss: Loss
    warnings: tuple[Diagnostic, ...]

    @property
    def actions(self) -> tuple[Action, ...]:
        """Every action, server by server."""
        return tuple(action for server in self.servers for action in server.actions)

    @property
    def creates(self) -> tuple[Create, ...]:
        """Every create."""
        return tuple(action for action in self.actions if isinstance(action, Create))

    @property
    def deletes(self) -> tuple[Delete, ...]:
        """Every delete."""
        return tuple(action for action in self.actions if isinstance(action, Delete))

    @property
    def under_way(self) -> tuple[Backup, ...]:
        """Every pending backup that is waited for."""
        return tuple(it for server in self.servers for series in server.series for it in series.under_way)

    @property
    def kept(self) -> tuple[Kept, ...]:
        """Every backup of a declared series that stays."""
        return tuple(kept for server in self.servers for kept in server.kept)

    @property
    def unmanaged(self) -> tuple[Unmanaged, ...]:
        """Every undeclared backup that stays."""
        return tuple(it for server in self.servers for it in server.unmanaged)


def usable(backups: tuple[Backup, ...]) -> tuple[Backup, ...]:
    """Return those that can be restored from."""
    return tuple(it for it in backups if it.state is State.USABLE)
