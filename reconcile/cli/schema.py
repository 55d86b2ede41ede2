"""`reconcile schema`: the JSON Schema of the file, for editors."""

from reconcile.cli.options import command
from reconcile.cli.session import Session
from reconcile.desired.document import schema as schema_of_the_file


@command()
def schema(session: Session) -> None:
    """Print the JSON Schema of the file, for editors."""
    session.output.show(schema_of_the_file())
