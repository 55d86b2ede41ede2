"""`reconcile show PLANFILE`: shows a saved plan, offline."""

from pathlib import Path

from reconcile.cli.files import read_plan
from reconcile.cli.options import argument, command
from reconcile.cli.session import Session
from reconcile.report.plan import PLAN_FORMATS
from reconcile.wording import time_text


@command(PLAN_FORMATS)
def show(session: Session, *, planfile: Path = argument()) -> None:
    """Show a saved plan."""
    saved = read_plan(planfile)
    session.show(PLAN_FORMATS, saved)
    if not session.format:
        session.output.note(f"Planned at {time_text(saved.planned_at, saved.zone)}.")
