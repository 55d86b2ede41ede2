"""Works out the declaration for `reconcile import`: a file that declares what the account holds.

The planner is asked what it would do with each declaration, so that `plan` on the result says "No changes".
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from reconcile.actual.inventory import Backup, Inventory, State
from reconcile.desired.config import Config, DeclaredSeries, DeclaredServer
from reconcile.desired.desired import resolve
from reconcile.desired.document import Requirements
from reconcile.desired.fields import unclean
from reconcile.desired.fleets import server_keys
from reconcile.desired.keep import KeepCount, Period
from reconcile.diagnostics import Place
from reconcile.ids import Id
from reconcile.insight.servers import by_name, find_servers
from reconcile.plan.model import ServerPlan
from reconcile.plan.planner import plan
from reconcile.plan.series import undeclared

MANY = 3
"""Servers that hold the same series, from which on a fleet is less to write than their tables."""

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")
_GLOB = re.compile(r"[*?[]")
_NOTHING = Config(servers=())


@dataclass(frozen=True, kw_only=True, slots=True)
class FailedPinned:
    """A failed or undersized backup of the server `key`, pinned because a plan would delete it."""

    key: str
    backup: Backup


@dataclass(frozen=True, kw_only=True, slots=True)
class LeftUnmanaged:
    """A backup of the server `key` that is in no series.

    `unclean` is what is wrong with its description; None if no backup of its series counts.
    """

    key: str
    backup: Backup
    unclean: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class NotDeclared:
    """`count` backups of a server that `filename` declares, with a description that it does not declare."""

    key: str
    filename: str
    description: str | None
    count: int


NotShown = FailedPinned | LeftUnmanaged | NotDeclared
"""Why the declaration does not show something that the account holds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Declaration:
    """A document in the shape of the file, and what could not be put into it; when and from where it was read.

    `fleets` are documents too: each would declare some of the servers, if their tables were removed.
    """

    base_url: str
    read_at: datetime
    document: dict[str, Any]
    not_shown: tuple[NotShown, ...]
    fleets: tuple[dict[str, Any], ...] = ()


def declare(
    inventory: Inventory, now: datetime, *, existing: Config | None = None, only: tuple[str, ...] = ()
) -> Declaration:
    """Declare what the account holds and `existing` does not; of the servers `only`, by id or name, if any are named.

    Nothing is created or deleted under it: a series keeps as many backups as it has, failed ones are pinned, and a
    series without a backup that counts stays undeclared.

    Raises:
        UserError: `only` names a server that the account does not have; or as `resolve` does for `existing`.
    """
    names = _chosen(inventory.names, only)
    files = existing or _NOTHING
    resolved = resolve(files, inventory)
    declared = {server.id: server for server in resolved.servers}
    keys = server_keys(
        {id_: name for id_, name in names.items() if id_ not in declared}, {server.key for server in resolved.servers}
    )
    candidates = tuple(_candidate(key, id_, names[id_], inventory) for id_, key in keys.items())
    unruled = replace(resolved.config, require=Requirements())
    planned = plan(replace(resolved, config=unruled, servers=candidates, fleets=()), inventory, now)
    not_shown: list[NotShown] = [
        each for id_ in names if id_ in declared for each in _not_declared(declared[id_], inventory)
    ]
    tables: dict[str, Any] = {}
    for candidate, server in zip(candidates, planned.servers, strict=True):
        tables[candidate.key], beside = _server_table(candidate, server, inventory)
        not_shown += beside
    settings = {} if existing or inventory.account is None else {"settings": {"account": inventory.account}}
    return Declaration(
        base_url=inventory.base_url,
        read_at=now,
        document={**settings, "servers": tables} if tables else {},
        fleets=tuple(_fleets(tables, inventory)),
        not_shown=tuple(not_shown),
    )


def _chosen(names: Mapping[Id, str], only: tuple[str, ...]) -> dict[Id, str]:
    """Return the servers that were asked for, by name and then by id."""
    if not only:
        return by_name(names)
    found: dict[Id, str] = {}
    for wanted in only:
        found |= {server.id: server.name for server in find_servers(names, wanted)}
    return by_name(found)


