"""What a valid file declares, as text. Errors are shown as diagnostics."""

from collections.abc import Sequence

from rich.text import Text

from reconcile.desired.config import DeclaredFleet, DeclaredServer
from reconcile.insight.validation import Validation
from reconcile.report.document import Lines
from reconcile.report.wording import count_text


def validate_text(validation: Validation) -> Lines:
    """Return a line that sums up a valid file; none for an invalid one."""
    if validation.config is None or not validation.is_valid:
        return Lines(())
    config = validation.config
    parts = [_part(config.servers, "on", "server")] if config.servers or not config.fleets else []
    parts += [_part(config.fleets, "in", "fleet")] if config.fleets else []
    return Lines((Text(f"Valid: {', '.join(parts)}.", "bold green"),))


def _part(declared: Sequence[DeclaredServer | DeclaredFleet], where: str, thing: str) -> str:
    series = sum(len(each.series) for each in declared)
    return f"{count_text(series, 'series')} {where} {count_text(len(declared), thing)}"
