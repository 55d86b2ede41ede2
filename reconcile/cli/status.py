"""`reconcile status`: the health of every series."""

from pathlib import Path

import click

from reconcile.cli.connection import observe
from reconcile.cli.exit_code import ExitCode
from reconcile.cli.options import OutputFileType, command, formats
from reconcile.cli.planning import desired_for
from reconcile.cli.session import Session
from reconcile.insight.status import Status
from reconcile.insight.status import status as status_of
from reconcile.insight.timeline import timeline
from reconcile.plan.planner import plan
from reconcile.plan.safety import withheld
from reconcile.report.document import Formatter
from reconcile.report.status import STATUS_FORMATS
from reconcile.report.status.text import check_text, status_text


@command(files=True, targets=True, account=True, more="every series, unprotected server and undeclared backup")
@formats(STATUS_FORMATS)
@click.option("--check", is_flag=True, help="Print one line per problem, and exit with 2 if there is one.")
@click.option(
    "--metrics",
    "metrics_file",
    type=OutputFileType(),
    help="Write Prometheus metrics, for node_exporter's textfile collector.",
)
@click.option(
    "--html",
    "html_file",
    type=OutputFileType(),
    help="Write a page that shows what each server can be restored from, automatic backups too.",
)
def status(
    session: Session,
    formatter: Formatter[Status],
    *,
    check: bool,
    metrics_file: Path | None,
    html_file: Path | None,
) -> ExitCode:
    """Show the health of every series, problems first, and what is not declared."""
    config = session.config()
    inventory = observe(session, automatic=html_file is not None)
    desired = desired_for(config, inventory, session.targets)
    found = status_of(desired, inventory, inventory.observed_at)
    with session.one_of_several():
        if metrics_file:
            from reconcile.report.status.metrics import metrics  # noqa: PLC0415 - the client takes 30 ms, and few runs need it

            held_back = withheld(plan(desired, inventory, inventory.observed_at))
            session.write(metrics_file, metrics(found, withheld=len(held_back)).text)
    with session.one_of_several():
        if html_file:
            from reconcile.report.status.html import status_html  # noqa: PLC0415 - loads Jinja

            session.write(html_file, status_html(timeline(found, desired, inventory)).text)
    session.output.diagnostics(found.errors)
    if check and formatter is status_text:
        formatter = check_text
    session.output.show(formatter(found, verbose=session.output.verbose))
    if check and not found.is_healthy:
        return ExitCode.ATTENTION
    return ExitCode.ERROR if found.errors else ExitCode.DONE
