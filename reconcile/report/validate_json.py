"""`validate --json`: the shape of `terraform validate -json`."""

from reconcile.insight.validation import Validation
from reconcile.report.diagnostics_json import diagnostic_json
from reconcile.report.document import Json


def validate_json(validation: Validation) -> Json:
    """Return the whole answer."""
    errors = sum(diagnostic.severity == "error" for diagnostic in validation.diagnostics)
    return Json(
        {
            "format_version": "1.0",
            "valid": errors == 0,
            "error_count": errors,
            "warning_count": len(validation.diagnostics) - errors,
            "diagnostics": [diagnostic_json(diagnostic) for diagnostic in validation.diagnostics],
        }
    )
