"""Values as several formats write them: backups in a table for people; and moments, backups and others in JSON."""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from reconcile.actual.inventory import Backup, Server, State
from reconcile.addresses import Address, BackupAddress, SeriesAddress
from reconcile.desired.keep import KeepCount, KeepWithin
from reconcile.diagnostics import Diagnostic
from reconcile.durations import Duration
from reconcile.ids import Id
from reconcile.plan.pauses import Pause
from reconcile.report.document import Columns, Row, Text
from reconcile.wording import size_text

JsonObject = dict[str, Any]
RESOURCE_TYPE = "vps_backup"


def json_text(value: object) -> str:
    """Return JSON on one line, in ASCII: no terminal, no encoding and no log can misread it.

    Sizes are in MiB, spans in seconds, and times in UTC. Other dataclasses are objects with their fields.
    """
    return json.dumps(value, allow_nan=False, default=_plain)


def backup_json(backup: Backup) -> JsonObject:
    """Return a backup as the service describes it; a size that JSON has no number for is null."""
    size = backup.size_mb
    return {
        "id": backup.id,
        "server_id": backup.server_id,
        "server_name": backup.server_name,
        "description": backup.description,
        "backup_type": backup.backup_type,
        "status": backup.status,
        "size_mb": size if size is not None and math.isfinite(size) else None,
        "created_at": None if "created_at" in backup.unreadable else backup.created_at,
        "expires_at": backup.expires_at,
    }


def diagnostic_json(diagnostic: Diagnostic) -> JsonObject:
    """Return one diagnostic as `terraform validate -json` has it, with its place and its address if it has one."""
    entry: JsonObject = {
        "severity": diagnostic.severity,
        "summary": diagnostic.summary,
        "detail": "\n".join(filter(None, (diagnostic.detail, *diagnostic.facts))),
    }
    if diagnostic.address:
        entry["address"] = diagnostic.address
    if spot := diagnostic.spot:
        entry["range"] = {"filename": spot.filename, "start": spot.start, "end": spot.end}
        entry["snippet"] = {
            "context": None,
            "code": spot.code,
            "start_line": spot.start.line,
            "highlight_start_offset": spot.highlight_start,
            "highlight_end_offset": spot.highlight_end,
            "values": [],
        }
    return entry


_WRITTEN: Mapping[type, Callable[..., object]] = {
    Backup: backup_json,
    BackupAddress: str,
    Diagnostic: diagnostic_json,
    Duration: str,
    KeepCount: str,
    KeepWithin: str,
    Pause: lambda pause: {"until": pause.ends_at, "reason": pause.reason, "creates": pause.creates},
    SeriesAddress: str,
    Server: lambda server: {"id": server.id, "name": server.name},
    ZoneInfo: str,
    date: str,
    datetime: lambda moment: moment.isoformat().replace("+00:00", "Z"),
    timedelta: timedelta.total_seconds,
}


def _plain(value: object) -> object:
    """Convert a value of a type that JSON lacks, such as a time."""
    if write := _WRITTEN.get(type(value)):
        return write(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    raise TypeError(f"JSON has nothing for {value!r}")


def terraform_address(address: Address) -> str:
    """Return `vps_backup.SERVER["INDEX"]`, which is distinct for every backup and every series."""
    return f"{RESOURCE_TYPE}.{address.server}[{json.dumps(address_index(address), ensure_ascii=False)}]"


def address_index(address: Address) -> str:
    """Return the index of an address: `DESCRIPTION` of a series, `DESCRIPTION#ID` of a backup.

    A description may end in what looks like an id. The id is therefore percent-quoted, without a `#`, and the index of
    a series whose description has a `#` ends in a `#` with no id after it.
    """
    match address:
        case SeriesAddress(description=description):
            return f"{description}#" if "#" in (description or "") else description or ""
        case BackupAddress(id=backup_id):
            return f"{address.description or ''}#{quote(str(backup_id), safe='', errors='surrogatepass')}"


def plain_address(address: Address) -> str:
    """Return `SERVER/INDEX`."""
    return f"{address.server}/{address_index(address)}"


_COLUMNS: Mapping[str, Callable[[Backup], str]] = {
    "ID": lambda backup: f"#{backup.id}",
    "CREATED": lambda backup: "unknown" if "created_at" in backup.unreadable else f"{backup.created_at:%Y-%m-%d %H:%M}",
    # That of a backup which is not completed is not known yet.
    "SIZE": lambda backup: size_text(backup.size_mb) if State.of(backup.status) is State.USABLE else backup.status,
    "TYPE": lambda backup: backup.backup_type,
    "EXPIRES": lambda backup: f"{backup.expires_at:%Y-%m-%d}" if backup.expires_at else "never",
    "DESCRIPTION": lambda backup: backup.description or "",
}
_OFTEN_ALIKE = ("TYPE", "EXPIRES")
"""The columns that are left out if they contain the same text in every row."""

_STATE_STYLES = {
    State.USABLE: "",
    State.UNDERSIZED: "red",
    State.PENDING: "yellow",
    State.FAILED: "red",
    State.UNKNOWN: "yellow",
    State.BEING_DELETED: "dim",
}


def backup_table(
    parts: Iterable[Backup | Text], where: str = "Times in UTC.", notes: Mapping[Id, str] = MappingProxyType({})
) -> tuple[Columns, Text]:
    """Return a table of backups, with the headings between them and `notes` by id, and a line about all of them.

    The line says what the backups have in common, which the table then does not, and `where` they are.
    """
    parts = list(parts)
    backups = [part for part in parts if isinstance(part, Backup)]
    values = {name: {_COLUMNS[name](backup) for backup in backups} for name in _OFTEN_ALIKE}
    alike = {name: found.pop() for name, found in values.items() if len(found) == 1}
    cells = [value for name, value in _COLUMNS.items() if name not in alike]
    header = [Row(tuple(name for name in _COLUMNS if name not in alike), "dim")] if backups else []
    rows: list[Row | Text] = []
    for part in parts:
        if isinstance(part, Text):
            rows.append(part)
        else:
            *before, last = (value(part) for value in cells)
            noted = f"{last} ({notes[part.id]})".lstrip() if part.id in notes else last
            rows += [*header, Row((*before, noted), _STATE_STYLES[part.state])]
            header = []
    common = ", ".join(f"{name.lower()} {value}" for name, value in alike.items())
    same = f"Same for all: {common}. " if common else ""
    return Columns(rows=tuple(rows), indent=2, narrowest=12, shortens=-1), Text(same + where, "dim")
