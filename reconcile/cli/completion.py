"""`reconcile completion`: prints the completion script for a shell."""

import click

from reconcile.cli.complete import script
from reconcile.cli.options import argument, command
from reconcile.cli.session import Session

SHELLS = ("bash", "zsh", "fish")


@command()
def completion(session: Session, *, shell: str = argument(type=click.Choice(SHELLS))) -> None:
    """Print the completion script for your shell."""
    session.output.show(script(shell))
