"""The command: its subcommands, and the exit code of every error."""

import gc
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

import click

from reconcile import __version__
from reconcile.cli.commands import COMMANDS, COMPLETE_VARIABLE, GROUPS
from reconcile.cli.process import INTERRUPTS, ExitCode, discard, open_closed
from reconcile.cli.system_clock import SystemClock

if TYPE_CHECKING:
    from reconcile.clock import Clock

_TAKEN = {"help", "import", "list"}
"""Names that Python has taken: the module and the function of the command end in an underscore."""

_ANYWHERE = frozenset({"validate", "schema", "help", "show", "--help", "-h", "--version"})
"""Commands that also run on Windows: the pre-commit hook runs `validate` there."""


class _Commands(click.Group):
    """Imports a command only when it is used: `validate` in a pre-commit hook need not load an HTTP client."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in COMMANDS:
            return None
        name = f"{cmd_name}_" if cmd_name in _TAKEN else cmd_name
        command: click.Command = getattr(import_module(f"reconcile.cli.{name}"), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            from reconcile.diagnostics import did_you_mean  # noqa: PLC0415 - needed only for an error

            hint = did_you_mean(args[0], COMMANDS, f"Commands: {', '.join(COMMANDS)}.")
            ctx.fail(f'there is no command "{args[0]}". {hint}')
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        for title, names in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(f"{name:<10}", COMMANDS[name]) for name in names])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="reconcile")
def reconcile() -> None:
    """Manage the manual backups of VPS.org servers from a TOML file."""


def run(arguments: Sequence[str], clock: "Clock" = SystemClock()) -> int:
    """Run the command, which sleeps on `clock`, and return its exit code (see `ExitCode`)."""
    try:
        code = reconcile.main(list(arguments), prog_name="reconcile", standalone_mode=False, obj=clock)
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as usage:
        usage.show()
        return ExitCode.ERROR
    except click.ClickException as usage:
        # Wrong usage is 1, not click's 2: that means "changes pending" here, and a typo must not look like it.
        from reconcile.cli.options import fail  # noqa: PLC0415 - only for wrong usage
        from reconcile.cli.output import Output  # noqa: PLC0415 - as above
        from reconcile.diagnostics import Diagnostic  # noqa: PLC0415 - as above

        context = usage.ctx if isinstance(usage, click.UsageError) else None
        message = " ".join(usage.format_message().split()).removesuffix(".")  # click may add line breaks
        advice = f"See {context.command_path} --help." if context else ""
        diagnostic = Diagnostic(summary=message[:1].lower() + message[1:], detail=advice)
        formats = {each.removeprefix("--") for each in arguments if each.startswith("--")}
        fail(Output(), [diagnostic], context.info_name if context else None, formats)
        return ExitCode.ERROR
    except (click.Abort, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    except SystemExit as ended:  # how click ends a completion, or a command whose output has lost its reader
        code = ended.code
    except OSError as error:
        discard(sys.stdout)
        if not isinstance(error, BrokenPipeError):  # the reader of the output has gone, as in `reconcile plan | head`
            print(f"error: {error.filename or 'stdout'}: {error.strerror}", file=sys.stderr)  # noqa: T201 - as bare as can be
        return ExitCode.ERROR
    return code if isinstance(code, int) else ExitCode.DONE


def main(clock: "Clock" = SystemClock()) -> None:
    """Run the `reconcile` command, which sleeps on `clock`.

    SIGTERM (by which CI cancels a job) and SIGHUP end it like Ctrl-C. So does SIGINT, even if the shell that started it
    in the background had SIGINT ignored.
    """
    if sys.platform == "win32" and not _ANYWHERE.issuperset(sys.argv[1:2]):
        sys.exit(
            "reconcile runs on Linux and macOS. On Windows, run it in the Windows Subsystem for Linux (wsl); only "
            f"{', '.join(sorted(_ANYWHERE))} run without it."
        )
    if instruction := os.environ.get(COMPLETE_VARIABLE):
        from reconcile.cli.complete import complete  # noqa: PLC0415 - only for a completion script

        code = complete(instruction)
    else:
        open_closed()
        # pydantic would look for plugins in every installed package: 3 % of a `validate` where there are 90.
        os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"
        # httpx would import its own command line, and with it pygments, if it could: 4 % of a small plan.
        sys.modules["httpx._main"] = None  # type: ignore[assignment] # how Python itself says that there is no such module
        for interrupt in INTERRUPTS:
            signal.signal(interrupt, signal.default_int_handler)
        code = run(sys.argv[1:], clock)
    gc.freeze()  # or Python would look through everything once more on its way out: a tenth of a small plan
    sys.exit(code)
