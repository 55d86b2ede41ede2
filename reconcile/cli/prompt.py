"""Asks a question, on a terminal only: in CI, no one would answer."""

import signal
import sys

import click

from reconcile.cli.process import INTERRUPTS, handled
from reconcile.cli.session import Session
from reconcile.clock import Stop, StoppedError
from reconcile.diagnostics import UserError


def ask(session: Session, question: str, label: str, *, undone: str, otherwise: str) -> str:
    """Return the answer, which must come before the time limit: until then, the lock refuses every other apply.

    `undone` is the message without an answer ("nothing was changed"), `otherwise` the advice without a terminal.

    Raises:
        UserError: can't ask for approval without a terminal; or `-q` has hidden what the question is about.
        StoppedError: there was no answer, or none in time.
    """
    output = session.output
    if output.quiet:
        raise UserError(f"can't ask for approval with -q, because it hides the plan; {undone}", otherwise)
    if not sys.stdin.isatty():
        raise UserError(f"can't ask for approval without a terminal; {undone}", otherwise)
    try:
        # From before the question is shown: a person who has read it may press Ctrl-C.
        with session.time_limit("waiting for an answer"), handled(signal.default_int_handler, *INTERRUPTS):
            output.note("", question)
            answer: str = click.prompt(f"  {label}", default="", show_default=False, err=True)
    except (click.Abort, KeyboardInterrupt) as no_answer:
        output.note("", f"Cancelled; {undone}.")
        raise StoppedError(Stop.INTERRUPTED) from no_answer
    except StoppedError:
        output.note("", f"Out of time; {undone}.")
        raise
    except UnicodeDecodeError:  # typed or pasted in another encoding
        return ""
    return answer
