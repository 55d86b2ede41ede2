"""A status for programs: as JSON, and as metrics in Prometheus' text format.

The official client library writes the metrics, and escapes the labels. They have timestamps and intervals, never ages:
a file that is no longer written must look stale.
"""

from datetime import datetime

from reconcile.insight.status import SeriesStatus, Status
from reconcile.plan.planner import plan
from reconcile.plan.safety import withheld
from reconcile.report.status.sentences import problem_text
from reconcile.report.values import backup_json

_BYTES = 1024 * 1024

_EXPLANATIONS = {
    "newest_backup_timestamp_seconds": "When the newest usable backup was created, if there is one.",
    "backup_interval_seconds": "`every` in seconds, if it is set.",
    "next_backup_due_timestamp_seconds": "When the next backup is due, if `every` is set.",
    "paused_until_timestamp_seconds": "When the pause of the series ends, if it is paused.",
    "oldest_backup_timestamp_seconds": "When the oldest usable backup that is not pinned was created.",
    "missing_backups": "Restore points that the policy would hold by now but no backup provides.",
    "usable_backups": "Usable backups of the series.",
    "backups_size_bytes": "Size of the usable backups of the series.",
    "failed_backups": "Failed backups of the series.",
    "undersized_backups": "Completed backups of the series that are smaller than min_size.",
    "stalled_backups": "Stalled backups of the series.",
    "in_progress_backups": "Backups of the series in progress, except stalled ones.",
    "backup_due": "1 if plan would create a backup now.",
    "declared_series": "Declared series on servers that match the account.",
    "errors": "Mismatches with the account, such as a declared server that does not exist.",
    "withheld_deletes": "Deletes that apply would withhold now, because they would lose too much.",
    "unprotected_servers": "Servers in the account that are not declared.",
    "last_observation_timestamp_seconds": "When the account was last read.",
}

_Values = dict[str, datetime | float | None]
"""The value of each metric by its name; no line is written for None."""


def status_json(status: Status, /, *, verbose: bool = False) -> dict[str, object]:
    """Return the whole status; ages in seconds, sizes in MiB, times in UTC."""
    return {
        "format_version": "1.0",
        "base_url": status.inventory.base_url,
        "account": status.config.settings.account,
        "checked_at": status.checked_at,
        "files": [{"filename": source.filename, "sha256": source.sha256} for source in status.config.sources],
        "targets": status.desired.targets,
        "healthy": status.is_healthy,
        "has_series": status.has_series,
        "series": [_series_json(series, status) for series in status.series],
        "unprotected": status.unprotected,
        "undeclared": [{**backup_json(backup), "ignored": backup.id in status.ignored} for backup in status.undeclared],
        "since": status.since,
        "rules": status.rules,
        "errors": status.errors,
        "warnings": (*status.empty_fleets, *status.warnings),
    }


def _series_json(series: SeriesStatus, status: Status) -> dict[str, object]:
    now, newest, state = status.checked_at, series.newest, series.state
    return {
        "address": series.address,
        "server": series.address.server,
        "description": series.address.description,
        "healthy": not series.problems,
        "troubles": [
            {"kind": problem, "explanation": problem_text(problem, series, now)} for problem in series.problems
        ],
        "newest": newest,
        "newest_age_seconds": now - newest.created_at if newest else None,
        "due": state.create is not None,
        "due_reason": state.create.kind if state.create else None,
        "next_due": state.due_at,
        "paused": series.pause,
        "oldest": series.history.oldest,
        "complete_from": series.history.complete_from,
        "gaps": [{"from": gap.days[0], "to": gap.days[-1], "missing": len(gap.days)} for gap in series.history.gaps],
        "usable": len(state.usable),
        "every": series.declared.every,
        "keep": series.declared.keep,
        "size_mb": series.size_mb,
        "in_progress": state.pending,
        "failed": [backup.id for backup in state.failed],
        "undersized": [backup.id for backup in state.undersized],
        "stalled": [backup.id for backup in state.stalled],
        "misdated": [backup.id for backup in state.misdated],
        "unknown": [{"id": backup.id, "status": backup.status} for backup in state.unknown],
    }


def metrics(status: Status, /, *, verbose: bool = False) -> str:
    """Return the metrics of every series and of the account, for node_exporter's textfile collector."""
    from prometheus_client import CollectorRegistry, Gauge, generate_latest  # noqa: PLC0415 - 30 ms, and few runs need it

    registry = CollectorRegistry()
    gauges: dict[str, Gauge] = {}
    found = [
        ({"server": series.address.server, "series": series.address.description or ""}, _of_series(series, status))
        for series in status.series
    ]
    for labels, values in (*found, ({}, _of_account(status))):
        for name, value in values.items():
            if name not in gauges:
                gauges[name] = Gauge(f"reconcile_{name}", _EXPLANATIONS[name], tuple(labels), registry=registry)
            if value is not None:
                gauge = gauges[name].labels(**labels) if labels else gauges[name]
                gauge.set(value.timestamp() if isinstance(value, datetime) else value)
    return generate_latest(registry).decode()


def _of_series(series: SeriesStatus, status: Status) -> _Values:
    newest, every, state, history = series.newest, series.declared.every, series.state, series.history
    return {
        "newest_backup_timestamp_seconds": newest.created_at if newest else None,
        "backup_interval_seconds": every.in_seconds(status.checked_at) if every else None,
        "next_backup_due_timestamp_seconds": state.due_at,
        "paused_until_timestamp_seconds": series.pause.ends_at if series.pause else None,
        "oldest_backup_timestamp_seconds": history.oldest,
        "missing_backups": sum(len(gap.days) for gap in history.gaps),
        "usable_backups": len(state.usable),
        "backups_size_bytes": series.size_mb * _BYTES,
        "failed_backups": len(state.failed),
        "undersized_backups": len(state.undersized),
        "stalled_backups": len(state.stalled),
        "in_progress_backups": len(state.pending),
        "backup_due": state.create is not None,
    }


def _of_account(status: Status) -> _Values:
    found: _Values = {
        "declared_series": len(status.series),
        "errors": len(status.errors),
        "withheld_deletes": len(withheld(plan(status.desired, status.inventory, status.checked_at))),
        "last_observation_timestamp_seconds": status.checked_at,
    }
    return found if status.unprotected is None else {**found, "unprotected_servers": len(status.unprotected)}
