"""Asks a question, on a terminal only: in CI, no one would answer."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from reconcile.cli.output import Output
from reconcile.cli.process import INTERRUPTS, handled
from reconcile.clock import Stop, StoppedError
from reconcile.diagnostics import UserError


def ask(output: Output, question: str, label: str, *, seconds: float, undone: str, otherwise: str) -> str:
    """Return the answer, which must come within `seconds`: until then, the lock refuses every other apply.

    `undone` is the message without an answer ("nothing was changed"), `otherwise` the advice without a terminal.

    Raises:
        UserError: can't ask for approval without a terminal; or `-q` has hidden what the question is about.
        StoppedError: there was no answer, or none in time.
    """
    if output.quiet:
        raise UserError(f"can't ask for approval with -q, because it hides the plan; {undone}", otherwise)
    if not sys.stdin.isatty():
        raise UserError(f"can't ask for approval without a terminal; {undone}", otherwise)
    try:
        # From before the question is shown: a person who has read it may press Ctrl-C.
        with handled(signal.default_int_handler, *INTERRUPTS), _alarm(seconds):
            output.note("", question)
            answer: str = click.prompt(f"  {label}", default="", show_default=False, err=True)
    except (click.Abort, KeyboardInterrupt) as no_answer:
        output.note("", f"Cancelled; {undone}.")
        raise StoppedError(Stop.INTERRUPTED) from no_answer
    except TimeoutError as too_late:
        output.note("", f"Out of time; {undone}.")
        raise StoppedError(Stop.DEADLINE, "waiting for an answer") from too_late
    return answer


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in the block after this many seconds, also while it reads from a terminal."""

    def ring(*_: object) -> None:
        raise TimeoutError

    with handled(ring, signal.SIGALRM):
        signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001))  # zero would never ring
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
