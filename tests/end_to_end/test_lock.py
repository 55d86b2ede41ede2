"""Two applies on one machine: the second one names the process that holds the lock, or waits."""

import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.command import FILE, Sandbox, bare_environment, sandbox
from support.forked import Forked


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Sandbox]:
    with sandbox(tmp_path, backup_seconds=60) as served:
        served.write(FILE)
        yield served


@contextmanager
def another_apply(service: Sandbox) -> Iterator[Forked]:
    """Run an apply that waits for its backup for as long as the block lasts."""
    environment = {**bare_environment(service.folder), **service.environment}
    first = Forked("apply", "--auto-approve", folder=service.folder, environment=environment)
    while len(service.backups()) == 1:
        time.sleep(0.05)
    yield first
    service.complete_backups()
    assert first.done.returncode in {0, -signal.SIGKILL}


def test_the_second_names_the_process_that_holds_the_lock_and_since_when(service: Sandbox) -> None:
    with another_apply(service) as first:
        second = service.run("apply", "--auto-approve")

        assert second.returncode == 1
        holder = f"{service.url}: process {first.pid}, user "
        assert f"another apply is running against this account at {holder}" in second.stderr
        assert re.search(r"started at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\n", second.stderr)
        assert "--lock-timeout" in second.stderr
    assert first.done.returncode == 0


def test_the_second_waits_as_long_as_it_may(service: Sandbox) -> None:
    with another_apply(service):
        threading.Timer(1.5, service.complete_backups).start()
        second = service.run("apply", "--auto-approve", "--lock-timeout", "60s")

        assert second.returncode == 0
        assert second.stderr.startswith("Waiting: another apply")
        assert "No changes." in second.stdout
    assert len(service.backups()) == 2


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--lock-timeout=1s", "It did not end within --lock-timeout."),
        ("--timeout=1s", "stopped: out of time while waiting for another apply: process"),
    ],
)
def test_a_lock_that_is_not_released_in_time_is_one_error(option: str, message: str, service: Sandbox) -> None:
    with another_apply(service) as first:
        late = service.run("apply", "--auto-approve", "--lock-timeout", "30s", option)
        os.kill(first.pid, signal.SIGKILL)

    assert late.returncode == 1
    assert message in late.stderr


def test_a_plan_needs_no_lock(service: Sandbox) -> None:
    with another_apply(service):
        assert service.run("plan").returncode == 0


def test_a_holder_that_died_holds_nothing(service: Sandbox) -> None:
    with another_apply(service) as first:
        os.kill(first.pid, signal.SIGKILL)
        assert first.done.returncode == -signal.SIGKILL

        assert service.run("apply", "--auto-approve").returncode == 0
    assert len(service.backups()) == 2


def test_a_restore_does_not_run_beside_an_apply_but_shows_what_there_is(service: Sandbox) -> None:
    (held,) = service.backups()
    with another_apply(service) as first:
        restored = service.run("restore", "12345", "--backup", str(held["id"]), "--auto-approve")
        shown = service.run("restore", "12345")

        assert restored.returncode == 1
        holder = f"{service.url}: process {first.pid}, user "
        assert f"another apply is running against this account at {holder}" in restored.stderr
        assert "another apply" not in shown.stderr
    assert "no backup of web-server-01 was chosen" in shown.stderr
