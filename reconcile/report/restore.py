"""What a restore would do, and what would be lost."""

from collections.abc import Iterator
from datetime import datetime

from reconcile.durations import age_text
from reconcile.insight.restore_points import Choice
from reconcile.insight.servers import name_or_id
from reconcile.report.backups import HEADER, backup_row, table
from reconcile.report.document import Block, Lines, Text

_MOST_OTHERS = 10


def restore_text(choice: Choice, now: datetime) -> Lines:
    """Return what would be restored, what would be lost, what else could be restored, and what is in progress."""
    warnings = tuple(_warnings(choice, now))
    return Lines((*_lines(choice, now), *warnings), essential=warnings)


def _warnings(choice: Choice, now: datetime) -> Iterator[Text]:
    for backup in choice.in_progress:
        name = f"#{backup.id} ({backup.description!r})"
        age = age_text(now - backup.created_at)
        yield Text(f"On {name_or_id(choice.server)}, {name} has been in progress for {age}.", "bold yellow")
    if choice.in_progress:
        yield Text("If you restore now, that backup may mix old and new data. Wait until it is completed.", "yellow")


def _lines(choice: Choice, now: datetime) -> Iterator[Block]:
    name = name_or_id(choice.server)
    yield Text.assemble("Restore ", (name, "bold"), f" ({choice.server.id}) from:")
    yield table([HEADER, backup_row(choice.backup)])
    age = age_text(now - choice.backup.created_at)
    yield Text(f"Everything written on {name} since then, in the last {age}, will be lost.", "bold red")
    if choice.others:
        yield Text("Its other usable backups:", "dim")
        yield table([HEADER, *map(backup_row, choice.others[:_MOST_OTHERS])])
        if len(choice.others) > _MOST_OTHERS:
            yield Text(f"  and {len(choice.others) - _MOST_OTHERS:,} older ones", "dim")
