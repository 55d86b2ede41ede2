"""What a change of the files changes: two plans on one observation, and what differs between them and in the files.

The planner decides both; there is no rule here about what is due or kept. Servers and backups are matched by their ids,
so another key for a server is no change.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from math import inf
from typing import Any, Literal

from pydantic import BaseModel

from reconcile.addresses import BackupAddress
from reconcile.desired.config import DeclaredFleet, DeclaredSeries, DeclaredServer
from reconcile.desired.desired import Desired
from reconcile.desired.document import PauseTable, Requirements, Settings
from reconcile.desired.fields import size_setting
from reconcile.desired.keep import KeepCount, KeepWithin
from reconcile.diagnostics import Diagnostic
from reconcile.durations import Duration
from reconcile.ids import Id
from reconcile.plan.model import Action, Create, Plan, ServerPlan
from reconcile.plan.safety import withheld

Kind = Literal["settings", "require", "fleets", "servers"]
"""The table of the files that a value is in."""

Written = str | dict[str, Any]
"""A value as the files write it: a text, or a table of values. A list is a table of its items: order means nothing."""

Effect = Literal["longer", "shorter", "other"]
"""What a change of `every` and `keep` means for how long the backups of a series are kept."""

_Table = Settings | Requirements | DeclaredFleet | DeclaredServer

_IDENTITY = frozenset({"id", "key", "place", "matched_fields", "description"})
"""What says which table it is, and where: no change."""

_KEYS = {"pauses": "pause"}
_FORMATS: Mapping[str, Callable[[Any], str]] = {
    "min_size": size_setting,
    "max_shrink": "{}%".format,
    "day_start": "{:%H:%M}".format,
}

_A_TIME = datetime(2001, 1, 1, tzinfo=UTC)
"""From which the months of a duration are counted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FileChange:
    """A value in the files that differs; None where it is not set.

    `names` are the fleets, or the keys of the servers, that it changes for, in the order of the files; none for a
    setting or a rule of `[require]`. `path` is where it is in their table, such as `("series", "nightly", "keep",
    "last")`. Without a path, the whole table is new or gone.
    """

    kind: Kind
    names: tuple[str, ...]
    path: tuple[str, ...]
    before: Written | None
    after: Written | None

    @property
    def series(self) -> str | None:
        """The description of the series that the value is in; None if it is in none."""
        return self.path[1] if self.path[:1] == ("series",) else None

    @property
    def is_of_policy(self) -> bool:
        """Whether it is the `every` of a series, or a rule of its `keep`."""
        return self.series is not None and self.path[2:3] in {("every",), ("keep",)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Altered:
    """An action of both plans whose reason differs, or that only one of them withholds."""

    before: Action
    after: Action
    was_withheld: bool
    is_withheld: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """Two plans on one observation, and what differs between them.

    The actions of `before`, without those `removed`, with those `altered` in place of what they were, and with those
    `added`, are the actions of `after`. All others are planned in any case.
    """

    before: Plan
    after: Plan
    added: tuple[Action, ...]
    """What only the plan after the change does."""
    removed: tuple[Action, ...]
    """What only the plan before the change does."""
    altered: tuple[Altered, ...]
    withheld_before: frozenset[BackupAddress]
    withheld_after: frozenset[BackupAddress]
    files: tuple[FileChange, ...]
    """What differs in the files, whether or not the plans show it."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs at all."""
        return not (self.files or self.altered or self.appeared or self.resolved) and self.causes_nothing

    @property
    def causes_nothing(self) -> bool:
        """Whether both plans do the same, and withhold the same, whatever differs in the files."""
        return not (self.added or self.removed or any(each.was_withheld != each.is_withheld for each in self.altered))

    @property
    def in_any_case(self) -> tuple[Action, ...]:
        """What both plans do, as the plan after the change has it."""
        added = set(map(_key, self.added))
        return tuple(action for action in self.after.actions if _key(action) not in added)

    @property
    def appeared(self) -> tuple[Diagnostic, ...]:
        """The errors and warnings that only the plan after the change has."""
        return _only_in(self.after, self.before)

    @property
    def resolved(self) -> tuple[Diagnostic, ...]:
        """The errors and warnings that only the plan before the change has."""
        return _only_in(self.before, self.after)

    @property
    def left(self) -> tuple[ServerPlan, ...]:
        """The servers that are no longer declared, as the plan before the change has them."""
        tables = (each for each in self.files if each.kind == "servers" and not each.path and each.after is None)
        gone = {name for table in tables for name in table.names}
        return tuple(server for server in self.before.servers if server.key in gone)

    @property
    def policies(self) -> Mapping[Effect, int]:
        """How many series get a policy that keeps their backups longer, shorter, or otherwise."""
        of_series: dict[tuple[Kind, tuple[str, ...], str | None], list[FileChange]] = {}
        for each in self.files:
            if each.is_of_policy:
                of_series.setdefault((each.kind, each.names, each.series), []).append(each)
        counts: Counter[Effect] = Counter()
        for changes in of_series.values():
            counts[_effect(changes)] += self.reached(changes[0])
        return counts

    def reached(self, change: FileChange) -> int:
        """Return for how many servers a value changes: those of a fleet are its members."""
        if change.kind == "servers":
            return len(change.names)
        members = self.after.members
        return sum(len(members.get(name, ())) for name in change.names)


def difference(before: tuple[Desired, Plan], after: tuple[Desired, Plan]) -> Difference:
    """Compare two plans, each with what was planned for; both are on one inventory, at one moment.

    Backups are matched by id, and coming ones by server and description.
    """
    old_plan, new_plan = before[1], after[1]
    withheld_before, withheld_after = withheld(old_plan), withheld(new_plan)
    olds, news = ({_key(action): action for action in plan.actions} for plan in (old_plan, new_plan))
    in_both = (
        Altered(
            before=old,
            after=new,
            was_withheld=old.address in withheld_before,
            is_withheld=new.address in withheld_after,
        )
        for key, new in news.items()
        if (old := olds.get(key))
    )
    return Difference(
        before=old_plan,
        after=new_plan,
        added=tuple(action for key, action in news.items() if key not in olds),
        removed=tuple(action for key, action in olds.items() if key not in news),
        altered=tuple(
            each for each in in_both if each.was_withheld != each.is_withheld or each.before.reason != each.after.reason
        ),
        withheld_before=withheld_before,
        withheld_after=withheld_after,
        files=tuple(_file_changes(before[0], after[0])),
    )


def _key(action: Action) -> tuple[Id, str | None]:
    """Return what an action is about, whatever the key of its server: a backup, or a series by its server."""
    return (action.server_id, action.description) if isinstance(action, Create) else (action.backup.id, None)


def _only_in(plan: Plan, other: Plan) -> tuple[Diagnostic, ...]:
    """Return the diagnostics of a plan that the other one lacks, wherever in the files they are."""
    known = {(each.address, each.summary) for each in (*other.errors, *other.warnings)}
    return tuple(each for each in (*plan.errors, *plan.warnings) if (each.address, each.summary) not in known)


def _file_changes(before: Desired, after: Desired) -> Iterator[FileChange]:
    """Yield what differs in the files, by effect: neither the file in which a value is, nor its order, is a difference.

    What a server gets from its fleet, and both from the settings, is yielded for these alone.
    """
    old, new = before.config, after.config
    settings = list(_compared("settings", [("", old.settings, new.settings)]))
    yield from settings
    yield from _compared("require", [("", old.require, new.require)])
    fleets = [{fleet.name: fleet for fleet in each.fleets} for each in (before, after)]
    servers = [{server.id: server for server in each.servers} for each in (before, after)]
    inherited = {(each.path, str(each.before), str(each.after)) for each in settings}
    for each in (
        *_compared("fleets", ((name, fleets[0].get(name), fleets[1].get(name)) for name in fleets[1] | fleets[0])),
        *_compared("servers", _unlike_their_fleets(*servers)),
    ):
        is_own = each.kind == "fleets" and each.path == ("prune",)  # that of the settings does not apply to fleets
        if is_own or (each.path, str(each.before), str(each.after)) not in inherited:
            yield each


_Both = tuple[Written | None, Written | None]

_Pair = tuple[str, _Table | None, _Table | None]
"""A name, and the table of this name before and after the change; None where there is none."""


def _unlike_their_fleets(before: Mapping[Id, DeclaredServer], after: Mapping[Id, DeclaredServer]) -> Iterator[_Pair]:
    """Yield the servers other than those that stay in their fleet, whose change is that of the fleet."""
    for id_, new in after.items():
        old = before.get(id_)
        if old is None or old.fleet is None or old.fleet != new.fleet:
            yield new.key, old, new
    yield from ((old.key, old, None) for id_, old in before.items() if id_ not in after)


def _compared(kind: Kind, pairs: Iterable[_Pair]) -> Iterator[FileChange]:
    """Yield what differs between tables, for all that differ alike at once."""
    alike: dict[str, tuple[list[str], _Both]] = {}
    for name, old, new in pairs:
        tables = _differing(old, new)
        if tables[0] != tables[1]:
            alike.setdefault(repr(tables), ([], tables))[0].append(name)
    if not alike:
        return
    from deepdiff import DeepDiff  # noqa: PLC0415 - 0.3 s, and most runs compare nothing
    from deepdiff.helper import notpresent  # noqa: PLC0415

    groups = list(alike.values())
    olds, news = (
        {at: tables[side] for at, (_, tables) in enumerate(groups) if tables[side] is not None} for side in (0, 1)
    )
    # As in `reconcile.plan.stale`.
    found = DeepDiff(olds, news, view="tree", threshold_to_diff_deeper=0, ignore_private_variables=False)
    items = [(item.path(output_format="list"), item) for how in sorted(found) for item in found[how]]
    for (at, *path), item in sorted(items, key=lambda each: each[0]):
        before, after = (None if side is notpresent else side for side in (item.t1, item.t2))
        yield FileChange(
            kind=kind, names=tuple(filter(None, groups[at][0])), path=tuple(path), before=before, after=after
        )


def _differing(old: _Table | None, new: _Table | None) -> _Both:
    """Return both tables as they are written, without the fields that are the same in both."""
    olds, news = (_fields(table) if table else None for table in (old, new))
    if olds is not None and news is not None:
        names = {name for name, value in news.items() if olds[name] != value}
        return _table(olds, names), _table(news, names)
    # Of one that is new or gone, the name says no more than the key.
    whole = [each and _table(each, [name for name in each if each[name] and name != "name"]) for each in (olds, news)]
    return whole[0], whole[1]


def _fields(table: _Table | DeclaredSeries | PauseTable) -> dict[str, Any]:
    """Return what a table says, without what says which one it is."""
    if isinstance(table, BaseModel):
        return dict(table)
    return {each.name: getattr(table, each.name) for each in fields(table) if each.name not in _IDENTITY}


def _table(values: Mapping[str, Any], names: Collection[str]) -> dict[str, Written]:
    written = ((name, _written(name, values[name])) for name in values if name in names)
    return {_KEYS.get(name, name): value for name, value in written if value is not None}


def _written(name: str, value: object) -> Written | None:
    """Write a value as the files do; None if it is not set."""
    match value:
        case () | [] if name in {"ignore", "series"}:
            return {}  # each glob may come from the settings, and each series is a table of its own
        case None | () | []:
            return None
        case tuple() | list() | frozenset():
            return _items(name, tuple(value))
        case PauseTable() | DeclaredSeries():
            values = _fields(value)
            return _table(values, values)
        case bool():
            return str(value).lower()
        case _:
            return _FORMATS.get(name, str)(value)


def _items(name: str, values: tuple[Any, ...]) -> Written | None:
    match values[0]:
        case PauseTable() as innermost:
            return _written(name, innermost)
        case DeclaredSeries():
            return {series.description: _written(name, series) for series in values}
        case KeepCount() | KeepWithin():
            return dict(str(rule).split("=") for rule in values)
        case _:
            return dict.fromkeys(map(str, values), "")


def _effect(changes: Iterable[FileChange]) -> Effect:
    """Return what changes of one series mean: longer if each rule of `keep` that differs keeps more, and so on."""
    if any(each.path[2] == "every" for each in changes):
        return "other"
    amounts = [(_amount(each.before), _amount(each.after)) for each in changes]
    if any(old == inf for old, _ in amounts) != any(new == inf for _, new in amounts):
        return "longer" if any(new == inf for _, new in amounts) else "shorter"
    if all(old < new for old, new in amounts):
        return "longer"
    return "shorter" if all(old > new for old, new in amounts) else "other"


def _amount(rule: Written | None) -> float:
    """Return how much a rule of `keep` keeps, to compare it with the same rule: backups, or seconds."""
    match rule:
        case None:
            return 0
        case "all":
            return inf
        case str() if rule.isdigit():
            return int(rule)
        case _:
            return Duration.parse(str(rule)).in_seconds(_A_TIME)
