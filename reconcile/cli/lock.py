"""One apply at a time on one account and one machine; across machines only the protocol itself can help."""

import getpass
import hashlib
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from platformdirs import user_state_path

from reconcile.cli.output import Output
from reconcile.diagnostics import UserError
from reconcile.durations import Duration
from reconcile.plan.wording import age


@contextmanager
def account_lock(base_url: str, timeout: Duration | None, output: Output) -> Iterator[None]:
    """Hold the account's lock for as long as the block lasts; the system lets go of it if we die.

    Where there can be no lock, because the state directory can't be written, this says so and goes on: the protocol
    is safe without, only less tidy.

    Raises:
        UserError: another apply holds it, and did not let go within `timeout`.
    """
    seconds = timeout.in_seconds(datetime.now(UTC)) if timeout else 0.0
    try:
        file = _lock_file(base_url)
        lock = FileLock(file, fallback_to_soft=False)
        _acquire(lock, file, base_url, seconds, output)
    except (OSError, NotImplementedError) as error:
        output.note(f"warning: no lock, another apply on this machine would not be noticed: {error}")
        yield
        return
    try:
        yield
    finally:
        with suppress(OSError):
            _holder(file).unlink(missing_ok=True)
        lock.release()


def _lock_file(base_url: str) -> Path:
    folder = user_state_path("reconcile") / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{hashlib.sha256(base_url.encode()).hexdigest()[:16]}.lock"


def _acquire(lock: FileLock, file: Path, base_url: str, seconds: float, output: Output) -> None:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        held = f"another apply is working on {base_url}: {_who(file)}"
        if not seconds:
            raise UserError(held, "Wait until it is done, or let this one wait with --lock-timeout 10min.") from None
        output.note(f"Waiting, {held}")
        try:
            lock.acquire(timeout=seconds)
        except Timeout:
            raise UserError(f"{held}, still", "It was waited for as long as --lock-timeout says.") from None
    holder = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "user": getpass.getuser(),
        "since": datetime.now(UTC).isoformat(),
    }
    _holder(file).write_text(json.dumps(holder), encoding="utf-8")


def _holder(lock_file: Path) -> Path:
    return lock_file.with_suffix(".json")


def _who(lock_file: Path) -> str:
    try:
        said: Any = json.loads(_holder(lock_file).read_text(encoding="utf-8"))
        since = age(datetime.now(UTC) - datetime.fromisoformat(said["since"]))
        return f"process {said['pid']} of {said['user']} on {said['host']}, for {since}"
    except (OSError, ValueError, TypeError, KeyError):
        return "it does not say who it is"
