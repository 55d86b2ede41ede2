"""Responds to the completion scripts: which commands, options, servers and series match what is typed.

At every Tab the shell waits for a new process, and importing a command takes ten times as long as starting Python. So
the options of all commands are in `completion.json` beside this file. A test compares it with the commands.
"""

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
import tomli
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    add_completion_class,
    get_completion_class,
    shell_complete,
    split_arg_string,
)

from reconcile.cli.commands import COMMANDS, COMPLETE_VARIABLE

TABLE = Path(__file__).with_name("completion.json")
HELP = Path(__file__).parents[1] / "help"
_CURSOR = "\ue000"
Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem[str]]]


def script(shell: str) -> str:
    """Return the completion script of a shell that click knows."""
    shell_class: Any = get_completion_class(shell)
    source: str = shell_class(click.Group("reconcile"), {}, "reconcile", COMPLETE_VARIABLE).source()
    return source


def complete(instruction: str) -> int:
    """Print the completions (`bash_complete`), or the script (`bash_source`) as click does; return an exit code."""
    table = json.loads(TABLE.read_text(encoding="utf-8"))
    commands = [click.Command(name, params=list(map(_parameter, table[name])), help=COMMANDS[name]) for name in table]
    group = click.Group("reconcile", commands=commands)
    return shell_complete(group, {}, "reconcile", COMPLETE_VARIABLE, instruction)


def _parameter(entry: dict[str, Any]) -> click.Parameter:
    """Return an option or an argument. The table has click's attributes, and what completes the value."""
    completes, choices = _COMPLETERS.get(entry.pop("completes")), entry.pop("choices")
    kind = click.Option if entry["param_decls"][0].startswith("-") else click.Argument
    return kind(**entry, type=click.Choice(choices) if choices else None, shell_complete=completes)


def _completer(found: Callable[[click.Context], Iterable[str]]) -> Completer:
    """Return the function that completes a parameter from all its possible values."""
    return lambda ctx, _, typed: [CompletionItem(each) for each in found(ctx) if each.startswith(typed)]


def _descriptions(ctx: click.Context) -> Iterable[str]:
    """Return the series of the server that is typed before them, or of any."""
    server = ctx.params.get("server")
    return dict.fromkeys(each for _, name, series in _declared(ctx) if server in (None, name) for each in series)


def _targets(ctx: click.Context) -> Iterator[str]:
    """Yield the keys and addresses of servers and of fleets; what a glob would read as a pattern is escaped."""
    from reconcile.addresses import FLEET, escaped_glob  # noqa: PLC0415 - an option is completed without it: 6 % of a Tab

    for table, beginning in (("servers", ""), ("fleets", FLEET)):
        for key, _, series in _declared(ctx, table):
            yield from map(escaped_glob, (f"{beginning}{key}{each}" for each in ("", *(f"/{name}" for name in series))))


_COMPLETERS: dict[str | None, Completer] = {
    "file": lambda _ctx, _parameter, typed: [CompletionItem(typed, type="file")],
    "topic": _completer(lambda _: (*sorted(file.stem for file in HELP.glob("*.md")), *COMMANDS)),
    "server": _completer(lambda ctx: (name for _, name, _ in _declared(ctx))),
    "description": _completer(_descriptions),
    "target": _completer(_targets),
}


def _declared(ctx: click.Context, table: str = "servers") -> Iterator[tuple[str, str, list[str]]]:
    """Yield the key, the name and the descriptions of each server, or fleet, as far as the files can be read."""
    from reconcile.diagnostics import UserError  # noqa: PLC0415 - as above: 6 %
    from reconcile.limits import MEBIBYTE, read_file  # noqa: PLC0415 - as above

    for path in map(Path, ctx.params.get("paths") or ("backups.toml",)):
        for file in sorted(path.glob("*.toml")) if path.is_dir() else [path]:
            servers: object = {}
            with suppress(OSError, ValueError, RecursionError, UserError):
                if file.is_file():  # a FIFO would make the shell wait
                    servers = tomli.loads(read_file(file, MEBIBYTE).decode()).get(table)
            for key, server in servers.items() if isinstance(servers, dict) else ():
                match server:
                    case {"backups": [*entries]}:
                        pass
                    case _:
                        entries = []
                found = [entry.get("description") for entry in entries if isinstance(entry, dict)]
                name = server.get("name", key) if isinstance(server, dict) else key
                yield key, str(name), [text for text in found if isinstance(text, str)]


@add_completion_class
class _Bash(BashComplete):
    """Reads the line as it was typed, because bash also splits words at colons, and completes only the last part.

    Bash inserts a completion as it is, so outside of quotes, blanks and quotes in it are escaped; its script keeps the
    escapes.
    """

    source_template = BashComplete.source_template.replace("read type value", "read -r type value").replace(
        'COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD=$COMP_CWORD',
        'COMP_LINE="${COMP_LINE:0:COMP_POINT}" COMP_WORD="${COMP_WORDS[COMP_CWORD]}"',
    )
    _before = ""
    """The part of the value that bash does not replace."""

    def get_completion_args(self) -> tuple[list[str], str]:
        *arguments, marked = split_arg_string(os.environ["COMP_LINE"] + _CURSOR)
        typed = marked.removesuffix(_CURSOR)
        part = "".join(split_arg_string(os.environ["COMP_WORD"])).lstrip(":=")
        before = typed.removesuffix(part) if part else typed
        self._before = before.partition("=")[2] if before.startswith("--") else before
        return arguments[1:], typed

    def format_completion(self, item: CompletionItem[str]) -> str:
        if item.type == "plain":
            value = item.value.removeprefix(self._before)
            is_quoted = os.environ["COMP_WORD"].startswith(("'", '"'))
            item = CompletionItem(value if is_quoted else re.sub(r"([^\w/.@%+=:,-])", r"\\\1", value))
        return super().format_completion(item)


@add_completion_class
class _Fish(FishComplete):
    """Fish's script splits at each comma, but only the first comma ends the type."""

    source_template = FishComplete.source_template.replace('string split ","', 'string split --max 1 ","')
