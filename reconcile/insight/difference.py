"""Compares the plans of one observation before and after a change to the files, and the files themselves.

The planner makes both plans; this module has no rule about what is due or kept. It matches servers and backups by their
ids, so a new key for a server is not a change.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import StrEnum
from functools import cache
from math import inf
from typing import Any, Literal, NamedTuple

from reconcile.actual.inventory import Inventory
from reconcile.desired.config import Config, DeclaredFleet, DeclaredSeries, DeclaredServer
from reconcile.desired.desired import Desired
from reconcile.desired.document import PauseTable, Requirements, Settings
from reconcile.desired.fields import size_setting
from reconcile.desired.keep import KeepCount, KeepWithin
from reconcile.diagnostics import Diagnostic
from reconcile.ids import Id
from reconcile.plan.model import Action, Create, Plan, ServerPlan
from reconcile.plan.planner import plans
from reconcile.plan.planning import desired_before
from reconcile.plan.reach import START
from reconcile.plan.safety import withheld

Kind = Literal["settings", "require", "policies", "fleets", "servers"]
"""The kind of table that contains a value."""

Written = str | dict[str, Any]
"""A value as in the files: a text, or a table of values. A list is a table of its items: order is irrelevant."""

Effect = Literal["longer", "shorter", "other"]
"""How a change of `every` and `keep` affects for how long the backups of a series are kept."""

_Origin = tuple[str, str] | None
"""The kind and the name of the table (settings or a policy) that gives the values which another table does not set."""

_Table = Settings | Requirements | DeclaredFleet | DeclaredServer | DeclaredSeries

_IDENTITY = frozenset({"key", "place", "matched_fields", "description", "policy"})
"""The fields that identify a table, say where it is, or name its policy: not a change."""

_FIELDS: Mapping[type, tuple[str, ...]] = {
    **{table: tuple(table.model_fields) for table in (Settings, Requirements, PauseTable)},
    **{
        table: tuple(each.name for each in fields(table) if each.name not in _IDENTITY)
        for table in (DeclaredFleet, DeclaredServer, DeclaredSeries)
    },
}
"""The fields that are compared, by the type of the table."""

_KEYS = {"pauses": "pause"}
_SPELLINGS: Mapping[str, Callable[[Any], str]] = {
    "min_size": size_setting,
    "max_shrink": "{}%".format,
    "day_start": "{:%H:%M}".format,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class FileChange:
    """A value that differs between the files; `before` or `after` is None if it is not set there."""

    table: Kind
    names: tuple[str, ...]
    """The policies, the fleets, or the keys of the servers whose value differs, in the order of the files."""
    series: str | None
    """The description of the series that has the value; None outside a series."""
    path: tuple[str, ...]
    """Where it is in its table, such as `("keep", "last")`; empty where the whole table is new or gone."""
    before: Written | None
    after: Written | None
    reach: int
    """Number of servers for which the value changes, including the members of fleets; of a policy, number of series."""


class Fate(StrEnum):
    """What becomes of an action because of the change."""

    NEW = "new"
    NEW_WITHHELD = "new and withheld"
    NOW_WITHHELD = "now withheld"
    NO_LONGER_WITHHELD = "no longer withheld"
    GONE = "gone"
    OTHER_REASON = "other reason"
    """Both plans have it, and only its reason differs."""


_FATES = {
    (None, False): Fate.NEW,
    (None, True): Fate.NEW_WITHHELD,
    (False, True): Fate.NOW_WITHHELD,
    (True, False): Fate.NO_LONGER_WITHHELD,
    (False, None): Fate.GONE,
    (True, None): Fate.GONE,
}
"""By whether the action is withheld before and after the change; None if the plan does not have it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ActionChange:
    """An action that only one plan has, or that differs between them."""

    fate: Fate
    before: Action | None
    """The action in the plan before the change; None if it is new."""
    action: Action
    """The action in the plan after the change; if it is gone, in the plan before."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """Two plans on one observation, and what differs between them.

    The actions of `before` become those of `after` by the `actions`: remove those that are gone, replace those that
    differ, and add the new ones.
    """

    before: Plan
    """The plan before the change, with the servers' keys as in the plan after it."""
    after: Plan
    actions: tuple[ActionChange, ...]
    """Sorted by fate."""
    in_any_case: tuple[Action, ...]
    """The actions in both plans, as in the plan after the change."""
    left: tuple[ServerPlan, ...]
    """The servers that are no longer declared, as in the plan before the change."""
    policies: Mapping[Effect, int]
    """Number of series whose new policy keeps backups longer, shorter, or otherwise."""
    files: tuple[FileChange, ...]
    """The changes in the files, whether or not they affect the plans."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs at all."""
        return not (self.files or self.actions or self.appeared or self.resolved)

    @property
    def causes_nothing(self) -> bool:
        """Whether both plans have the same actions and withhold the same deletes, whatever differs in the files."""
        return all(each.fate is Fate.OTHER_REASON for each in self.actions)

    @property
    def appeared(self) -> tuple[Diagnostic, ...]:
        """The errors and warnings that only the plan after the change has."""
        return tuple(_only_in(self.after, self.before))

    @property
    def resolved(self) -> tuple[Diagnostic, ...]:
        """The errors and warnings that only the plan before the change has."""
        return tuple(_only_in(self.before, self.after))


