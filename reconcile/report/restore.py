"""What a restore would do, and what would be lost."""

from collections.abc import Iterator

from reconcile.actual.inventory import Backup
from reconcile.durations import age_text
from reconcile.insight.restore_points import Choice
from reconcile.insight.servers import name_or_id
from reconcile.report.backups import backup_table
from reconcile.report.document import Lines, Text

_MOST_OTHERS = 10


def restore_text(choice: Choice, /, *, verbose: bool = False) -> Lines:
    """Return what would be restored and lost, what else could be restored, and what is in progress.

    Many other backups are counted; `verbose` lists them.
    """
    shown = len(choice.others) if verbose else _MOST_OTHERS
    table, common = backup_table(_parts(choice, shown))
    more = len(choice.others) - shown
    others = (Text(f"  and {more:,} older ones", "dim"),) if more > 0 else ()
    warnings = tuple(_warnings(choice))
    end = Text(f"{common} Times in UTC.".lstrip(), "dim")
    return Lines((table, *others, end, *warnings), essential=warnings)


def _warnings(choice: Choice) -> Iterator[Text]:
    for backup in choice.in_progress:
        name = f"#{backup.id} ({backup.description!r})"
        age = age_text(choice.observed_at - backup.created_at)
        yield Text(f"On {name_or_id(choice.server)}, {name} has been in progress for {age}.", "bold yellow")
    if choice.in_progress:
        yield Text("If you restore now, that backup may mix old and new data. Wait until it has completed.", "yellow")


def _parts(choice: Choice, shown: int) -> Iterator[Backup | Text]:
    name = name_or_id(choice.server)
    yield Text.assemble("Restore ", (name, "bold"), f" ({choice.server.id}) from:")
    yield choice.backup
    age = age_text(choice.observed_at - choice.backup.created_at)
    yield Text(f"All data written to {name} since this backup (the last {age}) will be lost.", "bold red")
    if choice.others:
        yield Text("Its other usable backups:", "dim")
        yield from choice.others[:shown]
