"""A status as JSON, and as Markdown for an audit. Text, page, metrics and runbook have their own modules."""

from zoneinfo import ZoneInfo

from reconcile.insight.since import Since
from reconcile.insight.status import SeriesStatus, Status
from reconcile.insight.timeline import RECENT_DAYS, DayMark, recent_days
from reconcile.report.document import Formats, Formatter
from reconcile.report.escape import LONGEST
from reconcile.report.status import sentences
from reconcile.report.status.text import status_text
from reconcile.report.templates import markdown
from reconcile.report.values import backup_json

_SIGNS = {DayMark.HELD: "█", DayMark.MISSED: "x", DayMark.THINNED: "·", DayMark.BEFORE: "-"}


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
        "series": [_series(series, status) for series in status.series],
        "unprotected": (
            None
            if status.unprotected is None
            else [{"id": server.id, "name": server.name} for server in status.unprotected]
        ),
        "undeclared": [{**backup_json(backup), "ignored": backup.id in status.ignored} for backup in status.undeclared],
        "since": _since(status.since) if status.since else None,
        "rules": status.rules,
        "errors": status.errors,
        "warnings": (*status.empty_fleets, *status.warnings),
    }


def _since(since: Since) -> dict[str, object]:
    return {
        "at": since.at,
        "new": [{**backup_json(each.backup), "cause": each.cause} for each in since.new],
        "gone": [{**backup_json(each.backup), "cause": each.cause} for each in since.gone],
        "changed": [
            {"id": each.backup.id, "field": each.field, "before": each.before, "after": each.after}
            for each in since.changed
        ],
        "worse": [{"address": each.address, "troubles": each.appeared} for each in since.worse],
        "better": [{"address": each.address, "troubles": each.resolved} for each in since.better],
    }


def _series(series: SeriesStatus, status: Status) -> dict[str, object]:
    now, newest, state = status.checked_at, series.newest, series.state
    return {
        "address": str(series.address),
        "server": series.address.server,
        "description": series.address.description,
        "healthy": not series.problems,
        "troubles": [
            {"kind": problem, "explanation": sentences.problem_text(problem, series, now)}
            for problem in series.problems
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
        "keep": [str(rule) for rule in series.declared.keep],
        "size_mb": series.size_mb,
        "in_progress": state.pending,
        "failed": [backup.id for backup in state.failed],
        "undersized": [backup.id for backup in state.undersized],
        "stalled": [backup.id for backup in state.stalled],
        "misdated": [backup.id for backup in state.misdated],
        "unknown": [{"id": backup.id, "status": backup.status} for backup in state.unknown],
    }


def status_markdown(status: Status, /, *, verbose: bool = False) -> str:
    """Return a report for an audit: when, with which files, and the result.

    It is complete, whatever its length: a report that was cut short proves nothing.
    """

    def days_of(series: SeriesStatus) -> str:
        return "".join(_SIGNS[mark] for _, mark in recent_days(series, status.checked_at, status.zone))

    return markdown(
        "status/record.md.jinja",
        status=status,
        gaps=[(each.address, gap) for each in status.series for gap in sentences.gaps(each, status.checked_at)],
        sentences=sentences,
        days_of=days_of,
        utc=ZoneInfo("UTC"),
        signs=_SIGNS,
        recent_days=RECENT_DAYS,
        longest=LONGEST,
    )


STATUS_FORMATS: Formats[Formatter[Status]] = Formats(
    status_text,
    json=(status_json, "Print JSON."),
    markdown=(status_markdown, "Print a report for an audit: counts, problems, every series, file digests."),
)
