"""Decides why a planned delete must not be sent after all (spec, 4.2 and 6); `safety` judges the plan as a whole.

A plan is about the account as it was. By the time a delete is sent, a create may have failed, another client may have
changed the series, and the new backup's date may make `keep` keep other backups than planned. Each rule below compares
the plan with what is known now. It is checked twice: before the first request for the delete, and with a fresh list of
the server. If no rule objects, the delete may be sent while that list is fresh.
"""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from operator import attrgetter
from zoneinfo import ZoneInfo

from reconcile.actual.inventory import Backup, State, in_order
from reconcile.addresses import SeriesAddress
from reconcile.ids import Id, id_order
from reconcile.plan.model import Delete, SeriesPlan, ServerPlan, Withheld
from reconcile.plan.reasons import Exemption, NotKept, Veto
from reconcile.plan.retention import retain
from reconcile.plan.series_state import is_usable

_IDENTITY = ("server_id", "description", "backup_type", "created_at", "state")
"""The fields of a backup that must not have changed since the plan."""

_identity = attrgetter("id", *_IDENTITY)


AGREED = frozenset({Veto.NO_DELETE, Veto.PAUSED})
"""Requested by the user: a run is complete without these deletes."""

WITHHELD = AGREED | {Veto.RULE_BROKEN, Veto.CLOCK_UNCONFIRMED, Veto.TOO_MUCH_LOST, Veto.LAST_USABLE}
DEFERRED = frozenset({Veto.NOT_AWAITED, Veto.KEPT_AFTER_ALL})


@dataclass(frozen=True, kw_only=True, slots=True)
class Changed:
    """A field of the backup has changed since the plan."""

    field: str
    planned: object
    listed: object


@dataclass(frozen=True, kw_only=True, slots=True)
class UnknownBeside:
    """An unknown backup is in the series, or (`status` is None) may be in it."""

    id: Id
    status: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Appeared:
    """A backup was added to the series since the plan, so retention might keep others."""

    id: Id


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptOneChanged:
    """A backup that the plan keeps, or the new backup, is no longer listed, or no longer as it was seen last."""

    id: Id


@dataclass(frozen=True, kw_only=True, slots=True)
class SeriesWithoutUsable:
    """A declared series of the server has no usable backup: an undeclared backup may be all that is left of it."""

    address: SeriesAddress


Objection = Veto | Changed | UnknownBeside | Appeared | KeptOneChanged | SeriesWithoutUsable
"""Why a delete must not be sent."""


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """What was planned, and the results of the creates that come first.

    `series` is the series of the backup, None for an undeclared backup. `created` has an entry for each create of the
    server that has ended: the new backup as it was last seen, or None if it does not count.
    """

    server: ServerPlan
    series: SeriesPlan | None
    created: Mapping[SeriesAddress, Backup | None]
    withheld: Withheld
    zone: ZoneInfo
    waits: bool
    """Whether the run waits for its creates. Otherwise no list has shown that a new backup is usable."""

    @cached_property
    def needed(self) -> Mapping[Id, Backup]:
        """The backups of the series that must stay, as they were seen last, when another one is deleted.

        `keep` is applied again: the plan counted the new backup as created at the time of planning. If it was created
        later, on another day, it may replace a different backup. If the run does not wait for it, it replaces none, and
        neither does a misdated backup (spec, section 1).
        """
        if self.series is None:
            return {}
        kept = (each.backup for each in self.series.kept if each.reason is not Exemption.MISDATED)
        staying = [backup for backup in kept if backup.state in {State.USABLE, State.UNDERSIZED}]
        if self.new and self.waits:
            staying.append(self.new)
        leaving = (delete.backup for delete in self.series.deletes if delete.is_usable)
        newest_first = in_order(backup for backup in (*staying, *leaving) if backup.state is State.USABLE)[::-1]
        keep = next((delete.reason.keep for delete in self.series.deletes if isinstance(delete.reason, NotKept)), ())
        rules = retain([backup.created_at for backup in newest_first], keep, self.zone)
        kept_by_rule = (backup for backup, rule in zip(newest_first, rules, strict=True) if rule)
        return {backup.id: backup for backup in (*staying, *kept_by_rule)}

    @property
    def new(self) -> Backup | None:
        """The new backup of the series, if there is one."""
        return self.created.get(self.series.address) if self.series else None


@dataclass(frozen=True, kw_only=True, slots=True)
class AtSending:
    """What is known only when the delete is about to be sent.

    `usable_left` is the number of usable backups on the declared servers, None if any loss is allowed. `listed` are the
    manual backups of the server in a fresh list, None before it is requested.
    """

    now: datetime
    usable_left: int | None
    listed: tuple[Backup, ...] | None = None


