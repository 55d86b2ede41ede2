"""Warnings about the account, for a plan whose file is valid."""

from collections.abc import Collection, Iterator, Mapping

from reconcile.actual.inventory import Backup, Inventory, State
from reconcile.addresses import BackupAddress, SeriesAddress
from reconcile.desired.config import DeclaredServer
from reconcile.desired.desired import Desired
from reconcile.desired.fleets import chooser
from reconcile.diagnostics import Diagnostic
from reconcile.durations import age_text
from reconcile.ids import Id
from reconcile.plan.series import TimeRules

_LOOK = "look at it in the web panel."


def server_warnings(
    server: DeclaredServer, held: Collection[Id], selected: Mapping[str | None, tuple[Backup, ...]], times: TimeRules
) -> Iterator[Diagnostic]:
    """Warn of pins that the server does not hold, and of what is odd about the backups that this run plans for."""
    for number, pin in enumerate(server.pinned):
        if pin not in held:
            yield Diagnostic(
                severity="warning",
                summary=f"pinned backup {pin!r} does not exist",
                detail=f"Server {server.name!r} has no manual backup with this id; remove it from pinned.",
                address=server.key,
                place=server.place.at("pinned", number),
            )
    declared = {series.description for series in server.series}
    for description, backups in selected.items():
        for backup in backups:
            if oddity := _oddity(backup, times, is_declared=description in declared):
                summary, detail = oddity
                address = BackupAddress(SeriesAddress(server.key, description), backup.id)
                yield Diagnostic(severity="warning", summary=summary, detail=detail, address=str(address))


def fleet_warnings(desired: Desired, inventory: Inventory) -> Iterator[Diagnostic]:
    """Warn of each fleet that chooses no server: the servers that it was written for are unprotected."""
    for fleet in desired.empty_fleets:
        chooses = chooser(fleet)
        matched = sum(chooses(server) for server in inventory.servers or ())
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
