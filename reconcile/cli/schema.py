"""`reconcile schema`: the JSON Schema of the file, for editors."""

import click

from reconcile.cli.output import Output, output_options
from reconcile.desired.schema import schema as schema_of_the_file


@click.command()
@output_options
def schema(*, output: Output, verbose: bool) -> int:  # noqa: ARG001 - nothing to add
    """Print the JSON Schema of the file, for editors."""
    output.json(schema_of_the_file())
    return 0
