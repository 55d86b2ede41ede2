"""The other way round, for `reconcile import`: from what the account holds to a file that declares it.

The planner itself is asked what it would do with each declaration, so that `plan` on the result says "No changes".
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from reconcile.actual.inventory import Backup, Inventory, State
from reconcile.desired.config import Config, DeclaredSeries, DeclaredServer, KeepCount, Period
from reconcile.desired.document import SettingsTable, is_server_key, unclean
from reconcile.diagnostics import UserError
from reconcile.ids import Id, id_order
from reconcile.plan.planner import plan
from reconcile.plan.refusals import names_by_id

_EMPTY = Config(
    timezone=ZoneInfo("UTC"), max_shrink_percent=20, stalled_after=SettingsTable().stalled_after, servers=()
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Declaration:
    """A document in the file's shape, and what could not be put into it, in sentences."""

    document: dict[str, Any]
    notes: tuple[str, ...]


def declare(
    inventory: Inventory, now: datetime, *, existing: Config = _EMPTY, only: tuple[str, ...] = ()
) -> Declaration:
    """Declare what the account holds and `existing` does not; of the servers `only`, by id or name, if any are named.

    Nothing is deleted and nothing made under it: a series keeps as many as it has, failed backups are pinned, and what
    has no backup that counts stays undeclared.

    Raises:
        UserError: `only` names a server that the account does not have.
    """
    names = _chosen(names_by_id(inventory), only)
    declared = {server.id: server for server in existing.servers}
    keys = _keys({id_: name for id_, name in names.items() if id_ not in declared}, {it.key for it in existing.servers})
    candidate = replace(
        existing,
        servers=tuple(_candidate(key, id_, names[id_], inventory.backups) for id_, key in keys.items()),
    )
    tables: dict[str, Any] = {}
    notes = [note for id_ in names if id_ in declared for note in _missing(declared[id_], inventory.backups)]
    for server, planned in zip(candidate.servers, plan(candidate, inventory, now).servers, strict=True):
        counted = [series for series in planned.series if not series.create]
        pinned = [it.backup.id for series in counted for it in series.deletes]
        wanted = {series.address.description for series in counted}
        left = [it for it in inventory.backups if it.server_id == server.id and it.description not in wanted]
        tables[server.key] = {
            "id": server.id,
            **({"name": server.name} if server.name != server.key else {}),
            **({"prune": False} if left else {}),
            **({"pinned": pinned} if pinned else {}),
            "backups": [_table(it) for it in server.series if it.description in wanted],
        }
        notes += [_left(server.key, it) for it in left]
        notes += [f"{server.key}: backup {it} has failed, and is pinned so that it stays" for it in pinned]
    return Declaration(document={"servers": tables} if tables else {}, notes=tuple(notes))


def _chosen(names: dict[Id, str], only: tuple[str, ...]) -> dict[Id, str]:
    known = {str(id_) for id_ in names} | set(names.values())
    if unknown := [it for it in only if it not in known]:
        raise UserError(f"the account has no server {unknown[0]!r}", "Name one by its id, or as the account calls it.")
    ordered = sorted(names.items(), key=lambda it: (it[1], id_order(it[0])))
    return {id_: name for id_, name in ordered if not only or str(id_) in only or name in only}


def _keys(names: dict[Id, str], taken: set[str]) -> dict[Id, str]:
    """Return a key for each server: its name where that can be one and is nobody else's."""
    twice = {name for name, count in Counter(names.values()).items() if count > 1}
    keys: dict[Id, str] = {}
    for id_, name in names.items():
        key = name if is_server_key(name) and name not in twice | taken else f"server-{id_}".replace("/", "-")
        while key in taken or (key != name and key in names.values()):
            key += "-2"
        taken.add(key)
        keys[id_] = key
    return keys


def _candidate(key: str, id_: Id, name: str, backups: tuple[Backup, ...]) -> DeclaredServer:
    counts = Counter(it.description for it in backups if it.server_id == id_ and it.state is not State.FAILED)
    series = [
        DeclaredSeries(description=description, every=None, keep=(KeepCount(period=Period.LAST, count=count),))
        for description, count in counts.items()
        if description and not unclean(description)
    ]
    series.sort(key=lambda it: it.description)
    return DeclaredServer(key=key, name=name, id=id_, prune=False, pinned=(), series=tuple(series), file="")


def _table(series: DeclaredSeries) -> dict[str, Any]:
    (rule,) = series.keep
    many = isinstance(rule, KeepCount) and rule.count != 1
    return {"description": series.description, **({"keep": rule.count} if isinstance(rule, KeepCount) and many else {})}


def _left(key: str, backup: Backup) -> str:
    why = unclean(backup.description or "")
    reason = f"its description {why}" if why else f"none of its series counts, it is {backup.status!r}"
    return f"{key}: backup {backup.id} ({backup.description!r}) stays unmanaged: {reason}"


def _missing(server: DeclaredServer, backups: tuple[Backup, ...]) -> Iterator[str]:
    """Say what is not declared of a server that is: one server is declared in one file, so this one can't do it."""
    declared = {it.description for it in server.series}
    others = Counter(it.description for it in backups if it.server_id == server.id and it.description not in declared)
    for description, count in sorted(others.items(), key=lambda it: str(it[0])):
        yield f"{server.key} ({server.file}) does not declare {description!r}, of which there are {count}"
