"""What a restore would do, and what would be lost."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from reconcile.actual.inventory import Backup
from reconcile.durations import age_text
from reconcile.insight.restore_points import Choice, confirmation
from reconcile.report.document import Lines
from reconcile.report.escape import visible
from reconcile.report.wording import size_text

_MOST_OTHERS = 10


def restore_text(choice: Choice, now: datetime) -> Lines:
    """Return what would be restored, what would be lost, and what else could be restored."""
    return Lines(tuple(_lines(choice, now)))


def _lines(choice: Choice, now: datetime) -> Iterator[RenderableType]:
    name = visible(confirmation(choice.server))
    yield Text.assemble("Restore ", (name, "bold"), visible(f" ({choice.server.id}) from:"))
    yield _table([choice.backup], now)
    age = age_text(now - choice.backup.created_at)
    yield Text(f"Everything written on {name} since then, in the last {age}, will be lost.", "bold red")
    if choice.others:
        yield Text("Its other usable backups:", "dim")
        yield _table(choice.others[:_MOST_OTHERS], now)
        if len(choice.others) > _MOST_OTHERS:
            yield Text(f"  and {len(choice.others) - _MOST_OTHERS:,} older ones", "dim")


def _table(backups: Iterable[Backup], now: datetime) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for backup in backups:
        made = f"{age_text(now - backup.created_at)} old ({backup.created_at:%Y-%m-%d %H:%M} UTC)"
        texts = (visible(f"  #{backup.id}"), visible(backup.description or ""), visible(backup.backup_type))
        cells = (*texts, made, size_text(backup.size_mb))
        table.add_row(*(Text(cell, overflow="fold") for cell in cells))
    return table
