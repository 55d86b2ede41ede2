"""One apply at a time on one account and one machine; across machines only the protocol itself helps."""

import getpass
import hashlib
import json
import os
import socket
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from reconcile.actual.credentials import Access
from reconcile.cli.session import home_folder
from reconcile.clock import StoppableClock, StoppedError
from reconcile.diagnostics import UserError
from reconcile.durations import age_text
from reconcile.limits import MEBIBYTE, read_file

_POLL = 0.2
"""Seconds between two attempts."""


@asynccontextmanager
async def account_lock(
    access: Access, account: str | None, patience: float, announce: Callable[[str], None], clock: StoppableClock
) -> AsyncIterator[None]:
    """Hold the account's lock for as long as the block lasts; the system releases it if this process dies.

    An account is identified by the token, and by its name if a file gives it: one account may have several tokens. If
    no folder for the lock can be written, this prints a warning and continues: an apply is safe without the lock.

    Raises:
        UserError: another apply holds it, and did not release it within `patience` seconds.
        StoppedError: interrupted, or out of time.
    """
    async with AsyncExitStack() as locks:
        try:
            folder = _folder()
            for name in (access.token, account) if account else (access.token,):
                file = folder / f"{hashlib.sha256(f'{access.base_url} {name}'.encode()).hexdigest()[:32]}.lock"
                await locks.enter_async_context(_lock(file, access.base_url, patience, announce, clock))
        except (OSError, NotImplementedError) as error:
            consequence = "so another apply on this machine would not be detected"
            announce(f"warning: could not take the lock, {consequence}: {error}")
        yield


@asynccontextmanager
async def _lock(
    file: Path, base_url: str, patience: float, announce: Callable[[str], None], clock: StoppableClock
) -> AsyncIterator[None]:
    lock = FileLock(file, fallback_to_soft=False)
    if held_by_another := _attempt(lock, file, clock.now()):
        if not patience:
            advice = "Wait for it to finish, or let this one wait: --lock-timeout 10min."
            raise UserError(f"another apply is running against this account at {base_url}: {held_by_another}", advice)
        announce(f"Waiting: another apply is running against this account at {base_url}: {held_by_another}")
        give_up_at = clock.monotonic() + patience
        while still_held := _attempt(lock, file, clock.now()):
            if clock.monotonic() >= give_up_at:
                raise UserError(
                    f"another apply is still running against this account at {base_url}: {still_held}",
                    "It did not end within --lock-timeout. Wait for it to finish, or allow more time.",
                )
            await _pause(clock, still_held)
    try:
        yield
    finally:
        with suppress(OSError):
            _holder(file).unlink(missing_ok=True)
        lock.release()


async def _pause(clock: StoppableClock, holder: str) -> None:
    try:
        await clock.sleep(_POLL)
    except StoppedError as stopped:
        raise StoppedError(stopped.reason, f"waiting for another apply: {holder}") from None


def _attempt(lock: FileLock, file: Path, now: datetime) -> str | None:
    """Take the lock and return None, or return which process holds it."""
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return _description(_holder(file), now)
    user = f"uid {os.getuid()}"
    with suppress(KeyError, OSError):  # a user without an entry in the password file, as in many containers
        user = getpass.getuser()
    holder = {"pid": os.getpid(), "host": socket.gethostname(), "user": user, "since": now.isoformat()}
    _holder(file).unlink(missing_ok=True)  # what a killed apply has left behind, whatever it is
    _holder(file).write_text(json.dumps(holder), encoding="utf-8")
    return None


def _folder() -> Path:
    """Return the folder for locks: in the user's folder for state or, if that is not writable, in the temporary one."""
    if state := _state_folder():
        with suppress(OSError):
            folder = state / "reconcile" / "locks"
            folder.mkdir(parents=True, exist_ok=True)
            if os.access(folder, os.W_OK):
                return folder
    folder = Path(tempfile.gettempdir()) / f"reconcile-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to someone else")
    return folder


def _state_folder() -> Path | None:
    """Return the user's folder for state, as freedesktop's base directories define it; None without a home."""
    stated = Path(os.environ.get("XDG_STATE_HOME", ""))
    if stated.is_absolute():
        return stated
    home = home_folder()
    return home / ".local" / "state" if home else None


def _holder(lock_file: Path) -> Path:
    return lock_file.with_suffix(".json")


def _description(file: Path, now: datetime) -> str:
    try:
        # Reading a FIFO might never end.
        holder: Any = json.loads(read_file(file, MEBIBYTE)) if file.is_file() else None
        since = age_text(now - datetime.fromisoformat(holder["since"]))
        return f"process {holder['pid']}, user {holder['user']}, host {holder['host']}, started {since} ago"
    except (OSError, ValueError, TypeError, KeyError, UserError):
        return "an unknown process"
