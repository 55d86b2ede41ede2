"""`reconcile list`: one line per backup, the newest first, by server; and as JSON."""

from collections.abc import Iterator, Sequence

from reconcile.actual.inventory import Backup, size_mb
from reconcile.insight.listing import BackupList, ServerBackups
from reconcile.insight.servers import name_or_id
from reconcile.report.backups import backup_table
from reconcile.report.document import Formats, Formatter, Lines, Text
from reconcile.wording import count_text, size_text


def list_text(found: BackupList, /, *, verbose: bool = False) -> Lines:
    """Return a table of the backups of each server, and the sums."""
    sums = _sums(found)
    table, common = backup_table(_parts(found))
    where = Text(f"{common} At {found.base_url}, times in UTC.".lstrip(), "dim")
    return Lines((table, "", sums, where), essential=(sums,))


def list_json(found: BackupList, /, *, verbose: bool = False) -> dict[str, object]:
    """Return the whole list; known sizes in MiB, times in UTC."""
    return {
        "format_version": "1.0",
        "base_url": found.base_url,
        "observed_at": found.observed_at,
        "backup_type": found.backup_type,
        "count": len(found.backups),
        "size_mb": size_mb(found.backups),
        "servers": [_server_json(server) for server in found.servers],
    }


LIST_FORMATS: Formats[Formatter[BackupList]] = Formats(list_text, json=(list_json, "Print JSON."))


def _parts(found: BackupList) -> Iterator[Backup | Text]:
    for server in found.servers:
        name = name_or_id(server.server)
        yield Text.assemble((name, "bold"), f" ({server.server.id}): {_sum_text(server.backups)}")
        yield from server.backups


def _sums(found: BackupList) -> Text:
    kind = f"{found.backup_type} " if found.backup_type else ""
    return Text(f"{_sum_text(found.backups, kind)}, on {count_text(len(found.servers), 'server')}.", "bold")


def _sum_text(backups: Sequence[Backup], kind: str = "") -> str:
    """Write how many backups there are, and the sum of the known sizes."""
    counted = count_text(len(backups), f"{kind}backup")
    return f"{counted}, {size_text(size_mb(backups))}" if backups else counted


def _server_json(server: ServerBackups) -> dict[str, object]:
    return {
        "id": server.server.id,
        "name": server.server.name,
        "count": len(server.backups),
        "size_mb": size_mb(server.backups),
        "backups": server.backups,
    }
