"""`reconcile status --json`."""

from reconcile.plan.health import SeriesHealth, Status
from reconcile.report.plan_json import backup_json, time_json
from reconcile.report.validate_json import Json, diagnostic_json


def status_json(status: Status) -> Json:
    """Return the whole status; ages in seconds, sizes in megabytes, times in UTC."""
    return {
        "format_version": "1.0",
        "base_url": status.base_url,
        "checked_at": time_json(status.checked_at),
        "healthy": not status.unhealthy,
        "series": [_series(it, status) for it in status.series],
        "unprotected": [{"id": it.id, "name": it.name} for it in status.unprotected],
        "undeclared": [backup_json(it) for it in status.undeclared],
        "warnings": [diagnostic_json(it) for it in status.notes],
    }


def _series(it: SeriesHealth, status: Status) -> Json:
    newest_age = (status.checked_at - it.newest.created_at).total_seconds() if it.newest else None
    return {
        "address": str(it.address),
        "server": it.address.server,
        "description": it.address.description,
        "healthy": it.is_healthy,
        "troubles": [{"kind": trouble.name.lower(), "words": words} for trouble, words in it.troubles],
        "newest": backup_json(it.newest) if it.newest else None,
        "newest_age_seconds": newest_age,
        "next_due": time_json(it.next_due),
        "usable": it.usable,
        "keep": [str(rule) for rule in it.keep],
        "size_mb": it.size_mb,
        "failed": [backup.id for backup in it.failed],
        "stalled": [backup.id for backup in it.stalled],
    }
