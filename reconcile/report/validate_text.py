"""What a valid file declares, as text. Errors are shown as diagnostics."""

from rich.text import Text

from reconcile.insight.validation import Validation
from reconcile.report.document import Lines
from reconcile.report.wording import count_text


def validate_text(validation: Validation) -> Lines:
    """Return a line that sums up a valid file; none for an invalid one."""
    if validation.config is None:
        return Lines(())
    servers = validation.config.servers
    series = sum(len(server.series) for server in servers)
    return Lines(
        (Text(f"Valid: {count_text(series, 'series')} on {count_text(len(servers), 'server')}.", "bold green"),)
    )