def _candidate(key: str, id_: Id, name: str, inventory: Inventory) -> DeclaredServer:
    """Declare a server with every series that can be one; failed backups do not count for `keep`."""
    counts = {
        description: sum(backup.state is not State.FAILED for backup in backups)
        for description, backups in inventory.by_server.get(id_, {}).items()
    }
    return DeclaredServer(
        key=key,
        name=name,
        id=id_,
        prune=False,
        pinned=(),
        series=tuple(
            DeclaredSeries(description=description, every=None, keep=(KeepCount(period=Period.LAST, count=count),))
            for description, count in counts.items()
            if count and description and not unclean(description)
        ),
        place=Place(filename="", path=("servers", key)),
    )


def _server_table(
    candidate: DeclaredServer, planned: ServerPlan, inventory: Inventory
) -> tuple[dict[str, Any], list[NotShown]]:
    """Return the table of a server, from what the planner makes of its candidate, and what the table does not show."""
    # A series without a member is left out: declared, it would have a backup created.
    counted = [series for series in planned.series if not series.create]
    descriptions = {series.address.description for series in counted}
    failed = [delete.backup for series in counted for delete in series.deletes]
    left = [
        backup
        for description, backups in inventory.by_server.get(candidate.id, {}).items()
        if description not in descriptions
        for backup in backups
    ]
    table = {
        "id": candidate.id,
        **({"name": candidate.name} if candidate.name != candidate.key else {}),
        **({"prune": False} if left else {}),
        **({"pinned": [backup.id for backup in failed]} if failed else {}),
        "backups": [_series_table(series) for series in candidate.series if series.description in descriptions],
    }
    unmanaged = [
        LeftUnmanaged(key=candidate.key, backup=backup, unclean=unclean(backup.description or "")) for backup in left
    ]
    return table, [*unmanaged, *(FailedPinned(key=candidate.key, backup=backup) for backup in failed)]


def _series_table(series: DeclaredSeries) -> dict[str, Any]:
    (rule,) = series.keep
    if not isinstance(rule, KeepCount) or rule.count == 1:
        return {"description": series.description}
    return {"description": series.description, "keep": rule.count}


def _not_declared(server: DeclaredServer, inventory: Inventory) -> Iterator[NotShown]:
    """Report the undeclared series of a declared server; only the file that has the server can declare them."""
    for description, backups in undeclared(server, inventory.by_server.get(server.id, {})):
        yield NotDeclared(key=server.key, filename=server.place.filename, description=description, count=len(backups))


def _fleets(tables: Mapping[str, Any], inventory: Inventory) -> Iterator[dict[str, Any]]:
    """Suggest a fleet for each group of servers that hold the same series; it keeps as many as any of them has."""
    keep: dict[str, int] = {}
    holders: dict[str, list[str]] = {}
    for key, table in tables.items():
        for series in table["backups"]:
            description = series["description"]
            keep[description] = max(keep.get(description, 1), series.get("keep", 1))
            holders.setdefault(description, []).append(key)
    shared: dict[tuple[str, ...], list[str]] = {}
    for description, keys in holders.items():
        if len(keys) >= MANY:
            shared.setdefault(tuple(keys), []).append(description)
    for group, descriptions in shared.items():
        backups = [
            {"description": description, **({"keep": keep[description]} if keep[description] > 1 else {})}
            for description in descriptions
        ]
        names = {tables[key].get("name", key) for key in group}
        fleet = {"match": _globs(names, set(inventory.names.values()) - names), "backups": backups}
        yield {"fleets": {_NOT_IN_NAMES.sub("-", descriptions[0]).strip("-") or "shared": fleet}}


def _globs(names: set[str], others: set[str]) -> str | list[str]:
    """Return what chooses the servers of these names and, of today's, no others; if it can, also those to come."""
    if not others:
        return "*"
    first, last = min(names), max(names)
    length = next((at for at, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]), len(first))
    if length and not any(other.startswith(first[:length]) for other in others):
        return f"{_escaped(first[:length])}*"
    return [_escaped(name) for name in sorted(names)]


def _escaped(name: str) -> str:
    return _GLOB.sub(r"[\g<0>]", name)
