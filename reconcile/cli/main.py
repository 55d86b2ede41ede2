"""The command: its subcommands, and what becomes of every error that the outside world can cause."""

import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from reconcile.cli.output import Output
from reconcile.diagnostics import UserError

COMMANDS = {
    **{name: name for name in ("validate", "plan", "apply", "show")},
    "import": "import_",  # the word is Python's own
    **{name: name for name in ("status", "restore", "doctor", "schema", "sandbox", "demo")},
}
"""Each command, and the file of this folder that it is in, by its name there."""

ERROR = 1
INTERRUPTED = 130


class _Commands(click.Group):
    """Imports a command when it is asked for: `validate` in a pre-commit hook need not wait for an HTTP client."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in COMMANDS:
            return None
        name = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(f"reconcile.cli.{name}"), name)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="vps-reconcile", prog_name="reconcile")
def reconcile() -> None:
    """Keep the manual backups of VPS.org servers as a TOML file declares them."""


def run(arguments: Sequence[str]) -> int:
    """Run the command and return its exit code: 0, 1, 2 (see the spec's section 7) or 130."""
    try:
        code = reconcile.main(arguments, prog_name="reconcile", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as usage:
        # Wrong usage is 1, not click's 2: that means "changes pending" here, and a typo must not look like it.
        usage.show()
        return ERROR
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except UserError as error:
        Output().error(error)
        return ERROR
    except BrokenPipeError:
        # Whoever read us has gone, as in `reconcile plan | head`; Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ERROR
    except OSError as error:
        Output().error(UserError(f"{error.filename or 'the output'}: {error.strerror}", "Make room, or mend it there."))
        return ERROR
    return code if isinstance(code, int) else 0


def main() -> None:
    """Be the `reconcile` command. SIGTERM, which is how CI cancels a job, ends it as Ctrl-C does.

    So does SIGINT where the shell that started us in the background had it ignored.
    """
    for interrupt in (signal.SIGINT, signal.SIGTERM):
        signal.signal(interrupt, signal.default_int_handler)
    sys.exit(run(sys.argv[1:]))
