"""The formats of a forecast and of a comparison. Each is imported when it is used, because a run uses one of them."""

from reconcile.insight.comparison import Comparison
from reconcile.insight.forecast import Forecast
from reconcile.report.document import Document, Formats, Formatter


def _text(found: Forecast | Comparison, /, *, verbose: bool) -> Document:
    from reconcile.report.forecast.text import forecast_text

    return forecast_text(found, verbose=verbose)


def _json(found: Forecast | Comparison, /, *, verbose: bool) -> Document:
    from reconcile.report.forecast.json import forecast_json

    return forecast_json(found, verbose=verbose)


def _markdown(found: Forecast | Comparison, /, *, verbose: bool) -> Document:
    from reconcile.report.forecast.markdown import forecast_markdown

    return forecast_markdown(found, verbose=verbose)


FORECAST_FORMATS: Formats[Formatter[Forecast | Comparison]] = Formats(
    _text,
    json=(_json, "Print JSON."),
    markdown=(_markdown, "Print Markdown for a merge-request comment."),
)
