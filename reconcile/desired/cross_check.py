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

_ONCE = {
    "settings": ("[{}] is declared twice", "Keep the settings of all files in one table."),
    "require": ("[{}] is declared twice", "Put all requirements in one [require] table."),
    "policies": ("the policy {!r} is declared twice", "Remove one of the two, or rename it."),
    "fleets": ("the fleet {!r} is declared twice", "Remove one of the two, or rename it."),
    "servers": ("the server {!r} is declared in two files", "Declare each server in one file only."),
    "id": ("two servers have the id {!r}", "Declare each server once, with the id that the service gave it."),
    "description": (
        "this table has two series with the description {!r}",
        "The description identifies the series: change one of the two, or remove it.",
    ),
    "renamed_from": ("{!r} is renamed twice", "A backup belongs to one series: remove one of the two."),
}
"""What is wrong with the second of two equal keys or values of a kind, and what to do."""


@dataclass(frozen=True, kw_only=True)
class TomlFile:
    """One file that is valid TOML; its contents are not checked yet."""

    source: Source
    data: dict[str, Any]

    def table(self, key: str) -> dict[str, Any]:
        """Return a table; empty if there is none."""
        table = self.data.get(key)
        return table if isinstance(table, dict) else {}

    @cached_property
    def tables(self) -> list[tuple[KeyPath, dict[str, Any]]]:
        """The tables that may have `backups`, each with its path."""
        return [
            ((kind, key), table)
            for kind in ("servers", "fleets")
            for key, table in self.table(kind).items()
            if isinstance(table, dict)
        ]

    @cached_property
    def series(self) -> list[tuple[KeyPath, dict[str, Any]]]:
        """The series of these tables, each with its path."""
        return [
            ((*path, "backups", number), series)
            for path, table in self.tables
            if isinstance(backups := table.get("backups"), list)
            for number, series in enumerate(backups)
            if isinstance(series, dict)
        ]

    @cached_property
    def names(self) -> list[tuple[KeyPath, str]]:
        """The descriptions of these series, and their former descriptions, each with its path."""
        found: list[tuple[KeyPath, str]] = []
        for path, series in self.series:
            if isinstance(name := series.get("description"), str):
                found.append(((*path, "description"), name))
            if "renamed_from" in series:
                found += [((*path, "renamed_from", index), old) for index, old in _texts(series, "renamed_from")]
        return found


def cross_check(files: Sequence[TomlFile], *, all_read: bool) -> Iterator[Diagnostic]:
    """Find the errors in `files`. Unless `all_read`, a missing policy may be in a file that could not be read."""
    yield from _duplicates(files)
    yield from _ignored_series(files)
    for file in files:
        yield from _clashing_renames(file)
    if all_read:
        yield from _unknown_policies(files)


def _duplicates(files: Sequence[TomlFile]) -> Iterator[Diagnostic]:
    first: dict[tuple[str, str, KeyPath, object], tuple[TomlFile, KeyPath]] = {}
    for file in files:
        for kind, table, value, path in _declared(file):
            filename = file.source.filename if table else ""
            earlier, its_path = first.setdefault((kind, filename, table, value), (file, path))
            if its_path is path:  # the first of its kind
                continue
            at_key = kind in file.data
            spot = earlier.source.place(*its_path, at_key=at_key).spot
            where = f"{earlier.source.filename}:{spot.start.line}" if spot else earlier.source.filename
            summary, advice = _ONCE[kind]
            yield Diagnostic(
                summary=summary.format(value),
                detail=f"The first is in {where}. {advice}",
                place=file.source.place(*path, at_key=at_key),
            )


def _declared(file: TomlFile) -> Iterator[tuple[str, KeyPath, str | int, KeyPath]]:
    """Yield each key and value that may occur once: its kind, the table in which it may, itself, and its path."""
    for kind in file.data.keys() & {"settings", "require"}:
        yield kind, (), kind, (kind,)
    for kind in ("policies", "fleets", "servers"):
        for name in file.table(kind):
            yield kind, (), name, (kind, name)
    for path, table in file.tables:
        id_ = table.get("id") if path[0] == "servers" else None
        if isinstance(id_, str) or (type(id_) is int and is_64_bit(id_)):
            yield "id", (), id_, (*path, "id")
    for path, name in file.names:
        yield str(path[4]), path[:2], name, path


def _clashing_renames(file: TomlFile) -> Iterator[Diagnostic]:
    renames = [(path, old) for path, old in file.names if path[4] == "renamed_from"]
    declared = {(path[:2], name): path for path, name in file.names if path[4] == "description"} if renames else {}
    for path, old in renames:
        if not is_glob(old) and (series := declared.get((path[:2], old))):
            yield Diagnostic(
                summary=f"{old!r} is {'still the description' if series[:4] == path[:4] else 'declared as a series'}",
                detail="A backup belongs to one series: remove it from renamed_from, or change description.",
                place=file.source.place(*path),
            )


def _ignored_series(files: Sequence[TomlFile]) -> Iterator[Diagnostic]:
    """Find the ignore globs that match the description of a series: in their table or, in the settings, in any."""
    names: dict[KeyPath, list[str]] = {}
    for path, name in (each for file in files for each in file.names):
        if path[4] == "description" or not is_glob(name):
            names.setdefault(path[:2], []).append(name)
    everything = [name for each in names.values() for name in each]
    for file in files:
        for path, table in [*file.tables, (("settings",), file.table("settings"))]:
            declared = names.get(path, []) if path[1:] else everything
            for index, glob in _texts(table, "ignore"):
                matches = compiled((glob,)).match
                if matched := next(filter(matches, declared), None):
                    yield Diagnostic(
                        summary=f"ignore: {glob!r} matches the series {matched!r}",
                        detail="A series is declared, and ignore is for undeclared backups. Change one of the two.",
                        place=file.source.place(*path, "ignore", index),
                    )


def _unknown_policies(files: Sequence[TomlFile]) -> Iterator[Diagnostic]:
    declared = {name: None for file in files for name in file.table("policies")}
    advice: dict[str, str] = {}  # many series may have the same misspelling
    for file in files:
        for path, series in file.series:
            name = series.get("policy")
            if isinstance(name, str) and name not in declared:
                if name not in advice:
                    advice[name] = _policy_advice(name, list(declared), suggests=len(advice) < _MOST_SUGGESTIONS)
                place = file.source.place(*path, "policy")
                yield Diagnostic(summary=f'there is no policy "{name}"', detail=advice[name], place=place)


def _policy_advice(name: str, declared: list[str], *, suggests: bool) -> str:
    if not declared:
        return f"Declare it: [policies.{name}]."
    advice = f"Declared policies: {names_text(declared, _MOST_NAMED)}."
    return did_you_mean(name, declared if suggests else (), advice)


def _texts(table: dict[str, Any], key: str) -> Sequence[tuple[int, str]]:
    """Return the strings of a key, each with its index; a single string has the index 0."""
    value = table.get(key, ())
    if isinstance(value, str):
        return ((0, value),)
    return [each for each in enumerate(value) if isinstance(each[1], str)] if isinstance(value, list) else ()
