"""The formats of a status. Each is imported when it is used, because a run uses one of them."""

from reconcile.insight.status import Status
from reconcile.report.document import Document, Formats, Formatter


def _text(status: Status, /, *, verbose: bool) -> Document:
    from reconcile.report.status.text import status_text

    return status_text(status, verbose=verbose)


def check_formatter(status: Status, /, *, verbose: bool) -> Document:
    """Return what `--check` shows instead of the text."""
    from reconcile.report.status.text import check_text

    return check_text(status, verbose=verbose)


def _json(status: Status, /, *, verbose: bool) -> Document:
    from reconcile.report.status.json import status_json

    return status_json(status, verbose=verbose)


def _markdown(status: Status, /, *, verbose: bool) -> Document:
    from reconcile.report.status.markdown import status_markdown

    return status_markdown(status, verbose=verbose)


STATUS_FORMATS: Formats[Formatter[Status]] = Formats(
    _text,
    json=(_json, "Print JSON."),
    markdown=(_markdown, "Print a record to file: counts, problems, every series, file digests."),
)
