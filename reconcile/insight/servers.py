"""Finds and sorts servers in the account by name or id."""

from collections.abc import Mapping
from itertools import chain

from reconcile.actual.inventory import Server
from reconcile.diagnostics import UserError, did_you_mean
from reconcile.ids import Id, id_order

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
    more = f", and {len(known) - _MOST_NAMED:,} more (reconcile list names all)" if len(known) > _MOST_NAMED else ""
    advice = f"Its servers: {', '.join(known[:_MOST_NAMED]) or 'none'}{more}."
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
