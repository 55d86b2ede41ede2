"""`reconcile show PLANFILE`: shows a saved plan, offline."""

from pathlib import Path

from reconcile.cli.files import read_plan
from reconcile.cli.options import argument, command
from reconcile.cli.session import Session
from reconcile.report.plan import PLAN_FORMATS


@command(PLAN_FORMATS)
def show(session: Session, *, planfile: Path = argument()) -> None:
    """Show a saved plan."""
    session.show(PLAN_FORMATS, read_plan(planfile))
