"""Warnings about the account, for a plan whose file is valid."""

from collections.abc import Iterable, Iterator

from reconcile.actual.inventory import Backup, Inventory, State, in_order
from reconcile.addresses import SeriesAddress
from reconcile.desired.config import DeclaredSeries, DeclaredServer
from reconcile.desired.desired import Desired
from reconcile.desired.fleets import chosen_by
from reconcile.diagnostics import Diagnostic, Place
from reconcile.durations import age_text
from reconcile.plan.series import Held, SeriesState, TimeRules, undeclared

_LOOK = "look at it in the web panel."


def server_warnings(
    desired: Desired,
    server: DeclaredServer,
    held: Held,
    states: Iterable[tuple[DeclaredSeries, SeriesState]],
    times: TimeRules,
) -> Iterator[Diagnostic]:
    """Warn of pins that the server does not hold, and of what is odd about the backups that this run plans for."""
    yield from _missing_pins(server, held)
    for series, state in states:
        odd = in_order((*state.misdated, *state.stalled, *state.unknown))
        yield from _oddities(SeriesAddress(server.key, series.description), odd, times, is_declared=True)
    for description, backups in undeclared(server, held):
        if desired.selects(server, description):
            yield from _oddities(SeriesAddress(server.key, description), backups, times, is_declared=False)


def rename_warnings(desired: Desired, inventory: Inventory) -> Iterator[Diagnostic]:
    """Warn of each description in `renamed_from` that no backup has any more: one warning for a whole fleet."""
    left: dict[Place, bool] = {}
    warnings: dict[Place, Diagnostic] = {}
    for server in desired.servers:
        held = inventory.by_server.get(server.id, {})
        for number, series in enumerate(server.series):
            for index, old in enumerate(series.renamed_from):
                place = server.place.at("backups", number, "renamed_from", index)
                left[place] = left.get(place, False) or old in held
                warnings[place] = Diagnostic(
                    severity="warning",
                    summary=f"no backup is called {old!r} any more",
                    detail="Remove it from renamed_from, or fix it.",
                    address=None if server.fleet else str(SeriesAddress(server.key, series.description)),
                    place=place,
                )
    yield from (warning for place, warning in warnings.items() if not left[place])


def _missing_pins(server: DeclaredServer, held: Held) -> Iterator[Diagnostic]:
    ids = {backup.id for backups in held.values() for backup in backups} if server.pinned else ()
    for number, pin in enumerate(server.pinned):
        if pin not in ids:
            yield Diagnostic(
                severity="warning",
                summary=f"pinned backup {pin!r} does not exist",
                detail=f"Server {server.name!r} has no manual backup with this id; remove it from pinned.",
                address=server.key,
                place=server.place.at("pinned", number),
            )


def _oddities(
    series: SeriesAddress, backups: Iterable[Backup], times: TimeRules, *, is_declared: bool
) -> Iterator[Diagnostic]:
    for backup in backups:
        if oddity := _oddity(backup, times, is_declared=is_declared):
            summary, detail = oddity
            address = series.member(backup.id, backup.description)
            yield Diagnostic(severity="warning", summary=summary, detail=detail, address=str(address))


def fleet_warnings(desired: Desired, inventory: Inventory) -> Iterator[Diagnostic]:
    """Warn of each fleet that chooses no server: the servers that it was written for are unprotected."""
    for fleet in desired.empty_fleets:
        matched = len(chosen_by(fleet, inventory.servers or ()))
        detail = "No server of the account is like that. Fix the fleet, or remove it."
        if matched:
            detail = f"It matches {matched:,}, but each of them has a table, or is in a fleet before this one."
        yield Diagnostic(
            severity="warning", summary=f"fleet {fleet.name!r} chooses no server", detail=detail, place=fleet.place
        )


def _oddity(backup: Backup, times: TimeRules, *, is_declared: bool) -> tuple[str, str] | None:
    if times.is_misdated(backup):
        ahead = age_text(backup.created_at - times.now)
        return f"dated {ahead} in the future", f"It does not count, and is never deleted; {_LOOK}"
    if times.is_stalled(backup):
        waited = age_text(times.age(backup))
        return f"stalled: in progress for {waited}", f"It does not count, and is never deleted; {_LOOK}"
    if backup.state is State.UNKNOWN and is_declared:
        return f"unknown status {backup.status!r}", "Nothing in this series is deleted while this backup exists."
    return None
