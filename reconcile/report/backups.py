"""`list` as text and as JSON, and the backup, the loss and the other backups that a restore shows first."""

from collections.abc import Sequence

from reconcile.actual.inventory import Backup, size_mb
from reconcile.durations import age_text
from reconcile.insight.restore_points import Choice
from reconcile.insight.servers import BackupList, name_or_id
from reconcile.report.document import Formats, Formatter, Lines, Text
from reconcile.report.values import backup_table
from reconcile.wording import count_text, size_text

_MOST_OTHERS = 10
"""Maximum number of restore points that are listed beside the one that would be restored."""


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


RESTORE_FORMATS: Formats[Formatter[Choice]] = Formats(restore_text, more="every other usable backup")
