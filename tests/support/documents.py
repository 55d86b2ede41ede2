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
    (r"\d{4}-\d\d-\d\d( \d\d:\d\d)?", "TIME"),
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
                for session in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
                    command, _, expected = session.partition("\n")
                    yield ShownCommand(command=command, expected=expected)
            case _:
                assert "$ " not in body, "a command to run belongs in a block of `console`"


def as_run(text: str, service: Sandbox) -> str:
    """Write the files of a document, run its commands, and return it with what they print.

    What is shown stays where it differs only in what differs from run to run.
    """
    exit_code = end = 0
    for item in shown(text):
        match item:
            case ShownFile(name=name, text=content):
                if name:
                    (service.folder / name).write_text(content, encoding="utf-8")
                continue
            case ShownCommand(command=command) if command.startswith(SET_UP):
                continue
            case ShownCommand(command="echo $?"):
                printed = f"{exit_code}\n"
            case ShownCommand(command=command):
                name, *arguments = shlex.split(command)
                assert name == "reconcile", command
                done = service.run(*arguments)
                exit_code, printed = done.returncode, done.shown
        if re.fullmatch(_pattern(item.expected), _settled(printed)):
            printed = item.expected
        printed = printed.rstrip() + "\n"
        printed = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:8791", printed)
        start = text.index(f"$ {item.command}\n{item.expected}", end) + len(f"$ {item.command}\n")
        end = start + len(printed)
        text = text[:start] + printed + text[start + len(item.expected) :]
    return text


def _settled(text: str) -> str:
    """Return the text without what differs from run to run: ages, times, ports, and the columns they move."""
    for pattern, name in _VOLATILE:
        text = re.sub(pattern, name, text)
    return text.strip()


def _pattern(expected: str) -> str:
    parts = re.split(r"^…$", _settled(expected), flags=re.MULTILINE)
    return "(?s:.*)".join(map(re.escape, parts))
