"""`reconcile status --metrics`: Prometheus' text format, by the official client library, which escapes the labels.

Timestamps and intervals, never ages: a file that is no longer written must look stale.
"""

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from reconcile.insight.status import Status

_LABELS = ("server", "series")
_BYTES = 1024 * 1024


def metrics(status: Status, *, withheld: int) -> str:
    """Return the metrics of every series, for node_exporter's textfile collector.

    `withheld` is how many deletes apply would withhold now.
    """
    registry = CollectorRegistry()

    def per_series(name: str, help_text: str) -> Gauge:
        return Gauge(f"reconcile_{name}", help_text, _LABELS, registry=registry)

    newest = per_series(
        "newest_backup_timestamp_seconds", "When the newest usable backup was created, if there is one."
    )
    interval = per_series("backup_interval_seconds", "`every` in seconds, if it is set.")
    next_due = per_series("next_backup_due_timestamp_seconds", "When the next backup is due, if `every` is set.")
    paused = per_series("paused_until_timestamp_seconds", "When the pause of the series ends, if it is paused.")
    oldest = per_series(
        "oldest_backup_timestamp_seconds", "When the oldest usable backup that is not pinned was created."
    )
    missing = per_series("missing_backups", "Restore points that the policy would hold by now but no backup provides.")
    usable = per_series("usable_backups", "Usable backups of the series.")
    size = per_series("backups_size_bytes", "Size of the usable backups of the series.")
    failed = per_series("failed_backups", "Failed backups of the series.")
    undersized = per_series("undersized_backups", "Completed backups of the series that are smaller than min_size.")
    stalled = per_series("stalled_backups", "Stalled backups of the series.")
    in_progress = per_series("in_progress_backups", "Backups of the series in progress, except stalled ones.")
    due = per_series("backup_due", "1 if plan would create a backup now.")
    for series in status.series:
        labels = (series.address.server, series.address.description or "")
        if series.newest:
            newest.labels(*labels).set(series.newest.created_at.timestamp())
        if series.declared.every:
            interval.labels(*labels).set(series.declared.every.in_seconds(status.checked_at))
        if series.state.due_at:
            next_due.labels(*labels).set(series.state.due_at.timestamp())
        if series.pause:
            paused.labels(*labels).set(series.pause.ends_at.timestamp())
        if series.history.oldest:
            oldest.labels(*labels).set(series.history.oldest.timestamp())
        missing.labels(*labels).set(sum(len(gap.days) for gap in series.history.gaps))
        usable.labels(*labels).set(len(series.state.usable))
        size.labels(*labels).set(series.size_mb * _BYTES)
        failed.labels(*labels).set(len(series.state.failed))
        undersized.labels(*labels).set(len(series.state.undersized))
        stalled.labels(*labels).set(len(series.state.stalled))
        in_progress.labels(*labels).set(len(series.state.pending))
        due.labels(*labels).set(series.state.create is not None)

    def overall(name: str, help_text: str, value: float) -> None:
        Gauge(f"reconcile_{name}", help_text, registry=registry).set(value)

    overall("declared_series", "Declared series on servers that match the account.", len(status.series))
    overall("errors", "Mismatches with the account, such as a declared server that does not exist.", len(status.errors))
    overall("withheld_deletes", "Deletes that apply would withhold now, because they would lose too much.", withheld)
    if status.unprotected is not None:
        overall("unprotected_servers", "Servers in the account that are not declared.", len(status.unprotected))
    overall("last_observation_timestamp_seconds", "When the account was last read.", status.checked_at.timestamp())
    return generate_latest(registry).decode()
