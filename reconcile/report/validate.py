"""`reconcile validate`: what a valid file declares, and in JSON the shape of `terraform validate -json`."""

from collections.abc import Sequence

from reconcile.desired.config import Config, DeclaredFleet, DeclaredServer
from reconcile.insight.validation import Validation
from reconcile.report.document import Formats, Formatter, Lines, Text
from reconcile.wording import count_text


def declared_text(config: Config) -> str:
    """Say how much the files declare: `3 series on 2 servers, 1 series in 1 fleet`."""
    parts = [_series_text(config.servers, "on", "server")] if config.servers or not config.fleets else []
    parts += [_series_text(config.fleets, "in", "fleet")] if config.fleets else []
    return ", ".join(parts)


def _series_text(declared: Sequence[DeclaredServer | DeclaredFleet], where: str, thing: str) -> str:
    series = sum(len(each.series) for each in declared)
    return f"{count_text(series, 'series')} {where} {count_text(len(declared), thing)}"


def validate_text(validation: Validation, /, *, verbose: bool = False) -> Lines:
    """Return a line that sums up a valid file; none for an invalid one."""
    if validation.config is None or not validation.is_valid:
        return Lines(())
    return Lines((Text(f"Valid: {declared_text(validation.config)}.", "bold green"),))


def validate_json(validation: Validation, /, *, verbose: bool = False) -> dict[str, object]:
    """Return the result of `validate` in full."""
    errors = sum(diagnostic.severity == "error" for diagnostic in validation.diagnostics)
    return {
        "format_version": "1.0",
        "valid": errors == 0,
        "error_count": errors,
        "warning_count": len(validation.diagnostics) - errors,
        "diagnostics": validation.diagnostics,
    }


VALIDATE_FORMATS: Formats[Formatter[Validation]] = Formats(
    validate_text, json=(validate_json, "Print JSON, like `terraform validate -json`.")
)
