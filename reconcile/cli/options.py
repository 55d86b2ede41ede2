"""The options that commands share, and the decorator that turns them into a `Session`."""

import functools
import inspect
import os
import re
from collections.abc import Callable, Container, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin

import click

from reconcile.cli.commands import SECTIONS
from reconcile.cli.output import Output
from reconcile.cli.process import ExitCode
from reconcile.cli.session import DEFAULT_FILE, STDOUT, Session
from reconcile.diagnostics import Diagnostic, UserError
from reconcile.durations import Duration
from reconcile.limits import FIRST_YEAR, LAST_YEAR
from reconcile.report.diagnostics import ERROR_FORMATS
from reconcile.report.document import Formats

_FORMAT = "reconcile.format"
"""The key in click's context for the requested format, by the name of its flag."""

_EXAMPLES = Path(__file__).with_name("examples.toml")


class Parsed(click.ParamType[Any]):
    """A value that `read` returns for a text; the message of its ValueError is for users."""

    def __init__(self, name: str, read: Callable[[str], object]) -> None:
        self.name = name
        self._read = read

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> object:
        """Read it, or fail as wrong usage."""
        try:
            return self._read(value) if isinstance(value, str) else value
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _time(text: str) -> datetime:
    """Read a moment in ISO 8601; one without an offset is UTC."""
    try:
        moment = datetime.fromisoformat(text)
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r} is not a time; write it like 2026-01-31T03:00:00Z") from error
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(f"{text!r} is not between the years {FIRST_YEAR} and {LAST_YEAR}")
    return moment


def _output_file(text: str) -> Path:
    """Read a file to write, or `-` for standard output; a trailing slash, which a `Path` would drop, names a folder."""
    if not text or text.endswith("/") or os.path.isdir(text):  # noqa: PTH112 - raises nothing, however long it is
        raise ValueError(f"{text!r} is a folder, not a file; name a file in it")
    return Path(text)


OUTPUT_FILE = Parsed("file", _output_file)
TYPES: dict[object, click.ParamType[Any]] = {
    Duration: Parsed("duration", Duration.parse),
    datetime: Parsed("time", _time),
    Path: click.Path(path_type=Path, readable=False),
}
"""How click reads the types that it does not know. Whether a file can be read shows when it is."""


@dataclass(frozen=True)
class _Declared:
    """An option or an argument, as the default of the parameter that it is for."""

    kind: type[click.Parameter]
    attributes: dict[str, Any]
    flag: str = ""

    def of(self, parameter: inspect.Parameter) -> click.Parameter:
        types = get_args(parameter.annotation) or (parameter.annotation,)
        is_tuple = get_origin(parameter.annotation) is tuple
        names, known = [parameter.name], {"type": TYPES.get(types[0], types[0])}
        if self.kind is click.Argument:
            known |= {"required": NoneType not in types and not is_tuple, "nargs": -1 if is_tuple else 1}
        else:
            names = [self.flag or f"--{parameter.name.replace('_', '-')}", *names]
            # With False instead of None, click would take an option that ends the line as one that is not given.
            known |= {"is_flag": types[0] is bool or None, "multiple": is_tuple, "show_default": True}
            known |= {"metavar": "N"} if types[0] is int else {}
        return self.kind(names, **known | self.attributes)


def option(explanation: str, *, flag: str = "", **attributes: Any) -> Any:  # noqa: ANN401 - as click's own
    """Declare an option, in the place of a parameter's default.

    Its name and type are the parameter's, unless there is a `flag` or a `type`. A `bool` is a flag, and a `tuple` can
    be repeated. The other attributes are click's.
    """
    return _Declared(click.Option, {"help": explanation, **attributes}, flag)


def argument(**attributes: Any) -> Any:  # noqa: ANN401 - as above
    """Declare an argument, as `option` does; a `tuple` takes all that follow."""
    return _Declared(click.Argument, attributes)


