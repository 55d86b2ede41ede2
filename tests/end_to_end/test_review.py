"""What a reviewer and CI use: saved plans, summaries, reports, and apply as a stream of events."""

import json
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.command import TOKEN, Sandbox, run, sandbox
from support.killer import killer
from support.schedules import FAILED, JUNK, OLD, SMALL_FILE, clean_requests, is_exact

FIRST = '[servers.web-server-01]\nid = 12345\nprune = true\nbackups = [{ description = "nightly", every = "1d" }]\n'


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Sandbox]:
    with sandbox(tmp_path, "--backup-seconds", "0.2") as served:
        served.write(FIRST)
        yield served


class TestSavedPlan:
    def test_is_shown_and_applied_exactly(self, service: Sandbox) -> None:
        made = service.run("plan", "--out", "saved.plan")
        assert made.returncode == 0
        assert "reconcile apply saved.plan" in made.stderr

        offline = run("show", "saved.plan", folder=service.folder)
        assert offline.stdout == made.stdout
        as_json = json.loads(run("show", "saved.plan", "--json", folder=service.folder).stdout)
        assert as_json["reconcile"]["summary"] == {"create": 1, "delete": 1, "unchanged": 0, "unmanaged": 0}
        assert run("show", "saved.plan", "--markdown", folder=service.folder).stdout.startswith("### reconcile: 1 to")

        service.write("")  # what is applied is the plan, not the file
        applied = service.run("apply", "saved.plan")

        assert applied.returncode == 0, applied.stderr
        assert [it["description"] for it in service.backups()] == ["nightly"]

    def test_is_stale_once_it_was_applied(self, service: Sandbox) -> None:
        service.run("plan", "--out", "saved.plan")
        service.run("apply", "saved.plan")

        again = service.run("apply", "saved.plan", "--auto-approve")

        assert again.returncode == 1
        assert "Saved plan is stale, nothing was changed" in again.stderr
        assert "changed since: web-server-01/Pre-update backup#499: gone" in again.stderr
        assert "changed since: web-server-01/nightly#502: new, completed" in again.stderr
        assert len(service.backups()) == 1

    def test_is_applied_where_only_another_server_has_changed(self, service: Sandbox) -> None:
        service.run("plan", "--out", "saved.plan")
        made = httpx.post(
            f"{service.url}/backups/", json={"server_id": 12346}, headers={"Authorization": f"Bearer {TOKEN}"}
        )
        assert made.status_code == 201

        assert service.run("apply", "saved.plan").returncode == 0

    def test_takes_no_file_and_no_target(self, service: Sandbox) -> None:
        service.run("plan", "--out", "saved.plan")

        for wrong in (["-f", "backups.toml"], ["--target", "web-server-01"]):
            done = service.run("apply", "saved.plan", *wrong)
            assert done.returncode == 1
            assert "takes neither -f nor --target" in done.stderr
        assert len(service.backups()) == 1

    @pytest.mark.parametrize("text", ["", "{}", "\x00\x01", "# no plan"])
    def test_that_is_none_is_one_error(self, text: str, service: Sandbox) -> None:
        (service.folder / "saved.plan").write_text(text)

        for command in (["apply", "saved.plan"], ["show", "saved.plan"]):
            done = service.run(*command)
            assert (done.returncode, done.stdout) == (1, "")
            assert "saved.plan is not a saved plan, or a damaged one" in done.stderr

    def test_of_another_service_is_refused(self, service: Sandbox) -> None:
        service.run("plan", "--out", "saved.plan")

        done = service.run("apply", "saved.plan", VPS_API_URL="http://127.0.0.1:9/api/v1")

        assert done.returncode == 1
        assert f"Saved plan is for {service.url}, and not for http://127.0.0.1:9/api/v1" in done.stderr

    def test_for_another_time_is_not_to_be_had(self, service: Sandbox) -> None:
        assert service.run("plan", "--out", "x", "--at", "2026-01-01").returncode == 1
        assert not (service.folder / "x").exists()

    def test_is_refused_above_the_limit_of_loss(self, tmp_path: Path) -> None:
        now = datetime.now(UTC)
        server = {"id": 1, "name": "web"}
        held = [
            {
                "id": number,
                "server": server,
                "backup_type": "manual",
                "status": "completed",
                "size_mb": 1,
                "created_at": (now - timedelta(days=number)).isoformat(),
                "expires_at": None,
                "description": "nightly",
            }
            for number in range(1, 10)
        ]
        with sandbox(tmp_path, seed={"servers": [server], "backups": held}) as service:
            service.write('[servers.web]\nid = 1\nbackups = [{ description = "nightly", keep = 2 }]\n')
            service.run("plan", "--out", "saved.plan")

            assert service.run("apply", "saved.plan").returncode == 1
            assert len(service.backups()) == 9
            assert service.run("apply", "saved.plan", "--allow-loss", "7").returncode == 0
            assert len(service.backups()) == 2


