"""`reconcile show PLANFILE`: shows a saved plan, offline."""

from pathlib import Path

import click

from reconcile.cli.exit_code import ExitCode
from reconcile.cli.files import read_plan
from reconcile.cli.options import command, format_name
from reconcile.cli.session import Session
from reconcile.report.formats import PLAN_FORMATS


@command(more="each backup that stays")
@click.argument("planfile", type=click.Path(path_type=Path, readable=False))
@click.option("--json", "as_json", is_flag=True, help="Print Terraform's plan representation, on one line.")
@click.option("--markdown", is_flag=True, help="Print Markdown for a merge-request comment.")
def show(session: Session, *, planfile: Path, as_json: bool, markdown: bool) -> ExitCode:
    """Show a saved plan."""
    shown_as = format_name(as_json=as_json, markdown=markdown)
    session.output.show(PLAN_FORMATS[shown_as](read_plan(planfile), verbose=session.output.verbose))
    return ExitCode.DONE
