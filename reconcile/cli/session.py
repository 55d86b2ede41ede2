"""The shared options of a run: the files, the credentials, the time limit, and where output goes."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from reconcile.cli.files import write_file
from reconcile.cli.output import Output
from reconcile.cli.process import INTERRUPTS, handled
from reconcile.desired.config import Config
from reconcile.desired.load import load
from reconcile.diagnostics import UserError
from reconcile.durations import Duration
from reconcile.report.document import Formats, Formatter

if TYPE_CHECKING:
    from reconcile.actual.credentials import Access
    from reconcile.cli.heartbeat import Heartbeat
    from reconcile.clock import Clock

DEFAULT_FILE = "backups.toml"

STDOUT = Path("-")
"""The name of standard output, in place of a file to write."""

_HOW_TO_BEGIN = (
    f"To start: reconcile init. If the account has backups already: reconcile import --out {DEFAULT_FILE}. To practise "
    "without an account: reconcile demo, or reconcile sandbox. To name another file: -f PATH."
)


Value = TypeVar("Value")

_SHORTEST_TIMER, _LONGEST_TIMER = 1e-6, 365 * 86400.0
"""Seconds. A timer of zero would never expire, and no platform has one of centuries."""


@dataclass(kw_only=True, slots=True)
class Session:
    """One run of one command, with its shared options."""

    output: Output
    paths: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    base_url: str | None = None
    token_file: str | None = None
    format: str = ""
    """The flag of the requested format; empty for text."""
    timeout: Duration | None = None
    """The time limit of the whole run; None for a command that does not use the service."""
    names_account: bool = False
    """Whether the files that were read name an account, which is then compared with the token's."""
    lacks_output: bool = False
    """Whether one of several outputs could not be written."""
    heartbeat: "Heartbeat | None" = None
    """The heartbeat that reports the end of the run; None until it has reported the start."""
    summary: str = ""
    """The result in one line for the heartbeat: counts, no names."""
    clock: "Clock"
    """What measures the time limit and every wait."""
    ends_at: float = field(init=False)
    """When the time limit is over, on the monotonic clock."""

    def __post_init__(self) -> None:
        limit = self.timeout or Duration(days=1)
        self.ends_at = self.clock.monotonic() + limit.in_seconds(self.clock.now())

    @property
    def seconds_left(self) -> float:
        """How many seconds of the time limit remain."""
        return self.ends_at - self.clock.monotonic()

    @contextmanager
    def time_limit(self, during: str) -> Iterator[None]:
        """End a block without an event loop at the time limit, or on a signal.

        The block reads files (a FIFO or a terminal may never send anything), or it plans.

        Raises:
            StoppedError: interrupted, or out of time.
        """
        if self.timeout is None:
            yield
            return
        from reconcile.clock import Stop, StoppedError  # noqa: PLC0415 - `validate` has no use for it

        def end(number: int, _: object) -> None:
            raise StoppedError(Stop.DEADLINE if number == signal.SIGALRM else Stop.INTERRUPTED, during)

        with handled(end, signal.SIGALRM, *INTERRUPTS):
            signal.setitimer(signal.ITIMER_REAL, min(max(self.seconds_left, _SHORTEST_TIMER), _LONGEST_TIMER))
            try:
                yield
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)

    def start_heartbeat(self) -> None:
        """Report that the run has started, if the environment names a heartbeat service; its end is then reported."""
        if url := os.environ.get("RECONCILE_HEARTBEAT_URL", "").strip():
            from reconcile.cli.heartbeat import Heartbeat  # noqa: PLC0415 - loads the HTTP client, and few runs have one

            self.output.keep_secret(url)
            self.heartbeat = Heartbeat(url, self.output)
            self.heartbeat.report("start")

    @property
    def has_files(self) -> bool:
        """Whether files were named, or the default file exists."""
        return bool(self.paths) or os.path.lexists(DEFAULT_FILE)

    def config(self) -> Config:
        """Read the files; raises UserError with every error in them, or with how to start if there is no file."""
        if not self.has_files:
            raise UserError(f"{DEFAULT_FILE}: no such file", _HOW_TO_BEGIN)
        return self._load(self.paths or (DEFAULT_FILE,), "reading the files", "-f")

    def config_before(self, paths: tuple[str, ...]) -> Config | None:
        """Read the files before a change, to compare with; None without `--compare`. Raises as `config` does."""
        if not paths:
            return None
        if "-" in paths and "-" in self.paths:
            raise click.UsageError("-f - can't be combined with --compare -: there is only one standard input")
        return self._load(paths, "reading the files before the change", "--compare")

    def _load(self, paths: tuple[str, ...], during: str, option: str) -> Config:
        with self.time_limit(during):
            config = load(paths, option=option)
        self.names_account |= config.settings.account is not None
        return config

    def access(self) -> "Access":
        """Find the base URL and the token; raises UserError if one is missing or not valid."""
        from reconcile.actual.credentials import find  # noqa: PLC0415 - `validate` has no use for it

        with self.time_limit("reading the token"):
            access = find(
                base_url=self.base_url,
                token_file=Path(self.token_file) if self.token_file else None,
                environment=os.environ,
                home=home_folder(),
            )
        self.output.keep_secret(access.token)
        return access

    def show(self, formats: Formats[Formatter[Value]], found: Value) -> None:
        """Print the result in the requested format."""
        self.output.show(formats.requested(self.format)(found, verbose=self.output.verbose))

    @contextmanager
    def one_of_several(self) -> Iterator[None]:
        """Show the error of one output and continue with the others; the command then exits with 1. Ctrl-C ends it."""
        try:
            yield
        except UserError as error:
            if error.is_interrupt:
                raise
            self.output.diagnostics(error.diagnostics)
            self.lacks_output = True

    def write(self, path: Path, content: str, *, new: bool = False, private: bool = False) -> None:
        """Write a result to a file, or to `STDOUT`, without secrets.

        Raises:
            UserError: as `write_file` does; or a secret is in a `private` file, which would be damaged without it.
        """
        safe = self.output.redact(content)
        if private and safe != content:
            raise UserError(
                f"{path} would contain the token, and is not written",
                "A name or a description in your files contains it. Remove it there, and create a new token.",
            )
        if path == STDOUT:
            self.output.content(content)
            return
        write_file(path, safe, new=new, private=private)
        if not new and not private:  # of those, the command says more
            self.output.note(f"Wrote {path}.")


def home_folder() -> Path | None:
    """Return the user's home; None if there is no such folder, as in many containers."""
    try:
        home = Path.home()
        return home if os.environ.get("HOME") != "" and home.is_absolute() and home.is_dir() else None
    except (RuntimeError, OSError):
        return None
