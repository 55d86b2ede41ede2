"""`reconcile status --metrics`: Prometheus text format, by the official client library, which escapes the labels."""

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from reconcile.plan.health import Status

_LABELS = ("server", "series")
_BYTES = 1024 * 1024


def metrics(status: Status) -> str:
    """Return the metrics of every series, for node_exporter's textfile collector."""
    registry = CollectorRegistry()

    def gauge(name: str, words: str) -> Gauge:
        return Gauge(f"reconcile_{name}", words, _LABELS, registry=registry)

    newest = gauge("newest_backup_age_seconds", "Age of the newest usable backup; missing where there is none.")
    usable = gauge("usable_backups", "Usable backups of the series.")
    size = gauge("backups_size_bytes", "Size of the usable backups of the series.")
    due = gauge("backup_due", "1 where a new backup is due.")
    failed = gauge("failed_backups", "Failed backups of the series.")
    stalled = gauge("stalled_backups", "Stalled backups of the series.")
    for it in status.series:
        labels = (it.address.server, it.address.description or "")
        if it.newest:
            newest.labels(*labels).set((status.checked_at - it.newest.created_at).total_seconds())
        usable.labels(*labels).set(it.usable)
        size.labels(*labels).set(it.size_mb * _BYTES)
        due.labels(*labels).set(not it.newest or (it.next_due is not None and it.next_due <= status.checked_at))
        failed.labels(*labels).set(len(it.failed))
        stalled.labels(*labels).set(len(it.stalled))
    unprotected = Gauge("reconcile_unprotected_servers", "Servers that no file declares.", registry=registry)
    unprotected.set(len(status.unprotected))
    seen = Gauge("reconcile_last_observation_timestamp_seconds", "When the account was last seen.", registry=registry)
    seen.set(status.checked_at.timestamp())
    return generate_latest(registry).decode()
