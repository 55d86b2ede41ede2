"""Finds a server of the account by what a person calls it: its id, or its name."""

from collections.abc import Mapping

from reconcile.actual.inventory import Server
from reconcile.diagnostics import UserError
from reconcile.ids import Id, id_order


def find_server(names: Mapping[Id, str], wanted: str) -> Server:
    """Find a server by its id or its name in the account.

    Raises:
        UserError: there is none, or more than one.
    """
    servers = [Server(id=id_, name=names[id_]) for id_ in sorted(names, key=id_order)]
    # An empty argument is an unset variable of a script, and must not find a server that has no name.
    found = [server for server in servers if wanted and wanted in {str(server.id), server.name}]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(repr(server.id) for server in found)
        raise UserError(f"{len(found)} servers match {wanted!r}", f"Use an id: {ids}.")
    known = ", ".join(sorted(f"{server.name!r} ({server.id})" for server in servers)) or "none"
    raise UserError(f"the account has no server {wanted!r}", f"Its servers: {known}.")


def name_or_id(server: Server) -> str:
    """Return what a person types for a server: its name, or its id if it has no name."""
    return server.name or str(server.id)
