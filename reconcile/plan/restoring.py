"""Which backup a restore is about: pure, and refusing whatever is not plainly right."""

from dataclasses import dataclass
from datetime import datetime

from reconcile.actual.inventory import Backup, Inventory, Server, State
from reconcile.diagnostics import UserError
from reconcile.ids import id_order
from reconcile.plan.refusals import names_by_id
from reconcile.plan.wording import count


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """The server, the backup that it would be restored from, and what else it could be, the newest first."""

    server: Server
    backup: Backup
    others: tuple[Backup, ...]


def find_server(inventory: Inventory, wanted: str) -> Server:
    """Find a server by its id or its name in the account.

    Raises:
        UserError: there is none, or more than one.
    """
    names = names_by_id(inventory)
    found = [Server(id=id_, name=name) for id_, name in names.items() if wanted in {str(id_), name}]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(str(it.id) for it in found)
        raise UserError(f"{count(len(found), 'server')} are called {wanted!r}", f"Name one by its id: {ids}.")
    known = ", ".join(sorted(f"{name} ({id_})" for id_, name in names.items())) or "none"
    raise UserError(f"the account has no server {wanted!r}", f"It has: {known}.")


def choose(
    server: Server, backups: tuple[Backup, ...], *, backup_id: str | None, series: str | None, before: datetime
) -> Choice:
    """Choose among all backups of the server, automatic ones too: by its id, or the newest usable one of a series.

    The newest is the last that was made before `before`, so that a misdated one is never it.

    Raises:
        UserError: it is not there, not usable, or of another server; with what there is.
    """
    own = (it for it in backups if it.server_id == server.id and it.state is State.USABLE)
    usable = sorted(own, key=lambda it: (it.created_at, id_order(it.id)), reverse=True)
    if backup_id is not None:
        backup = _by_id(server, backups, backup_id, usable)
    else:
        backup = _newest(server, usable, series, before)
    return Choice(server=server, backup=backup, others=tuple(it for it in usable if it.id != backup.id))


def same(choice: Choice, backups: tuple[Backup, ...]) -> None:
    """Refuse if the chosen backup is no longer what was shown.

    Raises:
        UserError: it is gone, or has changed.
    """
    now = next((it for it in backups if it.id == choice.backup.id), None)
    if now != choice.backup:
        raise UserError(
            f"backup #{choice.backup.id} is no longer what was shown, nothing was restored",
            "It has changed or gone meanwhile; run the command again.",
        )


def _by_id(server: Server, backups: tuple[Backup, ...], backup_id: str, usable: list[Backup]) -> Backup:
    backup = next((it for it in backups if str(it.id) == backup_id), None)
    if backup is None:
        raise UserError(f"there is no backup {backup_id} of {server.name}", _what_there_is(usable))
    if backup.server_id != server.id:
        other = f"backup {backup_id} is of {backup.server_name}, and not of {server.name}"
        raise UserError(other, _what_there_is(usable))
    if backup.state is not State.USABLE:
        raise UserError(f"backup {backup_id} is {backup.status!r}, and can't be restored from", _what_there_is(usable))
    return backup


def _newest(server: Server, usable: list[Backup], series: str | None, before: datetime) -> Backup:
    for backup in usable:
        if backup.description == series and backup.created_at < before:
            return backup
    when = f"{before:%Y-%m-%d %H:%M} UTC"
    raise UserError(f"{server.name} has no usable backup {series!r} made before {when}", _what_there_is(usable))


def _what_there_is(usable: list[Backup]) -> str:
    if not usable:
        return "The server has no usable backup at all."
    shown = ", ".join(f"#{it.id} ({it.description!r}, {it.created_at:%Y-%m-%d %H:%M} UTC)" for it in usable[:10])
    return f"There is: {shown}{', …' if len(usable) > 10 else ''}."  # noqa: PLR2004 - as many as are shown
