"""Compares two plans on one observation, before and after a change to the files, and the files themselves.

The planner makes both plans; this module has no rule about what is due or kept. It matches servers and backups by their
ids, so a new key for a server is not a change.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from enum import StrEnum
from itertools import groupby
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
from reconcile.nested import changes
from reconcile.plan.model import Action, Create, Plan, ServerPlan
from reconcile.plan.safety import withheld

Kind = Literal["settings", "require", "policies", "fleets", "servers"]
"""The kind of table that contains a value."""

Written = str | dict[str, Any]
"""A value as in the files: a text, or a table of values. A list is a table of its items: order is irrelevant."""

Effect = Literal["longer", "shorter", "other"]
"""How a change of `every` and `keep` affects for how long the backups of a series are kept."""

_Both = tuple[Written | None, Written | None]

_Table = Settings | Requirements | DeclaredFleet | DeclaredServer | DeclaredSeries

_IDENTITY = frozenset({"key", "place", "matched_fields", "description", "policy"})
"""The fields that identify a table, say where it is, or name its policy: not a change."""

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
    """A value in the files that differs; None if it is not set."""

    table: Kind
    names: tuple[str, ...]
    """The policies, the fleets, or the keys of the servers whose value differs, in the order of the files."""
    series: str | None
    """The description of the series that has the value; None outside a series."""
    policy: str | None
    """The policy from which the series takes the value before and after: its own change is one of `policies`."""
    path: tuple[str, ...]
    """Where it is in its table, such as `("keep", "last")`; empty where the whole table is new or gone."""
    before: Written | None
    after: Written | None
    reach: int
    """Number of servers for which the value changes, including the members of fleets; of a policy, number of series."""

    @property
    def is_of_policy(self) -> bool:
        """Whether the value is the `every` of a series, or a rule of its `keep`."""
        return self.series is not None and self.path[:1] in {("every",), ("keep",)}


class Fate(StrEnum):
    """What becomes of an action because of the change."""

    NEW = "new"
    NEW_WITHHELD = "new and withheld"
    NOW_WITHHELD = "now withheld"
    NO_LONGER_WITHHELD = "no longer withheld"
    GONE = "gone"
    OTHER_REASON = "other reason"
    """Both plans have it, and only its reason differs."""


_FATES = list(Fate)


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

    Without those that are gone, with the other `actions` replaced, and with the new ones, the actions of `before` are
    those of `after`.
    """

    before: Plan
    after: Plan
    actions: tuple[ActionChange, ...]
    """Sorted by fate."""
    in_any_case: tuple[Action, ...]
    """The actions in both plans, as in the plan after the change."""
    left: tuple[ServerPlan, ...]
    """The servers that are no longer declared, as in the plan before the change."""
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
        return _only_in(self.after, self.before)

    @property
    def resolved(self) -> tuple[Diagnostic, ...]:
        """The errors and warnings that only the plan before the change has."""
        return _only_in(self.before, self.after)

    @property
    def policies(self) -> Mapping[Effect, int]:
        """Number of series whose new policy keeps backups longer, shorter, or otherwise."""
        counts: Counter[Effect] = Counter()
        of_policies = (each for each in self.files if each.is_of_policy)
        for _, group in groupby(of_policies, lambda each: (each.table, each.names, each.series)):
            alike = list(group)
            counts[_effect(alike)] += alike[0].reach
        return counts


def difference(before: tuple[Desired, Plan], after: tuple[Desired, Plan]) -> Difference:
    """Compare two plans, each with its desired state; both are for one inventory at one moment.

    Existing backups are matched by id, and new ones by server and description.
    """
    old_plan, new_plan = before[1], after[1]
    held_before, held_after = withheld(old_plan), withheld(new_plan)
    olds, news = ({_key(action): action for action in plan.actions} for plan in (old_plan, new_plan))
    actions = [
        ActionChange(fate=fate, before=olds.get(key), action=action)
        for key, action in (olds | news).items()
        if (fate := _fate(olds.get(key), news.get(key), held_before, held_after))
    ]
    return Difference(
        before=old_plan,
        after=new_plan,
        actions=tuple(sorted(actions, key=lambda each: _FATES.index(each.fate))),
        in_any_case=tuple(action for key, action in news.items() if key in olds),
        left=tuple(server for server in old_plan.servers if server.id not in after[0].declared),
        files=tuple(_file_changes(before[0], after[0])),
    )


