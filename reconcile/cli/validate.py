"""`reconcile validate`: checks the file, offline."""

import click

from reconcile.cli.options import Files, file_options
from reconcile.cli.output import Output, output_options
from reconcile.diagnostics import UserError
from reconcile.plan.wording import count
from reconcile.report.validate_json import validate_json


@click.command()
@file_options
@click.option("--json", "as_json", is_flag=True, help="Like `terraform validate -json`.")
@output_options
def validate(*, files: Files, as_json: bool, output: Output, verbose: bool) -> int:  # noqa: ARG001 - nothing to add
    """Check the file, offline, and show every mistake in it at once."""
    try:
        config = files.load()
    except UserError as invalid:
        if not as_json:
            raise
        output.json(validate_json(invalid.diagnostics))
        return 1
    if as_json:
        output.json(validate_json(()))
        return 0
    series = sum(len(server.series) for server in config.servers)
    output.result([f"Valid: {series:,} series on {count(len(config.servers), 'server')}."])
    return 0
