"""A sandbox that serves several accounts, each to its own token."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import uvicorn
from anyio.from_thread import start_blocking_portal

from reconcile.sandbox.account import Account, sample
from reconcile.sandbox.http import application
from support.command import Done, bare_environment, run
from support.forked import Forked


@dataclass
class Accounts:
    """A running sandbox with several accounts, and a folder to work in."""

    url: str
    folder: Path
    accounts: dict[str, Account]

    def run(self, account: str, *arguments: str) -> Done:
        """Run the command with the token of an account."""
        return run(*arguments, folder=self.folder, VPS_API_URL=self.url, VPS_API_TOKEN=self.accounts[account].token)

    def start(self, account: str, *arguments: str) -> Forked:
        """Start the command in a separate process, with the token of an account."""
        given = {"VPS_API_URL": self.url, "VPS_API_TOKEN": self.accounts[account].token}
        return Forked(*arguments, folder=self.folder, environment={**bare_environment(self.folder), **given})


@contextmanager
def accounts(folder: Path, names: Sequence[str]) -> Iterator[Accounts]:
    """Serve an account for each name, all with the same sample, for as long as the block lasts."""
    servers, backups = sample(datetime.now(UTC))
    found = {
        name: Account(
            servers=deepcopy(servers),
            backups=deepcopy(backups),
            now=lambda: datetime.now(UTC),
            backup_seconds=0.0,
            name=name,
        )
        for name in names
    }
    server = uvicorn.Server(uvicorn.Config(application(*found.values()), log_level="warning", lifespan="off"))
    with socket.create_server(("127.0.0.1", 0)) as listener, start_blocking_portal() as portal:
        serving = portal.start_task_soon(server.serve, [listener])
        try:
            yield Accounts(f"http://127.0.0.1:{listener.getsockname()[1]}/api/v1", folder, found)
        finally:
            serving.cancel()
