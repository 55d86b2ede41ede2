"""`reconcile list`: every backup in the account; needs no file."""

import click

from reconcile.actual.inventory import AUTOMATIC, MANUAL, Inventory
from reconcile.actual.reader import Reader
from reconcile.cli.connection import connect
from reconcile.cli.options import argument, command, option
from reconcile.cli.session import Session
from reconcile.insight.servers import find_server, known_names, list_backups, matching
from reconcile.plan.warnings import odd_entries
from reconcile.report.backups import LIST_FORMATS


@command(LIST_FORMATS, account=True)
def list_(
    session: Session,
    *,
    servers: tuple[str, ...] = argument(metavar="[SERVER]..."),
    backup_type: str | None = option(
        "Limit to backups of this type.", type=click.Choice([MANUAL, AUTOMATIC]), flag="--type"
    ),
) -> None:
    """List all backups in the account, automatic ones included, newest first for each server.

    A SERVER is named by its id or its name in the account.
    """

    async def observe(reader: Reader) -> Inventory:
        # One extra request for a single server saves a hundred in a large account.
        known = await reader.servers() if len(servers) == 1 else None
        found = matching({server.id: server.name for server in known.items}, servers[0]) if known else []
        only = found[0].id if len(found) == 1 else None
        return await reader.observe(automatic=backup_type != MANUAL, server_id=only, checks_clock=False)

    inventory = connect(session, observe)
    names = known_names(inventory)
    found = list_backups(inventory, [find_server(names, each).id for each in servers], backup_type=backup_type)
    session.output.diagnostics(odd_entries(inventory))
    session.show(LIST_FORMATS, found)
