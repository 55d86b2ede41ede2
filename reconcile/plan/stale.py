"""Checks whether a saved plan still holds (spec, section 5): it is applied exactly, or not at all.

A plan covers the series that it changes, with all their backups, the undeclared backups that it deletes, and their
servers, with the fields by which a fleet matched them. Other changes to the account do not make it stale, with three
exceptions, which are calculated again: whether it would empty a series, how much it would lose, and whether a series
without a create still has a backup as young as `--max-age` requires.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from reconcile.actual.inventory import Backup, Inventory, State
from reconcile.addresses import BackupAddress, SeriesAddress
from reconcile.desired.desired import Freshness, check_account
from reconcile.diagnostics import Diagnostic, UserError
from reconcile.ids import Id
from reconcile.plan.model import Plan, SeriesPlan, ServerPlan
from reconcile.plan.reasons import unmet_text
from reconcile.plan.safety import measure, withheld
from reconcile.plan.series_state import is_misdated, is_usable, too_young

_Fields = Mapping[str, str | int | float | None]


def check_base_url(plan: Plan, base_url: str) -> None:
    """Refuse, with a UserError, a plan for another service."""
    if plan.base_url != base_url:
        raise UserError(
            f"Saved plan is for {plan.base_url}, not for {base_url}",
            "Set VPS_API_URL or --base-url to the service that the plan was created for.",
        )


def renewed(plan: Plan, inventory: Inventory, allowed: int = 0) -> Plan:
    """Return a saved plan with its loss measured again, if everything in it still holds.

    `allowed` is the loss that is allowed for this run.

    Raises:
        UserError: the plan is stale, with everything that changed, field by field; or it would now empty a series or
            exceed the limit on loss; or a backup is now too old for `--max-age`; or the plan is for another account.
    """
    if plan.account is not None:
        check_account(plan.account, inventory)
    inventory = plan.min_sizes.judged_inventory(inventory)
    now = inventory.observed_at
    measured = replace(plan, loss=measure(plan.servers, plan.limit, _without_needed(plan, inventory), now))
    for detail, facts in _reasons(plan, measured, inventory, allowed):
        if facts:
            summary = "Saved plan is stale"
            problem = f"{summary}; nothing was changed"
            diagnostic = Diagnostic(summary=problem, detail=f"{detail} Create a new plan.", facts=tuple(facts))
            raise UserError(summary, diagnostics=[diagnostic])
    return measured


def _reasons(plan: Plan, measured: Plan, inventory: Inventory, allowed: int) -> Iterator[tuple[str, list[str]]]:
    """Yield each reason for which a plan may be stale, with the facts that make it so, if any."""
    now = inventory.observed_at
    changed = [f"changed since: {line}" for line in _changes(plan, inventory)]
    yield "The account has changed since the plan was created.", changed
    over = [f"{each.key}: its pause has ended" for each in plan.servers if each.pause and each.pause.ends_at <= now]
    yield "A pause has ended since the plan was created.", over
    emptied = [line for server in plan.servers for line in _emptied(server, inventory, now)]
    yield "It would delete the last usable backup of a series.", emptied
    yield "A backup is now older than --max-age allows.", list(_aged(plan, inventory))
    young = [
        f"{delete.address}: younger than {plan.min_age}"
        for delete in plan.deletes
        if too_young(delete.backup, plan.min_age, now, plan.zone)
    ]
    yield "It would delete backups that [require] min_age protects.", young
    unsure = [
        f"{delete.address}: depends on this machine's clock"
        for delete in plan.deletes
        if inventory.service_time is None and delete.depends_on_clock(plan.min_age)
    ]
    yield "The service does not send the time, so the clock can't be checked.", unsure
    more = sorted(map(str, withheld(measured, allowed).keys() - withheld(plan, allowed)))
    excess = "Its deletes now exceed the limit on loss, because the account has changed."
    yield excess, [f"{address}: would be withheld" for address in more]


def _emptied(server: ServerPlan, inventory: Inventory, now: datetime) -> Iterator[str]:
    """Find declared series that the plan would leave without a usable backup."""
    created = {series.descriptions for series in server.series if series.create}
    deleted: set[Id] = {delete.backup.id for series in server.series for delete in series.deletes}
    deleted |= {delete.backup.id for delete in server.pruned}
    held = inventory.held_on(server.id)
    for descriptions in dict.fromkeys((*server.declared, *(series.descriptions for series in server.series))):
        usable = {backup.id for backup in held.of(descriptions) if is_usable(backup, now)}
        if usable and usable <= deleted and descriptions not in created:
            address = SeriesAddress(server.key, descriptions.present)
            yield f"{address}: all {len(usable)} usable backups would be deleted"


def _aged(plan: Plan, inventory: Inventory) -> Iterator[str]:
    """Find the series without a create that no longer have a backup as young as `--max-age` requires."""
    if plan.max_age is None:
        return
    freshness = Freshness(max_age=plan.max_age, started_at=inventory.observed_at)
    for server in plan.servers:
        for series in (series for series in server.series if not series.create):
            awaited = {series.needed.id} if series.needed else set()
            held = inventory.held_on(server.id)
            if not any(
                (backup.state is State.USABLE or (backup.state is State.PENDING and backup.id in awaited))
                and not is_misdated(backup, inventory.observed_at)
                and freshness.is_met_by(backup.created_at, plan.zone)
                for backup in held.of(series.descriptions)
            ):
                yield f"{series.address}: {unmet_text(plan.max_age)}"


def _without_needed(plan: Plan, inventory: Inventory) -> Inventory:
    """Leave out the backups that the plan waits for: apply counts each of them once, when it is completed."""
    needed = {series.needed.id for server in plan.servers for series in server.series if series.needed}
    if not needed:
        return inventory
    return replace(inventory, backups=tuple(backup for backup in inventory.backups if backup.id not in needed))


def _changes(plan: Plan, inventory: Inventory) -> Iterator[str]:
    """Say what has changed of everything that the plan covers, field by field."""
    for thing, old, new in sorted(_covered(plan, inventory), key=lambda each: str(each[0])):
        if new is None:
            yield f"{thing}: gone"
        elif old is None:
            yield f"{thing}: new, {new['status']}"
        else:
            differing = (name for name in sorted(old) if old[name] != new[name])
            yield from (f"{thing}: {name} was {old[name]!r}, is {new[name]!r}" for name in differing)


def _covered(plan: Plan, inventory: Inventory) -> Iterator[tuple[str | BackupAddress, _Fields | None, _Fields | None]]:
    """Yield each server and backup that the plan covers, with its fields as planned and as observed."""
    listed = {server.id: server for server in inventory.servers or ()}
    for server in plan.servers:
        if not server.actions:
            continue
        # Without a list of servers, nothing contradicts the name of a server that has no backups.
        name = inventory.names.get(server.id, server.name if inventory.servers is None else None)
        matched_fields = {field: getattr(listed.get(server.id), field, None) for field, _ in server.matched_fields}
        observed_server = None if name is None else {"name": name, **matched_fields}
        yield server.key, {"name": server.name, **dict(server.matched_fields)}, observed_server
        held = inventory.held_on(server.id)
        pruned = {delete.backup.id: delete.address for delete in server.pruned}
        planned = {delete.address: _fields(delete.backup) for delete in server.pruned}
        others = (backup for backups in held.values() for backup in backups if backup.id in pruned)
        observed = {pruned[backup.id]: _fields(backup) for backup in others}
        for series in (series for series in server.series if series.actions):
            planned |= _members(series, series.backups)
            observed |= _members(series, held.of(series.descriptions))
        yield from ((address, planned.get(address), observed.get(address)) for address in planned | observed)


def _members(series: SeriesPlan, backups: Iterable[Backup]) -> dict[BackupAddress, _Fields]:
    return {series.address.member(backup.id, backup.description): _fields(backup) for backup in backups}


def _fields(backup: Backup) -> _Fields:
    return {
        "created_at": None if "created_at" in backup.unreadable else backup.created_at.isoformat(),
        "description": backup.description,
        "size_mb": backup.size_mb,
        "status": backup.status,
    }
