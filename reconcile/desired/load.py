"""Loads the files: a `Config`, or every mistake at once, each with its line and column."""

from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from reconcile.desired.config import Config, Source
from reconcile.desired.cross_check import cross_check
from reconcile.desired.document import Document
from reconcile.desired.explain import explain
from reconcile.desired.locate import locate
from reconcile.desired.merge import merge
from reconcile.desired.read import TomlFile, decode, read
from reconcile.diagnostics import Diagnostic, UserError


def load(paths: Iterable[str | Path], *, stdin: BinaryIO | None = None) -> Config:
    """Read the files, and the `*.toml` of the folders, that `paths` name, as one declaration.

    `-` is standard input: `stdin`, or that of the process if it is None.

    Raises:
        UserError: with a diagnostic for each mistake: first the files that can't be read, then the others in the order
            of the files, and of the text.
    """
    return _config(*read(paths, stdin))


def parse(text: str, filename: str = "backups.toml") -> Config:
    """Read the text of one file.

    Raises:
        UserError: as `load`.
    """
    # A text with a lone surrogate can't be a file. It is refused as one that is not UTF-8.
    return _config([decode(text.encode(errors="surrogatepass"), filename)], [])


def _config(files: list[TomlFile], unreadable: list[Diagnostic]) -> Config:
    documents: list[tuple[Source, Document]] = []
    mistakes: list[Diagnostic] = []
    for file in files:
        try:
            documents.append((file.source, Document.model_validate(file.data)))
        except ValidationError as invalid:
            mistakes.extend(explain(invalid, file.source.filename))
    mistakes.extend(cross_check(files, all_read=not unreadable))
    if unreadable or mistakes:
        located = locate(mistakes, tuple(file.source for file in files))
        raise UserError("the configuration is invalid", diagnostics=[*unreadable, *_in_order(located, files)])
    return merge(documents)


def _in_order(located: Iterable[Diagnostic], files: list[TomlFile]) -> list[Diagnostic]:
    order = {file.source.filename: number for number, file in enumerate(files)}

    def position(diagnostic: Diagnostic) -> tuple[int, int]:
        found = diagnostic.range
        return (order[found.filename], found.start.byte) if found else (0, 0)

    return sorted(located, key=position)