def objection(delete: Delete, circumstances: Circumstances, at_sending: AtSending) -> Objection | None:
    """Return why the delete must not be sent now; None if it may be sent."""
    return next((found for rule in RULES if (found := rule(delete, circumstances, at_sending))), None)


def _is_withheld(delete: Delete, circumstances: Circumstances, at_sending: AtSending) -> Objection | None:
    """Object to a delete that the plan withholds."""
    return circumstances.withheld.get(delete.address)


def _waits_for_a_create(delete: Delete, circumstances: Circumstances, at_sending: AtSending) -> Objection | None:
    """Let the deletes of a series wait for its create, and of undeclared backups for all creates of the server."""
    series = [circumstances.series] if circumstances.series else circumstances.server.series
    created = [circumstances.created.get(each.address) for each in series if each.create]
    if None in created:
        return Veto.NOT_CREATED
    if not created:
        return None
    if circumstances.waits:
        return Veto.KEPT_AFTER_ALL if delete.backup.id in circumstances.needed else None
    is_replaced = circumstances.series and delete.is_usable and delete.backup.id not in circumstances.needed
    return None if is_replaced else Veto.NOT_AWAITED  # replaced by a backup that was there before


def _is_the_last(delete: Delete, circumstances: Circumstances, at_sending: AtSending) -> Objection | None:
    is_last = delete.is_usable and at_sending.usable_left is not None and at_sending.usable_left <= 1
    return (Veto.LAST_USABLE if circumstances.waits else Veto.NOT_AWAITED) if is_last else None


def _has_changed(delete: Delete, circumstances: Circumstances, at_sending: AtSending) -> Objection | None:
    listed = next((backup for backup in at_sending.listed or () if backup.id == delete.backup.id), delete.backup)
    for field in _IDENTITY:
        was, is_now = getattr(delete.backup, field), getattr(listed, field)
        if was != is_now:
            return Changed(field=field, planned=was, listed=is_now)
    return None


def _is_beside_an_unknown(delete: Delete, circumstances: Circumstances, at_sending: AtSending) -> Objection | None:
    """Keep every backup of a series that an unknown backup may belong to (spec, section 3)."""
    descriptions: Container[str | None] = (delete.backup.description,)
    if circumstances.series:
        descriptions = circumstances.series.descriptions
    for backup in at_sending.listed or ():
        is_member = backup.description in descriptions
        if not backup.is_identified and (is_member or "description" in backup.unreadable):
            return UnknownBeside(id=backup.id, status=None)
        if backup.state is State.UNKNOWN and is_member and circumstances.series:
            return UnknownBeside(id=backup.id, status=backup.status)
    return None


def _series_is_not_as_planned(delete: Delete, circumstances: Circumstances, at_sending: AtSending) -> Objection | None:
    """Object if the series has changed: retention might keep other backups than the planned ones."""
    if circumstances.series is None or at_sending.listed is None:
        return None
    members = [backup for backup in at_sending.listed if backup.description in circumstances.series.descriptions]
    known = circumstances.series.ids | ({circumstances.new.id} if circumstances.new else set())
    for backup in members:
        if backup.id not in known and backup.state is not State.FAILED:
            return Appeared(id=backup.id)
    as_seen = {_identity(backup) for backup in members}
    changed = [id_ for id_, backup in circumstances.needed.items() if _identity(backup) not in as_seen]
    return KeptOneChanged(id=min(changed, key=id_order)) if changed else None


def _may_be_all_that_is_left(delete: Delete, circumstances: Circumstances, at_sending: AtSending) -> Objection | None:
    """Keep an undeclared backup that may be what is left of a renamed series without a usable backup."""
    if circumstances.series is not None or at_sending.listed is None:
        return None
    usable = {backup.description for backup in at_sending.listed if is_usable(backup, at_sending.now)}
    for descriptions in circumstances.server.declared:
        if not any(description in descriptions for description in usable):
            return SeriesWithoutUsable(address=SeriesAddress(circumstances.server.key, descriptions.present))
    return None


Rule = Callable[[Delete, Circumstances, AtSending], Objection | None]
RULES: tuple[Rule, ...] = (
    _is_withheld,
    _waits_for_a_create,
    _is_the_last,
    _has_changed,
    _is_beside_an_unknown,
    _series_is_not_as_planned,
    _may_be_all_that_is_left,
)
"""In order: the first rule that objects gives the reason."""
