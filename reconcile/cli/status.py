"""`reconcile status`: the health of every series."""

from pathlib import Path

import click

from reconcile.cli.observe import observe
from reconcile.cli.options import Account, Files, account_options, file_options, target_option
from reconcile.cli.output import Output, output_options
from reconcile.cli.plan_file import write_whole
from reconcile.diagnostics import UserError
from reconcile.plan.health import status as health
from reconcile.plan.refusals import check_clock
from reconcile.report.status_json import status_json
from reconcile.report.status_text import check_text, status_text

UNHEALTHY = 2


@click.command()
@file_options
@target_option
@account_options
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--check", is_flag=True, help="One line a trouble, and exit with 2 where there is one.")
@click.option(
    "--metrics",
    "metrics_file",
    type=click.Path(path_type=Path),
    help="Write Prometheus' text format, for node_exporter's textfile collector.",
)
@output_options
def status(
    *,
    files: Files,
    account: Account,
    as_json: bool,
    check: bool,
    metrics_file: Path | None,
    output: Output,
    verbose: bool,  # noqa: ARG001 - nothing to add
) -> int:
    """Show the health of every series, trouble on top, and what is not declared."""
    config = files.load()
    inventory = observe(account.access())
    check_clock(inventory)
    found = health(config, inventory, inventory.observed_at, files.targets)
    if metrics_file:
        try:
            from reconcile.report.metrics import metrics  # noqa: PLC0415 - an extra, so imported where it is used
        except ImportError as error:
            advice = "It comes with an extra: pip install 'vps-reconcile[metrics]'."
            raise UserError("the Prometheus client is not installed", advice) from error
        write_whole(metrics_file, metrics(found))
    if as_json:
        output.json(status_json(found))
    else:
        output.result(check_text(found) if check else status_text(found))
    return UNHEALTHY if check and found.unhealthy else 0
