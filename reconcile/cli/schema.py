"""`reconcile schema`: the JSON Schema of the file, for editors."""

from reconcile.cli.exit_code import ExitCode
from reconcile.cli.options import command
from reconcile.cli.session import Session
from reconcile.desired.document import schema as schema_of_the_file


@command()
def schema(session: Session) -> ExitCode:
    """Print the JSON Schema of the file, for editors."""
    session.output.json(schema_of_the_file())
    return ExitCode.DONE
