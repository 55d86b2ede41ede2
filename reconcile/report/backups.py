"""One line per backup in UTC, for `list` and `restore`."""

from collections.abc import Iterable

from reconcile.actual.inventory import Backup, State
from reconcile.report.document import Columns, Row, Text
from reconcile.report.wording import size_text

HEADER = Row(("ID", "MADE", "SIZE", "TYPE", "STATUS", "EXPIRES", "DESCRIPTION"), "dim")

_STYLES = {
    State.USABLE: "",
    State.UNDERSIZED: "red",
    State.PENDING: "yellow",
    State.FAILED: "red",
    State.UNKNOWN: "yellow",
    State.BEING_DELETED: "dim",
}


def table(rows: Iterable[Row | Text]) -> Columns:
    """Return a table of these rows and the headings between them."""
    return Columns(rows=tuple(rows), indent=2, narrowest=12)


def backup_row(backup: Backup) -> Row:
    """Return the line of a backup."""
    cells = (
        f"#{backup.id}",
        "unknown" if "created_at" in backup.unreadable else f"{backup.created_at:%Y-%m-%d %H:%M}",
        "unknown" if backup.size_mb is None else size_text(backup.size_mb),
        backup.backup_type,
        backup.status,
        f"{backup.expires_at:%Y-%m-%d}" if backup.expires_at else "never",
        backup.description or "",
    )
    return Row(cells, _STYLES[backup.state])
