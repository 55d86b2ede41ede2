"""`reconcile status --json`."""

from datetime import datetime

from reconcile.insight.rules import RequiredRule
from reconcile.insight.since import Since
from reconcile.insight.status import SeriesStatus, Status
from reconcile.report.diagnostics import diagnostic_json
from reconcile.report.document import Json, JsonObject
from reconcile.report.status.sentences import problem_text
from reconcile.report.values import backup_json, pause_json, time_json


def status_json(status: Status, /, *, verbose: bool = False) -> Json:
    """Return the whole status; ages in seconds, sizes in MiB, times in UTC."""
    return Json(
        {
            "format_version": "1.0",
            "base_url": status.base_url,
            "account": status.account,
            "checked_at": time_json(status.checked_at),
            "files": [{"filename": source.filename, "sha256": source.sha256} for source in status.sources],
            "targets": list(status.targets),
            "healthy": status.is_healthy,
            "has_series": status.has_series,
            "series": [_series(series, status) for series in status.series],
            "unprotected": (
                None
                if status.unprotected is None
                else [{"id": server.id, "name": server.name} for server in status.unprotected]
            ),
            "undeclared": [
                {**backup_json(backup), "ignored": backup.id in status.ignored} for backup in status.undeclared
            ],
            "since": _since(status.since) if status.since else None,
            "rules": [_rule(rule) for rule in status.rules],
            "errors": [diagnostic_json(error) for error in status.errors],
            "warnings": [diagnostic_json(warning) for warning in (*status.empty_fleets, *status.warnings)],
        }
    )


def _since(since: Since) -> JsonObject:
    return {
        "at": time_json(since.at),
        "new": [{**backup_json(each.backup), "cause": each.cause} for each in since.new],
        "gone": [{**backup_json(each.backup), "cause": each.cause} for each in since.gone],
        "changed": [
            {"id": each.backup.id, "field": each.field, "before": _value(each.before), "after": _value(each.after)}
            for each in since.changed
        ],
        "worse": [{"address": each.address, "troubles": list(each.appeared)} for each in since.worse],
        "better": [{"address": each.address, "troubles": list(each.resolved)} for each in since.better],
    }


def _value(value: object) -> object:
    return time_json(value) if isinstance(value, datetime) else value


def _rule(rule: RequiredRule) -> JsonObject:
    required = rule.required if rule.required is True else str(rule.required)
    return {"name": rule.name, "required": required, "servers": rule.servers, "satisfied": rule.satisfied}


def _series(series: SeriesStatus, status: Status) -> JsonObject:
    now, newest, state = status.checked_at, series.newest, series.state
    return {
        "address": str(series.address),
        "server": series.address.server,
        "description": series.address.description,
        "healthy": not series.problems,
        "troubles": [
            {"kind": problem, "explanation": problem_text(problem, series, now)} for problem in series.problems
        ],
        "newest": backup_json(newest) if newest else None,
        "newest_age_seconds": (now - newest.created_at).total_seconds() if newest else None,
        "due": state.create is not None,
        "due_reason": state.create.kind if state.create else None,
        "next_due": time_json(state.due_at),
        "paused": pause_json(series.pause) if series.pause else None,
        "oldest": time_json(series.history.oldest),
        "complete_from": time_json(series.history.complete_from),
        "gaps": [
            {"from": str(gap.days[0]), "to": str(gap.days[-1]), "missing": len(gap.days)} for gap in series.history.gaps
        ],
        "usable": len(state.usable),
        "every": str(series.declared.every) if series.declared.every else None,
        "keep": [str(rule) for rule in series.declared.keep],
        "size_mb": series.size_mb,
        "in_progress": [backup_json(backup) for backup in state.pending],
        "failed": [backup.id for backup in state.failed],
        "undersized": [backup.id for backup in state.undersized],
        "stalled": [backup.id for backup in state.stalled],
        "misdated": [backup.id for backup in state.misdated],
        "unknown": [{"id": backup.id, "status": backup.status} for backup in state.unknown],
    }
