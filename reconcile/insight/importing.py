"""Builds the file that `import` and `init` write: it declares what the account holds and the files do not declare.

Servers that are alike become one entry, and dated names one series. The planner checks each declaration, so `plan` on
an import says "No changes".
"""

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise, takewhile
from statistics import median

from reconcile.actual.inventory import MANUAL, Backup, Inventory, Server, State
from reconcile.addresses import compiled, escaped_glob
from reconcile.desired.config import Config, DeclaredSeries, DeclaredServer
from reconcile.desired.desired import resolve
from reconcile.desired.document import Requirements
from reconcile.desired.fields import unclean
from reconcile.desired.fleets import server_keys
from reconcile.desired.keep import KeepCount, Period
from reconcile.diagnostics import Place
from reconcile.durations import Duration
from reconcile.ids import Id
from reconcile.insight.servers import by_name, find_servers
from reconcile.plan.model import ServerPlan
from reconcile.plan.planner import plan

NIGHTLY = "nightly"
"""The series that `init` adds to a server on which nothing is created regularly."""

KEPT_BY_STANDARD = 3
"""Number of backups of a series, including the new one, that the policy of `init` always keeps (`last`)."""

_NOTHING = Config(servers=())
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")
_AROUND_NAMES = "-_.:/ 0123456789"
_DATE = re.compile(
    r"(?<![0-9])(?:(?:19|20)[0-9]{2}[-_./]?[01][0-9][-_./]?[0-3][0-9](?:[T _-]?[0-2][0-9][:.h-]?[0-5][0-9]"
    r"(?:[:.-]?[0-5][0-9])?Z?)?|1[0-9]{9})(?![0-9])"
)
"""A date, with or without a time, or seconds since 1970, as scripts write them in descriptions."""
_DIGIT = re.compile(r"[0-9]")
_INTERVALS = {
    Duration.parse(text): Duration.parse(text).in_seconds(datetime(2026, 4, 1, tzinfo=UTC))
    for text in ("1h", "2h", "3h", "4h", "6h", "8h", "12h", "1d", "2d", "1w", "2w", "1mo")
}
_LAST_GAPS = 7
"""Number of gaps between backups to use: before these, retention has deleted some."""
_FEWEST_ALIKE = 3
"""If this many servers differ only by irregular backups, they become one entry, without those backups."""
_TOLERANCE = 0.2
"""The share by which a gap may differ from the interval."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FailedPinned:
    """A failed or undersized backup of the server `key`, pinned because a plan would delete it."""

    key: str
    backup: Backup


@dataclass(frozen=True, kw_only=True, slots=True)
class LeftUnmanaged:
    """A backup of the server `key` that is in no series.

    `unclean` says what is wrong with its description; None if no backup of its series counts.
    """

    key: str
    backup: Backup
    unclean: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class NotDeclared:
    """`count` undeclared backups with this description, on a server that `filename` declares."""

    key: str
    filename: str
    description: str | None
    count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class NotShared:
    """`count` irregular backups with this description, on only some `servers` of a fleet."""

    fleet: str
    description: str
    servers: int
    count: int


NotShown = FailedPinned | LeftUnmanaged | NotDeclared | NotShared
"""Why the declaration does not include something that the account holds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Adopted:
    """A series of the file, and its backups."""

    description: str
    renamed_from: str | None = None
    """The glob that matches its dated names."""
    backups: tuple[tuple[Backup, ...], ...] = ()
    """On each server of its entry, from the oldest to the newest; without failed ones."""
    every: Duration | None = None
    """The interval between the backups; None if they are too few or irregular."""
    is_standard: bool = False
    """Whether the series gets the policy of `init`."""

    @property
    def is_regular(self) -> bool:
        """Whether backups are created regularly, or will be."""
        return self.every is not None or self.is_standard

    @property
    def most(self) -> int:
        """The largest number of backups on one of the servers."""
        return max(map(len, self.backups), default=0)

    @property
    def at(self) -> time | None:
        """The time of day, in UTC and to five minutes, if nine in ten backups were created within an hour of it."""
        created = [
            each.created_at for held in self.backups for each in held[-_LAST_GAPS:] if each.state is State.USABLE
        ]
        if not created or not self.every or not self.every.days:
            return None
        half_a_day = timedelta(hours=12)
        shifts = [(each - created[-1] + half_a_day) % timedelta(days=1) - half_a_day for each in created]
        middle = sorted(shifts)[len(shifts) // 2]
        if sum(abs(shift - middle) <= timedelta(hours=1) for shift in shifts) * 10 < len(shifts) * 9:
            return None
        about = created[-1] + middle + timedelta(minutes=2.5)
        return time(about.hour, about.minute // 5 * 5)


@dataclass(frozen=True, kw_only=True, slots=True)
class AdoptedServers:
    """One table of the file: of a server by its `key`, or of the fleet `key`, which lists its servers."""

    key: str
    servers: tuple[Server, ...]
    series: tuple[Adopted, ...]
    is_fleet: bool = False
    glob: str | None = None
    """A glob that matches the servers of the fleet and no other existing one, and similar servers added later."""
    pinned: tuple[Id, ...] = ()
    is_unpruned: bool = False
    """Whether the table must set `prune = false`, because the server has undeclared backups."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Declaration:
    """A file, what it does not include, and when and from where the account was read.

    With `is_first`, the file is that of `init`: regular series continue, and every server has a series.
    """

    base_url: str
    account: str | None
    """The e-mail address of the account, if the file should name it."""
    read_at: datetime
    entries: tuple[AdoptedServers, ...]
    not_shown: tuple[NotShown, ...] = ()
    is_first: bool = False
    automatic: int = 0
    """Number of automatic backups in the account."""
    lists_servers: bool = True
    """Whether the token can list servers. Otherwise, only those with backups are known."""

    @property
    def servers(self) -> int:
        """Number of servers that the file declares."""
        return sum(len(entry.servers) for entry in self.entries)

    @property
    def left(self) -> int:
        """Number of backups on those servers that are in no series of the file."""
        left = [each for each in self.not_shown if isinstance(each, LeftUnmanaged)]
        return len(left) + sum(each.count for each in self.not_shown if isinstance(each, NotShared))


def declare(
    inventory: Inventory,
    now: datetime,
    *,
    existing: Config | None = None,
    only: tuple[str, ...] = (),
    is_first: bool = False,
) -> Declaration:
    """Declare what the account holds and `existing` does not declare, on the servers `only` (by id or name), or on all.

    The declaration deletes nothing: a series keeps as many backups as it has, failed backups are pinned, and a series
    without a backup that counts is not declared. It creates nothing either, except due backups with `is_first`.

    Raises:
        UserError: `only` names a server that is not in the account; or as `resolve` does for `existing`.
    """
    selected = [found.id for wanted in only for found in find_servers(inventory.names, wanted)]
    names = by_name({id_: inventory.names[id_] for id_ in selected} if only else inventory.names)
    resolved = resolve(existing or _NOTHING, inventory)
    declared = {server.id: server for server in resolved.servers}
    ignore = compiled(tuple(resolved.config.settings.ignore))
    ignored = {id_: compiled(server.ignore) for id_, server in declared.items()}
    all_descriptions = sorted({backup.description for backup in inventory.manual if backup.description})
    inventory = replace(
        inventory,
        backups=tuple(
            backup
            for backup in inventory.backups
            if backup.description is None or not ignored.get(backup.server_id, ignore).match(backup.description)
        ),
    )
    free = {id_: name for id_, name in names.items() if id_ not in declared}
    keys = server_keys(free, {server.key for server in resolved.servers})
    dated = _dated_names({text for id_ in free for text in inventory.held_on(id_) if text}, all_descriptions)
    dated = {text: named for text, named in dated.items() if not ignore.match(named[0])}  # ignore may match no series
    candidates = tuple(_candidate(key, id_, names[id_], inventory, dated) for id_, key in keys.items())
    unruled = replace(resolved.config, require=Requirements())
    planned = plan(replace(resolved, config=unruled, servers=candidates, fleets=()), inventory, now)
    # Only the file that declares a server can declare its other series.
    not_shown: list[NotShown] = []
    for server in (declared[id_] for id_ in names if id_ in declared):
        held = inventory.held_on(server.id)
        not_shown += (
            NotDeclared(key=server.key, filename=server.place.filename, description=text, count=len(held[text]))
            for text in server.undeclared(held)
        )
    tables = [_table(*each, inventory, not_shown) for each in zip(candidates, planned.servers, strict=True)]
    # A series with too few backups on a server is assumed to have its most common interval on the others.
    intervals = Counter((each.description, each.every) for table in tables for each in table.series if each.every)
    usual = dict(interval for interval, _ in reversed(intervals.most_common()))
    for number, table in enumerate(tables):
        series = (replace(each, every=each.every or usual.get(each.description)) for each in table.series)
        tables[number] = replace(table, series=tuple(series))
    if is_first:
        tables = [_with_nightly(table, inventory) for table in tables]
    entries = tuple(_entries(tables, inventory, Counter(fleet.name for fleet in resolved.fleets), not_shown))
    return Declaration(
        base_url=inventory.base_url,
        account=None if existing else inventory.account,
        read_at=now,
        entries=entries,
        not_shown=tuple(not_shown),
        is_first=is_first,
        automatic=sum(backup.backup_type != MANUAL for backup in inventory.backups),
        lists_servers=inventory.servers is not None,
    )


def _dated_names(descriptions: set[str], all_descriptions: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return the series, and a glob for it, of each description that differs from another only in a date.

    The glob matches no other description in the account (a sorted list, including ignored ones), because it must not
    add other backups to the series.
    """
    alike: dict[str, list[tuple[str, re.Match[str]]]] = {}
    for text in sorted(descriptions):
        if not unclean(text) and (date := _DATE.search(text)):
            shape = text[: date.start()] + _DIGIT.sub("\0", date[0]) + text[date.end() :]
            alike.setdefault(shape, []).append((text, date))
    used, mirrored = Counter(all_descriptions), sorted(text[::-1] for text in all_descriptions)
    series: dict[str, tuple[str, str]] = {}
    for texts in (texts for texts in alike.values() if len(texts) > 1):
        first, date = texts[0]
        prefix, suffix = first[: date.start()], first[date.end() :]
        around = escaped_glob(prefix), escaped_glob(suffix)
        globs = (f"{around[0]}{middle}{around[1]}" for middle in ("*", _DIGIT.sub("[0-9]", date[0])))
        # Thousands of servers may have the same prefix, or the same suffix, but not both.
        starting, ending = _starting_with(prefix, all_descriptions), _starting_with(suffix[::-1], mirrored)
        near = starting if len(starting) < len(ending) else [text[::-1] for text in ending]
        if glob := next((glob for glob in globs if len(list(filter(compiled((glob,)).match, near))) == len(texts)), ""):
            name = _unused(f"{prefix.rstrip(_AROUND_NAMES)}{suffix}".strip(_AROUND_NAMES) or "dated", used, " ")
            series |= {text: (name, glob) for text, _ in texts}
    return series


def _starting_with(prefix: str, ordered: Sequence[str]) -> Sequence[str]:
    """Return the texts of a sorted list that start with `prefix`."""
    start = bisect_left(ordered, prefix)
    return ordered[start : bisect_right(ordered, prefix, lo=start, key=lambda text: text[: len(prefix)])]


def _unused(name: str, used: Counter[str], separator: str) -> str:
    """Return a name that is not in `used`, numbered if necessary, and add it; `used` has the last number of each."""
    found = name
    while found in used:
        used[name] += 1
        found = f"{name}{separator}{used[name]}"
    used[found] = 1
    return found


def _candidate(
    key: str, id_: Id, name: str, inventory: Inventory, dated: Mapping[str, tuple[str, str]]
) -> DeclaredServer:
    """Declare a server with every possible series."""
    clean = (text for text in inventory.held_on(id_) if text and not unclean(text))
    named = dict.fromkeys(dated.get(text, (text, None)) for text in clean)
    keep = (KeepCount(period=Period.LAST, count="all"),)
    return DeclaredServer(
        key=key,
        name=name,
        id=id_,
        prune=False,
        pinned=(),
        series=tuple(
            DeclaredSeries(description=text, every=None, keep=keep, renamed_from=(glob,) if glob else ())
            for text, glob in named
        ),
        place=Place(filename="", path=("servers", key)),
    )


def _table(
    candidate: DeclaredServer, planned: ServerPlan, inventory: Inventory, not_shown: list[NotShown]
) -> AdoptedServers:
    """Return the table of a server, from the plan for its candidate; what is not in it is added to `not_shown`."""
    held = inventory.held_on(candidate.id)
    # A series without a member is left out, because declaring it would create a backup.
    counted = {series.address.description: series for series in planned.series if not series.create}
    failed = [delete.backup for series in counted.values() for delete in series.deletes]
    table = replace(candidate, series=tuple(each for each in candidate.series if each.description in counted))
    left = [backup for text in table.undeclared(held) for backup in held[text]]
    not_shown += (
        LeftUnmanaged(key=table.key, backup=backup, unclean=unclean(backup.description or "")) for backup in left
    )
    not_shown += (FailedPinned(key=table.key, backup=backup) for backup in failed)
    return AdoptedServers(
        key=table.key,
        servers=(Server(id=table.id, name=table.name),),
        series=tuple(_adopted(series, held.of(table.descriptions[series.description])) for series in table.series),
        pinned=tuple(backup.id for backup in failed),
        is_unpruned=bool(left),
    )


def _adopted(series: DeclaredSeries, backups: Sequence[Backup]) -> Adopted:
    return Adopted(
        description=series.description,
        renamed_from=next(iter(series.renamed_from), None),
        backups=(tuple(each for each in backups if each.state is not State.FAILED),),
        every=_interval([each.created_at for each in backups if each.state is State.USABLE]),
    )


def _interval(created: Sequence[datetime]) -> Duration | None:
    """Return the interval between backups, given from the oldest to the newest; None if they are few or irregular."""
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(created[-_LAST_GAPS - 1 :])]
    if len(gaps) < 2:  # noqa: PLR2004 - one gap may be anything
        return None
    middle = median(gaps)
    every = min(_INTERVALS, key=lambda each: abs(_INTERVALS[each] - middle))
    regular = sum(abs(gap - _INTERVALS[every]) <= _TOLERANCE * _INTERVALS[every] for gap in gaps)
    return every if regular * 3 >= len(gaps) * 2 else None


def _with_nightly(table: AdoptedServers, inventory: Inventory) -> AdoptedServers:
    """Add a nightly series to a server without regular backups."""
    if any(series.is_regular for series in table.series):
        return table
    nightly = next((series for series in table.series if series.description == NIGHTLY), None)
    if nightly is None:
        # Failed backups may have the description; as members of the series, they would be deleted.
        name = _unused(NIGHTLY, Counter(text or "" for text in inventory.held_on(table.servers[0].id)), " ")
        return replace(table, series=(*table.series, Adopted(description=name, is_standard=True)))
    is_full = nightly.most >= KEPT_BY_STANDARD
    continued = replace(nightly, every=Duration(days=1)) if is_full else replace(nightly, is_standard=True)
    return replace(table, series=tuple(continued if series is nightly else series for series in table.series))


def _entries(
    tables: Sequence[AdoptedServers], inventory: Inventory, fleets: Counter[str], not_shown: list[NotShown]
) -> Iterator[AdoptedServers]:
    """Combine servers that are alike into one entry, at the place of the first; the names in `fleets` are taken.

    Servers are alike if they have the same regular series or, without any, the same series. A fleet matches servers by
    name and can't pin backups: if the token has no permission to list servers, or names are not unique, each server
    keeps its table. A series that only some of its servers have is added to `not_shown`: a fleet with this series would
    create backups on the others. Two servers keep their tables instead.
    """
    counts = Counter(server.name for server in inventory.servers or ())
    names = sorted(counts)
    groups: dict[object, list[AdoptedServers]] = {}
    for table in tables:
        (server,) = table.servers
        alone = table.pinned or not server.name or counts[server.name] != 1
        regular = [each for each in table.series if each.is_regular]
        alike = frozenset((each.description, each.every, each.is_standard) for each in regular or table.series)
        groups.setdefault(table.key if alone else alike, []).append(table)
    for group in groups.values():
        found: dict[str, list[Adopted]] = {}
        for series in (series for table in group for series in table.series):
            found.setdefault(series.description, []).append(series)
        partial = [description for description, same in found.items() if len(same) < len(group)]
        if len(group) < (_FEWEST_ALIKE if partial else 2):
            yield from group
            continue
        servers = tuple(server for table in group for server in table.servers)
        first, last = servers[0].name, servers[-1].name  # they are in the order of their names
        prefix = first[: sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False)))]
        prefix = prefix.rstrip("0123456789")
        name = prefix.strip(_AROUND_NAMES) or (group[0].series[0].description if group[0].series else "")
        key = _unused(_NOT_IN_NAMES.sub("-", name).strip("-") or "all", fleets, "-")
        combined = {
            description: replace(same[0], backups=tuple(held for series in same for held in series.backups))
            for description, same in found.items()
        }
        for description in partial:
            held = combined.pop(description).backups
            count = sum(map(len, held))
            not_shown.append(NotShared(fleet=key, description=description, servers=len(held), count=count))
        yield AdoptedServers(
            key=key,
            servers=servers,
            series=tuple(combined.values()),
            is_fleet=True,
            glob=f"{escaped_glob(prefix)}*" if len(_starting_with(prefix, names)) == len(servers) else None,
        )
