"""`restore`, the most careful command: every refusal, and never a second POST."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pexpect
import pytest
from support.command import COMMAND, Sandbox, bare_environment, sandbox
from support.killer import Killer, killer
from support.schedules import AUTOMATIC, ELSEWHERE, FAILED, OLD


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Killer]:
    with killer(tmp_path) as served:
        yield served


def restores(service: Killer) -> list[dict[str, Any]]:
    return [it.record for it in service.world.record if it.what == "restore"]


def test_a_backup_named_by_its_id_is_restored_once(service: Killer) -> None:
    code, out, err = service.run("restore", "db", "--backup", str(OLD), "--auto-approve")

    assert code == 0, err
    assert restores(service) == [{"server": "2", "backup_id": OLD}]
    assert "Everything that was written on db since then, in the last 2d, will be lost." in out
    assert "What else could be restored:" in out
    assert f"#{AUTOMATIC}" in out
    assert "The service has begun to restore 'db' from #21." in out


def test_an_automatic_one_may_be_restored_and_the_server_named_by_its_id(service: Killer) -> None:
    code, _, err = service.run("restore", "2", "--backup", str(AUTOMATIC), "--auto-approve")

    assert code == 0, err
    assert restores(service) == [{"server": "2", "backup_id": AUTOMATIC}]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nobody", "--backup", "21"], "the account has no server 'nobody'"),
        (["db", "--backup", "999"], "there is no backup 999 of db"),
        (["db", "--backup", str(FAILED)], f"backup {FAILED} is 'failed', and can't be restored from"),
        (["db", "--backup", str(ELSEWHERE)], f"backup {ELSEWHERE} is of other, and not of db"),
        (["db", "--series", "weekly"], "db has no usable backup 'weekly'"),
        (["db", "--series", "nightly", "--before", "2020-01-01"], "made before 2020-01-01 00:00 UTC"),
        (["db"], "--backup ID or --series DESCRIPTION, one of them"),
        (["db", "--backup", "21", "--series", "nightly"], "one of them"),
        (["db", "--backup", "21", "--before", "2020-01-01"], "--before goes with --series"),
        (["db", "--series", "nightly", "--auto-approve"], "--auto-approve goes with --backup"),
        (["db", "--backup", "21"], "there is no terminal to ask on"),
    ],
)
def test_refused(arguments: list[str], words: str, service: Killer) -> None:
    code, _, err = service.run("restore", *arguments)

    assert code == 1
    assert words in err
    assert restores(service) == []


def test_a_refusal_says_what_there_is(service: Killer) -> None:
    _, _, err = service.run("restore", "db", "--backup", "999", "--auto-approve")

    assert f"There is: #{OLD} ('nightly', " in err


@pytest.mark.parametrize("status", [None, 500, 502])
def test_a_lost_answer_is_never_followed_by_another_try(status: int | None, service: Killer) -> None:
    def lose(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        if not request.url.path.endswith("/restore/"):
            return answer
        return httpx.Response(status) if status else None

    service.answer_instead = lose

    code, out, err = service.run("restore", "db", "--backup", str(OLD), "--auto-approve")

    assert code == 1
    assert len(restores(service)) == 1
    assert "it is not known whether the restore has begun" in err
    assert "Do not send it again." in err
    assert "has begun to restore" not in out


def test_a_backup_that_goes_while_one_thinks_is_not_restored(service: Killer) -> None:
    def delete_once_listed(request: httpx.Request, answer: httpx.Response) -> httpx.Response:
        if request.url.path.endswith("/servers/"):
            service.world.account.backups[:] = [it for it in service.world.account.backups if it["id"] != AUTOMATIC]
        return answer

    service.answer_instead = delete_once_listed

    code, _, err = service.run("restore", "db", "--backup", str(AUTOMATIC), "--auto-approve")

    assert code == 1
    assert f"there is no backup {AUTOMATIC} of db" in err
    assert restores(service) == []


class TestSafetyBackup:
    def test_is_completed_before_the_restore(self, service: Killer) -> None:
        code, _, err = service.run("restore", "db", "--backup", str(OLD), "--auto-approve", "--safety-backup")

        assert code == 0, err
        created, restored = service.world.record[-2:]
        assert (created.what, restored.what) == ("create", "restore")
        assert created.record["description"].startswith("before restore 20")
        assert restored.usable["db", created.record["description"]] == 1
        assert f"The safety backup is #{created.record['id']}. It is declared nowhere" in err

    def test_that_fails_means_no_restore(self, service: Killer) -> None:
        service.world.account.fails = lambda: True

        code, _, err = service.run("restore", "db", "--backup", str(OLD), "--auto-approve", "--safety-backup")

        assert code == 1
        assert "the safety backup was not made" in err
        assert "nothing was restored" in err
        assert restores(service) == []

    def test_that_is_not_done_in_time_means_no_restore(self, service: Killer) -> None:
        service.world.account.backup_seconds = 60

        arguments = ("--auto-approve", "--safety-backup", "--timeout", "1s")
        code, _, err = service.run("restore", "db", "--backup", str(OLD), *arguments)

        assert code == 1
        assert "nothing was restored" in err
        assert restores(service) == []


class TestTypedName:
    def spawn(self, service: Sandbox) -> "pexpect.spawn[str]":
        env: Any = {**bare_environment(service.folder), **service.environment, "TERM": "xterm"}
        arguments = [*COMMAND[1:], "restore", "web", "--series", "nightly", "--before", "2026-01-02T12:00Z"]
        return pexpect.spawn(
            COMMAND[0], arguments, cwd=str(service.folder), env=env, encoding="utf-8", timeout=20, dimensions=(40, 160)
        )

    def test_only_the_servers_name_goes_on(self, tmp_path: Path) -> None:
        server = {"id": 1, "name": "web"}
        held = [
            {
                "id": day,
                "server": server,
                "backup_type": "manual",
                "status": "completed",
                "size_mb": 7,
                "created_at": (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)).isoformat(),
                "expires_at": None,
                "description": "nightly",
            }
            for day in range(3)
        ]
        with sandbox(tmp_path, seed={"servers": [server], "backups": held}) as service:
            for answer, words, code in (("yes", "not the server's name, nothing was restored", 1), ("web", "begun", 0)):
                asked = self.spawn(service)
                asked.expect("type the server's name")
                assert "#1" in str(asked.before).split("What else")[0], "the newest before that time"
                asked.sendline(answer)
                asked.expect(words)
                asked.wait()
                assert asked.exitstatus == code
