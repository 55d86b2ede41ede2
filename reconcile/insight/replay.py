"""Plans recorded runs again, offline: each plan must be identical, and each action must follow from it.

This module has no rule about what is due or kept: the planner plans each run again.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from reconcile.actual.inventory import Inventory
from reconcile.desired.config import Config
from reconcile.desired.desired import Freshness, declared_servers
from reconcile.desired.locate import Source
from reconcile.desired.min_sizes import MinSizes
from reconcile.diagnostics import UserError
from reconcile.insight.difference import ActionChange, Fate, compare
from reconcile.insight.restore_points import Choice, choose, safety_description, series_of
from reconcile.insight.servers import find_server, name_or_id
from reconcile.plan.planning import RunOptions, desired_for, plan_run
from reconcile.plan.record import Outline, Record, RecordedAction, RecordedRound, RestoreOptions, outline
from reconcile.plan.safety import continued, withheld
from reconcile.plan.saved import read

Kind = Literal["line", "backup", "refused", "added", "missing", "reason", "withheld", "server", "rest", "unplanned"]
"""What does not hold: an altered line or backup; a plan that is now refused; an action that is only in one of the two
plans, or that differs in its reason or in whether it is withheld; what is kept on a server; what concerns the whole
account; or an action that was sent although it does not follow from the plan."""


class Finding(NamedTuple):
    """A part of a record that does not hold; `subject` is an address, a line, or a message."""

    kind: Kind
    verb: str
    subject: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplayedRun:
    """A run that was planned again from its record."""

    record: str
    at: datetime
    version: str
    """The version that wrote the record: another one may plan otherwise."""
    is_finished: bool
    sent: Counter[str]
    """Number of creates, deletes and restores that were sent."""
    findings: tuple[Finding, ...]
    other: tuple[ActionChange, ...]
    """What other files would have changed in the first plan; empty without other files."""
    refused: str
    """Why the other files are refused; empty if they are not."""


Replay = tuple[ReplayedRun, ...]

Load = Callable[[tuple[Source, ...]], Config]
"""Reads the files of a record; raises UserError if they are invalid."""


def replay(records: Iterable[tuple[str, Record]], load: Load, other: Config | None = None) -> Replay:
    """Plan each record again, in the order of their times, and compare `other` with the files of each apply.

    The records are read one by one, because a year of them does not fit into memory.
    """
    return tuple(_replayed(name, record, load, other) for name, record in records)


def _replayed(name: str, record: Record, load: Load, other: Config | None) -> ReplayedRun:
    found: tuple[ActionChange, ...] = ()
    refused = ""
    try:
        found = _changes(record, load, other) if other else ()
    except UserError as error:
        refused = error.diagnostics[0].summary
    return ReplayedRun(
        record=name,
        at=record.started_at,
        version=record.version,
        is_finished=record.ended_at is not None,
        sent=Counter(action.verb for each in record.rounds for action in each.sent),
        findings=tuple(_check(record, load)),
        other=found,
        refused=refused,
    )


def _check(record: Record, load: Load) -> Iterator[Finding]:
    yield from (Finding("line", "", line) for file in record.files for line in file.altered)
    for each, inventory in zip(record.rounds, record.inventories, strict=True):
        yield from (Finding("backup", "", address) for address in each.observed.altered)
        if each.plan is None:  # refused, or killed before
            continue
        try:
            again = _plan_again(record, each, inventory, load)
        except UserError as error:
            yield Finding("refused", "", error.diagnostics[0].summary)
        else:
            yield from _compare(each.plan, again)


def _plan_again(record: Record, each: RecordedRound, inventory: Inventory, load: Load) -> Outline:
    """Plan one round of a record again; raises UserError if its files or its saved plan are invalid."""
    config, options = _config(record, load), record.options
    if isinstance(options, RestoreOptions):
        return restore_outline(options, choice_of(options, config, inventory))
    what = config if record.saved_plan is None else read(record.saved_plan, "the saved plan")
    gained = Counter(each.gained)
    plan = continued(plan_run(what, inventory, options, record.started_at), gained, each.lost)
    return outline(plan, withheld(plan, options.allow_loss, gained, counts_creates=options.wait))


def _config(record: Record, load: Load) -> Config:
    return load(tuple(file.source for file in record.files))


def choice_of(options: RestoreOptions, config: Config, inventory: Inventory) -> Choice:
    """Choose the backup of a restore; raises UserError as `find_server` and `choose` do."""
    inventory = MinSizes.of(config, declared_servers(config, inventory)).judged_inventory(inventory)
    server = find_server(inventory.names, options.server)
    series = series_of(server, options.series, config, inventory) if options.series is not None else None
    return choose(server, inventory, backup_id=options.backup_id, series=series, before=options.before)


def restore_outline(options: RestoreOptions, choice: Choice) -> Outline:
    """Return the plan of a restore: the safety backup, if it creates one, and the restore."""
    server = name_or_id(choice.server)
    actions = [RecordedAction(verb="restore", address=f"{server}/{choice.backup.description or ''}#{choice.backup.id}")]
    if options.safety_backup:
        actions.insert(0, RecordedAction(verb="create", address=f"{server}/{safety_description(choice.observed_at)}"))
    return Outline(planned_at=choice.observed_at, actions=tuple(actions), servers={}, rest="")


def _compare(recorded: Outline, again: Outline) -> Iterator[Finding]:
    olds, news = ({(each.verb, each.address): each for each in plan.actions} for plan in (recorded, again))
    differing: set[str] = set()
    for verb, address in dict.fromkeys((*olds, *news)):
        old, new = olds.get((verb, address)), news.get((verb, address))
        if kind := _kind(old, new):
            differing.add(address)
            yield Finding(kind, verb, address)
        if old and old.was_sent and (new is None or new.withheld):
            yield Finding("unplanned", verb, address)
    named = {address.partition("/")[0] for address in differing}
    for key in dict.fromkeys((*recorded.servers, *again.servers)):
        if recorded.servers.get(key) != again.servers.get(key) and key not in named:
            yield Finding("server", "", key)
    if (recorded.rest != again.rest and not differing) or recorded.planned_at != again.planned_at:
        yield Finding("rest", "", "")


def _kind(recorded: RecordedAction | None, again: RecordedAction | None) -> Kind | None:
    if recorded is None:
        return "missing"
    if again is None:
        return "added"
    if recorded.withheld != again.withheld:
        return "withheld"
    return None if recorded.reason == again.reason else "reason"


def _changes(record: Record, load: Load, other: Config) -> tuple[ActionChange, ...]:
    """Return what other files would have changed in the plan of the first round of an apply, if it had one.

    Raises:
        UserError: the other files are refused.
    """
    if not isinstance(record.options, RunOptions) or record.saved_plan or not (record.rounds and record.rounds[0].plan):
        return ()
    options, inventory = record.options, record.inventories[0]
    desired = desired_for(other, inventory, options.targets, Freshness.of(options.max_age, record.started_at))
    found = compare(_config(record, load), desired, inventory, inventory.observed_at, options.allow_loss)
    return tuple(each for each in found.actions if each.fate is not Fate.OTHER_REASON)
