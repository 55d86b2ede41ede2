"""The planner (spec, section 3): compares the desired state with what the account holds at one moment."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from reconcile.actual.inventory import COMPLETED, Backup, Inventory, State, in_order
from reconcile.addresses import SeriesAddress
from reconcile.desired.config import DeclaredSeries
from reconcile.desired.desired import Desired, Freshness
from reconcile.diagnostics import Diagnostic
from reconcile.ids import Id, id_order
from reconcile.plan import reasons
from reconcile.plan.model import Create, Delete, Kept, LossLimit, Plan, SeriesPlan, ServerPlan
from reconcile.plan.pauses import pause_diagnostics
from reconcile.plan.reasons import Exemption, Veto
from reconcile.plan.refusals import check_servers, empty_fleets, unconfirmed_clock, unprotected_servers
from reconcile.plan.require import breaches
from reconcile.plan.retention import retain
from reconcile.plan.safety import measure
from reconcile.plan.series_state import SeriesState, ServerState, TimeRules, server_state
from reconcile.plan.warnings import account_diagnostics, odd_entries

WORTH_WAITING = timedelta(hours=1)
"""Maximum age of a pending backup that apply waits for, and how long: a stuck backup would delay every run."""


def plan(desired: Desired, inventory: Inventory, now: datetime) -> Plan:
    """Decide what to create and delete to make the account match the files.

    The order of the service's lists has no influence. A server that does not match the file is left out with an error.
    """
    return next(plans([desired], inventory, now))


def plans(several: Iterable[Desired], inventory: Inventory, now: datetime) -> Iterator[Plan]:
    """Plan for each of several desired states, as `plan` does; a server that they declare alike is planned once."""
    known: dict[Id, tuple[ServerState, ServerPlan]] = {}
    known_by: object = None
    for desired in several:
        rules = (desired.config.settings, desired.config.require, desired.freshness, desired.targets)
        if rules != known_by:
            known, known_by = {}, rules
        yield _plan(desired, inventory, now, known)


def _plan(
    desired: Desired, inventory: Inventory, now: datetime, known: dict[Id, tuple[ServerState, ServerPlan]]
) -> Plan:
    """Return the plan; `known` are the servers that are planned already by the same rules, and is completed."""
    inventory = desired.min_sizes.judged_inventory(inventory)
    checked, mismatches = check_servers(desired, inventory)
    unconfirmed = unconfirmed_clock(inventory) if now == inventory.observed_at else ()
    times = TimeRules(desired=desired, now=now, is_confirmed=not unconfirmed)
    broken = breaches(desired.config, (*desired.servers, *desired.fleets))
    breaking = {table for table, _ in broken}
    for server in checked:
        if server.id not in known or known[server.id][0].declared != server:
            state = server_state(server, inventory, times)
            known[server.id] = state, _ServerPlanner(state, breaks_rule=server.place in breaking).plan()
    states = [known[server.id][0] for server in checked]
    servers = tuple(known[server.id][1] for server in checked)
    settings = desired.config.settings
    diagnostics = (
        *pause_diagnostics(desired.config, now),
        *(_unmet(states, desired.freshness) if desired.freshness else ()),
        *unconfirmed,
        *mismatches,
        *unprotected_servers(desired, inventory),
        *broken.values(),
        *desired.config.warnings,
        *empty_fleets(desired, inventory),
        *odd_entries(inventory),
        *account_diagnostics(states),
    )
    limit = LossLimit(max_shrink_percent=settings.max_shrink, servers=tuple(sorted(desired.declared, key=id_order)))
    return Plan(
        base_url=inventory.base_url,
        account=settings.account,
        planned_at=now,
        zone=settings.timezone,
        targets=desired.targets,
        fleets=tuple(fleet.name for fleet in desired.fleets),
        servers=servers,
        limit=limit,
        min_sizes=desired.min_sizes,
        loss=measure(servers, limit, inventory, now),
        errors=tuple(each for each in diagnostics if each.severity == "error"),
        warnings=tuple(each for each in diagnostics if each.severity == "warning"),
        max_age=desired.freshness.max_age if desired.freshness else None,
        min_age=desired.config.require.min_age,
    )


def _unmet(servers: Iterable[ServerState], freshness: Freshness) -> Iterator[Diagnostic]:
    """Yield an error for each series that has, or may have, no backup as young as `--max-age` requires."""
    for server in servers:
        for series, state in server.series:
            if state.is_unmet:
                detail = (
                    "Its server is paused, so no backup is created. End the pause, or leave the series out with "
                    "--target."
                )
            elif state.needed and state.needed.state is State.UNKNOWN:
                detail = (
                    f"#{state.needed.id} is recent enough, but its status {state.needed.status!r} or another field "
                    "can't be understood. Look at it in the web panel."
                )
            else:
                continue
            address = str(SeriesAddress(server.declared.key, series.description))
            yield Diagnostic(summary=reasons.unmet_text(freshness.max_age), detail=detail, address=address)


def judge(
    series: DeclaredSeries, state: SeriesState, pinned: frozenset[Id], times: TimeRules, *, is_unclear: bool = False
) -> list[reasons.KeepReason | reasons.SeriesDeleteReason]:
    """Return for each backup of a series why it is kept or deleted; the one to create counts as usable, created now."""
    usable = state.usable[::-1]
    coming = [times.now] if state.create else []
    kept = retain([*coming, *map(times.moment, usable)], series.keep, times.zone)
    kept_by = {backup.id: reason for backup, reason in zip(usable, kept[len(coming) :], strict=True)}
    beside_unknown = Exemption.BESIDE_UNKNOWN if state.unknown or is_unclear else None
    verdicts: list[reasons.KeepReason | reasons.SeriesDeleteReason] = []
    keep_reason: reasons.KeepReason | None
    for backup in state.backups:
        if backup.id in kept_by:  # it is usable
            keep_reason = Exemption.PINNED if backup.id in pinned else kept_by[backup.id]
            keep_reason = keep_reason or beside_unknown or times.too_young(backup)
            verdicts.append(keep_reason or reasons.NotKept(keep=series.keep))
        else:
            keep_reason = _never_deleted(backup, pinned, times)
            verdicts.append(keep_reason or beside_unknown or _no_restore_point(backup, series, state, times))
    return verdicts


def _no_restore_point(
    backup: Backup, series: DeclaredSeries, state: SeriesState, times: TimeRules
) -> reasons.Failed | reasons.Undersized | Exemption:
    """Return why a failed or undersized backup is deleted or kept."""
    if backup.state is State.FAILED:
        return reasons.Failed(status=backup.status)
    if in_order((*state.usable[-1:], *state.undersized[-1:]))[-1] == backup:
        return Exemption.NEWEST_UNDERSIZED
    default = times.desired.config.settings.min_size
    return reasons.Undersized(min_size=default if series.min_size is None else series.min_size)


_EXEMPTIONS = {
    State.MISDATED: Exemption.MISDATED,
    State.STALLED: Exemption.STALLED,
    State.PENDING: Exemption.IN_PROGRESS,
    State.UNKNOWN: Exemption.UNKNOWN_STATUS,
}


def _never_deleted(backup: Backup, pinned: frozenset[Id], times: TimeRules) -> Exemption | None:
    """Return why a backup is never deleted, whatever else applies; None if it may be deleted."""
    state = times.state(backup)
    if backup.id in pinned and state is not State.MISDATED:
        return Exemption.PINNED
    if state is State.UNKNOWN and not backup.is_identified:
        return Exemption.NOT_READABLE
    return _EXEMPTIONS.get(state)


class _ServerPlanner:
    """Plans one declared server."""

    def __init__(self, state: ServerState, *, breaks_rule: bool) -> None:
        self.state, self.server, self.times, self.unclear = state, state.declared, state.times, state.unclear
        self.veto = Veto.PAUSED if state.pause else Veto.RULE_BROKEN if breaks_rule else None
        self.pinned = frozenset(state.declared.pinned)
        others = [self._undeclared(backup) for backup in state.undeclared]
        self.pruned = tuple(entry for entry in others if isinstance(entry, Delete))
        self.unmanaged = tuple(entry for entry in others if isinstance(entry, Kept))

    def plan(self) -> ServerPlan:
        return ServerPlan(
            key=self.server.key,
            name=self.server.name,
            id=self.server.id,
            fleet=self.server.fleet,
            matched_fields=self.server.matched_fields,
            pause=self.state.pause,
            veto=self.veto,
            declared=tuple(self.server.descriptions.values()),
            series=tuple(self._series(series, found) for series, found in self.state.series),
            pruned=self.pruned,
            unmanaged=self.unmanaged,
        )

    def _series(self, series: DeclaredSeries, state: SeriesState) -> SeriesPlan:
        look_alike = self.state.look_alikes.get(series.description)
        address = SeriesAddress(self.server.key, series.description)
        descriptions = self.server.descriptions[series.description]
        create = None
        # If the service cuts descriptions, it would get a new create in every run, because no backup is recognised.
        if state.create and not (look_alike and look_alike.is_cut):
            create = Create(
                address=address,
                server_id=self.server.id,
                server_name=self.server.name,
                description=series.description,
                reason=state.create,
            )
        kept, deletes = self._verdicts(series, state, address)
        return SeriesPlan(
            address=address,
            create=create,
            deletes=tuple(deletes),
            kept=tuple(kept),
            awaited=self._awaited(series, state, address, deletes),
            descriptions=descriptions,
            needed=state.needed,
            due_at=state.due_at,
        )

    def _verdicts(
        self, series: DeclaredSeries, state: SeriesState, address: SeriesAddress
    ) -> tuple[list[Kept], list[Delete]]:
        kept: list[Kept] = []
        deletes: list[Delete] = []
        is_unclear = bool(self.unclear) and any(backup.description in self.unclear for backup in state.backups)
        verdicts = judge(series, state, self.pinned, self.times, is_unclear=is_unclear)
        for backup, verdict in zip(state.backups, verdicts, strict=True):
            if isinstance(verdict, reasons.SeriesDeleteReason):
                deletes.append(self._delete(address, backup, verdict))
            else:
                kept.append(Kept(series=address, backup=backup, reason=verdict))
        return kept, deletes

    def _awaited(
        self, series: DeclaredSeries, state: SeriesState, address: SeriesAddress, deletes_now: list[Delete]
    ) -> tuple[Backup, ...]:
        """Return the pending backups that apply waits for: the needed one, and those whose completion allows a delete.

        Such a delete is of a backup that retention would then no longer keep, or of an undeclared backup, if the series
        has no usable backup. A veto allows none.
        """
        needed = tuple(backup for backup in state.pending if backup is state.needed)
        if not state.pending or self.veto:
            return needed
        pending = tuple(
            backup for backup in state.pending if backup in needed or self.times.age(backup) < WORTH_WAITING
        )
        is_pruning = any(not delete.veto for delete in self.pruned)
        if not pending or (is_pruning and not state.usable):
            return pending
        by_id = {backup.id: replace(backup, status=COMPLETED) for backup in pending}
        completed = replace(
            state,
            backups=tuple(by_id.get(backup.id, backup) for backup in state.backups),
            usable=in_order((*state.usable, *by_id.values())),
        )
        _, deletes_then = self._verdicts(series, completed, address)
        more = sum(not delete.veto for delete in deletes_then) - sum(not delete.veto for delete in deletes_now)
        return pending if more > 0 else needed

    def _undeclared(self, backup: Backup) -> Delete | Kept:
        address = SeriesAddress(self.server.key, backup.description)
        if reason := self._why_unmanaged(backup):
            return Kept(series=address, backup=backup, reason=reason)
        prune = None if isinstance(self.server.prune, bool) else self.server.prune
        pruned = reasons.Undeclared(age=self.times.age(backup), prune=prune)
        return self._delete(address, backup, pruned)

    def _why_unmanaged(self, backup: Backup) -> reasons.KeepReason | None:
        """Return why an undeclared backup is kept; None if it is pruned."""
        prune, times = self.server.prune, self.times
        if self.server.ignores(backup.description):
            return Exemption.IGNORED
        if reason := _never_deleted(backup, self.pinned, times):
            return reason
        if prune is False:
            return Exemption.NOT_PRUNED
        if backup.description in self.unclear:
            return Exemption.BESIDE_UNKNOWN
        young = times.too_young(backup)
        if prune is True or (at := prune.after(times.moment(backup), times.zone)) <= times.now:
            return young
        protected_until = young.min_age.after(times.moment(backup), times.zone) if young else at
        return reasons.PrunedLater(prune=prune, at=max(at, protected_until))

    def _delete(self, series: SeriesAddress, backup: Backup, reason: reasons.DeleteReason) -> Delete:
        delete = Delete(address=series.member(backup.id, backup.description), backup=backup, reason=reason)
        if self.times.is_confirmed or not delete.depends_on_clock(self.times.desired.config.require.min_age):
            return delete
        return replace(delete, veto=Veto.CLOCK_UNCONFIRMED)
