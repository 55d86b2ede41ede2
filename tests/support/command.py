"""The command, run in this process or as the installed one, and a sandbox beside it, over real HTTP."""

import io
import json
import logging
import os
import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, TextIO

import click
import httpx
import uvicorn
from anyio.from_thread import start_blocking_portal

from reconcile.cli.commands import COMMANDS as NAMES
from reconcile.cli.main import reconcile
from reconcile.cli.main import run as run_main
from reconcile.clock import Clock
from reconcile.sandbox.account import Account, load, sample
from reconcile.sandbox.http import application
from support.quick import QuickClock

COMMAND = [sys.executable, "-m", "reconcile"]
_CONTEXT = click.Context(reconcile)
COMMANDS: dict[str, click.Command] = {
    name: command for name in NAMES if (command := reconcile.get_command(_CONTEXT, name)) is not None
}
TOKEN, READ_ONLY = "vps_sandbox", "vps_readonly"
FILE = '[servers.web-server-01]\nid = 12345\nbackups = [{ description = "nightly" }]\n'
"""Declares one backup to be created on a server of the sandbox's sample."""

FIRST = """\
[servers.web-server-01]
id = 12345

[[servers.web-server-01.backups]]
description = "Pre-update backup"

[[servers.web-server-01.backups]]
description = "nightly"
every = "1d"
keep = 7
"""
"""Declares two series on that server, one of which the sample already has."""

_NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For requests without TLS: otherwise, httpx would load the system's certificates for each of them."""


@dataclass(frozen=True)
class Done:
    """The exit code of a command and what it printed; `shown` is both streams, in order."""

    returncode: int
    stdout: str
    stderr: str
    shown: str = ""


