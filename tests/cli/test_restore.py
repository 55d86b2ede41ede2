"""`restore`, the most careful command: every refusal, and never a second request."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.command import Done
from support.killer import Killer, killer
from support.schedules import AUTOMATIC, ELSEWHERE, FAILED, OLD


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Killer]:
    with killer(tmp_path) as served:
        yield served


def restores(service: Killer) -> list[dict[str, Any]]:
    return [change.record for change in service.world.record if change.what == "restore"]


def test_a_backup_named_by_its_id_is_restored_once(service: Killer) -> None:
    done = service.run("restore", "db", "--backup", str(OLD), "--auto-approve")

    assert done.returncode == 0, done.stderr
    assert restores(service) == [{"server": "2", "backup_id": OLD}]
    assert "All data written to db since this backup (the last 2d) will be lost." in done.stdout
    assert "Its other usable backups:" in done.stdout
    assert f"#{AUTOMATIC}" in done.stdout
    assert "Started restoring 'db' from #21." in done.stdout


def test_an_automatic_one_may_be_restored_and_the_server_named_by_its_id(service: Killer) -> None:
    done = service.run("restore", "2", "--backup", str(AUTOMATIC), "--auto-approve")

    assert done.returncode == 0, done.stderr
    assert restores(service) == [{"server": "2", "backup_id": AUTOMATIC}]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nobody", "--backup", "21"], "the account has no server 'nobody'"),
        (["db", "--backup", "999"], "there is no backup 999 of db"),
        (["db", "--backup", str(FAILED)], f"backup {FAILED} has the status 'failed', so it can't be restored"),
        (["db", "--backup", str(ELSEWHERE)], f"backup {ELSEWHERE} is a backup of other, not of db"),
        (["db", "--series", "weekly"], "db has no usable backup 'weekly'"),
        (["db", "--series", "nigthly"], 'Did you mean "nightly"?'),
        (["othr", "--series", "nightly"], 'Did you mean "other"?'),
        (["db", "--series", "nightly", "--before", "2020-01-01"], "created before 2020-01-01 00:00 UTC"),
        (["db"], "no backup of db was chosen; nothing was restored"),
        (["db", "--backup", "21", "--series", "nightly"], "--backup ID or --series DESCRIPTION, not both"),
        (["db", "--series", ""], "--series '' names no series"),
        (["db", "--backup", "21", "--before", "2020-01-01"], "--before requires --series"),
        (["db", "--series", "nightly", "--auto-approve"], "--auto-approve requires --backup"),
        (["db", "--backup", "21"], "can't ask for approval without a terminal"),
    ],
)
def test_refused(arguments: list[str], message: str, service: Killer) -> None:
    done = service.run("restore", *arguments)

    assert done.returncode == 1
    assert message in done.stderr
    assert restores(service) == []


def test_a_series_is_looked_for_under_its_former_descriptions_if_there_is_a_file(service: Killer) -> None:
    file = service.folder / "restoring.toml"
    file.write_text("[servers.db]\nid = 2\nbackups = [{ description = 'renamed', renamed_from = 'night*' }]\n")

    without = service.run("restore", "db", "--series", "renamed")
    done = service.run("restore", "db", "--series", "renamed", "-f", str(file))

    assert "db has no usable backup 'renamed'" in without.stderr
    assert "Restore db (2) from:" in done.stdout
    assert "can't ask for approval without a terminal" in done.stderr


class TestMinSize:
    FILE = '[servers.db]\nid = 2\nbackups = [{ description = "nightly", min_size = "200GiB" }]\n'

    @pytest.mark.parametrize(
        ("choice", "reasons"),
        [
            (["--backup", str(OLD), "--auto-approve"], ["so it is probably empty", "lower min_size in the files"]),
            (["--series", "nightly"], ["has no usable backup 'nightly'"]),
        ],
        ids=str,
    )
    def test_is_that_of_the_files(self, choice: list[str], reasons: list[str], service: Killer) -> None:
        service.write(self.FILE)

        done = service.run("restore", "db", *choice)

        assert done.returncode == 1
        assert [reason for reason in reasons if reason not in done.stderr] == []
        assert restores(service) == []

    def test_is_the_default_where_the_files_are_broken_and_the_backup_is_named_by_its_id(self, service: Killer) -> None:
        service.write(self.FILE + "nonsense = 1\n")

        done = service.run("restore", "db", "--backup", str(OLD), "--auto-approve")

        assert done.returncode == 0, done.stderr
        assert "warning: the files are not used, because of an error in them" in done.stderr
        assert service.run("restore", "db", "--series", "nightly").returncode == 1


@pytest.mark.parametrize("choice", [[], ["--backup", "999", "--auto-approve"], ["--series", "weekly"]], ids=str)
def test_a_refused_choice_shows_every_backup_that_list_shows_and_how_to_choose(
    choice: list[str], service: Killer
) -> None:
    done = service.run("restore", "db", *choice)

    def ids(shown: str) -> list[str]:
        return sorted(line.split()[0] for line in shown.splitlines() if line.startswith("  #"))

    assert ids(done.stdout) == ids(service.run("list", "db").stdout)
    assert f"  #{OLD}" in done.stdout
    assert "Choose a completed one with --backup ID, or the newest of a series with --series" in done.stderr


SERIES = "backups = [{ description = 'nightly', every = '1d', keep = 7 }]"


def test_without_a_choice_it_shows_what_the_files_say_of_each_backup(service: Killer) -> None:
    file = service.folder / "restoring.toml"
    file.write_text(f"[servers.db]\nid = 2\npinned = [{OLD}]\n{SERIES}\n")

    shown = service.run("restore", "db", "-f", str(file)).stdout

    assert "nightly OVERDUE: newest 2d old" in shown
    assert "  last 30 days: " in shown
    (pinned,) = (line for line in shown.splitlines() if "pinned in" in line)
    assert pinned.startswith(f"  #{OLD} ")
    assert pinned.endswith(f"nightly (pinned in {file})")


@pytest.mark.parametrize("text", ["servers = 1", "settings.account = 'else@example.com'\nservers.db.id = 2", None])
def test_without_a_choice_files_that_are_broken_for_another_account_or_not_there_hide_no_backup(
    text: str | None, service: Killer
) -> None:
    if text:
        service.write(text)
    else:
        (service.folder / "backups.toml").unlink(missing_ok=True)

    done = service.run("restore", "db")

    assert ("because of an error in them" in done.stderr) == (text == "servers = 1")
    assert f"  #{OLD}" in done.stdout
    assert "no backup of db was chosen" in done.stderr


def test_a_server_that_does_not_match_its_table_shows_its_backups_all_the_same(service: Killer) -> None:
    file = service.folder / "restoring.toml"
    file.write_text(f"[servers.db]\nid = 2\nname = 'renamed'\n{SERIES}\n")

    assert f"  #{OLD}" in service.run("restore", "db", "-f", str(file)).stdout


@pytest.mark.parametrize("status", [None, 500, 502])
def test_a_lost_answer_is_never_followed_by_another_try(status: int | None, service: Killer) -> None:
    def lose(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        if not request.url.path.endswith("/restore/"):
            return answer
        return httpx.Response(status) if status else None

    service.answer_instead = lose

    done = service.run("restore", "db", "--backup", str(OLD), "--auto-approve")

    assert done.returncode == 1
    assert len(restores(service)) == 1
    assert "the restore may have started" in done.stderr
    assert "Do not run the command again yet." in done.stderr
    assert "Started restoring" not in done.stdout


def test_a_backup_that_is_deleted_meanwhile_is_not_restored(service: Killer) -> None:
    def delete_once_listed(request: httpx.Request, answer: httpx.Response) -> httpx.Response:
        if request.url.path.endswith("/backups/"):
            service.world.account.backups[:] = [
                backup for backup in service.world.account.backups if backup["id"] != AUTOMATIC
            ]
        return answer

    service.answer_instead = delete_once_listed

    done = service.run("restore", "db", "--backup", str(AUTOMATIC), "--auto-approve")

    assert done.returncode == 1
    assert f"backup #{AUTOMATIC} is no longer what was shown; nothing was restored" in done.stderr
    assert restores(service) == []


class TestSafetyBackup:
    def test_is_completed_before_the_restore_and_says_how_to_keep_it(self, service: Killer) -> None:
        done = service.run("restore", "db", "--backup", str(OLD), "--auto-approve", "--safety-backup")

        assert done.returncode == 0, done.stderr
        created, restored = service.world.record[-2:]
        assert (created.what, restored.what) == ("create", "restore")
        assert created.record["description"].startswith("before restore 20")
        assert restored.usable["db", created.record["description"]] == 1
        assert f"the safety backup #{created.record['id']} was completed in " in done.stderr
        assert f"add its description to ignore, or {created.record['id']} to pinned" in " ".join(done.stderr.split())

    def test_that_fails_means_no_restore(self, service: Killer) -> None:
        service.world.account.fails = lambda: True

        done = service.run("restore", "db", "--backup", str(OLD), "--auto-approve", "--safety-backup")

        assert done.returncode == 1
        assert "the safety backup was not completed" in done.stderr
        assert "nothing was restored" in done.stderr
        assert done.stderr.endswith("\n  Fix the cause, or restore without --safety-backup.\n")
        assert restores(service) == []

    def test_that_is_not_done_in_time_is_named_and_means_no_restore(self, service: Killer) -> None:
        service.world.account.backup_seconds = 60

        arguments = ("--auto-approve", "--safety-backup", "--timeout", "5s")
        done = service.run("restore", "db", "--backup", str(OLD), *arguments)

        assert done.returncode == 1
        assert "out of time while creating the safety backup; nothing was restored" in done.stderr
        assert restores(service) == []
        self.check_is_named(service, done)

    def test_that_is_interrupted_is_named(self, service: Killer) -> None:
        service.world.account.backup_seconds = 60
        service.signal, service.at_request = signal.SIGINT, "POST /backups/"

        done = service.run("restore", "db", "--backup", str(OLD), "--auto-approve", "--safety-backup")

        assert done.returncode == 130
        assert "Interrupted; nothing was restored." in done.stderr
        assert restores(service) == []
        self.check_is_named(service, done)

    def check_is_named(self, service: Killer, done: Done) -> None:
        """Check that the message says which backup was left in progress, and what to do about it."""
        (made,) = [change.record for change in service.world.record if change.what == "create"]
        message = f"the safety backup #{made['id']} was started, but is not known to have completed"
        assert done.stderr.count(message) == 1
        assert "To look for it: reconcile list 2." in done.stderr
        assert str(made["id"]) in service.run("list", "2").stdout

    def test_whose_answer_is_lost_for_good_is_said_to_be_possible(self, service: Killer) -> None:
        def lose(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
            return None if request.method == "POST" else answer

        service.answer_instead = lose
        service.world.hide_new_for = 60.0

        arguments = ("--auto-approve", "--safety-backup", "--timeout", "5s")
        done = service.run("restore", "db", "--backup", str(OLD), *arguments)

        assert done.returncode == 1
        assert "a safety backup may have been started: " in done.stderr
        assert restores(service) == []


class TestConfirmation:
    def test_only_the_servers_name_will_do(self, service: Killer) -> None:
        for answer in ("yes", "", "2"):
            done = service.ask("restore", "db", "--backup", str(OLD), answer=answer)

            assert done.returncode == 1
            assert "To continue, type the name of the server." in done.stderr
            assert "that is not the server's name; nothing was restored" in done.stderr
            assert restores(service) == []

        assert service.ask("restore", "db", "--backup", str(OLD), answer="db").returncode == 0
        assert len(restores(service)) == 1

    def test_it_must_come_in_time(self, service: Killer) -> None:
        done = service.ask("restore", "db", "--backup", str(OLD), "--timeout", "1s", answer=None)

        assert done.returncode == 1
        assert "Out of time; nothing was restored." in done.stderr
        assert restores(service) == []

    @pytest.mark.parametrize("name", ["", None], ids=["an empty name", "no name"])
    def test_of_a_server_without_a_name_is_its_id(self, name: str | None, service: Killer) -> None:
        service.world.servers[1]["name"] = name
        for backup in service.world.account.backups:
            if backup["server"]["id"] == 2:
                backup["server"]["name"] = name

        refused = service.ask("restore", "2", "--backup", str(OLD), answer="")

        assert refused.returncode == 1
        assert "type the id of the server. It has no name." in refused.stderr
        assert restores(service) == []
        restored = service.ask("restore", "2", "--backup", str(OLD), answer="2")
        assert restored.returncode == 0
        assert "Started restoring '2' from #21." in restored.stdout
        assert restores(service) == [{"server": "2", "backup_id": OLD}]

    def test_an_empty_argument_names_no_server(self, service: Killer) -> None:
        service.world.servers[1]["name"] = ""

        done = service.run("restore", "", "--backup", str(OLD), "--auto-approve")

        assert done.returncode == 1
        assert "the account has no server ''" in done.stderr
        assert restores(service) == []
