"""`reconcile list --json`."""

from reconcile.actual.inventory import size_mb
from reconcile.insight.listing import BackupList, ServerBackups
from reconcile.report.document import Json, JsonObject
from reconcile.report.plan_json import backup_json, time_json


def list_json(found: BackupList) -> Json:
    """Return the whole list; sizes in megabytes, of those that are known; times in UTC."""
    return Json(
        {
            "format_version": "1.0",
            "base_url": found.base_url,
            "observed_at": time_json(found.observed_at),
            "backup_type": found.backup_type,
            "count": len(found.backups),
            "size_mb": size_mb(found.backups),
            "servers": [_server(server) for server in found.servers],
        }
    )


def _server(server: ServerBackups) -> JsonObject:
    return {
        "id": server.server.id,
        "name": server.server.name,
        "count": len(server.backups),
        "size_mb": size_mb(server.backups),
        "backups": [backup_json(backup) for backup in server.backups],
    }
