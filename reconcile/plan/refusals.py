"""Leaves out of a plan what does not match the account (spec, section 3)."""

from collections.abc import Iterator, Mapping

from reconcile.actual.inventory import Inventory
from reconcile.desired.config import DeclaredServer
from reconcile.desired.desired import Desired
from reconcile.desired.fleets import matched_by
from reconcile.diagnostics import Diagnostic
from reconcile.ids import Id
from reconcile.wording import count_text, names_text

_MOST_NAMED = 20
"""Maximum number of servers that one message names."""


def check_servers(desired: Desired, inventory: Inventory) -> tuple[list[DeclaredServer], list[Diagnostic]]:
    """Leave out each server that does not match the file: its backups would be judged by another server's rules.

    Returns the others, an error about each that is left out, and warnings about pins and names that can't be checked.
    """
    by_text = {str(id_): id_ for id_ in inventory.names}
    by_name = {name: id_ for id_, name in inventory.names.items()}
    matching: list[DeclaredServer] = []
    diagnostics: list[Diagnostic] = []
    for server in desired.servers:
        problems = [*_claimed_twice(server, inventory), *_pins(server, inventory)]
        if problem := _mismatch(server, inventory, by_text, by_name):
            problems.insert(0, problem)
        errors = [each for each in problems if each.severity == "error"]
        diagnostics += errors or problems
        if not errors:
            matching.append(server)
    if inventory.servers is None:
        unseen = [each.key for each in matching if each.id not in inventory.names]
        diagnostics.insert(0, _names_unchecked(unseen))
    return matching, diagnostics


def _mismatch(
    server: DeclaredServer, inventory: Inventory, by_text: Mapping[str, Id], by_name: Mapping[str, Id]
) -> Diagnostic | None:
    """Return an error if the account does not have the server, or by another name."""
    name = inventory.names.get(server.id)
    if name == server.name or (name is None and inventory.servers is None):
        return None
    if name is not None:
        summary = f"server {server.id!r} is named {name!r} in the account, not {server.name!r}"
        detail = f"If it was renamed, write name = {name!r} in this table; otherwise correct the id."
    else:
        summary = f"the account has no server with the id {server.id!r}"
        detail = "Correct the id, or remove the table if the server no longer exists. Its backups are then kept."
        if (twin := by_text.get(str(server.id))) is not None:
            detail = f"The account has {twin!r}. A quoted id and an unquoted id are different. Write id = {twin!r}."
        elif (namesake := by_name.get(server.name)) is not None:
            detail = f"The server named {server.name!r} has the id {namesake!r}. Correct the id, or remove the table."
    return Diagnostic(summary=summary, detail=detail, address=server.key, place=server.place.at("id"))


def _pins(server: DeclaredServer, inventory: Inventory) -> Iterator[Diagnostic]:
    """Report the pins of no backup; it is an error if one differs from an id only in type, because it was meant."""
    if not server.pinned:
        return
    held = {backup.id for backups in inventory.held_on(server.id).values() for backup in backups}
    by_text: dict[str, Id] = {str(id_): id_ for id_ in held}
    for number, pin in enumerate(server.pinned):
        if pin in held:
            continue
        twin = by_text.get(str(pin))
        summary = f"pinned backup {pin!r} does not exist"
        detail = f"Server {server.name!r} has no manual backup with this id. Remove it from pinned."
        if twin is not None:
            summary = f"there is no backup {pin!r} to pin, only {twin!r}"
            detail = f"A quoted id and an unquoted id are different. Write {twin!r} in pinned."
        yield Diagnostic(
            severity="warning" if twin is None else "error",
            summary=summary,
            detail=detail,
            address=server.key,
            place=server.place.at("pinned", number),
        )


def _claimed_twice(server: DeclaredServer, inventory: Inventory) -> Iterator[Diagnostic]:
    """Report each description that the globs of two series match, because its policy is not clear."""
    with_globs = [(number, series) for number, series in enumerate(server.series) if series.globs]
    if len(with_globs) < 2:  # noqa: PLR2004 - nothing to compare
        return
    series_of: dict[str | None, str] = {}
    for number, series in with_globs:
        taken = inventory.held_on(server.id).named(server.descriptions[series.description])
        if twice := next((held for held in taken if held in series_of), None):
            yield Diagnostic(
                summary=f"{twice!r} matches renamed_from of both {series_of[twice]!r} and {series.description!r}",
                detail="A backup belongs to one series. Change one of the two patterns so that only one matches.",
                address=server.key,
                place=server.place.at("backups", number, "renamed_from"),
            )
        series_of |= dict.fromkeys(taken, series.description)


def unconfirmed_clock(inventory: Inventory) -> tuple[Diagnostic, ...]:
    """Report that the service does not send its time, so our clock can't be checked."""
    if inventory.service_time is not None:
        return ()
    problem = Diagnostic(
        summary="this machine's clock can't be checked: the service's response has no readable Date header",
        detail=(
            "Deletes that depend on the clock are withheld: those caused by prune = AGE and, with min_age, those of "
            "usable backups. Check whether a proxy removes the header."
        ),
    )
    return (problem,)


def unprotected_servers(desired: Desired, inventory: Inventory) -> Iterator[Diagnostic]:
    """Report the unprotected servers, if `all_servers` forbids them, or that they can't be known.

    With targets, a run covers a part of the account, and reports none.
    """
    if not desired.config.require.all_servers or desired.selected is not None:
        return
    place = desired.config.require_place.at("all_servers")
    undeclared = desired.undeclared(inventory)
    if undeclared is None:
        yield Diagnostic(
            summary="can't check all_servers: the token has no permission to list servers",
            detail="Give the token servers:read.",
            place=place,
        )
    elif undeclared:
        are = "is" if len(undeclared) == 1 else "are"
        names = [f"{server.name!r} ({server.id})" for server in undeclared]
        yield Diagnostic(
            summary=f"{count_text(len(undeclared), 'server')} in the account {are} not declared",
            detail=(
                f"{names_text(names, _MOST_NAMED, ' (reconcile status -v names all)')}. Add a table or a fleet for each"
                ". To opt a server out, give it a table with backups = []."
            ),
            place=place,
        )


def empty_fleets(desired: Desired, inventory: Inventory) -> Iterator[Diagnostic]:
    """Warn of each fleet that matches no server: the servers it was written for are unprotected."""
    for fleet in desired.empty_fleets:
        detail = "Correct the fleet, or remove it."
        if matched := len(matched_by(fleet, inventory.servers or ())):
            detail = f"It matches {matched:,}, but each of those has its own table or belongs to an earlier fleet."
        summary = f"fleet {fleet.name!r} matches no server"
        yield Diagnostic(severity="warning", summary=summary, detail=detail, place=fleet.place)


def _names_unchecked(unseen: list[str]) -> Diagnostic:
    detail = "The token has no permission to list servers, so names were checked against those stored with the backups."
    if unseen:
        detail += f" Not checked, because there is no backup: {', '.join(unseen)}."
    return Diagnostic(severity="warning", summary="server names were not fully checked", detail=detail)
