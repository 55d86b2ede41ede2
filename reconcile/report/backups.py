"""Tables of backups, one line each, in UTC, for `list` and `restore`."""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from reconcile.actual.inventory import Backup, State
from reconcile.ids import Id
from reconcile.report.document import Columns, Row, Text
from reconcile.wording import size_text


def _size_or_status(backup: Backup) -> str:
    """Return the size of a completed backup, or the status of any other, whose size is not known yet."""
    if State.of(backup.status) is not State.USABLE:
        return backup.status
    return "unknown" if backup.size_mb is None else size_text(backup.size_mb)


_COLUMNS: Mapping[str, Callable[[Backup], str]] = {
    "ID": lambda backup: f"#{backup.id}",
    "CREATED": lambda backup: "unknown" if "created_at" in backup.unreadable else f"{backup.created_at:%Y-%m-%d %H:%M}",
    "SIZE": _size_or_status,
    "TYPE": lambda backup: backup.backup_type,
    "EXPIRES": lambda backup: f"{backup.expires_at:%Y-%m-%d}" if backup.expires_at else "never",
    "DESCRIPTION": lambda backup: backup.description or "",
}
_OFTEN_ALIKE = ("TYPE", "EXPIRES")
"""The columns that are left out if they contain the same text in every row."""

_STYLES = {
    State.USABLE: "",
    State.UNDERSIZED: "red",
    State.PENDING: "yellow",
    State.FAILED: "red",
    State.UNKNOWN: "yellow",
    State.BEING_DELETED: "dim",
}


def backup_table(parts: Iterable[Backup | Text], notes: Mapping[Id, str] = MappingProxyType({})) -> tuple[Columns, str]:
    """Return a table of backups, with the headings between them and `notes` by id, and a sentence.

    The sentence says what all the backups have in common, and the table does not. It is empty if they have nothing in
    common.
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
            rows += [*header, Row((*before, noted), _STYLES[part.state])]
            header = []
    common = ", ".join(f"{name.lower()} {value}" for name, value in alike.items())
    return Columns(rows=tuple(rows), indent=2, narrowest=12, shortens=-1), f"Same for all: {common}." if common else ""
