"""`reconcile show PLANFILE`: shows a saved plan, offline."""

from pathlib import Path

import click

from reconcile.cli.output import Output, output_options
from reconcile.cli.plan_file import read_plan
from reconcile.report.plan_json import plan_json
from reconcile.report.plan_markdown import plan_markdown
from reconcile.report.plan_text import plan_text


@click.command()
@click.argument("planfile", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Terraform's plan representation, on one line.")
@click.option("--markdown", is_flag=True, help="For a merge-request comment.")
@output_options
def show(*, planfile: Path, as_json: bool, markdown: bool, output: Output, verbose: bool) -> int:
    """Show a saved plan."""
    if as_json and markdown:
        raise click.UsageError("--json or --markdown, not both")
    plan = read_plan(planfile)
    if as_json:
        output.json(plan_json(plan))
    elif markdown:
        output.raw(plan_markdown(plan))
    else:
        output.result(plan_text(plan, everything=verbose))
    return 0
