"""`reconcile show PLANFILE`: shows a saved plan, offline."""

from pathlib import Path

from reconcile.cli.files import read_plan
from reconcile.cli.options import argument, command, format_of
from reconcile.cli.session import Session
from reconcile.plan.model import Plan
from reconcile.report.document import Formatter
from reconcile.report.plan import PLAN_FORMATS


@command(more="each kept backup, and dates instead of ages")
def show(
    session: Session,
    *,
    formatter: Formatter[Plan] = format_of(PLAN_FORMATS),
    planfile: Path = argument(),
) -> None:
    """Show a saved plan."""
    session.output.show(formatter(read_plan(planfile), verbose=session.output.verbose))
