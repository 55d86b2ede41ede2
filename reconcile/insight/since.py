"""Compares the account with a record: what is new, gone, worse or better since then, and why.

If neither a recorded run, nor a rule, nor its expiry explains why a backup is gone, someone else deleted it. If no
recorded run created a backup, someone else did.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from reconcile.actual.inventory import Backup, Inventory
from reconcile.desired.desired import Desired
from reconcile.ids import Id
from reconcile.plan.planner import plan

if TYPE_CHECKING:
    from reconcile.plan.record import Record

_COMPARED = ("status", "size_mb", "description", "created_at")


class Cause(StrEnum):
    """Why a backup is new or gone."""

    RUN = "run"
    """A recorded run created or deleted it."""
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


Health = Mapping[str, tuple[str, ...]]
"""The problems of each series, by its address."""


def since(records: Sequence["Record"], desired: Desired, inventory: Inventory, before: Health, after: Health) -> Since:
    """Compare the account with what the first record observed last; the other records are of the runs after it.

    `before` and `after` are the health at both times, by the files of today. The first record has a round.
    """
    seen = records[0].inventories[-1]
    olds, news = ({backup.id: backup for backup in each.manual} for each in (seen, inventory))
    gone = [backup for id_, backup in olds.items() if id_ not in news]
    by_run = {
        (action.verb, action.backup_id)
        for number, record in enumerate(records)
        for each in (record.rounds if number else record.rounds[-1:])
        for action in each.sent
    }
    by_rule = _deleted_by_rule(gone, desired, inventory)
    health = tuple(
        HealthChange(
            address=address,
            appeared=tuple(each for each in now if each not in before.get(address, ())),
            resolved=tuple(each for each in before.get(address, ()) if each not in now),
        )
        for address, now in after.items()
    )
    return Since(
        at=seen.observed_at,
        new=tuple(
            Explained(backup=backup, cause=Cause.RUN if ("create", id_) in by_run else Cause.OTHERS)
            for id_, backup in news.items()
            if id_ not in olds
        ),
        gone=tuple(
            Explained(backup=each, cause=_cause_of_loss(each, by_run, by_rule, inventory.observed_at)) for each in gone
        ),
        changed=tuple(_changed(olds, news)),
        worse=tuple(each for each in health if each.appeared),
        better=tuple(each for each in health if each.resolved),
    )


def _cause_of_loss(backup: Backup, by_run: set[tuple[str, Id | None]], by_rule: frozenset[Id], now: datetime) -> Cause:
    if ("delete", backup.id) in by_run:
        return Cause.RUN
    if backup.expires_at and backup.expires_at <= now:
        return Cause.EXPIRY
    return Cause.RULE if backup.id in by_rule else Cause.OTHERS


def _deleted_by_rule(gone: list[Backup], desired: Desired, inventory: Inventory) -> frozenset[Id]:
    """Return the ids of those backups that a run would delete if they still existed.

    `--allow-loss` permits a loss in one run, but a pause and a rule of `[require]` apply to every run.
    """
    if not gone:
        return frozenset()
    as_if = replace(inventory, backups=(*inventory.backups, *gone))
    planned = plan(desired, as_if, inventory.observed_at)
    servers = (server for server in planned.servers if not server.veto)
    return frozenset(delete.backup.id for server in servers for delete in server.deletes)


def _changed(olds: dict[Id, Backup], news: dict[Id, Backup]) -> Iterator[FieldChange]:
    for id_, new in news.items():
        old = olds.get(id_, new)
        for field in _COMPARED:
            before, after = getattr(old, field), getattr(new, field)
            if before != after:
                yield FieldChange(backup=new, field=field, before=before, after=after)
