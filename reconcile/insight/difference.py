"""Compares two plans on one observation, before and after a change to the files, and the files themselves.

The planner makes both plans; this module has no rule about what is due or kept. It matches servers and backups by their
ids, so a new key for a server is not a change.
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
"""The kind of table that contains a value."""

Written = str | dict[str, Any]
"""A value as in the files: a text, or a table of values. A list is a table of its items: order is irrelevant."""

Effect = Literal["longer", "shorter", "other"]
"""How a change of `every` and `keep` affects for how long the backups of a series are kept."""

_Table = Settings | Requirements | DeclaredFleet | DeclaredServer

_IDENTITY = frozenset({"id", "key", "place", "matched_fields", "description"})
"""The fields that identify a table or say where it is: not a change."""

_KEYS = {"pauses": "pause"}
_FORMATS: Mapping[str, Callable[[Any], str]] = {
    "min_size": size_setting,
    "max_shrink": "{}%".format,
    "day_start": "{:%H:%M}".format,
}

_A_TIME = datetime(2001, 1, 1, tzinfo=UTC)
"""The start of a duration, to count its months."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FileChange:
    """A value in the files that differs; None if it is not set.

    `names` are the fleets, or the keys of the servers, whose value differs, in the order of the files; empty for a
    setting or a rule of `[require]`. `path` is the path in their table, such as `("series", "nightly", "keep",
    "last")`. Without a path, the whole table is new or gone.
    """

    kind: Kind
    names: tuple[str, ...]
    path: tuple[str, ...]
    before: Written | None
    after: Written | None

    @property
    def series(self) -> str | None:
        """The description of the series that has the value; None outside a series."""
        return self.path[1] if self.path[:1] == ("series",) else None

    @property
    def is_of_policy(self) -> bool:
        """Whether the value is the `every` of a series, or a rule of its `keep`."""
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

    Without the `removed` actions, with the `altered` ones replaced, and with the `added` ones, the actions of `before`
    are those of `after`. All other actions are planned in any case.
    """

    before: Plan
    after: Plan
    added: tuple[Action, ...]
    """The actions only in the plan after the change."""
    removed: tuple[Action, ...]
    """The actions only in the plan before the change."""
    altered: tuple[Altered, ...]
    withheld_before: frozenset[BackupAddress]
    withheld_after: frozenset[BackupAddress]
    files: tuple[FileChange, ...]
    """The changes in the files, whether or not they affect the plans."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs at all."""
        return not (self.files or self.altered or self.appeared or self.resolved) and self.causes_nothing

    @property
    def causes_nothing(self) -> bool:
        """Whether both plans have the same actions and withhold the same deletes, whatever differs in the files."""
        return not (self.added or self.removed or any(each.was_withheld != each.is_withheld for each in self.altered))

    @property
    def in_any_case(self) -> tuple[Action, ...]:
        """The actions in both plans, as in the plan after the change."""
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
        """The servers that are no longer declared, as in the plan before the change."""
        tables = (each for each in self.files if each.kind == "servers" and not each.path and each.after is None)
        gone = {name for table in tables for name in table.names}
        return tuple(server for server in self.before.servers if server.key in gone)

    @property
    def policies(self) -> Mapping[Effect, int]:
        """Number of series whose new policy keeps backups longer, shorter, or otherwise."""
        of_series: dict[tuple[Kind, tuple[str, ...], str | None], list[FileChange]] = {}
        for each in self.files:
            if each.is_of_policy:
                of_series.setdefault((each.kind, each.names, each.series), []).append(each)
        counts: Counter[Effect] = Counter()
        for changes in of_series.values():
            counts[_effect(changes)] += self.reached(changes[0])
        return counts

    def reached(self, change: FileChange) -> int:
        """Return the number of servers for which a value changes, including the members of fleets."""
        if change.kind == "servers":
            return len(change.names)
        members = self.after.members
        return sum(len(members.get(name, ())) for name in change.names)


