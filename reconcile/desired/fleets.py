"""Chooses the servers of each fleet (spec, section 2), and writes them out as declared servers.

Pure, and linear in servers times fleets. From here on nothing knows a member from a server with a table of its own.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping

from reconcile.actual.inventory import Server
from reconcile.addresses import any_glob
from reconcile.desired.config import DeclaredFleet, DeclaredServer
from reconcile.desired.document import is_server_key
from reconcile.ids import Id, id_order

_NOT_IN_KEYS = re.compile(r"[^A-Za-z0-9_.-]")


def members(
    fleets: Collection[DeclaredFleet], tables: Collection[DeclaredServer], servers: Iterable[Server]
) -> tuple[DeclaredServer, ...]:
    """Return the members of all fleets, fleet by fleet, by name and then by id, whatever the order of `servers`.

    The first fleet that chooses a server has it. A server with a table of its own, among `tables`, is in no fleet.
    """
    taken = {server.key for server in tables}
    # By text: a table whose id differs only in its quotes is refused, and until it is fixed, the rules in it must not
    # be replaced with those of a fleet.
    declared = {str(server.id) for server in tables}
    chosen: dict[str, list[Server]] = {fleet.name: [] for fleet in fleets}
    choosers = [(fleet.name, chooser(fleet)) for fleet in fleets]
    for server in sorted(servers, key=name_order):
        if str(server.id) not in declared:
            fleet = next((name for name, chooses in choosers if chooses(server)), None)
            if fleet is not None:
                chosen[fleet].append(server)
    keys = server_keys({server.id: server.name for found in chosen.values() for server in found}, taken)
    return tuple(_member(fleet, server, keys[server.id]) for fleet in fleets for server in chosen[fleet.name])


def name_order(server: Server) -> tuple[str, tuple[int, str]]:
    """Return a key that sorts servers by name, and by id where two have one name."""
    return server.name, id_order(server.id)


def chooser(fleet: DeclaredFleet) -> Callable[[Server], bool]:
    """Return whether a fleet chooses a server, whatever other fleets do; its globs are compiled once."""
    matches, excludes = any_glob(fleet.match), any_glob(fleet.exclude)

    def chooses(server: Server) -> bool:
        return (
            matches(server.name)
            and not excludes(server.name)
            and (fleet.location is None or server.location in fleet.location)
            and (fleet.status is None or server.status in fleet.status)
        )

    return chooses


def server_keys(names: Mapping[Id, str], taken: Iterable[str]) -> dict[Id, str]:
    """Return a key for each server: its name if that can be a key and nothing else is called so, or `server-ID`.

    `taken` are the keys that other servers have.
    """
    counts = Counter(names.values())
    others = frozenset(taken)
    used = {*others, *(name for name in counts if is_server_key(name))}
    keys: dict[Id, str] = {}
    for id_, name in names.items():
        if is_server_key(name) and counts[name] == 1 and name not in others:
            keys[id_] = name
            continue
        key = f"server-{_NOT_IN_KEYS.sub('-', str(id_))}"
        while key in used:
            key += "-2"
        used.add(key)
        keys[id_] = key
    return keys


def _member(fleet: DeclaredFleet, server: Server, key: str) -> DeclaredServer:
    return DeclaredServer(
        key=key,
        name=server.name,
        id=server.id,
        prune=fleet.prune,
        pinned=(),
        series=fleet.series,
        place=fleet.place,
        fleet=fleet.name,
    )
