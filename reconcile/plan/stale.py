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
from reconcile.nested import changes
from reconcile.plan.model import Delete, Plan, SeriesPlan, ServerPlan
from reconcile.plan.reasons import unmet_text
from reconcile.plan.safety import measure, withheld
from reconcile.plan.series import is_misdated, is_too_young, is_usable

_Fields = Mapping[str, str | int | float | None]
_Snapshot = dict[str | BackupAddress, _Fields]
"""What a plan covers: the fields that must not change, of servers by key and of backups by address."""


def check_base_url(plan: Plan, base_url: str) -> None:
    """Refuse, with a UserError, a plan that was made for another service."""
    if plan.base_url != base_url:
        raise UserError(
            f"Saved plan is for {plan.base_url}, not for {base_url}",
            "Set VPS_API_URL or --base-url to the service that the plan was made for.",
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
    if changes := [f"changed since: {line}" for line in _changes(_as_planned(plan), _as_observed(plan, inventory))]:
        raise _stale("The account has changed since the plan was made. Make a new plan.", changes)
    now = inventory.observed_at
    if over := [
        f"{each.key}: its pause has ended" for each in plan.servers if each.pause and each.pause.ends_at <= now
    ]:
        raise _stale("A pause has ended since the plan was made. Make a new plan.", over)
    if emptied := [line for server in plan.servers for line in _emptied(server, inventory, now)]:
        raise _stale("It would delete the last usable backup of a series. Make a new plan.", emptied)
    if aged := list(_aged(plan, inventory)):
        raise _stale("A backup is now older than --max-age allows. Make a new plan.", aged)
    if young := [f"{delete.address}: younger than {plan.min_age}" for delete in _too_young(plan, now)]:
        raise _stale("It would delete backups that [require] min_age protects. Make a new plan.", young)
    if inventory.service_time is None and (unsure := [d for d in plan.deletes if d.depends_on_clock(plan.min_age)]):
        lines = [f"{delete.address}: depends on this machine's clock" for delete in unsure]
        raise _stale("The service does not send the time, so the clock can't be checked. Make a new plan.", lines)
    measured = replace(plan, loss=measure(plan.servers, plan.limit, _without_needed(plan, inventory), now))
    if more := sorted(map(str, withheld(measured, allowed) - withheld(plan, allowed))):
        raise _stale(
            "Its deletes now exceed the limit on loss, because the account has changed. Make a new plan.",
            [f"{address}: would be withheld" for address in more],
        )
    return measured


def _stale(detail: str, lines: Iterable[str]) -> UserError:
    return UserError(
        "Saved plan is stale",
        diagnostics=[
            Diagnostic(summary="Saved plan is stale; nothing was changed", detail=detail, facts=tuple(lines)),
        ],
    )


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


def _too_young(plan: Plan, now: datetime) -> Iterator[Delete]:
    """Find the deletes of usable backups that are younger than `min_age`, by the clock of this run."""
    if plan.min_age is not None:
        for delete in plan.deletes:
            if is_too_young(delete.backup, plan.min_age, now, plan.zone):
                yield delete


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


def _as_planned(plan: Plan) -> _Snapshot:
    snapshot: _Snapshot = {}
    for server in plan.servers:
        if not server.actions:
            continue
        snapshot[server.key] = {"name": server.name, **dict(server.matched_fields)}
        for series in (series for series in server.series if series.actions):
            snapshot |= _members(series, series.backups)
        snapshot |= {delete.address: _fields(delete.backup) for delete in server.pruned}
    return snapshot


def _as_observed(plan: Plan, inventory: Inventory) -> _Snapshot:
    snapshot: _Snapshot = {}
    listed = {server.id: server for server in inventory.servers or ()}
    for server in plan.servers:
        if not server.actions:
            continue
        matched_fields = {name: getattr(listed.get(server.id), name, None) for name, _ in server.matched_fields}
        # Without a list of servers, nothing contradicts the name of a server that has no backups.
        unknown = server.name if inventory.servers is None else None
        snapshot[server.key] = {"name": inventory.names.get(server.id, unknown), **matched_fields}
        held = inventory.held_on(server.id)
        for series in (series for series in server.series if series.actions):
            snapshot |= _members(series, held.of(series.descriptions))
        addresses = {delete.backup.id: delete.address for delete in server.pruned}
        others = (backup for backups in held.values() for backup in backups if backup.id in addresses)
        snapshot |= {addresses[backup.id]: _fields(backup) for backup in others}
    return snapshot


def _members(series: SeriesPlan, backups: Iterable[Backup]) -> _Snapshot:
    return {series.address.member(backup.id, backup.description): _fields(backup) for backup in backups}


def _fields(backup: Backup) -> _Fields:
    return {
        "created_at": None if "created_at" in backup.unreadable else backup.created_at.isoformat(),
        "description": backup.description,
        "size_mb": backup.size_mb,
        "status": backup.status,
    }


def _changes(before: _Snapshot, after: _Snapshot) -> Iterator[str]:
    for (thing, *field), old, new in sorted(changes(before, after), key=lambda each: [str(part) for part in each[0]]):
        if field:
            yield f"{thing}: {field[0]} was {old!r}, is {new!r}"
        elif thing in after:
            yield f"{thing}: new, {after[thing]['status']}"
        else:
            yield f"{thing}: gone"
