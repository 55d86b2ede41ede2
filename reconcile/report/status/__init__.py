"""The formats of a status. Those written to a file (HTML and metrics) need a slow library, so they are not imported."""

from reconcile.insight.status import Status
from reconcile.report.document import Formats, Formatter
from reconcile.report.status.json import status_json
from reconcile.report.status.markdown import status_markdown
from reconcile.report.status.text import status_text

STATUS_FORMATS: Formats[Formatter[Status]] = Formats(
    status_text,
    json=(status_json, "Print JSON."),
    markdown=(status_markdown, "Print a report for an audit: counts, problems, every series, file digests."),
)
