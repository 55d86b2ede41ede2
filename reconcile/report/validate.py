"""`reconcile validate`: what a valid file declares, and in JSON the shape of `terraform validate -json`."""

from collections.abc import Sequence

from rich.text import Text

from reconcile.desired.config import DeclaredFleet, DeclaredServer
from reconcile.insight.validation import Validation
from reconcile.report.diagnostics import diagnostic_json
from reconcile.report.document import Json, Lines
from reconcile.report.wording import count_text


def validate_text(validation: Validation) -> Lines:
    """Return a line that sums up a valid file; none for an invalid one."""
    if validation.config is None or not validation.is_valid:
        return Lines(())
    config = validation.config
    parts = [_part(config.servers, "on", "server")] if config.servers or not config.fleets else []
    parts += [_part(config.fleets, "in", "fleet")] if config.fleets else []
    return Lines((Text(f"Valid: {', '.join(parts)}.", "bold green"),))


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


def _part(declared: Sequence[DeclaredServer | DeclaredFleet], where: str, thing: str) -> str:
    series = sum(len(each.series) for each in declared)
    return f"{count_text(series, 'series')} {where} {count_text(len(declared), thing)}"
