"""What a restore would do, in plain words."""

from collections.abc import Iterator
from datetime import datetime

from rich.table import Table
from rich.text import Text

from reconcile.actual.inventory import Backup
from reconcile.plan.restoring import Choice
from reconcile.plan.wording import age, size
from reconcile.report.escape import visible

_MOST_OTHERS = 10


def restore_text(choice: Choice, now: datetime) -> Iterator[Text | Table]:
    """Return what would be restored, what would be lost, and what else could be restored."""
    backup, name = choice.backup, visible(choice.server.name)
    yield Text.assemble("Restore ", (name, "bold"), f" ({visible(str(choice.server.id))}) from:")
    yield _table([backup], now)
    lost = age(now - backup.created_at)
    words = f"Everything that was written on {name} since then, in the last {lost}, will be lost."
    yield Text(words, "bold red")
    if choice.others:
        yield Text("What else could be restored:", "dim")
        yield _table(list(choice.others[:_MOST_OTHERS]), now)
        if len(choice.others) > _MOST_OTHERS:
            yield Text(f"  and {len(choice.others) - _MOST_OTHERS} older ones", "dim")


def _table(backups: list[Backup], now: datetime) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for it in backups:
        made = f"{age(now - it.created_at)} old ({it.created_at:%Y-%m-%d %H:%M} UTC)"
        what = (f"  #{visible(str(it.id))}", visible(it.description or ""), visible(it.backup_type))
        cells = (*what, made, size(it.size_mb))
        table.add_row(*(Text(cell, overflow="fold") for cell in cells))
    return table
