"""Files in, `Config` out; or every mistake in them at once, each at its line and column."""

import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from reconcile.desired.config import (
    Config,
    DeclaredSeries,
    DeclaredServer,
    Keep,
    KeepCount,
    KeepWithin,
    Period,
    within_key,
)
from reconcile.desired.document import (
    BackupTable,
    Document,
    KeepTable,
    PolicyTable,
    ServerTable,
    SettingsTable,
    Table,
)
from reconcile.diagnostics import Diagnostic, Range, UserError

KEEP_DEFAULT: Keep = (KeepCount(period=Period.LAST, count=1),)
_TOML_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")

_WRONG_TYPE = {
    "dict_type": ("a table", "Write [table] or { … }."),
    "model_type": ("a table", "Write [table] or { … }."),
    "list_type": ("a list", "Write [ … ] or [[table]]."),
    "string_type": ("text", 'Write it in quotes: "…".'),
}

_Place = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Source:
    filename: str
    text: str
    data: dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Mistake:
    source: _Source
    place: _Place
    summary: str
    detail: str = ""
    at_key: bool = False


def load(paths: Iterable[Path]) -> Config:
    """Read the files, and the `*.toml` of the folders, that `paths` name, as one declaration.

    Raises:
        UserError: with one diagnostic for every mistake in every file.
    """
    files = [file for path in paths for file in _files(path)]
    sources, unreadable = _read_all(dict.fromkeys(files))
    documents: list[tuple[_Source, Document]] = []
    mistakes: list[_Mistake] = []
    for source in sources:
        try:
            documents.append((source, Document.model_validate(source.data)))
        except ValidationError as invalid:
            mistakes.extend(_explain(error, source) for error in invalid.errors(include_url=False))
    mistakes.extend(_across(sources))
    if unreadable or mistakes:
        raise UserError("the configuration is invalid", diagnostics=[*unreadable, *_point_at(mistakes)])
    return _resolve(documents)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(path.glob("*.toml"))
    if not files:
        raise UserError(f"{path}: no *.toml in this folder", "Name a file or another folder with -f PATH.")
    return files


def _read_all(files: Iterable[Path]) -> tuple[list[_Source], list[Diagnostic]]:
    sources: list[_Source] = []
    unreadable: list[Diagnostic] = []
    for file in files:
        text = ""
        try:
            # TOML knows no byte order mark, editors on Windows write one all the same.
            text = file.read_text(encoding="utf-8-sig")
            sources.append(_Source(filename=str(file), text=text, data=tomllib.loads(text)))
        except FileNotFoundError:
            unreadable.append(Diagnostic(summary=f"{file}: there is no such file", detail="Name one with -f PATH."))
        except OSError as error:
            unreadable.append(Diagnostic(summary=f"{file}: {error.strerror}", detail="Name another with -f PATH."))
        except UnicodeDecodeError as error:
            unreadable.append(
                Diagnostic(summary=f"{file}: not UTF-8 text", detail=f"Byte {error.start} is not; save it as UTF-8.")
            )
        except tomllib.TOMLDecodeError as error:
            unreadable.append(_syntax_error(file, text, str(error)))
        except RecursionError:
            unreadable.append(Diagnostic(summary=f"{file}: nested too deeply", detail="Nothing here needs that."))
    return sources, unreadable


def _syntax_error(file: Path, text: str, message: str) -> Diagnostic:
    from reconcile.desired.positions import Positions  # noqa: PLC0415 - loaded only when there is an error

    place = _TOML_PLACE.search(message)
    lines = text.split("\n")
    line, column = (int(place[1]), int(place[2])) if place and place[1] else (len(lines), len(lines[-1]) + 1)
    spot, snippet = Positions(str(file), text).at(line, column)
    return Diagnostic(
        summary="this is not TOML: " + _TOML_PLACE.sub("", message),
        detail="See https://toml.io for how values are written.",
        range=spot,
        snippet=snippet,
    )


def _explain(error: ErrorDetails, source: _Source) -> _Mistake:
    place = tuple(part for part in error["loc"] if part != "[key]")
    name = place[-1] if place else ""
    match error["type"]:
        case "extra_forbidden":
            return _Mistake(source=source, place=place, at_key=True, **_unknown_key(str(name), _table_at(place[:-1])))
        case "missing":
            return _Mistake(
                source=source,
                place=place[:-1],
                summary=f'the key "{name}" is missing',
                detail=f"Add {name} = … to this table.",
                at_key=True,
            )
        case "dict_type" | "model_type" if name == "token":
            return _Mistake(source=source, place=place, at_key=True, **_unknown_key("token", Document))
        case kind if kind in _WRONG_TYPE:
            wanted, advice = _WRONG_TYPE[kind]
            return _Mistake(source=source, place=place, summary=f'"{name}" must be {wanted}', detail=advice)
        case _:
            at_key = "[key]" in error["loc"]
            return _Mistake(source=source, place=place, summary=_sentence(str(name), error["msg"]), at_key=at_key)


def _sentence(name: str, message: str) -> str:
    return f"{name}: {message}" if name else message


def _unknown_key(key: str, table: type[Table]) -> dict[str, str]:
    if key == "token":
        return {
            "summary": "a token does not belong in the file",
            "detail": "The file is kept in git. Take it out, make a new token, and set VPS_API_TOKEN or --token-file.",
        }
    known = list(table.model_fields)
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    hint = f'Did you mean "{close[0]}"?' if close else "Known here: " + ", ".join(known) + "."
    return {"summary": f'unknown key "{key}"', "detail": hint}


