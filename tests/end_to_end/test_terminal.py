"""On a real terminal: questions, Ctrl-C, and what is shown while something is waited for."""

import os
import shlex
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest
from support.command import COMMAND, FILE, Sandbox, bare_environment, sandbox
from support.forked import programs
from support.killer import killer
from support.schedules import OLD


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Sandbox]:
    with sandbox(tmp_path, backup_seconds=0.2) as served:
        served.write(FILE)
        yield served


def spawn(service: Any, *command: str) -> "pexpect.spawn[str]":  # noqa: ANN401 - a sandbox or a killer
    env: Any = {**bare_environment(service.folder), **service.environment, "TERM": "xterm-256color"}
    return pexpect.spawn(
        command[0],
        list(command[1:]),
        cwd=str(service.folder),
        env=env,
        encoding="utf-8",
        codec_errors="replace",
        timeout=20,
        dimensions=(40, 160),
    )


def forked() -> str:
    """Return the command for tests that need a terminal, but not the start of Python, which takes most of the time."""
    return str(programs() / "reconcile")


def exit_code(command: "pexpect.spawn[str]") -> int | None:
    command.expect(pexpect.EOF)
    command.wait()
    code: int | None = command.exitstatus
    return code


def test_yes_applies_and_progress_is_shown(service: Sandbox) -> None:
    asked = spawn(service, *COMMAND, "apply")

    asked.expect("Enter a value")
    asked.sendline("yes")
    asked.expect("sending")
    asked.expect("completed after")
    asked.expect("Apply complete")

    assert exit_code(asked) == 0
    assert len(service.backups()) == 2


def test_an_answer_in_another_encoding_is_not_yes(service: Sandbox) -> None:
    asked = spawn(service, forked(), "apply")

    asked.expect("Enter a value")
    os.write(asked.child_fd, "s\u00ec\n".encode("latin-1"))

    asked.expect("apply cancelled; nothing was changed")
    assert exit_code(asked) == 1
    assert len(service.backups()) == 1


def test_nohup_keeps_it_alive_when_its_terminal_closes(service: Sandbox) -> None:
    asked = spawn(service, "sh", "-c", f"trap '' HUP; exec {shlex.join(COMMAND)} apply")

    asked.expect("Enter a value")
    asked.kill(signal.SIGHUP)
    asked.sendline("yes")

    asked.expect("Apply complete")
    assert exit_code(asked) == 0


def test_ctrl_c_at_the_question_changes_nothing(service: Sandbox) -> None:
    asked = spawn(service, *COMMAND, "apply")

    asked.expect("Enter a value")
    asked.sendintr()
    asked.expect("nothing was changed")

    assert exit_code(asked) == 130
    assert len(service.backups()) == 1


def test_an_end_of_input_at_the_question_changes_nothing(service: Sandbox) -> None:
    asked = spawn(service, forked(), "apply")

    asked.expect("Enter a value")
    asked.sendeof()
    asked.expect("nothing was changed")

    assert exit_code(asked) == 130
    assert len(service.backups()) == 1


def test_ctrl_c_at_the_question_restores_nothing(tmp_path: Path) -> None:
    with killer(tmp_path) as service:
        asked = spawn(service, forked(), "restore", "db", "--backup", str(OLD))

        asked.expect("type the name of the server")
        asked.sendintr()
        asked.expect("Cancelled; nothing was restored")

        assert exit_code(asked) == 130
        assert "nothing was restored" not in str(asked.before), "said once"
        assert service.world.record == []


def test_a_slow_service_is_named_while_it_is_waited_for(tmp_path: Path) -> None:
    with sandbox(tmp_path, latency=0.4) as service:
        service.write(FILE)
        planned = spawn(service, forked(), "plan")

        planned.expect(f"Reading the account at {service.url}")
        planned.expect("1 to create")

        assert exit_code(planned) == 0
