"""The formatters of each kind of value, by the name of the format."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from reconcile.report.document import Document, Formatter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconcile.insight.comparison import Comparison
    from reconcile.insight.doctor import Diagnosis
    from reconcile.insight.forecast import Forecast
    from reconcile.insight.listing import BackupList
    from reconcile.insight.status import Status
    from reconcile.plan.model import Plan


def _formatter(module: str, function: str, *, has_more: bool = False) -> Formatter[Any]:
    """Return a formatter whose module is imported when it is called: a run uses one of them, and all take 20 ms.

    The function gets `verbose` only if it `has_more` to show.
    """

    def formatter(value: object, /, *, verbose: bool) -> Document:
        write = getattr(import_module(f"reconcile.report.{module}"), function)
        document: Document = write(value, verbose=verbose) if has_more else write(value)
        return document

    return formatter


PLAN_FORMATS: "Mapping[str, Formatter[Plan]]" = {
    "text": _formatter("plan.text", "plan_text", has_more=True),
    "json": _formatter("plan.json", "plan_json"),
    "markdown": _formatter("plan.markdown", "plan_markdown"),
}
STATUS_FORMATS: "Mapping[str, Formatter[Status]]" = {
    "text": _formatter("status_text", "status_text", has_more=True),
    "check": _formatter("status_text", "check_text"),
    "json": _formatter("status_json", "status_json"),
    "markdown": _formatter("status_markdown", "status_markdown"),
}
DOCTOR_FORMATS: "Mapping[str, Formatter[Diagnosis]]" = {
    "text": _formatter("doctor", "doctor_text", has_more=True),
    "json": _formatter("doctor", "doctor_json"),
}
LIST_FORMATS: "Mapping[str, Formatter[BackupList]]" = {
    "text": _formatter("list", "list_text"),
    "json": _formatter("list", "list_json"),
}
FORECAST_FORMATS: "Mapping[str, Formatter[Forecast]]" = {
    "text": _formatter("forecast.text", "forecast_text", has_more=True),
    "json": _formatter("forecast.json", "forecast_json"),
    "markdown": _formatter("forecast.markdown", "forecast_markdown", has_more=True),
}
COMPARISON_FORMATS: "Mapping[str, Formatter[Comparison]]" = {
    "text": _formatter("forecast.comparison_text", "comparison_text", has_more=True),
    "json": _formatter("forecast.json", "comparison_json"),
    "markdown": _formatter("forecast.markdown", "comparison_markdown", has_more=True),
}
