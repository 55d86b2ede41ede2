"""`-q`, for cron: mail that arrives is about something."""

import json
from pathlib import Path

import httpx
import pytest
from support.command import FILE, Sandbox, sandbox
from support.killer import Killer
from support.schedules import OLD


@pytest.mark.parametrize(
    ("command", "line"),
    [
        (["validate"], "Valid: 1 series on 1 server."),
        (["plan"], "Plan: 1 to create, 0 to delete; 0 backups unchanged, 1 unmanaged."),
        (["apply", "--auto-approve"], "Apply complete: 1 created, 0 deleted."),
        (["status"], "0 of 1 series healthy, 1 server unprotected."),
        (["list"], "3 backups, 13.1 GiB, on 2 servers."),
        (["list", "--type", "manual"], "1 manual backup, 4.4 GiB, on 2 servers."),
        (["doctor"], "Ready to apply."),
        (
            ["restore", "web-server-01", "--backup", "501", "--auto-approve"],
            "Started restoring 'web-server-01' from #501.",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_goes_well_is_one_line(command: list[str], line: str, service: Sandbox) -> None:
    done = service.run(*command, "-q")

    assert done.stdout.splitlines()[-1].startswith(line.rstrip("."))
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""


def test_an_apply_with_nothing_to_do_is_one_line(service: Sandbox) -> None:
    service.run("apply", "--auto-approve")

    done = service.run("apply", "--auto-approve", "--quiet")

    assert done.shown == "No changes. The account matches the files: 1 backup unchanged, 1 unmanaged.\n"


def test_every_problem_is_shown(service: Sandbox) -> None:
    service.write('[servers.web-server-01]\nid = 12345\nbackups = [{ description = "a" }, { description = "b" }]\n')

    loud, quiet = (service.run("status", "--check", *option) for option in ([], ["-q"]))

    assert len(loud.stdout.splitlines()) == 2, loud.shown
    assert quiet.stdout == loud.stdout


@pytest.mark.parametrize("command", [["import", "--out", "new.toml"], ["init", "--out", "new.toml"]], ids=str)
def test_a_file_that_is_written_needs_no_word(command: list[str], service: Sandbox) -> None:
    done = service.run(*command, "-q")

    assert (done.returncode, done.shown) == (0, "")


def test_on_a_terminal_nothing_moves(service: Sandbox) -> None:
    done = service.ask("apply", "--auto-approve", "-q", "--no-color", answer="")

    assert done.stdout.splitlines() == ["\x1b[1mApply complete: \x1b[0m1 created, 0 deleted."]
    assert done.stderr == ""


def test_errors_are_shown_and_warnings_are_not(service: Sandbox) -> None:
    service.write(
        f"{FILE}[servers.gone]\nid = 9\npinned = [7]\nbackups = []\n[servers.db-server-01]\nid = 12346\npinned = [7]\n"
    )

    loud, quiet = service.run("plan"), service.run("plan", "-q")

    assert quiet.returncode == 1
    assert quiet.stderr == loud.stderr
    assert "the account has no server with the id 9" in quiet.stderr
    assert "warning" in loud.stdout
    assert "warning" not in quiet.shown
    assert quiet.stdout.splitlines() == [
        "Plan: 1 to create, 0 to delete; 0 backups unchanged, 1 unmanaged.",
        "Incomplete plan: 1 error. Everything else is planned.",
    ]


def test_what_an_apply_could_not_do_is_shown_with_the_reason(tmp_path: Path) -> None:
    with sandbox(tmp_path, fails=True) as service:
        service.write(FILE)
        done = service.run("apply", "--auto-approve", "-q")

    assert done.returncode == 1
    assert "web-server-01/nightly: failed: #502 ended as 'failed'" in done.stdout
    assert "Apply incomplete: 0 created, 0 deleted, 1 failed." in done.stdout
    assert "to create" not in done.stdout


def test_what_is_withheld_is_shown(service: Sandbox) -> None:
    service.write("[servers.web-server-01]\nid = 12345\nprune = true\nbackups = []\n")

    done = service.run("plan", "-q")

    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == ["Plan", "Withheld"]
    assert "--allow-loss 1" in done.stdout


@pytest.mark.parametrize("command", [["plan"], ["status"], ["list"], ["doctor"]], ids=str)
def test_json_is_the_same(command: list[str], service: Sandbox) -> None:
    loud, quiet = (json.loads(service.run(*command, "--json", *option).stdout) for option in ([], ["-q"]))

    assert list(loud) == list(quiet)


@pytest.mark.parametrize(
    "command", [["apply"], ["restore", "web-server-01", "--backup", "501"]], ids=lambda command: command[0]
)
def test_nothing_is_asked_that_was_not_shown(command: list[str], service: Sandbox) -> None:
    done = service.ask(*command, "-q", answer="yes")

    assert done.returncode == 1
    assert "can't ask for approval with -q, because it hides the plan; nothing was " in done.stderr
    assert "--auto-approve" in done.stderr
    assert len(service.backups()) == 1


def test_it_does_not_go_with_verbose(service: Sandbox) -> None:
    done = service.run("plan", "-q", "-v")

    assert (done.returncode, done.stdout) == (1, "")
    assert "-v or -q, not both" in done.stderr


def test_a_safety_backup_that_is_completed_needs_no_word(odd_service: Killer) -> None:
    done = odd_service.run("restore", "db", "--backup", str(OLD), "-q", "--auto-approve", "--safety-backup")

    assert done.shown == "Started restoring 'db' from #21.\n"


def test_a_safety_backup_that_is_left_behind_is_shown(odd_service: Killer) -> None:
    odd_service.world.account.backup_seconds = 60

    arguments = ("--auto-approve", "--safety-backup", "--timeout", "10s")
    done = odd_service.run("restore", "db", "--backup", str(OLD), "-q", *arguments)

    assert done.returncode == 1
    assert "was started, but is not known to have completed" in done.stderr
    assert "nothing was restored" in done.stderr
    assert done.stdout == ""


def test_a_restore_that_may_have_begun_is_shown(odd_service: Killer) -> None:
    def lose(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        return None if request.method == "POST" else answer

    odd_service.answer_instead = lose

    done = odd_service.run("restore", "db", "--backup", str(OLD), "-q", "--auto-approve")

    assert done.returncode == 1
    assert "the restore may have started" in done.stderr
