"""`reconcile validate`: checks the files, offline."""

from dataclasses import replace

import click

from reconcile.cli.exit_code import ExitCode
from reconcile.cli.options import command
from reconcile.cli.session import Session
from reconcile.diagnostics import UserError
from reconcile.insight.validation import Validation
from reconcile.report.validate import validate_json, validate_text


@command(files=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, like `terraform validate -json`.")
def validate(session: Session, *, as_json: bool) -> ExitCode:
    """Check the files, offline, and show every mistake in them at once."""
    try:
        found = Validation.of(session.config())
    except UserError as invalid:
        found = Validation(config=None, diagnostics=invalid.diagnostics)
    found = replace(found, diagnostics=session.located(found.diagnostics))
    if as_json:
        session.output.show(validate_json(found))
    else:
        session.output.diagnostics(found.diagnostics)
        session.output.show(validate_text(found))
    return ExitCode.DONE if found.is_valid else ExitCode.ERROR
