"""One apply at a time on one account and one machine; across machines only the protocol itself helps."""

import getpass
import hashlib
import os
import socket
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from reconcile.actual.credentials import Access
from reconcile.cli.session import home_folder
from reconcile.clock import StoppableClock, StoppedError
from reconcile.diagnostics import UserError
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
    with ExitStack() as held:
        try:
            folder = _folder()
            for name in (access.token, account) if account else (access.token,):
                digest = hashlib.sha256(f"{access.base_url} {name}".encode()).hexdigest()[:32]
                lock = FileLock(folder / f"{digest}.lock", fallback_to_soft=False)
                await _acquire(lock, access.base_url, patience, announce, clock)
                held.callback(_release, lock)
        except (OSError, NotImplementedError) as error:
            consequence = "so another apply on this machine would not be detected"
            announce(f"warning: could not take the lock, {consequence}: {error}")
        yield


async def _acquire(
    lock: FileLock, base_url: str, patience: float, announce: Callable[[str], None], clock: StoppableClock
) -> None:
    give_up_at = clock.monotonic() + patience
    is_announced = False
    while holder := _attempt(lock, clock.now()):
        problem = f"another apply is running against this account at {base_url}: {holder}"
        if not patience:
            raise UserError(problem, "Wait for it to finish, or let this one wait: --lock-timeout 10min.")
        if clock.monotonic() >= give_up_at:
            raise UserError(problem, "It did not end within --lock-timeout. Wait for it to finish, or allow more time.")
        if not is_announced:
            is_announced = True
            announce(f"Waiting: {problem}")
        try:
            await clock.sleep(_POLL)
        except StoppedError as stopped:
            raise StoppedError(stopped.reason, f"waiting for another apply: {holder}") from None


def _release(lock: FileLock) -> None:
    with suppress(OSError):
        _holder(lock).unlink(missing_ok=True)
    lock.release()


def _attempt(lock: FileLock, now: datetime) -> str | None:
    """Take the lock and return None, or return which process holds it."""
    file = _holder(lock)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        holder = ""
        with suppress(OSError, ValueError, UserError):
            holder = read_file(file, MEBIBYTE).decode() if file.is_file() else ""  # reading a FIFO might never end
        return holder or "an unknown process"
    user = f"uid {os.getuid()}"
    with suppress(KeyError, OSError):  # a user without an entry in the password file, as in many containers
        user = getpass.getuser()
    started = f"{now:%Y-%m-%d %H:%M:%S} UTC"
    name = f"process {os.getpid()}, user {user}, host {socket.gethostname()}, started at {started}"
    with suppress(OSError):  # the lock holds without a name, where the disk is full
        file.unlink(missing_ok=True)  # what a killed apply has left behind, whatever it is
        file.write_text(name, "utf-8")
    return None


def _holder(lock: FileLock) -> Path:
    """Return the file that describes the process that holds a lock."""
    return Path(lock.lock_file).with_suffix(".txt")


def _folder() -> Path:
    """Return the folder for locks: in the user's folder for state or, if that is not writable, in the temporary one.

    The folder for state is that of freedesktop's base directories.
    """
    state = Path(os.environ.get("XDG_STATE_HOME", ""))
    if not state.is_absolute() and (home := home_folder()):
        state = home / ".local" / "state"
    if state.is_absolute():
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
