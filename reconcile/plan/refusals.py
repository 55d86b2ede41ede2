"""When there is no plan at all (spec, section 3): what we see is not what the file speaks of."""

from collections.abc import Iterator
from datetime import timedelta

from reconcile.actual.inventory import LARGEST_SKEW, Inventory
from reconcile.desired.config import DeclaredServer
from reconcile.diagnostics import Diagnostic, UserError
from reconcile.ids import Id
from reconcile.plan.wording import age


def check_clock(inventory: Inventory) -> None:
    """Refuse where our clock and the service's differ: ages decide what is deleted.

    Raises:
        UserError: they differ by more than `LARGEST_SKEW`.
    """
    if inventory.service_time is None:
        return
    skew = inventory.observed_at - inventory.service_time
    if abs(skew) > LARGEST_SKEW:
        side = "ahead of" if skew > timedelta(0) else "behind"
        raise UserError(
            f"this machine's clock is {age(abs(skew))} {side} the service's",
            "Ages decide what is deleted, so nothing is planned. Set the clock (ntp), then plan again.",
        )


def names_by_id(inventory: Inventory) -> dict[Id, str]:
    """Return what the account calls its servers: its list of them, or else what its backups say."""
    if inventory.servers is not None:
        return {it.id: it.name for it in inventory.servers}
    return {it.server_id: it.server_name for it in inventory.backups}


def check_servers(servers: list[DeclaredServer], inventory: Inventory) -> list[Diagnostic]:
    """Refuse where a declared id is not the server that the file means; return notes on what could not be checked.

    Raises:
        UserError: with one diagnostic a server.
    """
    names = names_by_id(inventory)
    wrong = [problem for server in servers for problem in _wrong(server, names, inventory)]
    if wrong:
        raise UserError("the file does not fit the account", diagnostics=wrong)
    if inventory.servers is not None:
        return []
    unseen = [server.key for server in servers if server.id not in names]
    note = "The token may not list servers, so names were checked against the backups' own."
    note += f" Not checked, for want of a backup: {', '.join(unseen)}." if unseen else ""
    return [Diagnostic(severity="warning", summary="server names were not fully checked", detail=note)]


def _wrong(server: DeclaredServer, names: dict[Id, str], inventory: Inventory) -> Iterator[Diagnostic]:
    where = f"{server.file}: servers.{server.key}"
    if server.id not in names:
        if inventory.servers is not None:
            yield Diagnostic(
                summary=f"{where}: the account has no server with the id {server.id!r}",
                detail=_nearest(server, names),
                address=server.key,
            )
    elif names[server.id] != server.name:
        yield Diagnostic(
            summary=f"{where}: the account calls the server {server.id!r} {names[server.id]!r}, not {server.name!r}",
            detail=f"If it was renamed, confirm it with name = {names[server.id]!r} in this table; else mend the id.",
            address=server.key,
        )


def _nearest(server: DeclaredServer, names: dict[Id, str]) -> str:
    twins = [id_ for id_ in names if str(id_) == str(server.id)]
    if twins:
        return f"It has {twins[0]!r}: an id in quotes and one without are not the same. Write id = {twins[0]!r}."
    namesakes = [id_ for id_, name in names.items() if name == server.name]
    if namesakes:
        return f"The server called {server.name!r} has the id {namesakes[0]!r}. Mend the id, or take the table out."
    return "Mend the id, or take the table out if the server is gone; reconcile never touches what is not declared."
