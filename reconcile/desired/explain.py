"""Explains errors in the keys and values of a file: what is wrong, and what to write instead."""

import difflib
import re
from collections.abc import Iterator

from pydantic import ValidationError

from reconcile.desired import document
from reconcile.desired.locate import BYTE_ORDER_MARK, Source
from reconcile.diagnostics import Diagnostic, KeyPath

_EXPECTED = {
    "dict_type": ("a table", "Write [table] or { … }."),
    "model_type": ("a table", "Write [table] or { … }."),
    "list_type": ("a list", "Write [ … ] or [[table]]."),
    "bool_type": ("true or false", "Write it without quotes."),
    "string_type": ("a string", 'Write it in quotes: "…".'),
    "string_too_short": ("a non-empty string", "Write some text, or remove the key."),
    "too_short": ("a list with at least one entry", "Write at least one entry, or remove the key."),
}

_SYNONYMS = {
    "frequency": "every",
    "interval": "every",
    "schedule": "every",
    "email": "account",
    "include": "match",
    "label": "description",
    "pattern": "match",
    "region": "location",
    "requires": "require",
    "state": "status",
    "title": "description",
    "policy": "policies",
    "retain": "keep",
    "retention": "keep",
    "server_id": "id",
    "tz": "timezone",
}
"""The names that other tools use for the keys of this file."""

_TOKEN_IN_FILE = (
    "a token does not belong in the file",
    "The file is kept in git. Remove the token, revoke it, and set VPS_API_TOKEN or --token-file to a new one.",
)

_SIMILAR = 0.75
"""Minimum ratio of difflib. With a lower one, `policies` is suggested for `provider`."""


def oversized_integer(source: Source) -> Diagnostic:
    """Explain that an integer has more digits than Python reads, and point at the longest number in the text."""
    text = source.text.removeprefix(BYTE_ORDER_MARK)
    start = max(re.finditer(r"[0-9_]+", text), key=lambda number: len(number[0])).start()
    line, column = text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)
    spot = source.at(line, column)
    return Diagnostic(summary="the number is too large", detail="A whole number must fit in 64 bits.", found=spot)


def explain(invalid: ValidationError, source: Source) -> Iterator[Diagnostic]:
    """Explain each of pydantic's errors, with the place of its key or value.

    A misspelt key is one error, at that key; the missing key is not reported too.
    """
    errors = invalid.errors(include_url=False)
    misspelt = {
        (error["loc"][:-1], _suggestion(str(error["loc"][-1]), list(_model(error["loc"][:-1]).model_fields)))
        for error in errors
        if error["type"] == "extra_forbidden"
    }
    for error in errors:
        path, at_key = error["loc"], False
        if error["type"] == "missing" and (path[:-1], path[-1]) in misspelt:
            continue
        # The error of a list entry names the list.
        name = next(str(part) for part in reversed(path) if isinstance(part, str))
        match error["type"]:
            case "extra_forbidden":
                at_key = True
                summary, detail = _unknown_key(name, error["input"], path[:-1])
            case "missing":
                path, at_key = path[:-1], True
                summary, detail = f'the key "{name}" is missing', f"Add {name} = … to this table."
            case "description":
                summary, detail = f"the description {error['msg']}", error["ctx"]["advice"]
            case "table_key":
                path, at_key = path[:-1], True  # pydantic marks an error of a key with "[key]" at the end
                summary, detail = error["msg"], error["ctx"]["advice"]
            case "dict_type" | "model_type" if _is_token(name):
                at_key = True
                summary, detail = _TOKEN_IN_FILE
            case kind if kind in _EXPECTED:
                expected, detail = _EXPECTED[kind]
                subject = f'"{name}"' if path[-1] == name else f'each entry of "{name}"'
                summary = f"{subject} must be {expected}"
            case _:
                summary, detail = f"{name}: {error['msg']}", error.get("ctx", {}).get("advice", "")
        yield Diagnostic(summary=summary, detail=detail, place=source.place(*path, at_key=at_key))


def _is_token(key: str) -> bool:
    return key.lower().endswith("token")


def _unknown_key(key: str, value: object, table: KeyPath) -> tuple[str, str]:
    """Explain what is wrong with an unknown key, and what to write instead."""
    if _is_token(key):
        return _TOKEN_IN_FILE
    known = list(_model(table).model_fields)
    if suggestion := _suggestion(key, known):
        return f'unknown key "{key}"', f'Did you mean "{suggestion}"?'
    if table == () and isinstance(value, dict):
        return f'there is no table "{key}"', f"Valid tables: {', '.join(known)}."
    return f'unknown key "{key}"', f"Valid keys: {', '.join(known)}."


def _suggestion(key: str, known: list[str]) -> str | None:
    name = key.lower().replace("-", "_").removeprefix("keep_")  # restic's option --keep-daily is our key daily
    if (synonym := _SYNONYMS.get(name, name)) in known:
        return synonym
    return next(iter(difflib.get_close_matches(key, known, n=1, cutoff=_SIMILAR)), None)


_MODELS: dict[tuple[str | int | None, int], type[document.Table]] = {
    (None, 0): document.Document,
    ("settings", 1): document.Settings,
    ("require", 1): document.Requirements,
    ("policies", 2): document.PolicyTable,
    ("servers", 2): document.ServerTable,
    ("fleets", 2): document.FleetTable,
}
"""The model of a table, by the first part of its path and the number of its parts."""
_INNER_MODELS: dict[str | int, type[document.Table]] = {"keep": document.KeepTable, "pause": document.PauseTable}


def _model(table: KeyPath) -> type[document.Table]:
    known = _MODELS.get((next(iter(table), None), len(table)))
    return known or _INNER_MODELS.get(table[-1], document.BackupTable)
