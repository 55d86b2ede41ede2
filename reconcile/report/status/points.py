"""What a restore shows without a usable choice: the restore points of one server, as on the page."""

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from reconcile.actual.inventory import Backup
from reconcile.insight.servers import name_or_id
from reconcile.insight.status import Status
from reconcile.insight.timeline import RECENT_DAYS, ServerTimeline, Timeline, recent_days
from reconcile.report.backups import backup_table
from reconcile.report.document import Lines, Text
from reconcile.report.status.sentences import row_facts, row_label, row_name, strip

_UTC = ZoneInfo("UTC")


def points_text(timeline: Timeline, /, *, verbose: bool = False) -> Lines:
    """Return the backups of each series of one server, the newest first, with gaps and pins; times in UTC."""
    (server,) = timeline.servers
    notes = {id_: f"pinned in {file}" for id_, file in server.pinned.items()}
    table, common = backup_table(_parts(server, timeline.status), notes)
    return Lines((table, Text(f"{common} Times in UTC.".lstrip(), "dim")), essential=())


def _parts(server: ServerTimeline, status: Status) -> Iterator[Backup | Text]:
    none = "" if server.rows else ": no backup"
    yield Text.assemble((name_or_id(server.server), "bold"), f" ({server.server.id}){none}")
    is_declared = any(row.series for row in server.rows)
    for row in server.rows:
        label = f" {row_label(row)}" if is_declared else ""
        yield Text.assemble(
            (row_name(row), "bold"), f"{label.rstrip()}: {', '.join(row_facts(row, status.checked_at, _UTC))}"
        )
        if row.series and row.series.newest:
            days = strip(recent_days(row.series, status.checked_at, status.zone))
            yield Text.assemble((f"  last {RECENT_DAYS} days: ", "dim"), *days.parts)
        yield from row.backups[::-1]
