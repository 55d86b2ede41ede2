"""Finds servers in the account by name or id, and lists their backups."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from reconcile.actual.inventory import Backup, Inventory, Server, in_order
from reconcile.diagnostics import UserError, did_you_mean
from reconcile.ids import Id, id_order
from reconcile.wording import names_text

_MOST_NAMED = 10
"""Maximum number of servers that one message names."""


def by_name(names: Mapping[Id, str]) -> dict[Id, str]:
    """Return the servers sorted by name, and servers of the same name by id."""
    return dict(sorted(names.items(), key=lambda server: (server[1], id_order(server[0]))))


def matching(names: Mapping[Id, str], wanted: str) -> list[Server]:
    """Return the servers with this id or this name, by id.

    An empty text, probably an unset variable in a script, matches no server, not even one without a name.
    """
    found = [id_ for id_, name in names.items() if wanted and wanted in {str(id_), name}]
    return [Server(id=id_, name=names[id_]) for id_ in sorted(found, key=id_order)]


def find_servers(names: Mapping[Id, str], wanted: str) -> list[Server]:
    """Find the servers with this id or this name in the account; raises UserError if there is none."""
    if found := matching(names, wanted):
        return found
    known = sorted(f"{name!r} ({id_})" for id_, name in names.items())
    advice = f"Its servers: {names_text(known, _MOST_NAMED, ' (reconcile list names all)') or 'none'}."
    known_as = chain(names.values(), map(str, names))
    raise UserError(f"the account has no server {wanted!r}", did_you_mean(wanted, known_as, advice))


def find_server(names: Mapping[Id, str], wanted: str) -> Server:
    """Find a server by its id or its name in the account; raises UserError if there is none, or more than one."""
    found = find_servers(names, wanted)
    if len(found) > 1:
        ids = ", ".join(repr(server.id) for server in found)
        raise UserError(f"{len(found)} servers match {wanted!r}", f"Use an id: {ids}.")
    return found[0]


def name_or_id(server: Server) -> str:
    """Return how a user names a server: by its name, or by its id if it has no name."""
    return server.name or str(server.id)


@dataclass(frozen=True, kw_only=True, slots=True)
class BackupList:
    """The backups of some servers, or of all; only those of `backup_type`, unless that is None."""

    base_url: str
    observed_at: datetime
    backup_type: str | None
    servers: Mapping[Server, tuple[Backup, ...]]
    """The backups of each server, the newest first."""

    @property
    def backups(self) -> tuple[Backup, ...]:
        """All listed backups, server by server."""
        return tuple(backup for backups in self.servers.values() for backup in backups)


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
        servers={Server(id=id_, name=names[id_]): in_order(backups)[::-1] for id_, backups in grouped.items()},
    )
