"""The exit codes: the contract with scripts (spec, section 7)."""

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit code of a command."""

    DONE = 0
    ERROR = 1
    """Any error, a refusal, a partial apply, and wrong usage: a typo must not look like `ATTENTION`."""
    ATTENTION = 2
    """Only with `--detailed-exitcode` or `--check`: there are changes, or there is a problem."""
    INTERRUPTED = 130
