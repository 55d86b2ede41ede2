"""What a document for users shows: its files, and its commands with what they print."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from support.command import Sandbox

SET_UP = ("python3 -m venv ", "uvx ")
"""Commands begin so that install something. They are not run with the others; .ci/run runs them."""

_FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_FILE_NAME = re.compile(r"# ([\w-]+\.\w+)\n")
_VOLATILE = (
    (r"\b\d+(y|mo|d|h|min|s)( \d+(y|mo|d|h|min|s))?\b", "AGE"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d", "TIME"),
    (r"127\.0\.0\.1:\d+", "HOST"),
    (r" {2,}", "  "),
)


@dataclass(frozen=True, kw_only=True)
class ShownFile:
    """A TOML block. One whose first line is a comment with a file's name stands for that file."""

    name: str | None
    text: str


@dataclass(frozen=True, kw_only=True)
class ShownCommand:
    """A command after a `$`, and what is shown below it; a line of `…` stands for any lines."""

    command: str
    expected: str


def shown(text: str) -> Iterator[ShownFile | ShownCommand]:
    """Yield the files and commands of a document, in its order."""
    for language, body in _FENCED.findall(text):
        match language:
            case "toml":
                name = _FILE_NAME.match(body)
                yield ShownFile(name=name[1] if name else None, text=body)
            case "console":
                assert body.startswith("$ "), body
                for session in body.removeprefix("$ ").split("\n$ "):
                    command, _, expected = session.partition("\n")
                    yield ShownCommand(command=command, expected=expected)
            case _:
                assert "$ reconcile" not in body, "a command to run belongs in a block of `console`"


def differences(text: str, service: Sandbox) -> Iterator[tuple[str, str]]:
    """Write the files of a document, run its commands, and yield each that prints something else, with what it does."""
    exit_code = 0
    for item in shown(text):
        match item:
            case ShownFile(name=str(name)):
                (service.folder / name).write_text(item.text, encoding="utf-8")
            case ShownFile() | ShownCommand(command="$"):
                pass
            case ShownCommand(command="echo $?", expected=expected):
                if expected.strip() != str(exit_code):
                    yield item.command, str(exit_code)
            case ShownCommand(command=command) if command.startswith(SET_UP):
                pass
            case ShownCommand(command=command, expected=expected):
                name, *arguments = shlex.split(command)
                assert name == "reconcile", command
                done = service.run(*arguments)
                exit_code = done.returncode
                if not re.fullmatch(_pattern(expected), settled(done.shown)):
                    yield command, done.shown


def settled(text: str) -> str:
    """Return the text without what differs from run to run: ages, times, ports, and the columns they move."""
    for pattern, name in _VOLATILE:
        text = re.sub(pattern, name, text)
    return text.strip()


def _pattern(expected: str) -> str:
    parts = re.split(r"^…$", settled(expected), flags=re.MULTILINE)
    return "(?s:.*)".join(map(re.escape, parts))