@dataclass
class Sandbox:
    """A running sandbox, and a folder with a file to point at it."""

    url: str
    folder: Path
    token: str = TOKEN
    connections: Callable[[], int] = lambda: 0
    _account: Account | None = None

    @property
    def account(self) -> Account:
        """What the service holds, where it is served from this process."""
        assert self._account
        return self._account

    def wait_for_request(self) -> None:
        """Wait until somebody has connected."""
        while not self.connections():
            time.sleep(0.02)

    def complete_backups(self) -> None:
        """Let the service's clock run a minute ahead: what was in progress has ended."""
        self.account.now = lambda: datetime.now(UTC) + timedelta(minutes=1)

    def write(self, text: str) -> None:
        (self.folder / "backups.toml").write_text(text, encoding="utf-8")

    def run(self, *arguments: str, **environment: str) -> Done:
        """Run the command as CI would: no terminal, no colours."""
        return run(*arguments, folder=self.folder, **{**self.environment, **environment})

    def ask(self, *arguments: str, answer: str | None, **environment: str) -> Done:
        """Run the command as a person would, on a terminal, and type an answer to its question, or nothing (None)."""
        typed = "" if answer is None else f"{answer}\n"
        return run(*arguments, folder=self.folder, typed=typed, **{**self.environment, **environment})

    @property
    def environment(self) -> dict[str, str]:
        return {"VPS_API_URL": self.url, "VPS_API_TOKEN": self.token}

    def get(self, path: str) -> dict[str, Any]:
        """Ask the service directly."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer: dict[str, Any] = httpx.get(self.url + path, headers=headers, verify=_NO_CERTIFICATES).json()
        return answer

    def backups(self, backup_type: str = "manual") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get(f"/backups/?page_size=1000&backup_type={backup_type}")["results"]
        return found


def run(*arguments: str, folder: Path, **given: str) -> Done:
    """Run the command as `run_on` does, on a quick clock."""
    return run_on(QuickClock(), *arguments, folder=folder, **given)


def run_on(
    clock: Clock,
    /,
    *arguments: str,
    folder: Path,
    standard_input: str = "",
    typed: str | None = None,
    **environment: str,
) -> Done:
    """Run the command in this process, as if from a shell in `folder` with this environment.

    With `typed`, the three standard streams are a terminal; otherwise none of them is. If it is empty, the command
    waits for an answer for ever.
    """
    is_terminal = typed is not None
    written: list[str] = []
    out, err = _Stream(written, is_terminal=is_terminal), _Stream(written, is_terminal=is_terminal)
    content = _nothing() if typed == "" else io.BytesIO((typed or standard_input).encode())
    with content as file:
        read = _Input(file, is_terminal=is_terminal)
        surroundings = _surroundings(folder, {**bare_environment(folder), **environment}, read)
        with surroundings, redirect_stdout(out), redirect_stderr(err):
            code = run_main(arguments, clock)
    return checked(Done(code, out.getvalue(), err.getvalue(), "".join(written)), folder, environment)


@contextmanager
def _nothing() -> Iterator[BinaryIO]:
    """Open a file that has nothing to read, and does not end."""
    reader, writer = os.pipe()
    with open(writer, "wb"), open(reader, "rb") as file:  # noqa: PTH123 - they have no path
        yield file


class _Input(io.TextIOWrapper):
    """A standard input with this content."""

    def __init__(self, content: BinaryIO, *, is_terminal: bool) -> None:
        super().__init__(content, encoding="utf-8")
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


class _Stream(io.StringIO):
    """A standard stream that also adds what is written to a list, which it may share with another."""

    def __init__(self, written: list[str], *, is_terminal: bool) -> None:
        super().__init__()
        self._written = written
        self._is_terminal = is_terminal

    def write(self, text: str) -> int:
        length = super().write(text)  # first, since click finds out here that it takes no bytes
        self._written.append(text)
        return length

    def isatty(self) -> bool:
        return self._is_terminal


def checked(done: Done, folder: Path, environment: dict[str, str]) -> Done:
    """Check that a run shows neither a traceback nor the token, and writes the token nowhere."""
    shown = done.stdout + done.stderr
    assert "Traceback" not in shown, shown
    if token := environment.get("VPS_API_TOKEN"):
        assert token not in shown, shown
        written = [file for file in folder.rglob("*") if file.is_file() and file.name != "token"]
        assert [file for file in written if token.encode() in file.read_bytes()] == []
    return done


@contextmanager
def _surroundings(folder: Path, environment: dict[str, str], standard_input: TextIO) -> Iterator[None]:
    """Be in another folder, with another environment and standard input, for as long as the block lasts."""
    environment_before, folder_before, input_before = dict(os.environ), Path.cwd(), sys.stdin
    logger = logging.getLogger("reconcile")
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.stdin = standard_input
    try:
        yield
    finally:
        sys.stdin = input_before
        os.chdir(folder_before)
        os.environ.clear()
        os.environ.update(environment_before)
        logger.handlers.clear()
        logger.setLevel(logging.NOTSET)


def bare_environment(folder: Path) -> dict[str, str]:
    """Return an environment in which nothing is set that the command reads, with a home that does not exist."""
    needed = {name: value for name, value in os.environ.items() if name in {"PATH", "TMPDIR"} or name[:6] == "PYTHON"}
    return {**needed, "HOME": str(folder / "home"), "XDG_STATE_HOME": str(folder / "state"), "COLUMNS": "100"}


@contextmanager
def sandbox(
    folder: Path,
    *,
    backup_seconds: float = 0.0,
    page_size: int = 100,
    latency: float = 0.0,
    fails: bool = False,
    rate_limit: int | None = None,
    seed: object = None,
) -> Iterator[Sandbox]:
    """Serve a sandbox on a free port, from a thread of this process, for as long as the block lasts."""
    servers, backups = sample(datetime.now(UTC))
    if seed is not None:
        servers, backups = load(json.dumps(seed))
    account = Account(
        servers=servers,
        backups=backups,
        now=lambda: datetime.now(UTC),
        backup_seconds=backup_seconds,
        fails=lambda: fails,
    )
    served = application(account, page_size=page_size, latency=latency, rate_limit=rate_limit)
    server = uvicorn.Server(uvicorn.Config(served, log_level="warning", lifespan="off"))
    with socket.create_server(("127.0.0.1", 0)) as listener, start_blocking_portal() as portal:
        serving = portal.start_task_soon(server.serve, [listener])
        try:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/api/v1"
            yield Sandbox(url, folder, connections=lambda: len(server.server_state.connections), _account=account)
        finally:
            serving.cancel()  # uvicorn would take two tenths of a second to stop by itself
            portal.call(_close, server)


async def _close(server: uvicorn.Server) -> None:
    for listening in server.servers:
        listening.close()
    for connection in list(server.server_state.connections):
        connection.transport.close()
