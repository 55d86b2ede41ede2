"""Lists every backup in the account by server, the newest first, for `reconcile list`."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from reconcile.actual.inventory import Backup, Inventory, Server, in_order
from reconcile.ids import Id
from reconcile.insight.servers import by_name


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerBackups:
    """The backups of one server, the newest first."""

    server: Server
    backups: tuple[Backup, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class BackupList:
    """The backups of some servers, or of all; only those of `backup_type`, unless that is None."""

    base_url: str
    observed_at: datetime
    backup_type: str | None
    servers: tuple[ServerBackups, ...]

    @property
    def backups(self) -> tuple[Backup, ...]:
        """All listed backups, server by server."""
        return tuple(backup for server in self.servers for backup in server.backups)


def known_names(inventory: Inventory) -> dict[Id, str]:
    """Return the name of every server, in order, including servers that no longer exist but still have backups."""
    return by_name({backup.server_id: backup.server_name for backup in inventory.backups} | dict(inventory.names))


def list_backups(inventory: Inventory, only: Collection[Id] = (), *, backup_type: str | None = None) -> BackupList:
    """List the backups of the servers `only`, or of all; servers by name, then by id."""
    names = known_names(inventory)
    grouped: dict[Id, list[Backup]] = {id_: [] for id_ in names if not only or id_ in only}
    for backup in inventory.backups:
        if backup.server_id in grouped and backup_type in {None, backup.backup_type}:
            grouped[backup.server_id].append(backup)
    return BackupList(
        base_url=inventory.base_url,
        observed_at=inventory.observed_at,
        backup_type=backup_type,
        servers=tuple(
            ServerBackups(server=Server(id=id_, name=names[id_]), backups=in_order(grouped[id_])[::-1])
            for id_ in grouped
        ),
    )
