"""`plan`: what it shows, for whom, and its exit codes."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.build import entry
from support.command import FIRST, Sandbox, run, sandbox


@pytest.fixture
def service(service_alone: Sandbox) -> Sandbox:
    service_alone.account.backup_seconds = 0.2
    service_alone.write(FIRST)
    return service_alone


def test_at_plans_for_another_time(service: Sandbox) -> None:
    service.run("apply", "--auto-approve")
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()

    planned = service.run("plan", "--at", tomorrow)
    assert "newest is 1d" in planned.stdout
    assert planned.stderr == f"Planned as of {tomorrow[:10]} {tomorrow[11:16]}, not as of now.\n"
    assert service.run("plan", "--detailed-exitcode", "--at", tomorrow).returncode == 2


@pytest.mark.parametrize(
    ("time", "message"),
    [
        ("9999-12-31T23:59:59Z", "is not between the years 1970 and 9000"),
        ("0001-01-01T00:00:00+14:00", "is not a time"),
        ("noon", "is not a time; write it like 2026-01-31T03:00:00Z"),
    ],
)
def test_at_a_time_that_cannot_be_is_wrong_usage(time: str, message: str, service: Sandbox) -> None:
    done = service.run("plan", "--at", time)

    assert (done.returncode, done.stdout) == (1, "")
    assert message in done.stderr


def test_a_target_narrows_the_plan_which_says_so(service: Sandbox) -> None:
    done = service.run("plan", "--target", "web-server-01/Pre*")

    assert "No changes." in done.stdout
    assert "This plan covers only --target web-server-01/Pre*." in done.stdout
    as_markdown = service.run("plan", "--markdown", "--target", "web-server-01/nightly").stdout
    assert "This plan covers only" in as_markdown


def test_ten_thousand_backups_on_five_hundred_servers_fit_on_one_screen(tmp_path: Path) -> None:
    servers: list[dict[str, Any]] = [{"id": number, "name": f"s{number}"} for number in range(1, 501)]
    backups = [
        entry(number * 100 + night, "nightly", timedelta(days=night), server=server)
        for number, server in enumerate(servers, 1)
        for night in range(20)
    ]
    with sandbox(tmp_path, page_size=500, seed={"servers": servers, "backups": backups}) as service:
        declared = '[servers.s{0}]\nid = {0}\nbackups = [{{ description = "nightly", every = "1d", keep = 20 }}]\n'
        service.write("".join(declared.format(number) for number in range(1, 501)))

        done = service.run("plan", "--detailed-exitcode")

        assert done.returncode == 0
        assert "10,000 backups unchanged" in done.stdout
        assert len(done.stdout.splitlines()) < 24


def test_colours_on_a_terminal_only_and_none_with_no_color(service: Sandbox) -> None:
    terminal = {"TERM": "xterm-256color", "answer": ""}

    assert "\x1b[32m" in service.ask("plan", **terminal).stdout
    assert "\x1b[3" not in service.ask("plan", NO_COLOR="1", **terminal).stdout
    assert "\x1b[3" not in service.ask("plan", "--no-color", **terminal).stdout
    assert "\x1b" not in service.run("plan").stdout


class TestReports:
    def test_gitlabs_report(self, service: Sandbox) -> None:
        assert service.run("plan", "--gitlab-report", "report.json").returncode == 0

        assert json.loads((service.folder / "report.json").read_text()) == {"create": 1, "update": 0, "delete": 0}

    def test_markdown_without_a_plan_says_why(self, service: Sandbox) -> None:
        refused = service.run("plan", "--markdown", VPS_API_TOKEN="vps_wrong")
        service.write("[servers.a]\nid = 1\nevry = 1\n")
        mistaken = service.run("plan", "--markdown")

        assert (refused.returncode, mistaken.returncode) == (1, 1)
        assert refused.stdout.startswith("<!-- reconcile plan -->\n### reconcile: no plan, 1 error\n")
        assert "401" in refused.stdout
        assert "backups&#46;toml&#58;3&#58;1</code>: unknown key &#34;evry&#34;" in mistaken.stdout

    def test_markdown_and_json_exclude_each_other(self, service: Sandbox) -> None:
        for command in (["plan"], ["show", "saved.plan"]):
            done = service.run(*command, "--json", "--markdown")
            assert done.returncode == 1
            assert "--json or --markdown, not both" in done.stderr

    def test_mistakes_are_annotations_in_github_actions_only(self, tmp_path: Path) -> None:
        (tmp_path / "backups.toml").write_text("[servers.a]\nid = 1\nevry = 1\n")

        there = run("validate", folder=tmp_path, GITHUB_ACTIONS="true").stderr
        here = run("validate", folder=tmp_path, GITHUB_ACTIONS="").stderr

        assert "::error file=backups.toml,line=3,col=1,endLine=3,endColumn=5,title=unknown key" in there
        assert "::error" not in here


@pytest.mark.parametrize("failing", ["--out", "--gitlab-report"])
def test_an_output_that_cannot_be_written_does_not_keep_the_others_from_being_written(
    service: Sandbox, failing: str
) -> None:
    files = {"--out": "saved.plan", "--gitlab-report": "report.json"} | {failing: "no/such/folder"}

    done = service.run("plan", *(argument for option in files.items() for argument in option))

    (written,) = (name for option, name in files.items() if option != failing)
    assert (service.folder / written).is_file()
    assert "Plan: " in done.stdout or "No changes" in done.stdout
    assert "no/such/folder can't be written" in done.stderr
    assert ("Saved." in done.stderr) == (failing != "--out")
    assert done.returncode == 1