def _fate(
    old: Action | None, new: Action | None, held_before: frozenset[BackupAddress], held_after: frozenset[BackupAddress]
) -> Fate | None:
    """Return what becomes of an action; None if nothing changes."""
    if new is None:
        return Fate.GONE
    is_withheld = new.address in held_after
    if old is None:
        return Fate.NEW_WITHHELD if is_withheld else Fate.NEW
    if (old.address in held_before) != is_withheld:
        return Fate.NOW_WITHHELD if is_withheld else Fate.NO_LONGER_WITHHELD
    return Fate.OTHER_REASON if old.reason != new.reason else None


def _key(action: Action) -> tuple[Id, str | None]:
    """Return what an action changes, regardless of its server's key: a backup, or a series by its server's id."""
    return (action.server_id, action.description) if isinstance(action, Create) else (action.backup.id, None)


def _only_in(plan: Plan, other: Plan) -> tuple[Diagnostic, ...]:
    """Return the diagnostics that only the first plan has, regardless of their places in the files."""
    known = {(each.address, each.summary) for each in (*other.errors, *other.warnings)}
    return tuple(each for each in (*plan.errors, *plan.warnings) if (each.address, each.summary) not in known)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Pair:
    """A table before and after the change; None where there is none. Of a series, `name` is that of its table."""

    kind: Kind
    name: str = ""
    series: str | None = None
    before: _Table | None
    after: _Table | None

    @property
    def policy(self) -> str | None:
        """The policy that a series has before and after the change, if it is the same."""
        match self.before, self.after:
            case DeclaredSeries(policy=before), DeclaredSeries(policy=after) if before == after:
                return after
        return None


def _file_changes(before: Desired, after: Desired) -> Iterator[FileChange]:
    """Yield the changes in the files that have an effect: neither the file of a value nor its order counts.

    A value inherited from a fleet or from the settings is yielded only for the fleet or the settings.
    """
    members = Counter(server.fleet for server in after.servers)
    given: set[tuple[str, str | None, tuple[str, ...], str]] = set()
    taken: Counter[tuple[str | None, tuple[str, ...]]] = Counter()
    found: list[FileChange] = []
    for pairs, path, old, new in _compared(_pairs(before, after)):
        pair = pairs[0]
        given |= {(each.kind, each.name, path, str((old, new))) for each in pairs}
        origin = ("settings", "") if pair.series is None else ("policies", pair.policy)
        is_given = (*origin, path, str((old, new))) in given and pair.kind in {"fleets", "servers"}
        # The `prune` of the settings does not apply to fleets.
        if is_given and pair.series is None and not (pair.kind == "fleets" and path == ("prune",)):
            continue
        change = FileChange(
            table=pair.kind,
            names=tuple(each.name for each in pairs if each.name),
            series=pair.series,
            policy=pair.policy if is_given else None,
            path=path,
            before=old,
            after=new,
            reach=sum(members[each.name] if pair.kind == "fleets" else 1 for each in pairs)
            if pair.name
            else len(after.servers),
        )
        taken[change.policy, path] += change.reach
        found.append(change)
    for each in found:
        is_policy = each.table == "policies"
        yield replace(each, reach=sum(taken[name, each.path] for name in each.names)) if is_policy else each