def compare(before: Config, after: Desired, inventory: Inventory, now: datetime, allowed: int = 0) -> Difference:
    """Plan for the files before a change too, as for those after it, and compare both plans.

    Existing backups are matched by id, and new ones by server and description. `allowed` is the loss that is allowed
    for this run.

    Raises:
        UserError: the files before the change are refused, as by `resolve`.
    """
    earlier = desired_before(before, inventory, after)
    new_plan, old_plan = (
        replace(plan, loss=plan.loss.allowing(allowed)) for plan in plans((after, earlier), inventory, now)
    )
    olds, news = _actions(old_plan), _actions(new_plan)
    changed: list[ActionChange] = []
    for key in olds | news:
        (old, was_withheld), (new, is_withheld) = olds.get(key, (None, None)), news.get(key, (None, None))
        fate = _FATES.get((was_withheld, is_withheld))
        if old and new and not fate and old.reason != new.reason:
            fate = Fate.OTHER_REASON
        if fate and (action := new or old):
            changed.append(ActionChange(fate=fate, before=old, action=action))
    fates = list(Fate)
    return Difference(
        before=old_plan,
        after=new_plan,
        actions=tuple(sorted(changed, key=lambda each: fates.index(each.fate))),
        in_any_case=tuple(action for key, (action, _) in news.items() if key in olds),
        left=tuple(server for server in old_plan.servers if server.id not in after.declared),
        policies=Counter(_policies(earlier, after)),
        files=tuple(_file_changes(earlier, after)),
    )


def _actions(plan: Plan) -> dict[tuple[Id, str | None], tuple[Action, bool]]:
    """Return each action, and whether it is withheld, by what it changes: a series of a server, or a backup."""
    held_back = withheld(plan)
    return {
        (action.server_id, action.description) if isinstance(action, Create) else (action.backup.id, None): (
            action,
            action.address in held_back,
        )
        for action in plan.actions
    }


def _only_in(plan: Plan, other: Plan) -> Iterator[Diagnostic]:
    """Yield the diagnostics that only the first plan has, regardless of their places in the files."""
    known = Counter((each.address, each.summary) for each in (*other.errors, *other.warnings))
    for each in (*plan.errors, *plan.warnings):
        known[each.address, each.summary] -= 1
        if known[each.address, each.summary] < 0:
            yield each


def _policies(before: Desired, after: Desired) -> Iterator[Effect]:
    """Yield the effect of each other policy of a series."""
    earlier = {server.id: server.series for server in before.servers}
    for server in after.servers:
        if (old := earlier.get(server.id, ())) != server.series:
            olds = {series.description: series for series in old}
            for series in server.series:
                was = olds.get(series.description, series)
                if (was.every, was.keep) != (series.every, series.keep):
                    yield _effect(was, series)


