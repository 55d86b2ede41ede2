"""`reconcile demo`: the whole loop on the sandbox, by running the commands that it shows."""

import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import tomli_w

from reconcile.cli.exit_code import ExitCode
from reconcile.cli.extras import SANDBOX_MISSING
from reconcile.cli.options import command
from reconcile.cli.output import Output
from reconcile.cli.session import Session
from reconcile.diagnostics import UserError
from reconcile.report.document import Text

EXAMPLE = "first.toml"
_PACKAGE = Path(__file__).parents[1]
_EXAMPLES = (_PACKAGE / "examples", _PACKAGE.parent / "examples")
"""Inside an installed package, and beside the package in a checkout."""

_FAREWELL = """\
That was the whole loop. With a real account:
  1. Make a token in the web panel, Account → Developers.
     export VPS_API_TOKEN=…
  2. reconcile init writes a first backups.toml.
  3. reconcile plan; then reconcile apply, which asks.
Then let CI apply it every night: reconcile help ci."""


@command()
def demo(session: Session) -> ExitCode:
    """Show plan, apply, and plan again on a local sandbox; needs no account."""
    if find_spec("uvicorn") is None or find_spec("starlette") is None:
        raise SANDBOX_MISSING
    with tempfile.TemporaryDirectory() as folder, _sandbox() as environment:
        stage = _Stage(session.output, Path(folder), environment)
        stage.title("A local VPS.org with two servers, and a file that declares the backups of one")
        stage.write(_example())
        stage.run("plan")
        stage.title("Apply it")
        stage.run("apply", "--auto-approve")
        stage.title("The account is as declared, so there is nothing to do")
        stage.run("plan")
        stage.title("Now the file changes: one series is taken out, and what is not declared is pruned")
        stage.write(_changed(_example()))
        stage.run("plan")
        stage.run("apply", "--auto-approve")
        stage.run("plan")
    session.output.result(_FAREWELL.splitlines())
    return ExitCode.DONE


class _Stage:
    """Where the demo runs: a folder with a `backups.toml`, and a service."""

    def __init__(self, output: Output, folder: Path, environment: dict[str, str]) -> None:
        self._output, self._folder, self._environment = output, folder, environment

    def title(self, text: str) -> None:
        self._output.result(["", Text(f"── {text} ──", "bold cyan"), ""])

    def write(self, content: str) -> None:
        (self._folder / "backups.toml").write_text(content, encoding="utf-8")
        self._output.result([Text("$ cat backups.toml", "bold"), *content.splitlines(), ""])

    def run(self, *arguments: str) -> None:
        self._output.result([Text("$ reconcile " + " ".join(arguments), "bold")])
        self._output.out.file.flush()
        command = [sys.executable, "-m", "reconcile", *arguments]
        code = subprocess.run(command, cwd=self._folder, env=self._environment, check=False).returncode  # noqa: S603
        self._output.result([""])
        if code:
            raise UserError(
                f"reconcile {arguments[0]} ended with exit code {code}",
                "This should not happen on the sandbox; please report it.",
            )


@contextmanager
def _sandbox() -> Iterator[dict[str, str]]:
    """Run a sandbox; yield the environment that points reconcile at it."""
    command = [sys.executable, "-m", "reconcile", "sandbox", "--port", "0", "--backup-seconds", "1.5"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as served:  # noqa: S603
        try:
            lines = [(served.stdout.readline() if served.stdout else "").strip() for _ in range(2)]
            pairs = [line.removeprefix("export ").partition("=") for line in lines]
            if not all(pairs):
                raise UserError("the sandbox did not start", "Try it by itself: reconcile sandbox --port 0.")
            yield {**os.environ, **{name: value for name, _, value in pairs}}
        finally:
            served.terminate()


def _example() -> str:
    for folder in _EXAMPLES:
        if (file := folder / EXAMPLE).is_file():
            return file.read_text(encoding="utf-8")
    raise UserError(f"examples/{EXAMPLE} is not there", "It belongs to the package; install it again.")


def _changed(content: str) -> str:
    """Return the file without its first series, and with pruning switched on."""
    data = tomllib.loads(content)
    (server,) = data["servers"].values()
    del server["backups"][0]
    return tomli_w.dumps({"settings": {"prune": True}, **data})