class TestReports:
    def test_gitlabs_report(self, service: Sandbox) -> None:
        assert service.run("plan", "--gitlab-report", "report.json").returncode == 0

        assert json.loads((service.folder / "report.json").read_text()) == {"create": 1, "update": 0, "delete": 1}

    def test_githubs_step_summary(self, service: Sandbox) -> None:
        summary = service.folder / "summary.md"
        summary.write_text("before\n")

        done = service.run("plan", "--step-summary", GITHUB_STEP_SUMMARY=str(summary))

        assert done.returncode == 0
        assert summary.read_text().startswith("before\n### reconcile: 1 to create, 1 to delete\n")
        assert service.run("plan", "--step-summary").returncode == 1

    def test_mistakes_are_annotations_in_github_actions_only(self, tmp_path: Path) -> None:
        (tmp_path / "backups.toml").write_text("[servers.a]\nid = 1\nevry = 1\n")

        there = run("validate", folder=tmp_path, GITHUB_ACTIONS="true").stderr
        here = run("validate", folder=tmp_path, GITHUB_ACTIONS="").stderr

        assert "::error file=backups.toml,line=3,col=1,endLine=3,endColumn=5,title=unknown key" in there
        assert "::error" not in here

    def test_a_file_that_can_not_be_written_is_one_error(self, service: Sandbox) -> None:
        for option in ("--out", "--gitlab-report"):
            done = service.run("plan", option, "nowhere/x")
            assert done.returncode == 1
            assert "nowhere/x can't be written" in done.stderr

    def test_one_form_at_a_time(self, service: Sandbox) -> None:
        assert service.run("plan", "--json", "--markdown").returncode == 1

    def test_a_summary_says_what_was_not_looked_at(self, service: Sandbox) -> None:
        done = service.run("plan", "--markdown", "--target", "web-server-01/nightly")

        assert "matches was looked at; the rest was not." in done.stdout


def events(out: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in out.splitlines()]
    assert all({"@level", "@message", "@timestamp", "type"} <= set(it) for it in lines)
    return lines


def summary(out: str) -> dict[str, int]:
    last = events(out)[-1]
    assert (last["type"], last["operation"]) == ("change_summary", "apply")
    changes: dict[str, int] = {key: it for key, it in last["changes"].items() if key != "operation"}
    return changes


