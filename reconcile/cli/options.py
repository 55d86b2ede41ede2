"""The options that commands share, the same everywhere, and what they come to."""

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from reconcile.actual.credentials import Access, find
from reconcile.desired.config import Config
from reconcile.desired.load import load
from reconcile.durations import Duration

DEFAULT_FILE = Path("backups.toml")

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True, slots=True)
class Files:
    """Which files, and which part of them (`-f`, `--target`)."""

    paths: tuple[Path, ...]
    targets: tuple[str, ...]

    def load(self) -> Config:
        """Read them; raises UserError with every mistake."""
        return load(self.paths or (DEFAULT_FILE,))


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """Which service, and where its token is (`--base-url`, `--token-file`)."""

    base_url: str | None
    token_file: Path | None

    def access(self) -> Access:
        """Find the token and the base URL; raises UserError where there is none that will do."""
        return find(base_url=self.base_url, token_file=self.token_file, environment=os.environ, home=Path.home())


class DurationType(click.ParamType[Duration]):
    """A duration as in the file: `90min`, `2h`, `1d12h`."""

    name = "duration"

    def convert(
        self,
        value: object,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Duration:
        """Read it, or fail as wrong usage."""
        if isinstance(value, Duration):
            return value
        try:
            return Duration.parse(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class TimeType(click.ParamType[datetime]):
    """A moment in ISO 8601; one without an offset is UTC."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read it, or fail as wrong usage."""
        try:
            moment = datetime.fromisoformat(str(value))
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is not a time; write it like 2026-01-31T03:00:00Z", param, ctx)


def file_options(command: Command) -> Command:
    """Add `-f`; the command gets `files`."""

    @click.option(
        "-f",
        "--file",
        "paths",
        multiple=True,
        type=click.Path(path_type=Path),
        help=f"A file, or a folder of *.toml; may be repeated.  [default: {DEFAULT_FILE}]",
    )
    @functools.wraps(command)
    def wrapped(*args: Any, paths: tuple[Path, ...], targets: tuple[str, ...] = (), **options: Any) -> Any:  # noqa: ANN401
        return command(*args, files=Files(paths=paths, targets=targets), **options)

    return wrapped  # type: ignore[return-value] # as above


target_option = click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="GLOB",
    help="Only this: a glob on SERVER/DESCRIPTION, or a SERVER; may be repeated.",
)


def account_options(command: Command) -> Command:
    """Add `--base-url` and `--token-file`; the command gets `account`. A token is never an argument."""

    @click.option("--base-url", metavar="URL", help="The service.  [env: VPS_API_URL]")
    @click.option(
        "--token-file",
        type=click.Path(path_type=Path),
        help="A file that holds the token.  [env: VPS_API_TOKEN holds the token itself]",
    )
    @functools.wraps(command)
    def wrapped(*args: Any, base_url: str | None, token_file: Path | None, **options: Any) -> Any:  # noqa: ANN401
        return command(*args, account=Account(base_url=base_url, token_file=token_file), **options)

    return wrapped  # type: ignore[return-value] # as above
