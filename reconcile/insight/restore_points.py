"""Chooses the backup to restore. Refuses an ambiguous choice, because a restore overwrites a disk."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconcile.actual.inventory import MANUAL, Backup, Inventory, OddEntry, Server, State, in_order
from reconcile.addresses import Descriptions
from reconcile.desired.config import Config
from reconcile.desired.desired import declared_servers
from reconcile.diagnostics import UserError, did_you_mean
from reconcile.ids import Id
from reconcile.insight.servers import by_name, name_or_id
from reconcile.insight.status import Status
from reconcile.plan.series_state import is_usable
from reconcile.wording import size_text

AGES = (timedelta(0), timedelta(days=1), timedelta(days=7))
"""How far back a restore may have to go, because the newest backups may contain the damage too."""

_HOW_TO_CHOOSE = "Choose a completed one with --backup ID, or the newest of a series with --series DESCRIPTION."


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """The server, the backup to restore, and the server's other backups, the newest first."""

    server: Server
    backup: Backup
    others: tuple[Backup, ...]
    """The other usable backups."""
    in_progress: tuple[Backup, ...]
    observed_at: datetime


def restore_points(status: Status) -> dict[Server, dict[timedelta, Backup | None]]:
    """Return for each of `AGES` the newest usable backup of a server that is at least as old, automatic ones included.

    Covers each server in the account, with its name there; with targets, the selected servers. A name in the files may
    be that of another server, whose disk a restore would overwrite.
    """
    now, selected = status.checked_at, status.desired.selected
    usable: dict[Id, list[Backup]] = {}
    for backup in in_order(status.inventory.backups)[::-1]:
        if is_usable(backup, now):
            usable.setdefault(backup.server_id, []).append(backup)
    return {
        Server(id=id_, name=name): {
            age: next((each for each in usable.get(id_, ()) if min(each.created_at, now) <= now - age), None)
            for age in AGES
        }
        for id_, name in by_name(status.inventory.names).items()
        if selected is None or id_ in selected
    }


def series_of(server: Server, description: str, config: Config, inventory: Inventory) -> Descriptions:
    """Return the descriptions of a series, including former ones if `config` declares it."""
    tables = (table for table in declared_servers(config, inventory) if table.id == server.id)
    named = (table.descriptions[description] for table in tables if description in table.descriptions)
    return next(named, Descriptions(description))


def choose(
    server: Server,
    inventory: Inventory,
    *,
    backup_id: str | None,
    series: Descriptions | None,
    before: datetime | None,
) -> Choice:
    """Choose a backup of the server, including automatic ones: by its id, or else the newest usable one of a series.

    The backups in the inventory have their state UNDERSIZED already. The newest is the last one created before
    `before`, if that is not None. It is never a misdated one, but may be dated just ahead of our clock.

    Raises:
        UserError: no backup was named, or it does not exist, is not usable, or belongs to another server.
    """
    held = in_order(backup for backup in inventory.backups if backup.server_id == server.id)[::-1]
    usable = tuple(backup for backup in held if is_usable(backup, inventory.observed_at))
    backup = _newest(server, usable, series, before) if series else _by_id(server, inventory, backup_id)
    return Choice(
        server=server,
        backup=backup,
        others=tuple(other for other in usable if other.id != backup.id),
        in_progress=tuple(other for other in held if other.state is State.PENDING),
        observed_at=inventory.observed_at,
    )


def safety_description(now: datetime) -> str:
    """Return the description of a safety backup, created before a restore."""
    return f"before restore {now:%Y-%m-%d %H:%M:%S} UTC"


def same(choice: Choice, listed: Collection[Backup | OddEntry]) -> None:
    """Check that the chosen backup is still as shown; raises UserError if it is gone or has changed."""
    if choice.backup not in listed:
        raise UserError(
            f"backup #{choice.backup.id} is no longer what was shown; nothing was restored",
            "It has changed or been deleted. Run the command again.",
        )


def _by_id(server: Server, inventory: Inventory, backup_id: str | None) -> Backup:
    if backup_id is None:
        raise UserError(f"no backup of {name_or_id(server)} was chosen; nothing was restored", _HOW_TO_CHOOSE)
    found = [backup for backup in inventory.backups if str(backup.id) == backup_id]
    name = name_or_id(server)
    if not found:
        raise UserError(f"there is no backup {backup_id} of {name}", _HOW_TO_CHOOSE)
    if len(found) > 1:
        raise UserError(f"{len(found)} backups have the id {backup_id}", "Restore it in the web panel.")
    (backup,) = found
    if backup.server_id != server.id:
        other = f"backup {backup_id} is a backup of {backup.server_name or backup.server_id}, not of {name}"
        raise UserError(other, _HOW_TO_CHOOSE)
    if backup.state is State.UNDERSIZED:
        small = f"backup {backup_id} has {size_text(backup.size_mb)}, less than min_size, so it is probably empty"
        raise UserError(small, f"If it is not empty, lower min_size in the files. {_HOW_TO_CHOOSE}")
    if backup.state is not State.USABLE:
        raise UserError(f"backup {backup_id} has the status {backup.status!r}, so it can't be restored", _HOW_TO_CHOOSE)
    return backup


def _newest(server: Server, usable: tuple[Backup, ...], series: Descriptions, before: datetime | None) -> Backup:
    for backup in usable:
        # Former descriptions belong to manual backups: a glob must not match automatic ones.
        is_named = backup.description == series.present or (
            backup.backup_type == MANUAL and backup.description in series
        )
        if is_named and (before is None or backup.created_at < before):
            return backup
    when = f" created before {before:%Y-%m-%d %H:%M} UTC" if before else ""
    others = (backup.description or "" for backup in usable if backup.description not in series)
    raise UserError(
        f"{name_or_id(server)} has no usable backup {series.present!r}{when}",
        did_you_mean(series.present, others, _HOW_TO_CHOOSE),
    )