def _table_at(place: _Place) -> type[Table]:
    match place:
        case ():
            return Document
        case ("settings",):
            return SettingsTable
        case (*_, "keep"):
            return KeepTable
        case ("policies", _):
            return PolicyTable
        case ("servers", _):
            return ServerTable
        case _:
            return BackupTable


def _across(sources: list[_Source]) -> Iterator[_Mistake]:
    """Find what no single table shows, in the raw data, so that it is told together with the other mistakes."""
    policies = _Firsts("the policy {0} is declared twice", "Keep one of the two, or rename one.")
    servers = _Firsts("the server {0} is declared in two files", "Keep all of one server in one file.")
    ids = _Firsts("two servers have the id {0}", "Each server is declared once; the id is in the account's list.")
    settings = _Firsts("[settings] is declared twice", "Keep the settings of all files in one.")
    for source in sources:
        if "settings" in source.data:
            yield from settings.note("settings", source, ("settings",))
        for name in _tables(source.data.get("policies")):
            yield from policies.note(name, source, ("policies", name))
        for key, server in _tables(source.data.get("servers")).items():
            yield from servers.note(key, source, ("servers", key))
            if isinstance(server.get("id"), int | str):
                yield from ids.note(server["id"], source, ("servers", key, "id"))
    names = [str(name) for name in policies]
    for source in sources:
        yield from _series(source, names)


class _Firsts(dict[object, str]):
    """Who was the first to use a name that only one may use."""

    def __init__(self, summary: str, detail: str) -> None:
        super().__init__()
        self._summary, self._detail = summary, detail

    def note(self, name: object, source: _Source, place: _Place) -> Iterator[_Mistake]:
        if name not in self:
            self[name] = source.filename
            return
        summary = self._summary.format(repr(name))
        detail = f"The first is in {self[name]}. {self._detail}"
        # A name that is a key is shown where it is a key, one that is a value where it is a value.
        yield _Mistake(source=source, place=place, summary=summary, detail=detail, at_key=place[-1] == name)


def _tables(value: object) -> dict[str, dict[str, Any]]:
    tables = value if isinstance(value, Mapping) else {}
    return {key: table for key, table in tables.items() if isinstance(table, dict)}


def _series(source: _Source, policies: list[str]) -> Iterator[_Mistake]:
    for key, server in _tables(source.data.get("servers")).items():
        backups = server.get("backups")
        seen = _Firsts(
            "two series on this server have the description {0}",
            "The description is all that tells them apart; write another, or take one out.",
        )
        for number, backup in enumerate(backups if isinstance(backups, list) else []):
            if not isinstance(backup, dict):
                continue
            place = ("servers", key, "backups", number)
            if isinstance(backup.get("description"), str):
                yield from seen.note(backup["description"], source, (*place, "description"))
            policy = backup.get("policy")
            if isinstance(policy, str) and policy not in policies:
                close = difflib.get_close_matches(policy, policies, n=1)
                known = f"Declared are: {', '.join(policies)}." if policies else f"Declare it: [policies.{policy}]."
                yield _Mistake(
                    source=source,
                    place=(*place, "policy"),
                    summary=f'there is no policy "{policy}"',
                    detail=f'Did you mean "{close[0]}"?' if close else known,
                )


def _point_at(mistakes: list[_Mistake]) -> Iterator[Diagnostic]:
    if not mistakes:
        return
    from reconcile.desired.positions import Positions  # noqa: PLC0415 - loaded only when there is an error

    positions: dict[str, Positions] = {}
    places: list[tuple[int, Range, Diagnostic]] = []
    for mistake in mistakes:
        filename = mistake.source.filename
        if filename not in positions:
            positions[filename] = Positions(filename, mistake.source.text)
        where = positions[filename]
        spot, snippet = (where.of_key if mistake.at_key else where.of_value)(mistake.place)
        pointed = Diagnostic(summary=mistake.summary, detail=mistake.detail, range=spot, snippet=snippet)
        places.append((list(positions).index(filename), spot, pointed))
    places.sort(key=lambda place: (place[0], place[1].start.byte))
    yield from (pointed for _, _, pointed in places)


def _resolve(documents: list[tuple[_Source, Document]]) -> Config:
    settings = next((document.settings for _, document in documents if document.settings), SettingsTable())
    policies = {name: policy for _, document in documents for name, policy in document.policies.items()}
    return Config(
        timezone=settings.timezone,
        max_shrink_percent=settings.max_shrink,
        stalled_after=settings.stalled_after,
        servers=tuple(
            DeclaredServer(
                key=key,
                name=key if server.name is None else server.name,
                id=server.id,
                prune=settings.prune if server.prune is None else server.prune,
                pinned=tuple(server.pinned),
                series=tuple(_declared(backup, policies) for backup in server.backups),
                file=source.filename,
            )
            for source, document in documents
            for key, server in document.servers.items()
        ),
    )


def _declared(backup: BackupTable, policies: Mapping[str, PolicyTable]) -> DeclaredSeries:
    policy = policies[backup.policy] if backup.policy else PolicyTable()
    table = backup.keep or policy.keep
    return DeclaredSeries(
        description=backup.description,
        every=backup.every or policy.every,
        keep=_rules(table) if table else KEEP_DEFAULT,
    )


def _rules(table: KeepTable) -> Keep:
    counts = ((period, getattr(table, period)) for period in Period)
    withins = ((period, getattr(table, within_key(period))) for period in Period)
    return (
        *(KeepCount(period=period, count=count) for period, count in counts if count),
        *(KeepWithin(period=period, duration=duration) for period, duration in withins if duration),
    )
