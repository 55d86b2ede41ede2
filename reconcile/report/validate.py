"""`reconcile validate`: what a valid file declares, and in JSON the shape of `terraform validate -json`."""

from reconcile.insight.validation import Validation
from reconcile.report.document import Formats, Formatter, Lines, Text
from reconcile.report.wording import declared_text


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
