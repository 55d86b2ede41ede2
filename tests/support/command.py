"""The installed command as a subprocess, and a sandbox beside it, over real HTTP."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import httpx

from reconcile.cli.main import reconcile

COMMAND = [sys.executable, "-m", "reconcile"]
_CONTEXT = click.Context(reconcile)
COMMANDS: dict[str, click.Command] = {
    name: command
    for name in reconcile.list_commands(_CONTEXT)
    if (command := reconcile.get_command(_CONTEXT, name)) is not None
}
TOKEN, READ_ONLY = "vps_sandbox", "vps_readonly"


@dataclass
class Sandbox:
    """A running sandbox, and a folder with a file to point at it."""

    url: str
    folder: Path
    token: str = TOKEN

    def write(self, text: str) -> None:
        (self.folder / "backups.toml").write_text(text, encoding="utf-8")

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the command as CI would: no terminal, no colours."""
        return run(*arguments, folder=self.folder, **{**self.environment, **environment})

    @property
    def environment(self) -> dict[str, str]:
        return {"VPS_API_URL": self.url, "VPS_API_TOKEN": self.token}

    def get(self, path: str) -> dict[str, Any]:
        """Ask the service directly."""
        said: dict[str, Any] = httpx.get(self.url + path, headers={"Authorization": f"Bearer {TOKEN}"}).json()
        return said

    def backups(self, backup_type: str = "manual") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get(f"/backups/?page_size=1000&backup_type={backup_type}")["results"]
        return found


def run(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the installed command; see that it never shows a traceback nor the token."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        env={**bare_environment(folder), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    said = done.stdout + done.stderr
    assert "Traceback" not in said, said
    if token := environment.get("VPS_API_TOKEN"):
        assert token not in said, said
        written = [it for it in folder.rglob("*") if it.is_file() and it.name != "token"]
        assert [it for it in written if token.encode() in it.read_bytes()] == []
    return done


def bare_environment(folder: Path) -> dict[str, str]:
    """Return an environment without anything of ours, and with a home that is empty."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("VPS_", "NO_COLOR", "FORCE_"))}
    return {**inherited, "HOME": str(folder / "home"), "COLUMNS": "100"}


@contextmanager
def sandbox(folder: Path, *options: str, seed: object = None) -> Iterator[Sandbox]:
    """Serve a sandbox on a free port for as long as the block lasts."""
    if seed is not None:
        file = folder / "seed.json"
        file.write_text(json.dumps(seed), encoding="utf-8")
        options = (*options, "--seed", str(file))
    command = [*COMMAND, "sandbox", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as served:
        assert served.stdout
        try:
            lines = [served.stdout.readline().strip() for _ in range(2)]
            assert lines[1] == f"export VPS_API_TOKEN={TOKEN}", lines
            yield Sandbox(lines[0].removeprefix("export VPS_API_URL="), folder)
        finally:
            served.terminate()
            served.wait(10)
