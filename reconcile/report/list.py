"""`reconcile list`: one line per backup, the newest first, by server; and as JSON."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderableType
from rich.text import Text

from reconcile.actual.inventory import Backup, State, size_mb
from reconcile.insight.listing import BackupList, ServerBackups
from reconcile.insight.servers import name_or_id
from reconcile.report.document import Formats, Formatter, Json, JsonObject, Lines
from reconcile.report.escape import visible
from reconcile.report.values import backup_json, time_json
from reconcile.report.wording import count_text, size_text

_STYLES = {State.USABLE: "", State.PENDING: "yellow", State.FAILED: "red", State.UNKNOWN: "yellow"}
_GAP = "  "
_NARROWEST = 12
"""Columns. A description that has less room beside the other columns goes below them."""

_BELOW = "      "
_LONGEST = 1000


def list_text(found: BackupList, /, *, verbose: bool = False) -> Lines:
    """Return a table of the backups of each server, and the sums."""
    sums = _sums(found)
    where = Text(f"At {visible(found.base_url)}, times in UTC", "dim")
    return Lines((*_lines(found), Text(""), sums, where), essential=(sums,))


def list_json(found: BackupList, /, *, verbose: bool = False) -> Json:
    """Return the whole list; sizes in megabytes, of those that are known; times in UTC."""
    return Json(
        {
            "format_version": "1.0",
            "base_url": found.base_url,
            "observed_at": time_json(found.observed_at),
            "backup_type": found.backup_type,
            "count": len(found.backups),
            "size_mb": size_mb(found.backups),
            "servers": [_server_json(server) for server in found.servers],
        }
    )


LIST_FORMATS: Formats[Formatter[BackupList]] = Formats(list_text, json=(list_json, "Print JSON."))


def backup_lines(backups: Iterable[Backup]) -> "BackupLines":
    """Return one line per backup below a header, in UTC, as `list` shows them."""
    rows = [_row(backup) for backup in backups]
    return BackupLines(rows=[_HEADER, *rows], widths=_widths(rows))


@dataclass(frozen=True, slots=True)
class _BackupRow:
    """The cells of one line, the description last, all text in them escaped."""

    cells: tuple[str, ...]
    style: str


_HEADER = _BackupRow(("ID", "MADE", "SIZE", "TYPE", "STATUS", "EXPIRES", "DESCRIPTION"), "dim")


@dataclass(frozen=True, kw_only=True, slots=True)
class BackupLines:
    """Rows in columns of these widths; a description that does not fit wraps in its column, or goes below.

    Not a table of rich's, which takes more than ten times as long: an account may hold 100,000 backups.
    """

    rows: Sequence[_BackupRow]
    widths: Sequence[int]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """Yield the lines for a console of this width."""
        column = len(_GAP) + sum(width + len(_GAP) for width in self.widths)
        room = options.max_width - column
        lines: list[Text] = []
        for row in self.rows:
            *cells, description = row.cells
            fixed = _GAP + "".join(
                set_cell_size(cell, width) + _GAP for cell, width in zip(cells, self.widths, strict=True)
            )
            if cell_len(description) <= room:
                lines.append(Text(fixed + description, row.style))
            elif room < _NARROWEST:
                lines += [Text(fixed.rstrip(), row.style), Text(_BELOW + description, row.style)]
            else:
                first, *rest = Text(description, row.style).wrap(console, room)
                lines.append(Text(fixed, row.style).append(first))
                lines += [Text(" " * column).append(line) for line in rest]
        yield Text("\n").join(lines)


def _lines(found: BackupList) -> Iterator[RenderableType]:
    rows = [[_row(backup) for backup in server.backups] for server in found.servers]
    widths = _widths(row for server in rows for row in server)
    header = [_HEADER]
    for server, shown in zip(found.servers, rows, strict=True):
        yield _heading(server)
        if shown:
            yield BackupLines(rows=[*header, *shown], widths=widths)
            header = []


def _heading(server: ServerBackups) -> Text:
    name = visible(name_or_id(server.server))
    sums = _sum_text(server.backups)
    return Text.assemble((name, "bold"), visible(f" ({server.server.id}): "), sums)


def _sums(found: BackupList) -> Text:
    kind = f"{found.backup_type} " if found.backup_type else ""
    return Text(f"{_sum_text(found.backups, kind)}, on {count_text(len(found.servers), 'server')}.", "bold")


def _sum_text(backups: Sequence[Backup], kind: str = "") -> str:
    """Write how many there are and how large they are together, as far as the service says."""
    counted = count_text(len(backups), f"{kind}backup")
    return f"{counted}, {size_text(size_mb(backups))}" if backups else counted


def _widths(rows: Iterable[_BackupRow]) -> list[int]:
    """Return the widths of all columns but the last, in which every cell fits."""
    columns = list(zip(_HEADER.cells, *(row.cells for row in rows), strict=True))[:-1]
    return [max(map(cell_len, column)) for column in columns]


def _row(backup: Backup) -> _BackupRow:
    cells = (
        visible(f"#{backup.id}"),
        "unknown" if "created_at" in backup.unreadable else f"{backup.created_at:%Y-%m-%d %H:%M}",
        "unknown" if backup.size_mb is None else size_text(backup.size_mb),
        visible(backup.backup_type),
        visible(backup.status),
        f"{backup.expires_at:%Y-%m-%d}" if backup.expires_at else "never",
        visible(backup.description or "", _LONGEST),
    )
    return _BackupRow(cells, _STYLES[backup.state])


def _server_json(server: ServerBackups) -> JsonObject:
    return {
        "id": server.server.id,
        "name": server.server.name,
        "count": len(server.backups),
        "size_mb": size_mb(server.backups),
        "backups": [backup_json(backup) for backup in server.backups],
    }
