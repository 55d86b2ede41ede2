"""Two applies on one machine: the second one is told who is at work, or waits."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.command import COMMAND, Sandbox, bare_environment, sandbox

FILE = '[servers.web-server-01]\nid = 12345\nbackups = [{ description = "nightly" }]\n'


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Sandbox]:
    with sandbox(tmp_path, "--backup-seconds", "1.6") as served:
        served.write(FILE)
        yield served


@contextmanager
def another_apply(service: Sandbox) -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen(
        [*COMMAND, "apply", "--auto-approve"],
        cwd=service.folder,
        env={**bare_environment(service.folder), **service.environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as first:
        while len(service.backups()) == 1:
            time.sleep(0.05)
        yield first


def test_the_second_is_told_who_holds_the_lock_and_since_when(service: Sandbox) -> None:
    with another_apply(service) as first:
        second = service.run("apply", "--auto-approve")

        assert second.returncode == 1
        assert f"another apply is working on {service.url}: process {first.pid} of " in second.stderr
        assert ", for " in second.stderr
        assert "--lock-timeout" in second.stderr
    assert first.returncode == 0


def test_the_second_waits_as_long_as_it_is_told_to(service: Sandbox) -> None:
    with another_apply(service):
        second = service.run("apply", "--auto-approve", "--lock-timeout", "30s")

        assert second.returncode == 0
        assert second.stderr.startswith("Waiting, another apply")
        assert "No changes." in second.stdout
    assert len(service.backups()) == 2


def test_a_plan_needs_no_lock(service: Sandbox) -> None:
    with another_apply(service):
        assert service.run("plan").returncode == 0


def test_a_holder_that_died_holds_nothing(service: Sandbox) -> None:
    with another_apply(service) as first:
        os.kill(first.pid, signal.SIGKILL)
        first.wait()

        assert service.run("apply", "--auto-approve").returncode == 0
    assert len(service.backups()) == 2


def test_where_there_can_be_no_lock_it_is_said_and_apply_goes_on(service: Sandbox) -> None:
    done = service.run("apply", "--auto-approve", XDG_STATE_HOME="/dev/null/nowhere")

    assert done.returncode == 0
    assert "warning: no lock" in done.stderr
