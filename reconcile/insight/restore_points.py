"""Chooses the backup to restore. Refuses whatever is ambiguous, because a restore overwrites a disk."""

from dataclasses import dataclass
from datetime import datetime

from reconcile.actual.inventory import Backup, Inventory, Server, State, in_order
from reconcile.diagnostics import UserError

_MOST_SHOWN = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """The server, the backup to restore it from, and its other usable backups, the newest first."""

    server: Server
    backup: Backup
    others: tuple[Backup, ...]


def find_server(inventory: Inventory, wanted: str) -> Server:
    """Find a server by its id or its name in the account.

    Raises:
        UserError: there is none, or more than one.
    """
    servers = [Server(id=id_, name=name) for id_, name in inventory.names.items()]
    # An empty argument is an unset variable of a script, and must not find a server that has no name.
    found = [server for server in servers if wanted and wanted in {str(server.id), server.name}]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(repr(server.id) for server in found)
        raise UserError(f"{len(found)} servers match {wanted!r}", f"Use an id: {ids}.")
    known = ", ".join(sorted(f"{server.name!r} ({server.id})" for server in servers)) or "none"
    raise UserError(f"the account has no server {wanted!r}", f"Its servers: {known}.")


def confirmation(server: Server) -> str:
    """Return what a person types to confirm a restore: the server's name, or its id if it has no name."""
    return server.name or str(server.id)


def choose(
    server: Server, inventory: Inventory, *, backup_id: str | None, series: str | None, before: datetime
) -> Choice:
    """Choose a backup of the server, automatic ones included: by its id, or else the newest usable one of a series.

    The newest is the last that was made before `before`, so that a misdated one is never chosen.

    Raises:
        UserError: it is not there, not usable, or of another server; with what can be restored instead.
    """
    usable = in_order(
        backup for backup in inventory.backups if backup.server_id == server.id and backup.state is State.USABLE
    )[::-1]
    if backup_id is not None:
        backup = _by_id(server, inventory, backup_id, usable)
    else:
        backup = _newest(server, usable, series, before)
    return Choice(server=server, backup=backup, others=tuple(other for other in usable if other.id != backup.id))


def same(choice: Choice, inventory: Inventory) -> None:
    """Check that the chosen backup is still what was shown.

    Raises:
        UserError: it is gone, or has changed.
    """
    current = next((backup for backup in inventory.backups if backup.id == choice.backup.id), None)
    if current != choice.backup:
        raise UserError(
            f"backup #{choice.backup.id} is no longer what was shown, nothing was restored",
            "It has changed or been deleted. Run the command again.",
        )


def _by_id(server: Server, inventory: Inventory, backup_id: str, usable: tuple[Backup, ...]) -> Backup:
    found = [backup for backup in inventory.backups if str(backup.id) == backup_id]
    name = confirmation(server)
    if not found:
        raise UserError(f"there is no backup {backup_id} of {name}", _alternatives(usable))
    if len(found) > 1:
        raise UserError(f"{len(found)} backups have the id {backup_id}", "Restore it in the web panel.")
    (backup,) = found
    if backup.server_id != server.id:
        other = f"backup {backup_id} is a backup of {backup.server_name or backup.server_id}, not of {name}"
        raise UserError(other, _alternatives(usable))
    if backup.state is not State.USABLE:
        raise UserError(
            f"backup {backup_id} has the status {backup.status!r}, so it can't be restored", _alternatives(usable)
        )
    return backup


def _newest(server: Server, usable: tuple[Backup, ...], series: str | None, before: datetime) -> Backup:
    for backup in usable:
        if backup.description == series and backup.created_at < before:
            return backup
    when = f"{before:%Y-%m-%d %H:%M} UTC"
    raise UserError(f"{confirmation(server)} has no usable backup {series!r} made before {when}", _alternatives(usable))


def _alternatives(usable: tuple[Backup, ...]) -> str:
    if not usable:
        return "The server has no usable backup."
    shown = ", ".join(
        f"#{backup.id} ({backup.description!r}, {backup.created_at:%Y-%m-%d %H:%M} UTC)"
        for backup in usable[:_MOST_SHOWN]
    )
    more = f", and {len(usable) - _MOST_SHOWN} older ones" if len(usable) > _MOST_SHOWN else ""
    return f"Usable backups: {shown}{more}."