def difference(before: tuple[Desired, Plan], after: tuple[Desired, Plan]) -> Difference:
    """Compare two plans, each with its desired state; both are for one inventory at one moment.

    Existing backups are matched by id, and new ones by server and description.
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
    """Return what an action changes, regardless of its server's key: a backup, or a series by its server's id."""
    return (action.server_id, action.description) if isinstance(action, Create) else (action.backup.id, None)


def _only_in(plan: Plan, other: Plan) -> tuple[Diagnostic, ...]:
    """Return the diagnostics that only the first plan has, regardless of their places in the files."""
    known = {(each.address, each.summary) for each in (*other.errors, *other.warnings)}
    return tuple(each for each in (*plan.errors, *plan.warnings) if (each.address, each.summary) not in known)


def _file_changes(before: Desired, after: Desired) -> Iterator[FileChange]:
    """Yield the changes in the files that have an effect: neither the file of a value nor its order counts.

    A value inherited from a fleet or from the settings is yielded only for the fleet or the settings.
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
        is_own = each.kind == "fleets" and each.path == ("prune",)  # fleets do not inherit prune from the settings
        if is_own or (each.path, str(each.before), str(each.after)) not in inherited:
            yield each


_Both = tuple[Written | None, Written | None]

_Pair = tuple[str, _Table | None, _Table | None]
"""A name, and the table of this name before and after the change; None if there is none."""


def _unlike_their_fleets(before: Mapping[Id, DeclaredServer], after: Mapping[Id, DeclaredServer]) -> Iterator[_Pair]:
    """Yield the servers, without those that remain in their fleet: their changes are those of the fleet."""
    for id_, new in after.items():
        old = before.get(id_)
        if old is None or old.fleet is None or old.fleet != new.fleet:
            yield new.key, old, new
    yield from ((old.key, old, None) for id_, old in before.items() if id_ not in after)


def _compared(kind: Kind, pairs: Iterable[_Pair]) -> Iterator[FileChange]:
    """Yield the differences between tables, once for all tables with the same differences."""
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
    """Return both tables as in the files, without the fields that are equal."""
    olds, news = (_fields(table) if table else None for table in (old, new))
    if olds is not None and news is not None:
        names = {name for name, value in news.items() if olds[name] != value}
        return _table(olds, names), _table(news, names)
    # For a table that is new or gone, the name adds nothing to the key.
    whole = [each and _table(each, [name for name in each if each[name] and name != "name"]) for each in (olds, news)]
    return whole[0], whole[1]


def _fields(table: _Table | DeclaredSeries | PauseTable) -> dict[str, Any]:
    """Return the fields of a table, without those that identify it."""
    if isinstance(table, BaseModel):
        return dict(table)
    return {each.name: getattr(table, each.name) for each in fields(table) if each.name not in _IDENTITY}


def _table(values: Mapping[str, Any], names: Collection[str]) -> dict[str, Written]:
    written = ((name, _written(name, values[name])) for name in values if name in names)
    return {_KEYS.get(name, name): value for name, value in written if value is not None}


def _written(name: str, value: object) -> Written | None:
    """Return a value as in the files; None if it is not set."""
    match value:
        case () | [] if name in {"ignore", "series"}:
            return {}  # each glob may come from the settings, and each series is a separate table
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
    """Return the effect of changes of one series: "longer" if each changed rule of `keep` keeps more, and so on."""
    if any(each.path[2] == "every" for each in changes):
        return "other"
    amounts = [(_amount(each.before), _amount(each.after)) for each in changes]
    if any(old == inf for old, _ in amounts) != any(new == inf for _, new in amounts):
        return "longer" if any(new == inf for _, new in amounts) else "shorter"
    if all(old < new for old, new in amounts):
        return "longer"
    return "shorter" if all(old > new for old, new in amounts) else "other"


def _amount(rule: Written | None) -> float:
    """Return how much a rule of `keep` keeps, in backups or seconds, to compare it with the same rule."""
    match rule:
        case None:
            return 0
        case "all":
            return inf
        case str() if rule.isdigit():
            return int(rule)
        case _:
            return Duration.parse(str(rule)).in_seconds(_A_TIME)
