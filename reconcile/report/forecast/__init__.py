"""The formats of a forecast and of a comparison. The page needs a slow library, so it is not imported."""

from reconcile.insight.comparison import Comparison
from reconcile.insight.forecast import Forecast
from reconcile.report.document import Formats, Formatter
from reconcile.report.forecast.json import forecast_json
from reconcile.report.forecast.markdown import forecast_markdown
from reconcile.report.forecast.text import forecast_text

FORECAST_FORMATS: Formats[Formatter[Forecast | Comparison]] = Formats(
    forecast_text,
    json=(forecast_json, "Print JSON."),
    markdown=(forecast_markdown, "Print Markdown for a merge-request comment."),
)
