"""Finds errors that no single table shows, such as duplicate declarations and policies that do not exist.

Reads the raw data of the files, so these errors are reported together with those inside the tables. Skips values of the
wrong type, because `reconcile.desired.document` refuses them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from reconcile.addresses import compiled, is_glob
from reconcile.desired.locate import Source
from reconcile.diagnostics import Diagnostic, KeyPath, did_you_mean
from reconcile.limits import is_64_bit
from reconcile.wording import names_text

_MOST_SUGGESTIONS, _MOST_NAMED = 20, 20
"""Limits, because each suggestion takes a comparison with every name."""


@dataclass(frozen=True, kw_only=True)
class TomlFile:
    """One file that is valid TOML; its contents are not checked yet."""

    source: Source
    data: dict[str, Any]

    @cached_property
    def with_series(self) -> list[tuple[tuple[str, str], dict[str, Any], list[tuple[int, dict[str, Any]]]]]:
        """The tables that may have `backups`: the path of each, the table, and its series with their numbers."""
        return [
            ((kind, key), table, list(_series(table)))
            for kind in ("servers", "fleets")
            for key, table in _tables(self.data, kind)
        ]


def cross_check(files: Sequence[TomlFile], *, all_read: bool) -> Iterator[Diagnostic]:
    """Find the errors in `files`. Unless `all_read`, a missing policy may be in a file that could not be read."""
    yield from _duplicates(files)
    yield from _ignored_series(files)
    for file in files:
        yield from _clashing_series(file)
    if all_read:
        yield from _unknown_policies(files)


class _Unique:
    """Keys or values that may be declared only once."""

    def __init__(self, summary: str, advice: str, *, at_key: bool = False) -> None:
        self._summary, self._advice, self._at_key = summary, advice, at_key
        self._first: dict[str | int, tuple[TomlFile, KeyPath]] = {}

    def add(self, value: str | int, file: TomlFile, *path: str | int) -> Iterator[Diagnostic]:
        """Report `value`, which is at `path` in `file`, if it has been added before."""
        here = (file, path)
        if (there := self._first.setdefault(value, here)) is here:
            return
        first, place = (each.source.place(*keys, at_key=self._at_key) for each, keys in (there, here))
        where = f"{first.filename}:{first.spot.start.line}" if first.spot else first.filename
        detail = f"The first is in {where}. {self._advice}"
        yield Diagnostic(summary=self._summary.format(repr(value)), detail=detail, place=place)


def _duplicates(files: Sequence[TomlFile]) -> Iterator[Diagnostic]:
    settings = _Unique("[settings] is declared twice", "Keep the settings of all files in one table.", at_key=True)
    require = _Unique("[require] is declared twice", "Put all requirements in one [require] table.", at_key=True)
    policies = _Unique("the policy {0} is declared twice", "Remove one of the two, or rename it.", at_key=True)
    servers = _Unique("the server {0} is declared in two files", "Declare each server in one file only.", at_key=True)
    fleets = _Unique("the fleet {0} is declared twice", "Remove one of the two, or rename it.", at_key=True)
    ids = _Unique("two servers have the id {0}", "Declare each server once, with the id that the service gave it.")
    for file in files:
        if "settings" in file.data:
            yield from settings.add("settings", file, "settings")
        if "require" in file.data:
            yield from require.add("require", file, "require")
        for name in _table(file.data, "policies"):
            yield from policies.add(name, file, "policies", name)
        for name in _table(file.data, "fleets"):
            yield from fleets.add(name, file, "fleets", name)
        for key, server in _tables(file.data, "servers"):
            yield from servers.add(key, file, "servers", key)
            id_ = server.get("id")
            if isinstance(id_, str) or (type(id_) is int and is_64_bit(id_)):
                yield from ids.add(id_, file, "servers", key, "id")


def _clashing_series(file: TomlFile) -> Iterator[Diagnostic]:
    """Find series of one table that have the same description, present or former."""
    for path, _, several in file.with_series:
        where = "on this server" if path[0] == "servers" else "in this fleet"
        advice = "The description identifies the series: change one of the two, or remove it."
        descriptions = _Unique(f"two series {where} have the description {{0}}", advice)
        renamed = _Unique("{0} is renamed twice", "A backup belongs to one series: remove one of the two.")
        names = {number: name for number, series in several if isinstance(name := series.get("description"), str)}
        for number, name in names.items():
            yield from descriptions.add(name, file, *path, "backups", number, "description")
        declared = set(names.values())
        for number, series in several:
            for index, old in enumerate(_renamed_from(series)):
                at = (*path, "backups", number, "renamed_from", index)
                yield from renamed.add(old, file, *at)
                if old in declared and not is_glob(old):
                    is_own = old == names.get(number)
                    yield Diagnostic(
                        summary=f"{old!r} is {'still the description' if is_own else 'declared as a series'}",
                        detail="A backup belongs to one series: remove it from renamed_from, or change description.",
                        place=file.source.place(*at),
                    )


def _renamed_from(series: dict[str, Any]) -> list[str]:
    return [old for old in _listed(series.get("renamed_from", [])) if isinstance(old, str)]


def _listed(value: object) -> list[Any]:
    """Return the value as a list: a string is a list of one."""
    return value if isinstance(value, list) else [value]


def _ignored_series(files: Sequence[TomlFile]) -> Iterator[Diagnostic]:
    """Find the ignore globs that match the description of a series: in their table or, in the settings, in any."""
    names: dict[tuple[str, ...], list[str]] = {}
    for file in files:
        for path, _, several in file.with_series:
            own = [(series.get("description"), *_renamed_from(series)) for _, series in several]
            names[path] = [name for each in own for name in each if isinstance(name, str) and not is_glob(name)]
    everything = [name for each in names.values() for name in each]
    for file in files:
        tables: list[tuple[tuple[str | int, ...], dict[str, Any], list[str]]] = [
            (("settings",), _table(file.data, "settings"), everything),
            *((path, table, names[path]) for path, table, _ in file.with_series),
        ]
        for at, table, declared in tables:
            for index, glob in enumerate(_listed(table.get("ignore", []))):
                if isinstance(glob, str) and (matched := next(filter(compiled((glob,)).match, declared), None)):
                    yield Diagnostic(
                        summary=f"ignore: {glob!r} matches the series {matched!r}",
                        detail="A series is declared, and ignore is for undeclared backups. Change one of the two.",
                        place=file.source.place(*at, "ignore", *([index] if isinstance(table["ignore"], list) else [])),
                    )


def _unknown_policies(files: Sequence[TomlFile]) -> Iterator[Diagnostic]:
    declared = {name: None for file in files for name in _table(file.data, "policies")}
    advice: dict[str, str] = {}  # many series may have the same misspelling
    for file in files:
        for path, _, several in file.with_series:
            for number, series in several:
                name = series.get("policy")
                if isinstance(name, str) and name not in declared:
                    if name not in advice:
                        advice[name] = _policy_advice(name, list(declared), suggests=len(advice) < _MOST_SUGGESTIONS)
                    place = file.source.place(*path, "backups", number, "policy")
                    yield Diagnostic(summary=f'there is no policy "{name}"', detail=advice[name], place=place)


def _policy_advice(name: str, declared: list[str], *, suggests: bool) -> str:
    if not declared:
        return f"Declare it: [policies.{name}]."
    otherwise = f"Declared policies: {names_text(declared, _MOST_NAMED)}."
    return did_you_mean(name, declared if suggests else (), otherwise)


def _table(data: dict[str, Any], key: str) -> dict[str, Any]:
    table = data.get(key)
    return table if isinstance(table, dict) else {}


def _tables(data: dict[str, Any], key: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, table in _table(data, key).items():
        if isinstance(table, dict):
            yield name, table


def _series(table: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    backups = table.get("backups")
    for number, series in enumerate(backups if isinstance(backups, list) else []):
        if isinstance(series, dict):
            yield number, series