class TestApplyJson:
    def test_is_one_event_a_line_and_ends_with_what_it_came_to(self, service: Sandbox) -> None:
        done = service.run("apply", "--auto-approve", "--json")

        assert (done.returncode, done.stderr) == (0, "")
        kinds = [it["type"] for it in events(done.stdout)]
        assert kinds[:4] == ["version", "planned_change", "planned_change", "change_summary"]
        assert kinds.count("apply_start") == kinds.count("apply_complete") == 2
        assert summary(done.stdout) == {"add": 1, "change": 0, "remove": 1, "failed": 0, "skipped": 0, "not_started": 0}

    def test_nothing_to_do_is_a_summary_too(self, service: Sandbox) -> None:
        service.run("apply", "--auto-approve")

        assert set(summary(service.run("apply", "--json").stdout).values()) == {0}

    def test_failures_are_diagnostics(self, tmp_path: Path) -> None:
        with sandbox(tmp_path, "--backup-seconds", "0", "--fail-rate", "1") as service:
            service.write(FIRST)

            done = service.run("apply", "--auto-approve", "--json", "--allow-loss", "1")

            assert done.returncode == 1
            (told,) = [it["diagnostic"] for it in events(done.stdout) if it["type"] == "diagnostic"]
            assert (told["severity"], told["address"]) == ("error", "web-server-01/nightly")
            assert "ended as 'failed'" in told["detail"]
            assert summary(done.stdout)["failed"] == 1

    @pytest.mark.parametrize(
        ("arguments", "environment", "words"),
        [
            ([], {"VPS_API_TOKEN": "vps_wrong"}, "401 Unauthorized"),
            (["-f", "missing.toml"], {}, "missing.toml: there is no such file"),
            (["missing.plan"], {}, "missing.plan: No such file"),
            ([], {}, "there is no terminal to ask on"),
        ],
    )
    def test_what_stops_it_all_is_a_diagnostic_before_the_summary(
        self, service: Sandbox, arguments: list[str], environment: dict[str, str], words: str
    ) -> None:
        done = service.run("apply", "--json", *arguments, **environment)

        assert done.returncode == 1
        assert words in [it for it in events(done.stdout) if it["type"] == "diagnostic"][-1]["diagnostic"]["summary"]
        assert summary(done.stdout)["not_started"] == (2 if "terminal" in words else 0)

    @pytest.mark.parametrize("at", [0, clean_requests().index("POST /backups/"), 8])
    def test_it_is_complete_also_when_interrupted(self, at: int, tmp_path: Path) -> None:
        with killer(tmp_path) as service:
            service.at, service.signal = at, signal.SIGINT

            code, out, _ = service.apply("--json")

            assert code == 130
            told = summary(out)
            done = [it.what for it in service.world.record]
            assert told["remove"] == done.count("delete")
            assert told["add"] + told["failed"] == done.count("create")
            assert sum(told.values()) == (5 if at else 0)


def test_a_saved_plan_meets_a_changed_account(tmp_path: Path) -> None:
    with killer(tmp_path) as service:
        (tmp_path / "backups.toml").write_text(SMALL_FILE, encoding="utf-8")
        environment = {"VPS_API_URL": service.url, "VPS_API_TOKEN": TOKEN}
        assert run("plan", "--out", "saved.plan", folder=tmp_path, **environment).returncode == 0
        held = {it["id"]: it for it in service.world.account.backups}

        def refused() -> str:
            done = run("apply", "saved.plan", "--auto-approve", folder=tmp_path, **environment)
            assert done.returncode == 1
            assert not service.world.record
            return done.stderr

        held[FAILED]["status"] = "completed"
        assert f"db/nightly#{FAILED}: status was 'failed', is 'completed'" in refused()
        held[FAILED]["status"] = "failed"
        service.world.account.backups.remove(held[OLD])
        assert f"db/nightly#{OLD}: gone" in refused()
        service.world.account.backups.append(held[OLD])
        service.world.servers[0]["name"] = "renamed"
        assert "web: name was 'web', is 'renamed'" in refused()
        service.world.servers[0]["name"] = "web"
        held[JUNK]["description"] = "kept"
        assert f"web/by hand#{JUNK}: description was 'by hand', is 'kept'" in refused()
        held[JUNK]["description"] = "by hand"

        done = run("apply", "saved.plan", folder=tmp_path, **environment)
        assert done.returncode == 0, done.stdout + done.stderr
        assert is_exact(service.world)
