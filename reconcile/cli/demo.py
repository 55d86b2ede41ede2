"""`reconcile demo`: the whole loop on the sandbox, by running the commands that it shows."""

import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from reconcile.cli.help_ import read_example
from reconcile.cli.options import command
from reconcile.cli.process import ExitCode
from reconcile.cli.sandbox import server_of
from reconcile.cli.session import Session
from reconcile.cli.system_clock import SystemClock
from reconcile.diagnostics import UserError
from reconcile.report.document import Text
from reconcile.sandbox.account import Account, manual_backup

EXAMPLE = "first.toml"
_FAREWELL = """\
That was the whole loop. With a real account:
  1. Create a token in the web panel, Account → Developers.
     export VPS_API_TOKEN=…
  2. reconcile init writes a first backups.toml.
  3. reconcile plan; then reconcile apply, which asks.
Then let CI apply it every night: reconcile help ci."""


@command()
def demo(session: Session) -> None:
    """Show plan, apply, and plan again on a local sandbox; needs no account."""
    output = session.output
    with tempfile.TemporaryDirectory() as folder, _sandbox() as environment:

        def title(text: str) -> None:
            output.result(["", Text(f"── {text} ──", "bold cyan"), ""])

        def write(content: str) -> None:
            Path(folder, "backups.toml").write_text(content, encoding="utf-8")
            output.result([Text("$ cat backups.toml", "bold"), *content.splitlines(), ""])

        def run(*arguments: str, code: ExitCode = ExitCode.DONE) -> None:
            """Run a command that must end with `code`."""
            output.result([Text("$ reconcile " + " ".join(arguments), "bold")])
            command = [sys.executable, "-m", "reconcile", *arguments]
            ended = subprocess.run(command, cwd=folder, env=environment, check=False).returncode  # noqa: S603
            output.result([""])
            if ended != code:
                raise UserError(
                    f"reconcile {arguments[0]} ended with exit code {ended}",
                    "This should not happen on the sandbox; please report it.",
                )

        example = read_example(EXAMPLE)
        title("A local VPS.org with one manual and seven nightly backups, and a file that declares them")
        write(example)
        title("The newest nightly backup is over a day old: a new one is due, and the oldest is then no longer kept")
        run("plan")
        title("Apply it: the old backup is deleted only once the new one is completed")
        run("apply", "--auto-approve")
        title("The account matches the file, so there is nothing to do")
        run("plan")
        title("Now an error in the file: it keeps 1 backup instead of 7. Deletes that would lose so much are withheld")
        write(example.replace("keep = 7", "keep = 1").replace("the newest seven", "the newest only"))
        run("apply", "--auto-approve", code=ExitCode.ERROR)
        title("Every backup is still there")
        run("list", "web-server-01", "--type", "manual")
    output.result(_FAREWELL.splitlines())


@contextmanager
def _sandbox() -> Iterator[dict[str, str]]:
    """Run a sandbox; yield the environment that points reconcile at it.

    In its account, the newest of seven nightly backups is due for replacement.
    """
    server = {"id": 12345, "name": "web-server-01"}
    now = SystemClock().now()
    nightly = [("nightly", now - timedelta(days=age, hours=2)) for age in range(7, 0, -1)]
    held = [("Pre-update backup", now - timedelta(days=90)), *nightly]
    backups = [
        manual_backup(500 + number, server, description, created_at, more_mb=10 * number)
        for number, (description, created_at) in enumerate(held)
    ]
    account = Account(servers=[server], backups=backups, now=SystemClock().now, backup_seconds=1.5)
    served = server_of(account)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=served.run, args=[[listener]])
        thread.start()
        try:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/api/v1"
            environment = os.environ | {"VPS_API_URL": url, "VPS_API_TOKEN": account.token}
            environment.pop("RECONCILE_HEARTBEAT_URL", None)  # it waits for the success of real applies
            yield environment
        finally:
            served.should_exit = True
            thread.join()