def _effect(before: DeclaredSeries, after: DeclaredSeries) -> Effect:
    """Return what another policy means: longer if each rule of `keep` that differs keeps more, and so on."""
    if before.every != after.every:
        return "other"
    olds, news = (dict(map(_amount, each.keep)) for each in (before, after))
    amounts = [(olds.get(rule, 0), news.get(rule, 0)) for rule in olds | news if olds.get(rule) != news.get(rule)]
    if (inf in olds.values()) != (inf in news.values()):
        return "longer" if inf in news.values() else "shorter"
    if all(old < new for old, new in amounts):
        return "longer"
    return "shorter" if all(old > new for old, new in amounts) else "other"


def _amount(rule: KeepCount | KeepWithin) -> tuple[object, float]:
    """Return a name of a rule of `keep`, and how much it keeps, in backups or seconds."""
    if isinstance(rule, KeepWithin):
        return (rule.period, "within"), rule.duration.in_seconds(START)
    return rule.period, inf if rule.count == "all" else rule.count


def _file_changes(before: Desired, after: Desired) -> Iterator[FileChange]:
    """Yield the changes in the files that have an effect: neither the file of a value nor its order counts.

    What is alike in several tables is one change. A value that a table takes from the settings, from a policy or from a
    fleet is a change of those.
    """
    alike: dict[tuple[object, ...], list[_Pair]] = {}
    for pair in _pairs(before, after):
        if pair.before != pair.after:
            key = (pair.kind, pair.series, pair.origin, repr((pair.before, pair.after)))
            alike.setdefault(key, []).append(pair)
    groups = list(alike.values())
    olds = {number: pairs[0].before for number, pairs in enumerate(groups) if pairs[0].before is not None}
    news = {number: pairs[0].after for number, pairs in enumerate(groups) if pairs[0].after is not None}
    members = Counter(server.fleet for server in after.servers)
    taken: dict[tuple[object, ...], int] = {}
    found: list[tuple[tuple[object, ...], FileChange]] = []
    for (number, *path), old, new in sorted(nested_changes(olds, news), key=lambda each: each[0]):
        first = groups[number][0]
        names = [pair.name for pair in groups[number]]
        reach = sum(members[name] if first.kind == "fleets" else 1 for name in names)
        value: tuple[object, ...] = (first.origin, *path, repr((old, new)))
        if first.kind in {"settings", "policies"}:
            taken[value] = 0
        # The `prune` of the settings does not apply to fleets.
        elif value in taken and (first.kind, path) != ("fleets", ["prune"]):
            taken[value] += reach
            continue
        change = FileChange(
            table=first.kind,
            names=tuple(filter(None, names)),
            series=first.series,
            path=tuple(path),
            before=old,
            after=new,
            reach=reach if any(names) else len(after.servers),
        )
        found.append((value, change))
    for value, change in found:
        yield replace(change, reach=taken[value]) if change.table == "policies" else change