def _pairs(before: Desired, after: Desired) -> Iterator[_Pair]:
    """Yield each table that is in the files before or after the change, and what is left of it without its series."""
    old, new = before.config, after.config
    yield _Pair(kind="settings", before=old.settings, after=new.settings)
    yield _Pair(kind="require", before=old.require, after=new.require)
    # One that is new or gone differs for the series that have it.
    for name in (name for name in new.policies if name in old.policies):
        yield _Pair(kind="policies", name=name, before=old.policies[name], after=new.policies[name])
    # What one plan does not select may be in the files all the same.
    selected = {fleet.name for fleet in (*after.fleets, *before.fleets)}
    fleets = [{fleet.name: fleet for fleet in each.fleets if fleet.name in selected} for each in (old, new)]
    for name in fleets[1] | fleets[0]:
        yield from _with_series("fleets", name, fleets[0].get(name), fleets[1].get(name))
    servers = [{server.id: server for server in each.servers} for each in (before, after)]
    gone = {server.key: server for id_, server in servers[0].items() if id_ not in after.declared}
    for id_, server in servers[1].items():
        earlier = servers[0].get(id_)
        if earlier is None and id_ not in before.declared:
            earlier = gone.pop(server.key, None)  # its `id` differs
        elif earlier is None or (earlier.fleet is not None and earlier.fleet == server.fleet):
            continue  # of one that stays in its fleet, the change is that of the fleet
        yield from _with_series("servers", server.key, earlier, server)
    for server in gone.values():
        yield _Pair(kind="servers", name=server.key, before=server, after=None)


def _with_series(
    kind: Kind,
    name: str,
    before: DeclaredFleet | DeclaredServer | None,
    after: DeclaredFleet | DeclaredServer | None,
) -> Iterator[_Pair]:
    yield _Pair(kind=kind, name=name, before=before, after=after)
    if before and after and before.series != after.series:
        olds, news = ({series.description: series for series in each.series} for each in (before, after))
        for series in news | olds:
            yield _Pair(kind=kind, name=name, series=series, before=olds.get(series), after=news.get(series))


def _compared(pairs: Iterable[_Pair]) -> Iterator[tuple[list[_Pair], tuple[str, ...], *_Both]]:
    """Yield what differs in pairs of tables, for all that differ alike at once: the pairs, where, and both values."""
    alike: dict[str, tuple[list[_Pair], _Both]] = {}
    for pair in pairs:
        tables = _differing(pair.before, pair.after)
        if tables[0] != tables[1]:
            alike.setdefault(repr((pair.kind, pair.series, pair.policy, tables)), ([], tables))[0].append(pair)
    groups = list(alike.values())
    before, after = (
        {at: tables[side] for at, (_, tables) in enumerate(groups) if tables[side] is not None} for side in (0, 1)
    )
    for (at, *path), old, new in sorted(changes(before, after), key=lambda each: each[0]):
        yield groups[at][0], tuple(path), old, new


def _differing(old: _Table | None, new: _Table | None) -> _Both:
    """Return both tables as they are written, without the fields that are the same in both, or that are not set."""
    olds, news = (_fields(table) if table else None for table in (old, new))
    if olds is not None and news is not None:
        # The series of a table are pairs of their own.
        names = [name for name in news if name != "series" and olds[name] != news[name]]
        return _table(olds, names), _table(news, names)
    # Tables that are new or gone are alike whatever the server.
    whole = [
        each and _table(each, [name for name in each if each[name] and name not in {"id", "name"}])
        for each in (olds, news)
    ]
    return whole[0], whole[1]


def _fields(table: _Table | PauseTable) -> dict[str, Any]:
    """Return what a table says, without what says which one it is."""
    if isinstance(table, BaseModel):
        return dict(table)
    return {each.name: getattr(table, each.name) for each in fields(table) if each.name not in _IDENTITY}


def _table(values: Mapping[str, Any], names: Iterable[str]) -> dict[str, Written]:
    written = ((name, _written(name, values[name])) for name in names)
    return {_KEYS.get(name, name): value for name, value in written if value is not None}


def _written(name: str, value: object) -> Written | None:
    """Return a value as in the files; None if it is not set."""
    match value:
        case () | [] if name == "ignore":
            return {}  # each glob may come from the settings
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
    if any(each.path == ("every",) for each in changes):
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
