"""Where the lock of an apply is: in the state folder, else in the temporary one; a missing home is never created."""

import os
import tempfile
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import anyio
import pytest
from filelock import FileLock
from support.command import Done, Sandbox

from reconcile.actual.credentials import Access
from reconcile.cli.lock import account_lock
from reconcile.cli.output import Output
from reconcile.cli.system_clock import SystemClock
from reconcile.clock import StoppableClock
from reconcile.diagnostics import UserError


@pytest.fixture(autouse=True)
def _own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))


def apply(service: Sandbox, **environment: str) -> Done:
    done = service.run("apply", "--auto-approve", **environment)
    assert done.returncode == 0, done.shown
    return done


def folders_of_locks(service: Sandbox) -> set[str]:
    return {str(file.parent.relative_to(service.folder)) for file in service.folder.rglob("*.lock")}


def test_it_is_in_the_state_folder(service: Sandbox) -> None:
    apply(service, XDG_STATE_HOME=str(service.folder / "new/state"))

    assert folders_of_locks(service) == {"new/state/reconcile/locks"}


@pytest.mark.parametrize("stated", ["", "relative"])
def test_without_a_state_folder_it_is_in_the_home(stated: str, service: Sandbox) -> None:
    (service.folder / "home").mkdir()

    apply(service, XDG_STATE_HOME=stated)

    assert folders_of_locks(service) == {"home/.local/state/reconcile/locks"}


@pytest.mark.parametrize("home", ["", "missing", "{folder}/missing", "{folder}/backups.toml"])
def test_without_a_home_it_is_in_the_temporary_folder_and_no_home_is_created(home: str, service: Sandbox) -> None:
    before = set(service.folder.iterdir())

    done = apply(service, XDG_STATE_HOME="", HOME=home.format(folder=service.folder))

    assert "warning" not in done.stderr
    assert folders_of_locks(service) == {f"temporary/reconcile-{os.getuid()}"}
    assert set(service.folder.iterdir()) == before


def test_a_state_folder_that_cannot_be_created_is_none(service: Sandbox) -> None:
    apply(service, XDG_STATE_HOME="/dev/null/nowhere")

    assert folders_of_locks(service) == {f"temporary/reconcile-{os.getuid()}"}


def test_where_there_can_be_no_lock_apply_says_so_once_and_goes_on(service: Sandbox) -> None:
    (service.folder / f"temporary/reconcile-{os.getuid()}").symlink_to(service.folder)

    done = apply(service, XDG_STATE_HOME="/dev/null/nowhere")

    assert done.stderr.count("warning: could not take the lock") == 1


def access(token: str, base_url: str = "https://vps.example/api/v1") -> Access:
    return Access(base_url=base_url, token=token, token_from="a test")


@pytest.mark.parametrize(
    ("first", "second", "is_free"),
    [
        ((access("vps_a"), None), (access("vps_b"), None), True),
        ((access("vps_a"), None), (access("vps_a"), None), False),
        ((access("vps_a"), "ops@example.com"), (access("vps_a"), None), False),
        ((access("vps_a"), "ops@example.com"), (access("vps_b"), "ops@example.com"), False),
        ((access("vps_a"), "ops@example.com"), (access("vps_b"), "dev@example.com"), True),
        ((access("vps_a"), None), (access("vps_a", "https://other.example"), None), True),
    ],
)
def test_there_is_one_lock_for_each_account(
    first: tuple[Access, str | None],
    second: tuple[Access, str | None],
    *,
    is_free: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    async def both() -> None:
        clock = StoppableClock(SystemClock(), seconds=60)
        async with (
            clock,
            account_lock(*first, 0.0, Output().note, clock),
            account_lock(*second, 0.0, Output().note, clock),
        ):
            pass

    if is_free:
        anyio.run(both)
    else:
        with pytest.raises(UserError, match=r"another apply is running against this account at https://vps\.example"):
            anyio.run(both)
    assert "vps_" not in "".join(map(str, tmp_path.rglob("*")))


def test_a_holder_that_cannot_be_named_holds_it_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk, for example, has room for an empty lock file, but not for a name."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    notes: list[str] = []

    async def take(*, times: int) -> None:
        async with StoppableClock(SystemClock(), seconds=60) as clock, AsyncExitStack() as held:
            for _ in range(times):
                await held.enter_async_context(account_lock(access("vps_a"), None, 0.0, notes.append, clock))

    anyio.run(partial(take, times=1))
    (lock,) = tmp_path.rglob("*.lock")
    lock.with_suffix(".txt").mkdir()

    with pytest.raises(UserError, match="an unknown process"):
        anyio.run(partial(take, times=2))
    assert notes == []


@pytest.mark.parametrize("kind", ["FIFO", "device"])
def test_what_names_its_holder_may_be_anything(kind: str, service: Sandbox) -> None:
    """It is only read where it is a file, and replaced by the next that takes the lock."""

    def falsify(lock: Path) -> Path:
        holder = lock.with_suffix(".txt")
        holder.unlink(missing_ok=True)
        if kind == "FIFO":
            os.mkfifo(holder)
        else:
            holder.symlink_to("/dev/zero")
        return holder

    apply(service)
    (lock,) = service.folder.rglob("*.lock")
    falsify(lock)
    apply(service)
    with FileLock(lock):
        holder = falsify(lock)
        done = service.run("apply", "--auto-approve")
    holder.unlink()

    assert done.returncode == 1
    assert "another apply is running against this account" in done.stderr
    assert "an unknown process" in done.stderr
