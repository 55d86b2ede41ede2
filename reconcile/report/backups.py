"""Tables of backups: `list` as text and as JSON, and what a restore would do and what would be lost."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

from reconcile.actual.inventory import Backup, State, size_mb
from reconcile.durations import age_text
from reconcile.ids import Id
from reconcile.insight.restore_points import Choice
from reconcile.insight.servers import BackupList, name_or_id
from reconcile.report.document import Columns, Formats, Formatter, Lines, Row, Text
from reconcile.wording import count_text, size_text


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

_MOST_OTHERS = 10
"""Maximum number of restore points that are listed beside the one that would be restored."""

_STYLES = {
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
            rows += [*header, Row((*before, noted), _STYLES[part.state])]
            header = []
    common = ", ".join(f"{name.lower()} {value}" for name, value in alike.items())
    same = f"Same for all: {common}. " if common else ""
    return Columns(rows=tuple(rows), indent=2, narrowest=12, shortens=-1), Text(same + where, "dim")


def list_text(found: BackupList, /, *, verbose: bool = False) -> Lines:
    """Return a table of the backups of each server, and the sums."""
    parts: list[Backup | Text] = []
    for server, backups in found.servers.items():
        heading = Text.assemble((name_or_id(server), "bold"), f" ({server.id}): {_sum_text(backups)}")
        parts += [heading, *backups]
    table, where = backup_table(parts, f"At {found.base_url}, times in UTC.")
    kind = f"{found.backup_type} " if found.backup_type else ""
    sums = f"{_sum_text(found.backups, kind)}, on {count_text(len(found.servers), 'server')}."
    return Lines((table, "", Text(sums, "bold"), where), essential=(Text(sums, "bold"),))


def _sum_text(backups: Sequence[Backup], kind: str = "") -> str:
    """Write how many backups there are, and the sum of the known sizes."""
    counted = count_text(len(backups), f"{kind}backup")
    return f"{counted}, {size_text(size_mb(backups))}" if backups else counted


def list_json(found: BackupList, /, *, verbose: bool = False) -> dict[str, object]:
    """Return the whole list; known sizes in MiB, times in UTC."""
    return {
        "format_version": "1.0",
        "base_url": found.base_url,
        "observed_at": found.observed_at,
        "backup_type": found.backup_type,
        "count": len(found.backups),
        "size_mb": size_mb(found.backups),
        "servers": [
            {
                "id": server.id,
                "name": server.name,
                "count": len(backups),
                "size_mb": size_mb(backups),
                "backups": backups,
            }
            for server, backups in found.servers.items()
        ],
    }


LIST_FORMATS: Formats[Formatter[BackupList]] = Formats(list_text, json=(list_json, "Print JSON."))


def restore_text(choice: Choice, /, *, verbose: bool = False) -> Lines:
    """Return what would be restored and lost, what else could be restored, and what is in progress.

    Many other backups are counted; `verbose` lists them.
    """
    name, shown = name_or_id(choice.server), None if verbose else _MOST_OTHERS
    lost = f"(the last {age_text(choice.observed_at - choice.backup.created_at)}) will be lost."
    parts: list[Backup | Text] = [
        Text.assemble("Restore ", (name, "bold"), f" ({choice.server.id}) from:"),
        choice.backup,
        Text(f"All data written to {name} since this backup {lost}", "bold red"),
    ]
    if choice.others:
        parts += [Text("Its other usable backups:", "dim"), *choice.others[:shown]]
    table, where = backup_table(parts)
    more = len(choice.others[shown:]) if shown else 0
    older = [Text(f"  and {more:,} older ones", "dim")] if more else []
    warnings = []
    for backup in choice.in_progress:
        age = age_text(choice.observed_at - backup.created_at)
        about = f"#{backup.id} ({backup.description!r}) has been in progress for {age}."
        warnings.append(Text(f"On {name}, {about}", "bold yellow"))
    if warnings:
        advice = "If you restore now, that backup may mix old and new data. Wait until it has completed."
        warnings.append(Text(advice, "yellow"))
    return Lines((table, *older, where, *warnings), essential=tuple(warnings))