def nested_changes(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> Iterator[tuple[list[Any], Any, Any]]:
    """Yield the path of each value that differs, and the value before and after; None where there is none."""
    if before == after:
        return
    from deepdiff import DeepDiff  # noqa: PLC0415 - 0.3 s, and most runs compare nothing
    from deepdiff.helper import notpresent  # noqa: PLC0415

    # By default, deepdiff reports one change of everything if few keys are in common, and skips keys that start with
    # underscores, which names may do.
    found = DeepDiff(before, after, view="tree", threshold_to_diff_deeper=0, ignore_private_variables=False)
    for item in (item for kind in sorted(found) for item in found[kind]):
        old, new = (None if side is notpresent else side for side in (item.t1, item.t2))
        yield item.path(output_format="list"), old, new


class _Pair(NamedTuple):
    """A table, or a series in it, before and after the change: only the values that differ."""

    kind: Kind
    name: str
    """The name of the table; empty for the settings and the requirements."""
    series: str | None
    origin: _Origin
    before: Written | None
    after: Written | None


def _pairs(before: Desired, after: Desired) -> Iterator[_Pair]:
    """Yield each table that may differ between the files, and each of its series."""
    of_series = cache(_differing)  # if thousands change alike: 3 % of the command
    for kind, name, old, new in _tables(before, after):
        origin: _Origin = ("policies", name) if kind == "policies" else ("settings", "")
        yield _Pair(kind, name, None, origin, *_differing(old, new))
        if isinstance(old, DeclaredFleet | DeclaredServer) and isinstance(new, DeclaredFleet | DeclaredServer):
            olds, news = ({series.description: series for series in each.series} for each in (old, new))
            for series in news | olds:
                was, is_now = olds.get(series), news.get(series)
                policy = is_now.policy if was and is_now and was.policy == is_now.policy else None
                origin = None if policy is None else ("policies", policy)
                yield _Pair(kind, name, series, origin, *of_series(was, is_now))


def _tables(before: Desired, after: Desired) -> Iterator[tuple[Kind, str, _Table | None, _Table | None]]:
    """Yield the kind and the name of each table that differs, and the table before and after the change."""
    old, new = before.config, after.config
    yield "settings", "", old.settings, new.settings
    yield "require", "", old.require, new.require
    # A policy that is new or gone is a change of the series that name it.
    for name in (name for name in new.policies if name in old.policies):
        yield "policies", name, old.policies[name], new.policies[name]
    # What one plan does not select may be in the files all the same.
    selected = {fleet.name for fleet in (*after.fleets, *before.fleets)}
    olds, news = ({fleet.name: fleet for fleet in each.fleets if fleet.name in selected} for each in (old, new))
    for name in news | olds:
        yield "fleets", name, olds.get(name), news.get(name)
    earlier = {server.id: server for server in before.servers}
    gone = {server.key: server for server in before.servers if server.id not in after.declared}
    for server in after.servers:
        if server.id not in before.declared:
            yield "servers", server.key, gone.pop(server.key, None), server  # its `id` differs, or it is new
        elif (was := earlier.get(server.id)) and was != server and (was.fleet is None or was.fleet != server.fleet):
            yield "servers", server.key, was, server  # a server that stays in its fleet changes with the fleet
    for name, gone_server in gone.items():
        yield "servers", name, gone_server, None


def _differing(old: _Table | None, new: _Table | None) -> tuple[Written | None, Written | None]:
    """Return both tables as in the files, without the fields that are the same in both, or that are not set."""
    if old and new:
        # The series of a table are pairs of their own.
        names = [name for name in _FIELDS[type(new)] if name != "series" and getattr(old, name) != getattr(new, name)]
        return _table(old, names), _table(new, names)
    return None if old is None else _whole(old), None if new is None else _whole(new)


def _whole(table: _Table) -> Written:
    """Return a table that is new or gone: such tables are alike whatever the server."""
    return _table(table, (name for name in _FIELDS[type(table)] if name not in {"id", "name"} and getattr(table, name)))


def _table(table: _Table | PauseTable, names: Iterable[str]) -> Written:
    written = ((name, _written(name, getattr(table, name))) for name in names)
    return {_KEYS.get(name, name): value for name, value in written if value is not None}


def _written(name: str, value: Any) -> Written | None:  # noqa: ANN401, PLR0911 - a row for each kind of value
    """Return a value as in the files; None if it is not set."""
    match value:
        case () | [] if name == "ignore":
            return {}  # each glob may come from the settings
        case None | () | []:
            return None
        case PauseTable() | DeclaredSeries():
            return _table(value, _FIELDS[type(value)])
        case (PauseTable() as innermost, *_):
            return _written(name, innermost)
        case (DeclaredSeries(), *_):
            return {series.description: _written(name, series) for series in value}
        case (KeepCount() | KeepWithin(), *_):
            return dict(str(rule).split("=") for rule in value)
        case tuple() | list() | frozenset():
            return dict.fromkeys(sorted(map(str, value)), "")
        case bool():
            return str(value).lower()
        case _:
            return _SPELLINGS.get(name, str)(value)
