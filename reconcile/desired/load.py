"""Loads the files into a `Config`, or reports every error at once, each with its line and column."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import tomli
from pydantic import ValidationError

from reconcile.desired.config import Config
from reconcile.desired.cross_check import TomlFile, cross_check
from reconcile.desired.document import Document
from reconcile.desired.explain import explain, oversized_integer
from reconcile.desired.locate import BYTE_ORDER_MARK, Source
from reconcile.desired.merge import merge
from reconcile.diagnostics import Diagnostic, UserError
from reconcile.limits import MEBIBYTE, read_bounded, read_file

_STDIN = "-"
_LARGEST = 32 * MEBIBYTE
"""Maximum bytes of a file; 100,000 series take about ten million. `-f /dev/zero` must not fill the memory."""


def load(paths: Iterable[str | Path], *, stdin: BinaryIO | None = None, option: str = "-f") -> Config:
    """Read the files in `paths`, and the `*.toml` of the folders, as one declaration.

    `-` is standard input: `stdin`, or that of the process if it is None. Errors name the `option` of the paths.

    Raises:
        UserError: with a diagnostic for each error: first the files that can't be read, then the others in the order of
            the files and of their text.
    """
    return _config(*_read_all(paths, stdin, option))


def parse_all(files: Iterable[Source]) -> Config:
    """Read texts as one declaration; raises UserError as `load` does."""
    # A text with a lone surrogate can't come from a file. It is refused like a file that is not UTF-8.
    return _config([_decode(file.text.encode(errors="surrogatepass"), file.filename) for file in files], [])


def _config(files: list[TomlFile], unreadable: list[Diagnostic]) -> Config:
    documents: list[tuple[Source, Document]] = []
    mistakes: list[Diagnostic] = []
    for file in files:
        try:
            documents.append((file.source, Document.model_validate(file.data)))
        except ValidationError as invalid:
            mistakes.extend(explain(invalid, file.source))
    mistakes.extend(cross_check(files, all_read=not unreadable))
    if unreadable or mistakes:
        raise UserError("the files are invalid", diagnostics=[*unreadable, *_in_order(mistakes, files)])
    return merge(documents)


def _in_order(mistakes: Iterable[Diagnostic], files: list[TomlFile]) -> list[Diagnostic]:
    order = {file.source.filename: number for number, file in enumerate(files)}

    def position(diagnostic: Diagnostic) -> tuple[int, int]:
        found = diagnostic.spot
        return (order[found.filename], found.start.byte) if found else (0, 0)

    return sorted(mistakes, key=position)


def _read_all(
    paths: Iterable[str | Path], stdin: BinaryIO | None, option: str
) -> tuple[list[TomlFile], list[Diagnostic]]:
    """Read every file in `paths`; return the files, and a diagnostic for each that can't be read.

    The files are in the order of `paths`, and those of a folder sorted by name. A file named twice is read once.
    """
    files: list[TomlFile] = []
    problems: list[Diagnostic] = []
    seen: set[str] = set()
    for path in map(str, paths):
        with _collect(problems, path, option):
            for file in _files(path, option):
                identity = file if file == _STDIN else os.path.realpath(file)
                if identity not in seen:
                    seen.add(identity)
                    with _collect(problems, file, option):
                        files.append(_read(file, stdin))
    return files, problems


def _decode(content: bytes, filename: str) -> TomlFile:
    """Read the content of one file; raises UserError if it is not UTF-8, or not TOML."""
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(f"{filename}: not UTF-8 text, in line {line}", "Save the file as UTF-8.") from error
    source = Source(filename=filename, text=text)
    try:
        # TOML does not allow a byte order mark, but editors on Windows write one.
        return TomlFile(source=source, data=tomli.loads(text.removeprefix(BYTE_ORDER_MARK)))
    except tomli.TOMLDecodeError as error:
        invalid = Diagnostic(
            summary=f"invalid TOML: {error.msg[:1].lower()}{error.msg[1:]}",
            detail="See https://toml.io for how values are written.",
            found=source.at(error.lineno, error.colno),
        )
        raise UserError("not TOML", diagnostics=[invalid]) from error
    except RecursionError as error:
        raise UserError(f"{filename}: nested too deeply", "Nothing in this file needs more than six levels.") from error
    except ValueError as error:  # the only other cause: Python does not read an integer of thousands of digits
        raise UserError("not TOML", diagnostics=[oversized_integer(source)]) from error


@contextmanager
def _collect(problems: list[Diagnostic], path: str, option: str) -> Iterator[None]:
    """Add the errors of `path` to `problems`, unless they end the run."""
    try:
        yield
    except UserError as error:
        if error.is_stop:
            raise
        problems.extend(error.diagnostics)
    except OSError as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else error.strerror
        problems.append(Diagnostic(summary=f"{path}: {reason}", detail=f"Name a file, a folder, or - with {option}."))


def _files(path: str, option: str) -> list[str]:
    if not path:
        # pathlib treats it as the current folder: an unset variable in a script would select all files there.
        raise UserError(f"{option} '' names no file", f"Name a file, a folder, or - with {option}, or omit it.")
    if path == _STDIN or not Path(path).is_dir():
        return [path]
    # Hidden files belong to other programs: .#a.toml is an Emacs lock, ._a.toml a macOS resource fork.
    visible = (file for file in Path(path).iterdir() if not file.name.startswith("."))
    files = sorted(str(file) for file in visible if file.suffix == ".toml")
    if not files:
        raise UserError(f"{path}: no *.toml in this folder", f"Name a file, another folder, or - with {option}.")
    return files


def _read(file: str, stdin: BinaryIO | None) -> TomlFile:
    if file == _STDIN:
        return _decode(read_bounded(stdin or sys.stdin.buffer, _LARGEST, "<stdin>"), "<stdin>")
    return _decode(read_file(file, _LARGEST), file)
