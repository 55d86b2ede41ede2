"""`reconcile status`: the health of every series."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from reconcile.cli.connection import connect
from reconcile.cli.files import records_since
from reconcile.cli.options import OUTPUT_FILE, command, option
from reconcile.cli.process import ExitCode
from reconcile.cli.session import Session
from reconcile.insight.since import is_comparable, since
from reconcile.insight.status import status as status_of
from reconcile.plan.planning import desired_for
from reconcile.report.status import STATUS_FORMATS, check_text
from reconcile.report.status import metrics as metrics_text
from reconcile.report.status.pages import runbook, status_html
from reconcile.report.status.sentences import verdict_text

FILES = {"metrics": metrics_text, "html": status_html, "runbook": runbook}
"""What is written to a file, by its option."""


@command(STATUS_FORMATS, files=True, targets=True, account=True)
def status(
    session: Session,
    *,
    check: bool = option("Print one line per problem, and exit with 2 if there is a problem."),
    since_record: Path | None = option(
        "Also show what has changed since a record, or since the newest record in a folder.",
        flag="--since",
        metavar="RECORD",
    ),
    metrics: Path | None = option(
        "Write Prometheus metrics, for node_exporter's textfile collector.", type=OUTPUT_FILE
    ),
    html: Path | None = option(
        "Write an HTML page with the restore points of each server, automatic backups included.", type=OUTPUT_FILE
    ),
    runbook: Path | None = option(
        "Write how to restore each server with only curl, automatic backups included.", type=OUTPUT_FILE
    ),
) -> ExitCode:
    """Show the health of every series, problems first, and the undeclared backups."""
    if check:
        session.start_heartbeat()
    config = session.config()
    inventory = connect(session, lambda reader: reader.observe(automatic=bool(html or runbook)))
    with session.time_limit("checking the account"):
        desired = desired_for(config, inventory, session.targets)
        found = status_of(desired, inventory, inventory.observed_at)
    session.summary = verdict_text(found)
    if since_record:
        with session.one_of_several(), session.time_limit("reading the records"):
            records = records_since(since_record, partial(is_comparable, inventory=inventory))
            found = replace(found, since=since(records, found))
    for name, path in {"metrics": metrics, "html": html, "runbook": runbook}.items():
        if path:
            with session.one_of_several():
                session.write(path, FILES[name](found, verbose=session.output.verbose))
    session.output.diagnostics(found.errors)
    if check and not session.format:
        session.output.show(check_text(found))
    else:
        session.show(STATUS_FORMATS, found)
    if check and not found.is_healthy:
        return ExitCode.ATTENTION
    return ExitCode.ERROR if found.errors else ExitCode.DONE
