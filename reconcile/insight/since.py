"""Compares the account with a record: what is new, gone, worse or better since then, and why.

If neither a recorded run, nor a rule, nor its expiry explains why a backup is gone, someone else deleted it. If no
recorded run created a backup, someone else did.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import chain
from typing import TYPE_CHECKING

from reconcile.actual.inventory import Backup, Inventory
from reconcile.desired.desired import Desired, resolve
from reconcile.diagnostics import UserError
from reconcile.ids import Id
from reconcile.insight.status import Status
from reconcile.insight.status import status as status_of
from reconcile.plan.planner import plan
from reconcile.plan.planning import desired_before

if TYPE_CHECKING:
    from reconcile.plan.record import Record, RecordedRound

_COMPARED = ("status", "size_mb", "description", "created_at")


class Cause(StrEnum):
    """Why a backup is new or gone."""

    RUN = "run"
    """A recorded run created or deleted it."""
    UNCERTAIN = "uncertain"
    """A recorded run may have created it, because its record has no outcome for a create in this series."""
    RULE = "rule"
    """A plan would delete it: a run without a record may have done so."""
    EXPIRY = "expiry"
    """It has expired."""
    OTHERS = "others"
    """Someone else did it, because reconcile knows no other cause."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Explained:
    """A backup that is new or gone."""

    backup: Backup
    cause: Cause


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldChange:
    """A changed field of a backup, which is given as it is now."""

    backup: Backup
    field: str
    before: object
    after: object


@dataclass(frozen=True, kw_only=True, slots=True)
class HealthChange:
    """A series whose problems have changed."""

    address: str
    appeared: tuple[str, ...]
    resolved: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Since:
    """The changes since the observation at `at`. A series with a new problem is worse, one with a resolved better."""

    at: datetime
    new: tuple[Explained, ...]
    gone: tuple[Explained, ...]
    changed: tuple[FieldChange, ...]
    worse: tuple[HealthChange, ...]
    better: tuple[HealthChange, ...]


def is_comparable(record: "Record", inventory: Inventory) -> bool:
    """Return whether a record has an observation of this account: a run may have ended before it read the account."""
    return bool(record.rounds) and not _other_account(record, inventory)


def since(records: Iterator[tuple[str, "Record"]], status: Status) -> Since:
    """Compare the account with the last observation of the first record; the others are of later runs; each has a name.

    The files of today decide the health at both times. A later record of another account, which may be in the same
    folder, explains nothing.

    Raises:
        UserError: the first record is of another account, has no observation, or lacks the servers that fleets need.
    """
    inventory, (name, base) = status.inventory, next(records)
    if other := _other_account(base, inventory):
        raise UserError(f"{name} is a record of {other}", "Name a record of this account.")
    if not base.rounds:
        raise UserError(f"{name} contains no observation: its run ended too early", "Name an older record.")
    seen, config = base.inventories[-1], status.config.of_any_account
    if config.fleets and seen.servers is None:
        raise UserError(f"{name} has no list of servers, so fleets can't be matched", "Name a record of another token.")
    before = status_of(desired_before(config, seen, status.desired), seen, seen.observed_at).health
    # A rule explains what is gone on any server, whatever the targets are.
    whole = resolve(config, inventory)
    olds, news = ({backup.id: backup for backup in each.manual} for each in (seen, inventory))
    gone = [backup for id_, backup in olds.items() if id_ not in news]
    by_run: set[tuple[str, Id | None]] = set()
    uncertain: set[str] = set()
    for record in chain([base], (later for _, later in records if not _other_account(later, inventory))):
        for each in record.rounds[-1:] if record is base else record.rounds:
            by_run |= {(action.verb, action.backup_id) for action in each.sent}
            uncertain |= set(_uncertain_creates(record, each))
    by_rule = _deleted_by_rule(gone, whole, inventory)

    def cause(verb: str, backup: Backup) -> Cause:
        if (verb, backup.id) in by_run:
            return Cause.RUN
        if verb == "delete" and backup.expires_at and backup.expires_at <= inventory.observed_at:
            return Cause.EXPIRY
        if verb == "delete":
            return Cause.RULE if backup.id in by_rule else Cause.OTHERS
        servers = (whole.declared.get(backup.server_id), backup.server_name)
        is_uncertain = any(f"{server}/{backup.description or ''}" in uncertain for server in servers)
        return Cause.UNCERTAIN if is_uncertain else Cause.OTHERS

    health = tuple(
        HealthChange(
            address=address,
            appeared=tuple(each for each in now if each not in before.get(address, ())),
            resolved=tuple(each for each in before.get(address, ()) if each not in now),
        )
        for address, now in status.health.items()
    )
    return Since(
        at=seen.observed_at,
        new=tuple(Explained(backup=each, cause=cause("create", each)) for id_, each in news.items() if id_ not in olds),
        gone=tuple(Explained(backup=each, cause=cause("delete", each)) for each in gone),
        changed=tuple(_changed(olds, news)),
        worse=tuple(each for each in health if each.appeared),
        better=tuple(each for each in health if each.resolved),
    )


def _other_account(record: "Record", inventory: Inventory) -> str:
    """Say which other base URL or account a record is of; empty if it may be of the account of the inventory."""
    accounts = ((each.observed.account, inventory.account) for each in record.rounds)
    both = ((record.base_url, inventory.base_url), *accounts)
    return next((f"{theirs}, not of {ours}" for theirs, ours in both if theirs and ours and theirs != ours), "")


def _uncertain_creates(record: "Record", each: "RecordedRound") -> Iterator[str]:
    """Yield the address of each create of a round that may have been carried out although the record has no backup."""
    outcomes = {"unknown"} if record.ended_at else {"unknown", None}
    for action in each.plan.actions if each.plan else ():
        if action.verb == "create" and action.outcome in outcomes and action.backup_id is None:
            yield action.address


def _deleted_by_rule(gone: list[Backup], desired: Desired, inventory: Inventory) -> frozenset[Id]:
    """Return the ids of those backups that a run would delete if they still existed.

    `--allow-loss` permits a loss in one run, but a pause and a rule of `[require]` apply to every run.
    """
    if not gone:
        return frozenset()
    ids = {backup.id for backup in gone}  # the service may still list one as being deleted
    as_if = replace(inventory, backups=(*(each for each in inventory.backups if each.id not in ids), *gone))
    planned = plan(desired, as_if, inventory.observed_at)
    servers = (server for server in planned.servers if not server.veto)
    return frozenset(delete.backup.id for server in servers for delete in server.deletes)


def _changed(olds: dict[Id, Backup], news: dict[Id, Backup]) -> Iterator[FieldChange]:
    for id_, new in news.items():
        old = olds.get(id_, new)
        for field in _COMPARED:
            before, after = getattr(old, field), getattr(new, field)
            if before != after and field not in (*old.unreadable, *new.unreadable):  # which have stand-ins
                yield FieldChange(backup=new, field=field, before=before, after=after)