MAX_AGE = option("Require a backup no older than this in each series (for example 15min), and create one if needed.")
COMPARE = option(
    "Compare with the files before a change: a file, a folder, or -. Can be repeated.", flag="--compare", metavar="PATH"
)
ALLOW_LOSS = option(
    "Allow this run to lose up to N backups with data.", type=click.IntRange(min=0), default=0, show_default=False
)
RECORD = option(
    "Write a record of this run to a folder, for replay and status --since.",
    type=click.Path(path_type=Path, file_okay=False),
    flag="--record",
    metavar="DIR",
)
_FILE = click.Option(
    ["-f", "--file", "paths"],
    multiple=True,
    metavar="PATH",
    help=f"A file, a folder of *.toml, or - for standard input. Can be repeated.  [default: {DEFAULT_FILE}]",
)
_TARGET = click.Option(
    ["--target", "targets"],
    multiple=True,
    metavar="GLOB",
    help="Only include addresses matching this glob: SERVER, SERVER/DESCRIPTION or fleet:NAME. Can be repeated.",
)
_BASE_URL = click.Option(["--base-url"], metavar="URL", help="Base URL of the service.  [env: VPS_API_URL]")
_TOKEN_FILE = click.Option(
    ["--token-file"], metavar="FILE", help="File with the token.  [env: VPS_API_TOKEN holds the token itself]"
)
_DEBUG = click.Option(["--debug"], is_flag=True, help="Show every request on stderr.")
_NO_COLOR = click.Option(
    ["--no-color"], is_flag=True, help="Disable colours. Also off with NO_COLOR set, or in a pipe."
)
_OF_THE_OUTPUT = {"no_color", "verbose", "quiet", "debug"}
_OF_THE_SESSION = {"paths", "targets", "base_url", "token_file", "timeout"}
"""The shared options, by where they go."""

_QUIET = "Print only errors and the last line, for cron."
_OPEN_RANGE = re.compile(r"; x>=\d+|  \[x>=\d+\]")


