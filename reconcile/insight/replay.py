"""Plans recorded runs again, offline: each plan must be identical, and each action must follow from it.

This module has no rule about what is due or kept: the planner plans each run again.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from reconcile.actual.inventory import Inventory
from reconcile.desired.config import Config
from reconcile.desired.desired import Desired
from reconcile.desired.locate import Source
from reconcile.diagnostics import UserError
from reconcile.insight.difference import Difference, difference
from reconcile.insight.restore_points import Choice, choose, min_sizes_of, safety_description, series_of
from reconcile.insight.servers import find_server, name_or_id
from reconcile.plan.model import Plan
from reconcile.plan.planning import RunOptions, desired_for, make_plan, plan_run
from reconcile.plan.record import Outline, PlannedAction, Record, RecordedRound, RestoreOptions, outline
from reconcile.plan.safety import continued, withheld

Kind = Literal["line", "backup", "refused", "added", "missing", "reason", "withheld", "server", "rest", "unplanned"]
"""What does not hold: an altered line or backup; a plan that is now refused; an action that is only in one of the two
plans, or that differs in its reason or in whether it is withheld; what is kept on a server; what concerns the whole
account; or an action that was sent although it does not follow from the plan."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """A part of a record that does not hold; `subject` is an address, a line, or a message."""

    record: str
    at: datetime
    version: str
    """The version that wrote the record: another one may plan otherwise."""
    kind: Kind
    subject: str
    verb: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class OtherPlan:
    """The plan of other files for the first observation of a run, or why they are refused."""

    record: str
    at: datetime
    difference: Difference | None
    refused: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Replay:
    """All records that were planned again. `sent` counts the creates, deletes and restores that were sent."""

    runs: int
    first: datetime | None
    last: datetime | None
    unfinished: int
    sent: Counter[str]
    findings: tuple[Finding, ...]
    others: tuple[OtherPlan, ...]
    """The plans that differ; empty without other files."""


Load = Callable[[tuple[Source, ...]], Config]
"""Reads the files of a record; raises UserError if they are invalid."""


def replay(records: Iterable[tuple[str, Record]], load: Load, other: Config | None = None) -> Replay:
    """Plan each record again, in the order of their times, and compare `other` with the files of each apply.

    The records are read one by one, because a year of them does not fit into memory.
    """
    times: list[datetime] = []
    findings: list[Finding] = []
    others: list[OtherPlan] = []
    sent: Counter[str] = Counter()
    unfinished = 0
    for name, record in records:
        times.append(record.started_at)
        unfinished += record.ended_at is None
        sent.update(done.verb for each in record.rounds for done in each.done or () if done.was_sent)
        findings += (
            Finding(record=name, at=record.started_at, version=record.version, kind=kind, verb=verb, subject=subject)
            for kind, verb, subject in _check(record, load)
        )
        if other:
            others += _other_plans(name, record, load, other)
    return Replay(
        runs=len(times),
        first=min(times, default=None),
        last=max(times, default=None),
        unfinished=unfinished,
        sent=sent,
        findings=tuple(findings),
        others=tuple(others),
    )


_Found = tuple[Kind, str, str]
"""The kind of a finding, the verb of the action, and the subject."""


def _check(record: Record, load: Load) -> Iterator[_Found]:
    yield from (("line", "", line) for line in record.altered_lines)
    try:
        outlines = _planner(record, load)
    except UserError as error:  # the files in the record are invalid
        yield "refused", "", error.diagnostics[0].summary
        return
    for each in record.rounds:
        yield from (("backup", "", address) for address in each.altered)
        try:
            again = outlines(each)
        except UserError as error:
            if each.outline:
                yield "refused", "", error.diagnostics[0].summary
            continue
        if each.outline:
            yield from _compare(each.outline, again)
        yield from _unplanned(each, again)


def _planner(record: Record, load: Load) -> Callable[[RecordedRound], Outline]:
    """Return what plans one round of a record again; raises UserError if its files are invalid."""
    config = load(record.files)
    match record.options:
        case RestoreOptions() as restore:
            return lambda each: restore_outline(
                restore, choice_of(restore, config, each.inventory), each.inventory.observed_at
            )
        case RunOptions() as options:
            what = record.saved_plan or config

            def again(each: RecordedRound) -> Outline:
                plan = continued(plan_run(what, each.inventory, options, record.started_at), each.gained, each.lost)
                gained = Counter(each.gained)
                return outline(plan, withheld(plan, options.allow_loss, gained, counts_creates=options.wait))

            return again


def choice_of(options: RestoreOptions, config: Config, inventory: Inventory) -> Choice:
    """Choose the backup of a restore; raises UserError as `find_server` and `choose` do."""
    inventory = min_sizes_of(config, inventory).judged_inventory(inventory)
    server = find_server(inventory.names, options.server)
    series = series_of(server, options.series, config, inventory) if options.series is not None else None
    limit = options.before or inventory.observed_at
    return choose(server, inventory, backup_id=options.backup_id, series=series, before=limit)


def restore_outline(options: RestoreOptions, choice: Choice, now: datetime) -> Outline:
    """Return the plan of a restore: the safety backup, if it creates one, and the restore."""
    server = name_or_id(choice.server)
    actions = [PlannedAction(verb="restore", address=f"{server}/{choice.backup.description or ''}#{choice.backup.id}")]
    if options.safety_backup:
        actions.insert(0, PlannedAction(verb="create", address=f"{server}/{safety_description(now)}"))
    return Outline(planned_at=now, actions=tuple(actions), servers={}, rest="")


def _compare(recorded: Outline, again: Outline) -> Iterator[_Found]:
    olds, news = ({(each.verb, each.address): each for each in plan.actions} for plan in (recorded, again))
    differing: set[str] = set()
    for verb, address in dict.fromkeys((*olds, *news)):
        old, new = olds.get((verb, address)), news.get((verb, address))
        if old == new:
            continue
        differing.add(address)
        if old is None:
            yield "missing", verb, address
        elif new is None:
            yield "added", verb, address
        else:
            yield "withheld" if old.withheld != new.withheld else "reason", verb, address
    named = {address.partition("/")[0] for address in differing}
    for key in dict.fromkeys((*recorded.servers, *again.servers)):
        if recorded.servers.get(key) != again.servers.get(key) and key not in named:
            yield "server", "", key
    if (recorded.rest != again.rest and not differing) or recorded.planned_at != again.planned_at:
        yield "rest", "", ""


def _unplanned(each: RecordedRound, again: Outline) -> Iterator[_Found]:
    planned = {(action.verb, action.address) for action in again.actions if not action.withheld}
    for done in each.done or ():
        if done.was_sent and (done.verb, done.address) not in planned:
            yield "unplanned", done.verb, done.address


def _other_plans(name: str, record: Record, load: Load, other: Config) -> Iterator[OtherPlan]:
    """Yield the plan of other files for the first round of an apply, if it differs."""
    if not isinstance(record.options, RunOptions) or record.saved_plan or not record.rounds:
        return
    options, inventory = record.options, record.rounds[0].inventory

    def planned(config: Config) -> tuple[Desired, Plan]:
        desired = desired_for(config, inventory, options.targets)
        return desired, make_plan(desired, inventory, max_age=options.max_age, started_at=record.started_at)

    try:
        found = difference(planned(load(record.files)), planned(other))
    except UserError as error:
        yield OtherPlan(record=name, at=record.started_at, difference=None, refused=error.diagnostics[0].summary)
        return
    if not found.causes_nothing:
        yield OtherPlan(record=name, at=record.started_at, difference=found)
