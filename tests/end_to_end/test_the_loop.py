"""The whole loop, with the installed command, over real HTTP."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pexpect
import pytest
from support.command import COMMAND, READ_ONLY, Sandbox, bare_environment, run, sandbox

FIRST = """\
[servers.web-server-01]
id = 12345

[[servers.web-server-01.backups]]
description = "Pre-update backup"

[[servers.web-server-01.backups]]
description = "nightly"
every = "1d"
keep = 7
"""

PRUNING = """\
[settings]
prune = true

[servers.web-server-01]
id = 12345
backups = [{ description = "nightly", every = "1d", keep = 7 }]
"""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Sandbox]:
    with sandbox(tmp_path, "--backup-seconds", "0.2") as served:
        served.write(FIRST)
        yield served


def changes(service: Sandbox) -> list[tuple[str, list[str], str | None]]:
    planned = json.loads(service.run("plan", "--json").stdout)
    entries = planned["resource_changes"]
    return [(it["address"], it["change"]["actions"], it.get("action_reason")) for it in entries]


def test_declare_plan_apply_and_nothing_is_left_to_do(service: Sandbox) -> None:
    assert service.run("plan", "--detailed-exitcode").returncode == 2
    assert changes(service) == [
        ('vps_backup.web-server-01["Pre-update backup#499"]', ["no-op"], None),
        ('vps_backup.web-server-01["nightly"]', ["create"], "missing"),
    ]

    applied = service.run("apply", "--auto-approve")

    assert applied.returncode == 0, applied.stderr
    assert "Apply complete: 1 created, 0 deleted." in applied.stdout
    assert [(it["description"], it["status"]) for it in service.backups()] == [
        ("nightly", "completed"),
        ("Pre-update backup", "completed"),
    ]
    again = service.run("plan", "--detailed-exitcode")
    assert again.returncode == 0
    assert "No changes." in again.stdout


def test_an_undeclared_backup_is_pruned_and_automatic_ones_are_never_touched(service: Sandbox) -> None:
    service.run("apply", "--auto-approve")
    service.write(PRUNING)

    deletes = [it for it in changes(service) if it[1] != ["no-op"]]
    assert deletes == [('vps_backup.web-server-01["Pre-update backup#499"]', ["delete"], "undeclared")]
    assert service.run("apply", "--auto-approve").returncode == 0

    assert [it["id"] for it in service.backups()] == [502]
    assert sorted(it["id"] for it in service.backups("automatic")) == [495, 501]


def test_apply_twice_makes_one(service: Sandbox) -> None:
    for _ in range(2):
        assert service.run("apply", "--auto-approve").returncode == 0

    assert len(service.backups()) == 2


def test_no_wait_leaves_the_deletes_that_hang_on_a_create_to_the_next_run(tmp_path: Path) -> None:
    old = (datetime.now(UTC) - timedelta(days=2)).isoformat()
    seed = {"servers": [{"id": 1, "name": "web"}], "backups": [backup(1, "nightly", old), backup(2, "x", old)]}
    with sandbox(tmp_path, "--backup-seconds", "0.3", seed=seed) as service:
        service.write('[servers.web]\nid = 1\nprune = true\nbackups = [{ description = "nightly", every = "1d" }]\n')

        sent = service.run("apply", "--auto-approve", "--no-wait")

        assert sent.returncode == 0, sent.stderr
        assert "1 created, 1 deleted, 1 left to the next run" in sent.stdout
        assert sorted(it["id"] for it in service.backups()) == [1, 501]
        time.sleep(0.4)
        assert service.run("apply", "--auto-approve").returncode == 0
        assert [it["id"] for it in service.backups()] == [501]


def test_a_failed_create_leaves_the_old_one_alone_and_exits_1(tmp_path: Path) -> None:
    old = (datetime.now(UTC) - timedelta(days=2)).isoformat()
    servers = [{"id": 1, "name": "web"}]
    with sandbox(
        tmp_path,
        "--backup-seconds",
        "0",
        "--fail-rate",
        "1",
        seed={"servers": servers, "backups": [backup(1, "nightly", old)]},
    ) as service:
        service.write('[servers.web]\nid = 1\nbackups = [{ description = "nightly", every = "1d" }]\n')

        failed = service.run("apply", "--auto-approve")

        assert failed.returncode == 1
        assert "web/nightly: failed: #501 ended as 'failed'" in failed.stdout
        assert "web/nightly#1: skipped: the new backup was not made" in failed.stdout
        assert "Apply incomplete: 0 created, 0 deleted, 1 failed, 1 skipped." in failed.stdout
        assert {it["id"]: it["status"] for it in service.backups()} == {1: "completed", 501: "failed"}


def test_a_backup_that_is_not_done_in_time_deletes_nothing_and_the_next_apply_goes_on(tmp_path: Path) -> None:
    old = (datetime.now(UTC) - timedelta(days=2)).isoformat()
    seed = {"servers": [{"id": 1, "name": "web"}], "backups": [backup(1, "nightly", old)]}
    with sandbox(tmp_path, "--backup-seconds", "2.5", seed=seed) as service:
        service.write('[servers.web]\nid = 1\nbackups = [{ description = "nightly", every = "1d" }]\n')

        late = service.run("apply", "--auto-approve", "--timeout", "1s")

        assert late.returncode == 1
        assert "not completed in time; #501 goes on being made" in late.stdout
        assert "1 not seen to their end, 1 not started" in late.stdout
        assert len(service.backups()) == 2
        time.sleep(2.5)
        assert service.run("apply", "--auto-approve").returncode == 0
        assert [it["id"] for it in service.backups()] == [501]


def backup(id_: int, description: str, created_at: str, server: int = 1, name: str = "web") -> dict[str, Any]:
    return {
        "id": id_,
        "server": {"id": server, "name": name},
        "backup_type": "manual",
        "status": "completed",
        "size_mb": 100,
        "created_at": created_at,
        "expires_at": None,
        "description": description,
    }


class TestOneClearMessage:
    def check(self, done: subprocess.CompletedProcess[str], words: str) -> None:
        assert done.returncode == 1
        assert done.stdout == ""
        assert words in done.stderr
        assert done.stderr.count("error:") == 1
        assert len(done.stderr.splitlines()) <= 6

    def test_no_file(self, tmp_path: Path) -> None:
        self.check(run("plan", folder=tmp_path, VPS_API_TOKEN="x"), "backups.toml: there is no such file")

    def test_no_token(self, service: Sandbox) -> None:
        self.check(run("plan", folder=service.folder, VPS_API_URL=service.url), "no token")

    def test_a_wrong_token(self, service: Sandbox) -> None:
        self.check(service.run("plan", VPS_API_TOKEN="vps_wrong"), "401 Unauthorized: Invalid token.")

    def test_no_service_there(self, service: Sandbox) -> None:
        self.check(service.run("plan", VPS_API_URL="http://127.0.0.1:9/api/v1"), "could not connect")

    def test_another_kind_of_service_there(self, service: Sandbox) -> None:
        self.check(service.run("plan", VPS_API_URL=service.url.removesuffix("/v1")), "404 Not Found")

    def test_plain_http_to_elsewhere(self, service: Sandbox) -> None:
        self.check(service.run("plan", "--base-url", "http://vps.example/api/v1"), "in the clear")

    def test_a_server_that_the_account_lacks(self, service: Sandbox) -> None:
        service.write("[servers.gone]\nid = 99\n")
        self.check(service.run("plan"), "the account has no server with the id 99")

    def test_a_target_that_matches_nothing(self, service: Sandbox) -> None:
        self.check(service.run("plan", "--target", "wbe"), "--target 'wbe' matches nothing")

    def test_apply_with_nobody_to_ask(self, service: Sandbox) -> None:
        done = service.run("apply")
        assert done.returncode == 1
        assert "apply --auto-approve" in done.stderr
        assert len(service.backups()) == 1

    def test_wrong_usage_is_1_so_that_a_typo_never_looks_like_changes(self, service: Sandbox) -> None:
        for wrong in (
            ["plan", "--detailed-exitcod"],
            ["plna"],
            ["apply", "--timeout", "7m"],
            ["plan", "--at", "noon"],
            [],
        ):
            assert service.run(*wrong).returncode == 1

    def test_a_token_that_may_only_read_plans_and_cannot_apply(self, service: Sandbox) -> None:
        assert service.run("plan", VPS_API_TOKEN=READ_ONLY).returncode == 0

        refused = service.run("apply", "--auto-approve", VPS_API_TOKEN=READ_ONLY)

        assert refused.returncode == 1
        assert "403 Forbidden: You do not have permission" in refused.stdout
        assert len(service.backups()) == 1


def test_a_loss_above_the_limit_is_foretold_refused_and_goes_through_with_the_number(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    held = [backup(it, "nightly", (now - timedelta(days=it)).isoformat()) for it in range(1, 11)]
    with sandbox(tmp_path, seed={"servers": [{"id": 1, "name": "web"}], "backups": held}) as service:
        service.write('[servers.web]\nid = 1\nbackups = [{ description = "nightly", keep = 2 }]\n')

        foretold = service.run("plan")
        refused = service.run("apply", "--auto-approve", "--allow-loss", "7")
        assert foretold.returncode == 0
        assert "apply will refuse this: 8 of 10 usable backups would be lost, the limit is 3." in foretold.stdout
        assert refused.returncode == 1
        assert "--allow-loss 8" in refused.stderr
        assert len(service.backups()) == 10

        assert service.run("apply", "--auto-approve", "--allow-loss", "8").returncode == 0
        assert sorted(it["id"] for it in service.backups()) == [1, 2]


def test_at_plans_for_another_time(service: Sandbox) -> None:
    service.run("apply", "--auto-approve")
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()

    assert "newest is 1d" in service.run("plan", "--at", tomorrow).stdout
    assert service.run("plan", "--detailed-exitcode", "--at", tomorrow).returncode == 2


def test_target_looks_at_nothing_else_and_says_so(service: Sandbox) -> None:
    done = service.run("plan", "--target", "web-server-01/Pre*")

    assert "No changes." in done.stdout
    assert "Only what --target web-server-01/Pre* matches was looked at" in done.stdout


def test_ten_thousand_backups_on_five_hundred_servers_plan_on_one_screen(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    servers = [{"id": number, "name": f"s{number}"} for number in range(1, 501)]
    held = [
        backup(server * 100 + night, "nightly", (now - timedelta(days=night)).isoformat(), server, f"s{server}")
        for server in range(1, 501)
        for night in range(20)
    ]
    with sandbox(tmp_path, "--page-size", "500", seed={"servers": servers, "backups": held}) as service:
        declared = '[servers.s{0}]\nid = {0}\nbackups = [{{ description = "nightly", every = "1d", keep = 20 }}]\n'
        service.write("".join(declared.format(number) for number in range(1, 501)))

        done = service.run("plan", "--detailed-exitcode")

        assert done.returncode == 0
        assert "10,000 backups unchanged" in done.stdout
        assert len(done.stdout.splitlines()) < 24


def test_a_rate_limit_is_waited_for(tmp_path: Path) -> None:
    with sandbox(tmp_path, "--rate-limit", "2/min", "--backup-seconds", "0") as service:
        service.write(FIRST)
        with subprocess.Popen(
            [*COMMAND, "plan", "-v"],
            cwd=service.folder,
            env={**bare_environment(service.folder), **service.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as first:
            assert first.communicate(timeout=30)[0].startswith("web-server-01")
        # The two of this minute are used up: a second plan waits, and can be interrupted while it does.
        with subprocess.Popen(
            [*COMMAND, "plan"],
            cwd=service.folder,
            env={**bare_environment(service.folder), **service.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as second:
            time.sleep(2)
            assert second.poll() is None
            second.send_signal(signal.SIGINT)
            assert second.communicate(timeout=10) == ("", "\n")
            assert second.returncode == 130


class TestOnATerminal:
    def spawn(self, service: Sandbox, *arguments: str, **environment: str) -> "pexpect.spawn[str]":
        env: Any = {**bare_environment(service.folder), **service.environment, "TERM": "xterm-256color", **environment}
        return pexpect.spawn(
            COMMAND[0], [*COMMAND[1:], *arguments], cwd=str(service.folder), env=env, encoding="utf-8", timeout=20
        )

    def test_yes_is_the_only_yes(self, service: Sandbox) -> None:
        for answer in ("y", "YES", ""):
            asked = self.spawn(service, "apply")
            asked.expect("Only 'yes' will be accepted")
            asked.sendline(answer)
            asked.expect("apply cancelled, nothing was changed")
            asked.wait()
            assert asked.exitstatus == 1
        assert len(service.backups()) == 1

        asked = self.spawn(service, "apply")
        asked.expect("Enter a value")
        asked.sendline("yes")
        asked.expect("Apply complete")
        asked.wait()
        assert asked.exitstatus == 0

    def test_ctrl_c_at_the_question_changes_nothing(self, service: Sandbox) -> None:
        asked = self.spawn(service, "apply")
        asked.expect("Enter a value")
        asked.sendintr()
        asked.expect("nothing was changed")
        asked.wait()
        assert asked.exitstatus == 130
        assert len(service.backups()) == 1

    def test_colours_here_and_none_with_no_color_or_in_a_pipe(self, service: Sandbox) -> None:
        for environment, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
            shown = self.spawn(service, "plan", **environment)
            shown.expect("Plan:")
            assert ("\x1b[32m" in str(shown.before)) is coloured
            shown.expect(pexpect.EOF)
        assert "\x1b" not in service.run("plan").stdout

    def test_no_color_is_a_flag_too(self, service: Sandbox) -> None:
        shown = self.spawn(service, "plan", "--no-color")
        shown.expect("Plan:")
        assert "\x1b[3" not in str(shown.before)


def test_a_reader_that_goes_away_is_no_error_message(service: Sandbox) -> None:
    shell = f"{' '.join(COMMAND)} plan | true"

    done = subprocess.run(
        ["/bin/sh", "-c", shell],
        cwd=service.folder,
        env={**os.environ, **service.environment},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr == ""


def test_an_interrupt_is_heeded_though_whoever_started_us_ignored_it(tmp_path: Path) -> None:
    with sandbox(tmp_path, "--latency-ms", "3000") as service:
        service.write(FIRST)
        with subprocess.Popen(
            ["/bin/sh", "-c", "trap '' INT; exec \"$@\"", "sh", *COMMAND, "plan"],
            cwd=service.folder,
            env={**bare_environment(service.folder), **service.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as planning:
            time.sleep(1.2)
            assert planning.poll() is None
            planning.send_signal(signal.SIGINT)
            planning.communicate(timeout=5)
            assert planning.returncode == 130
