"""Matches servers with fleets (spec, section 2), and turns the members into declared servers.

Pure, and linear in servers times fleets. The planner treats a member like a server with its own table.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from reconcile.actual.inventory import Server
from reconcile.addresses import compiled
from reconcile.desired.config import DeclaredFleet, DeclaredServer
from reconcile.desired.fields import is_server_key
from reconcile.ids import Id, id_order

_NOT_IN_KEYS = re.compile(r"[^A-Za-z0-9_.-]")


def members(
    fleets: Iterable[DeclaredFleet], tables: Collection[DeclaredServer], servers: Iterable[Server]
) -> tuple[DeclaredServer, ...]:
    """Return the members of all fleets, fleet by fleet, by name and then by id, whatever the order of `servers`.

    A server belongs to the first fleet that matches it. A server with its own table, in `tables`, belongs to no fleet.
    """
    # Compared as text: a table whose id differs only in its quotes is refused. Until it is corrected, no fleet must
    # replace its rules.
    declared = {str(server.id) for server in tables}
    free = sorted((server for server in servers if str(server.id) not in declared), key=name_order)
    found: dict[Id, tuple[DeclaredFleet, Server]] = {}
    for fleet in fleets:
        for server in matched_by(fleet, free):
            found.setdefault(server.id, (fleet, server))
    keys = server_keys({id_: server.name for id_, (_, server) in found.items()}, {server.key for server in tables})
    return tuple(member(fleet, server, keys[id_]) for id_, (fleet, server) in found.items())


def name_order(server: Server) -> tuple[str, tuple[int, str]]:
    """Return a key that sorts servers by name, and servers of the same name by id."""
    return server.name, id_order(server.id)


def matched_by(fleet: DeclaredFleet, servers: Iterable[Server]) -> list[Server]:
    """Return the servers that a fleet matches, regardless of other fleets, in their order."""
    matches = compiled(fleet.match, fleet.exclude).match  # compiled once for all servers
    matched = [server for server in servers if matches(server.name)]
    if fleet.location is not None:
        matched = [server for server in matched if server.location in fleet.location]
    if fleet.status is not None:
        matched = [server for server in matched if server.status in fleet.status]
    return matched


def server_keys(names: Mapping[Id, str], taken: Iterable[str]) -> dict[Id, str]:
    """Return a key for each server: its name, if that can be a key and is unique, or else `server-ID`.

    `taken` are the keys of other servers.
    """
    counts = Counter(names.values())
    others = frozenset(taken)
    possible = {name for name in counts if is_server_key(name)}
    used = possible | others
    keys: dict[Id, str] = {}
    for id_, name in names.items():
        if counts[name] == 1 and name in possible and name not in others:
            keys[id_] = name
            continue
        key = f"server-{_NOT_IN_KEYS.sub('-', str(id_))}"
        while key in used:
            key += "-2"
        used.add(key)
        keys[id_] = key
    return keys


def member(fleet: DeclaredFleet, server: Server, key: str) -> DeclaredServer:
    """Return a server as its fleet declares it; addresses start with `key`."""
    return DeclaredServer(
        key=key,
        name=server.name,
        id=server.id,
        prune=fleet.prune,
        pinned=(),
        series=fleet.series,
        place=fleet.place,
        fleet=fleet.name,
        ignore=fleet.ignore,
        pauses=fleet.pauses,
        matched_fields=tuple(
            (name, getattr(server, name)) for name in ("location", "status") if getattr(fleet, name) is not None
        ),
    )
