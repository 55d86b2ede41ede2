"""Whether a saved plan still fits (spec, section 5): exactly that or nothing.

A plan speaks of the series that it changes, with all their backups, of the undeclared backups that it deletes, and of
the servers that they are on. What else changes on the account is none of its business.
"""

from collections.abc import Iterator
from typing import Any

from reconcile.actual.inventory import Backup, Inventory
from reconcile.addresses import BackupAddress
from reconcile.diagnostics import Diagnostic, UserError
from reconcile.plan.model import Plan
from reconcile.plan.refusals import names_by_id

_Things = dict[str, dict[str, Any]]


def check_base_url(plan: Plan, base_url: str) -> None:
    """Refuse a plan that was made for another service.

    Raises:
        UserError: with both base URLs.
    """
    if plan.base_url != base_url:
        raise UserError(
            f"Saved plan is for {plan.base_url}, and not for {base_url}",
            "Set VPS_API_URL or --base-url to the service that it was made for.",
        )


def check_fresh(plan: Plan, inventory: Inventory) -> None:
    """Refuse a plan if anything that it speaks of has changed since it was made.

    Raises:
        UserError: it is stale; with everything that changed, field by field.
    """
    changes = list(_changes(_as_planned(plan), _as_observed(plan, inventory)))
    if changes:
        raise UserError(
            "Saved plan is stale",
            diagnostics=[
                Diagnostic(
                    summary="Saved plan is stale, nothing was changed",
                    detail="The account is no longer as it was when the plan was made; plan again.",
                ),
                *(Diagnostic(summary=f"changed since: {change}") for change in changes),
            ],
        )


def _as_planned(plan: Plan) -> _Things:
    things: _Things = {}
    for server in plan.servers:
        if not server.actions:
            continue
        things[server.key] = {"name": server.name}
        for series in (it for it in server.series if it.actions):
            things |= {str(BackupAddress(series.address, it.id)): _fields(it) for it in series.backups}
        things |= {str(it.address): _fields(it.backup) for it in server.pruned}
    return things


def _as_observed(plan: Plan, inventory: Inventory) -> _Things:
    things: _Things = {}
    names = names_by_id(inventory)
    for server in plan.servers:
        if not server.actions:
            continue
        # A server that only its backups could name, and that has none, is not known to be called otherwise.
        unknown = server.name if inventory.servers is None else None
        things[server.key] = {"name": names.get(server.id, unknown)}
        held = [it for it in inventory.backups if it.server_id == server.id]
        for series in (it for it in server.series if it.actions):
            members = [it for it in held if it.description == series.address.description]
            things |= {str(BackupAddress(series.address, it.id)): _fields(it) for it in members}
        addresses = {it.backup.id: str(it.address) for it in server.pruned}
        things |= {addresses[it.id]: _fields(it) for it in held if it.id in addresses}
    return things


def _fields(backup: Backup) -> dict[str, Any]:
    return {
        "description": backup.description,
        "status": backup.status,
        "size_mb": backup.size_mb,
        "created_at": backup.created_at.isoformat(),
    }


def _changes(before: _Things, after: _Things) -> Iterator[str]:
    from deepdiff import DeepDiff  # noqa: PLC0415 - only a saved plan needs it, and every apply would pay for it

    difference = DeepDiff(before, after, view="tree")
    found = [(item.path(output_format="list"), item) for kind in sorted(difference) for item in difference[kind]]
    for (address, *field), item in sorted(found, key=lambda it: [str(part) for part in it[0]]):
        if field:
            yield f"{address}: {field[0]} was {item.t1!r}, is {item.t2!r}"
        elif address in after:
            yield f"{address}: new, {after[address]['status']}"
        else:
            yield f"{address}: gone"