def _asked_for(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    """Note the format for the command, and for the error that ends it."""
    if value and (other := ctx.meta.setdefault(_FORMAT, parameter.name)) != parameter.name:
        raise click.UsageError(f"--{other} or --{parameter.name}, not both")


def fail(output: Output, diagnostics: Sequence[Diagnostic], command_name: str | None, formats: Container[str]) -> None:
    """Print errors, and print them in place of the result too, in the first of the requested formats that has them."""
    output.diagnostics(diagnostics)
    if command_name == "apply" and "json" in formats:
        from reconcile.cli.reporters import REPORTERS  # noqa: PLC0415 - only for an apply

        stream, _ = REPORTERS.flags["json"]
        with closing(stream(output)) as report:
            report.fail(diagnostics)
    elif write := next((write for name, write in ERROR_FORMATS.items() if name in formats), None):
        output.show(write(diagnostics, command_name or ""))


def command_examples() -> dict[str, dict[str, str]]:
    """Return the command lines that each `--help` shows, with what they do."""
    import tomli  # noqa: PLC0415 - only for help

    found: dict[str, dict[str, str]] = tomli.loads(_EXAMPLES.read_text(encoding="utf-8"))
    return found


class _Command(click.Command):
    """A command that suggests what a surplus argument was meant to be.

    Its help has examples, and the options in sections, the most used first; an open end of a range says nothing.
    """

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_help_text(ctx, formatter)
        examples = command_examples().get(str(self.name), {})
        with formatter.section("Examples") if examples else nullcontext():
            for line, purpose in examples.items():
                formatter.write_text(f"# {purpose}")
                formatter.write(f"{'':{formatter.current_indent}}{line}\n")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        # What a command works on comes first.
        ordered = sorted(self.get_params(ctx), key=lambda each: {"paths": 0, "targets": 1}.get(str(each.name), 2))
        records = {
            str(parameter.name): (record[0], _OPEN_RANGE.sub("", record[1]))
            for parameter in ordered
            if (record := parameter.get_help_record(ctx)) and record[1]
        }
        formats = [str(each.name) for each in ordered if each.callback is _asked_for]
        sections = {**SECTIONS, "Output": (*formats, *SECTIONS["Output"])}
        others = records.keys() - {name for names in sections.values() for name in names}
        for title, names in {"Options": [name for name in records if name in others], **sections}.items():
            if rows := [records[name] for name in names if name in records]:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.allow_extra_args = True
        rest = super().parse_args(ctx, args)
        if rest and not ctx.resilient_parsing:
            takes_files = any("--file" in parameter.opts for parameter in self.params)
            hint = f" Name files with -f: {ctx.command_path} -f {rest[0]}" if takes_files else ""
            ctx.fail(f"unexpected argument {rest[0]!r}.{hint}")
        return rest


def _exit_code_of(session: Session, function: Callable[[], ExitCode | None]) -> ExitCode:
    """Run a command and return its exit code; raises OSError if a result could not be printed."""
    try:
        code = function() or ExitCode.DONE
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except UserError as error:
        if error.is_interrupt:
            return ExitCode.INTERRUPTED
        fail(session.output, error.diagnostics, click.get_current_context().info_name, {session.format})
        code = ExitCode.ERROR
    if code is ExitCode.INTERRUPTED:
        return code
    if session.output.out.failure:
        raise session.output.out.failure
    return ExitCode.ERROR if session.lacks_output else code


def command(
    formats: Formats[Any] | None = None,
    *,
    files: bool = False,
    targets: bool = False,
    account: bool = False,
    timeout: str = "10min",
) -> Callable[[Callable[..., ExitCode | None]], click.Command]:
    """Turn a function into a command. It gets a `session`, and the options that its other parameters declare.

    `formats` are those of its result, each with a flag, of which one can be given. `files`, `targets` and `account` add
    the shared options: `-f`, `--target`, and those for the service. `timeout` is the default of `--timeout`, here for
    commands that only read. An error that the outside world causes becomes a message and an exit code, and is also
    printed in the requested format.
    """
    more = formats.more if formats else ""
    # Every command takes -v and -q; where they change nothing, its help does not list them.
    shared = [
        _NO_COLOR,
        click.Option(["-v", "--verbose"], is_flag=True, hidden=not more, help=f"Also show {more}."),
        click.Option(["-q", "--quiet"], is_flag=True, hidden=not (files or account), help=_QUIET),
    ]
    shared += [_FILE] if files else []
    shared += [_TARGET] if targets else []
    if account:
        limit = click.Option(
            ["--timeout"],
            type=TYPES[Duration],
            default=timeout,
            show_default=True,
            help="Time limit for the whole run.",
        )
        shared += [_BASE_URL, _TOKEN_FILE, limit, _DEBUG]

    def decorate(function: Callable[..., ExitCode | None]) -> click.Command:
        parameters = inspect.signature(function).parameters.values()
        own = [each.default.of(each) for each in parameters if isinstance(each.default, _Declared)]
        flags = [
            click.Option([f"--{flag}"], is_flag=True, expose_value=False, callback=_asked_for, help=explanation)
            for flag, (_, explanation) in (formats.flags.items() if formats else ())
        ]

        @functools.wraps(function)
        def run(**given: Any) -> ExitCode:  # noqa: ANN401 - whatever the command declares
            if given["verbose"] and given["quiet"]:
                raise click.UsageError("-v or -q, not both")
            outputs = {each.opts[0]: given[str(each.name)] for each in own if each.type is OUTPUT_FILE}
            to_stdout = [flag for flag, path in outputs.items() if path == STDOUT]
            if len(to_stdout) > 1:
                raise click.UsageError(f"{to_stdout[1]} -: {to_stdout[0]} is written to standard output already")
            of_output, of_session = (
                {name: given.pop(name) for name in names & given.keys()} for names in (_OF_THE_OUTPUT, _OF_THE_SESSION)
            )
            ctx = click.get_current_context()
            output = Output(**of_output, is_taken=bool(to_stdout))
            session = Session(output=output, clock=ctx.obj, format=ctx.meta.get(_FORMAT, ""), **of_session)
            code = ExitCode.ERROR
            try:
                code = _exit_code_of(session, functools.partial(function, session, **given))
            finally:
                if session.heartbeat:
                    session.heartbeat.report(str(code.value), session.summary)
            return code

        return click.command(function.__name__.rstrip("_"), cls=_Command, params=[*own, *shared, *flags])(run)

    return decorate
