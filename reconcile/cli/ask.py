"""Asking a person, on a terminal only: in CI nobody would ever answer."""

import sys

import click

from reconcile.cli.output import Output
from reconcile.diagnostics import UserError


def ask(output: Output, question: str, label: str, *, undone: str, otherwise: str) -> str:
    """Return what a person types.

    `undone` is what is true if nobody answers ("nothing was changed"), `otherwise` what to do where there is nobody.

    Raises:
        UserError: there is no terminal to ask on.
        KeyboardInterrupt: the person gave no answer.
    """
    if not sys.stdin.isatty():
        raise UserError(f"there is no terminal to ask on, {undone}", otherwise)
    output.note("", question)
    try:
        answer: str = click.prompt(f"  {label}", default="", show_default=False, err=True)
    except click.Abort as no_answer:
        output.note("", f"Cancelled, {undone}.")
        raise KeyboardInterrupt from no_answer
    return answer
