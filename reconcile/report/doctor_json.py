"""`doctor --json`: what a bug report needs, without secrets and without the names of servers."""

from reconcile import __version__
from reconcile.insight.doctor import Diagnosis, Finding
from reconcile.report.document import Json, JsonObject


def doctor_json(diagnosis: Diagnosis) -> Json:
    """Return the findings, and the versions that they were found with."""
    return Json(
        {
            "format_version": "1.0",
            "reconcile": __version__,
            "python": diagnosis.python,
            "platform": diagnosis.platform,
            "ok": not diagnosis.errors,
            "checks": [_check(finding) for finding in diagnosis.findings],
        }
    )


def _check(finding: Finding) -> JsonObject:
    return {
        "check": finding.check,
        "verdict": finding.verdict,
        "explanation": finding.explanation,
        "advice": finding.advice,
        "servers": len(finding.servers),
    }
