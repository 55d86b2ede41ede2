"""Fleets, the account and `[require]` over real HTTP: what is shown, what is refused, and the exit codes."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.build import entry
from support.command import Sandbox, run, sandbox
from support.killer import killer

SERVERS = [
    {"id": 1, "name": "web-1", "location": "us-west", "status": "active"},
    {"id": 2, "name": "web-2", "location": "us-west", "status": "active"},
    {"id": 3, "name": "db", "location": "us-east", "status": "active"},
    {"id": 4, "name": "old", "location": "us-east", "status": "stopped"},
]
FILE = """\
[servers.db]
id = 3
backups = [{ description = "dump" }]

[fleets.web]
match = "web-*"
location = "us-west"
backups = [{ description = "nightly", every = "1d", keep = 1 }]
"""
REQUIRE = "[require]\nall_servers = true\n"
ACCOUNT = '[settings]\naccount = "you@example.com"\n'


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Sandbox]:
    held = [entry(7, "by hand", timedelta(days=9)), entry(8, "nightly", timedelta(hours=2))]
    seed: dict[str, Any] = {"servers": [dict(server) for server in SERVERS], "backups": held}
    for backup in held:
        backup["server"] = {"id": 1, "name": "web-1"}
    with sandbox(tmp_path, backup_seconds=0.2, seed=seed) as served:
        served.write(FILE)
        yield served


def test_a_plan_counts_the_members_and_names_their_fleet_with_v(service: Sandbox) -> None:
    shown = service.run("plan").stdout
    verbose = service.run("plan", "-v").stdout

    assert "fleet web: 2 servers\n" in shown
    assert "web-2 (2)\n" in shown
    assert "web-2 (2, fleet web)\n" in verbose
    assert "db (3)\n" in verbose
    assert "Plan: 2 to create, 0 to delete; 1 backup unchanged, 1 unmanaged." in shown
    assert "fleet <code>web</code>: 2 servers" in service.run("plan", "--markdown").stdout


def test_json_has_the_fleets_and_their_members(service: Sandbox) -> None:
    service.write(f"{ACCOUNT}{FILE}\n[fleets.none]\nmatch = 'nobody'\n")

    ours = json.loads(service.run("plan", "--json").stdout)["reconcile"]

    assert ours["account"] == "you@example.com"
    assert ours["fleets"] == {"web": ["web-1", "web-2"], "none": []}
    assert [warning["summary"] for warning in ours["warnings"]] == ["fleet 'none' matches no server"]
    assert ours["warnings"][0]["range"]["start"]["line"] == 12


def test_a_new_server_is_covered_by_the_next_apply(service: Sandbox) -> None:
    assert service.run("apply", "--auto-approve").returncode == 0
    service.account.servers.append({"id": 9, "name": "web-9", "location": "us-west", "status": "active"})

    done = service.run("apply", "--auto-approve")

    assert done.returncode == 0
    assert [each["server"]["name"] for each in service.backups() if each["description"] == "nightly"] == [
        "web-9",
        "web-2",
        "web-1",
    ]
    assert any(each["description"] == "by hand" for each in service.backups())


def test_a_saved_plan_is_shown_with_its_fleets_and_applied_exactly(service: Sandbox) -> None:
    service.run("plan", "--out", "saved.plan", "--target", "fleet:web")

    assert "fleet web: 2 servers" in run("show", "saved.plan", folder=service.folder).stdout
    assert service.run("apply", "saved.plan").returncode == 0
    assert {each["description"] for each in service.backups()} == {"nightly", "by hand"}


class TestRequired:
    def test_an_undeclared_server_fails_the_plan_and_the_rest_is_applied(self, service: Sandbox) -> None:
        service.write(f"{REQUIRE}{FILE}")

        planned = service.run("plan")
        applied = service.run("apply", "--auto-approve")

        assert (planned.returncode, applied.returncode) == (1, 1)
        assert planned.stderr.splitlines()[:3] == [
            "error: 1 server in the account is not declared",
            " --> backups.toml:2:15",
            "2 | all_servers = true",
        ]
        assert "'old' (4)" in planned.stderr
        assert "backups = []" in planned.stderr
        assert len(service.backups()) == 4
        assert service.run("status").returncode == 0

    def test_status_check_has_a_line_for_each(self, service: Sandbox) -> None:
        service.run("apply", "--auto-approve")
        assert service.run("status", "--check").returncode == 0
        service.write(f"{REQUIRE}{FILE}")

        checked = service.run("status", "--check")

        assert (checked.returncode, checked.stdout) == (2, "UNPROTECTED old (4): not declared in any file\n")
        assert json.loads(service.run("status", "--json").stdout)["healthy"] is False

    def test_a_table_that_wants_nothing_satisfies(self, service: Sandbox) -> None:
        service.write(f"{REQUIRE}{FILE}\n[servers.old]\nid = 4\nbackups = []\n")
        service.run("apply", "--auto-approve")

        assert service.run("plan").returncode == 0
        assert service.run("status", "--check").returncode == 0

    def test_a_target_is_about_a_part_of_the_account(self, service: Sandbox) -> None:
        service.write(f"{REQUIRE}{FILE}")

        assert service.run("plan", "--target", "fleet:web").returncode == 0

    def test_many_are_counted_and_some_named(self, tmp_path: Path) -> None:
        servers = [{"id": number, "name": f"server-{number:03}"} for number in range(1, 501)]
        with sandbox(tmp_path, seed={"servers": servers, "backups": []}) as service:
            service.write(REQUIRE)

            shown = service.run("plan").stderr

        assert "error: 500 servers in the account are not declared" in shown
        assert "'server-020' (20) and 480 more" in shown
        assert "server-021" not in shown
        assert len(shown) < 1500


def test_an_empty_fleet_is_a_warning_in_plan_and_a_problem_in_status_check(service: Sandbox) -> None:
    service.run("apply", "--auto-approve")
    service.write(f"{FILE}\n[fleets.late]\nmatch = 'web-*'\n")

    planned, checked = service.run("plan"), service.run("status", "--check")

    assert planned.returncode == 0
    assert "warning: fleet 'late' matches no server" in planned.stdout
    assert "It matches 2, but each of those has its own table or belongs to an earlier fleet." in planned.stdout
    assert (checked.returncode, checked.stdout) == (2, "EMPTY: fleet 'late' matches no server\n")
    assert service.run("status").stdout.endswith("3 of 3 series healthy, 1 server unprotected, 1 empty fleet.\n")
    (warning,) = json.loads(service.run("status", "--json").stdout)["warnings"]
    assert warning["summary"] == "fleet 'late' matches no server"


def test_a_token_that_may_not_list_servers_plans_nothing_with_a_fleet(tmp_path: Path) -> None:
    def answer(request: httpx.Request, answer: httpx.Response) -> httpx.Response:
        return httpx.Response(403, json={}) if request.url.path.endswith("/servers/") else answer

    with killer(tmp_path) as service:
        service.answer_instead = answer
        (tmp_path / "backups.toml").write_text(FILE, encoding="utf-8")

        done = service.run("apply", "--auto-approve")

    assert done.returncode == 1
    assert "the token has no permission to list servers" in done.stderr
    assert "backups.toml:5:2" in done.stderr
    assert service.world.record == []


class TestAccount:
    @pytest.mark.parametrize("command", [("plan",), ("apply", "--auto-approve"), ("status",), ("import", "-f", ".")])
    def test_of_another_is_refused_as_a_whole_with_both_names(self, command: tuple[str, ...], service: Sandbox) -> None:
        service.write(f"{ACCOUNT.replace('you', 'ops')}{FILE}")

        done = service.run(*command)

        assert (done.returncode, done.stdout) == (1, "")
        assert "the token belongs to 'you@example.com', but [settings] has account = 'ops@example.com'" in done.stderr
        assert "backups.toml:2:11" in done.stderr
        assert len(service.backups()) == 2

    def test_that_is_right_plans_as_without(self, service: Sandbox) -> None:
        without = service.run("plan").stdout
        service.write(f"{ACCOUNT}{FILE}")

        assert service.run("plan").stdout == without

    def test_is_checked_again_for_a_saved_plan(self, service: Sandbox) -> None:
        service.write(f"{ACCOUNT}{FILE}")
        service.run("plan", "--out", "saved.plan")
        service.write("")
        service.account.email = "ops@example.com"

        done = service.run("apply", "saved.plan")

        assert done.returncode == 1
        assert "the token belongs to 'ops@example.com', but [settings] has account = 'you@example.com'" in done.stderr
        assert len(service.backups()) == 2


class TestImport:
    def test_names_the_account_and_a_fleet_for_servers_that_hold_the_same(self, tmp_path: Path) -> None:
        servers = [{"id": number, "name": f"web-{number}"} for number in (1, 2, 3)] + [{"id": 4, "name": "db"}]
        held = [entry(server["id"], "nightly", timedelta(hours=1), server=server) for server in servers[:3]]
        with sandbox(tmp_path, seed={"servers": servers, "backups": held}) as service:
            written = service.run("import").stdout
            service.write(written)

            assert 'account = "you@example.com"' in written
            assert 'match = ["web-1", "web-2", "web-3"] # 3 servers\n# match = "web-*"' in written
            assert "No changes." in service.run("plan").stdout
            assert "fleet web: 3 servers" in service.run("plan").stdout

    def test_beside_a_file_the_members_of_its_fleets_are_declared(self, service: Sandbox) -> None:
        service.write(FILE)

        written = service.run("import", "-f", "backups.toml").stdout

        assert "[servers.old]" in written
        assert "[servers.web-1]" not in written
        assert "account =" not in written
        assert "# - web-1: backups.toml does not declare 'by hand' (1 backup)" in written
