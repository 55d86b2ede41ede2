"""Runs the sandbox on 127.0.0.1 over real HTTP."""

import random
import socket
from collections import deque
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime

import uvicorn

from reconcile.sandbox.account import ALL, EMAIL, Account, Record
from reconcile.sandbox.http import application

HOST = "127.0.0.1"
_MINUTE = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Behaviour:
    """How the sandbox treats its clients; `rate_limit` is in requests per minute, None for no limit."""

    backup_seconds: float = 5.0
    page_size: int = 100
    latency: float = 0.0
    fail_rate: float = 0.0
    rate_limit: int | None = None
    names: tuple[str, ...] = ()
    """The names of the accounts; one without a name if there is none."""


@dataclass(slots=True)
class RateLimit:
    """Allows at most `most` requests in any minute."""

    most: int
    monotonic: Callable[[], float]
    _served: deque[float] = field(default_factory=deque)

    def wait(self) -> float:
        """Count a request and return 0; if there were too many, return the whole seconds to wait instead."""
        now = self.monotonic()
        while self._served and self._served[0] <= now - _MINUTE:
            self._served.popleft()
        if len(self._served) >= self.most:
            return max(1.0, round(self._served[0] + _MINUTE - now + 0.5))
        self._served.append(now)
        return 0.0


def bind(port: int) -> socket.socket:
    """Listen on a port of this machine, 0 for any free one; raises OSError if it is taken or not permitted."""
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen()  # from now on a client waits, rather than being rejected
    except OSError:
        listener.close()
        raise
    return listener


def exports(listener: socket.socket, names: tuple[str, ...] = ()) -> list[str]:
    """Return the shell lines that point reconcile at the sandbox: its URL, and the token of each account."""
    port = listener.getsockname()[1]
    tokens = [f"export VPS_API_TOKEN_{name.upper().replace('-', '_')}={ALL}_{name}" for name in names]
    return [f"export VPS_API_URL=http://{HOST}:{port}/api/v1", *(tokens or [f"export VPS_API_TOKEN={ALL}"])]


def serve(
    listener: socket.socket,
    seed: tuple[list[Record], list[Record]],
    behaviour: Behaviour,
    *,
    now: Callable[[], datetime],
    monotonic: Callable[[], float],
) -> None:
    """Serve an account, or one for each name, until interrupted."""
    servers, backups = seed
    accounts = [
        Account(
            servers=deepcopy(servers),
            backups=deepcopy(backups),
            now=now,
            backup_seconds=behaviour.backup_seconds,
            fails=lambda: random.random() < behaviour.fail_rate,  # noqa: S311 - practice, not cryptography
            name=name,
            email=f"ops@{name}.example" if name else EMAIL,
        )
        for name in behaviour.names or ("",)
    ]
    limit = RateLimit(behaviour.rate_limit, monotonic) if behaviour.rate_limit else None
    served = application(
        *accounts,
        page_size=behaviour.page_size,
        latency=behaviour.latency,
        wait=limit.wait if limit else lambda: 0.0,
    )
    uvicorn.Server(uvicorn.Config(served, log_level="warning", lifespan="off")).run(sockets=[listener])
