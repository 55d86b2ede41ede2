"""The pipelines for GitHub and GitLab fit their schemas, and their scripts do what they promise, on the sandbox."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from support.build import entry
from support.command import COMMANDS, TOKEN, Sandbox, sandbox
from support.heartbeats import Heartbeats, heartbeats
from support.scripts import (
    EXAMPLES,
    ROOT,
    Ran,
    filled_in,
    github_files,
    read_yaml,
    run_script,
    script_environment,
    stand_in,
)

ACTION = ROOT / ".github/actions/reconcile"
COMPONENT = EXAMPLES / "gitlab-component/templates/reconcile.yml"
NOTE, SHOW = "Note how to restore the backup", "Show how to restore the backup"
"""Two steps of the deploy."""
FILE = """
[servers.web-server-01]
id = 12345
[[servers.web-server-01.backups]]
description = "nightly"
every = "1d"
"""
CHECKS = {
    ("github-actions", ""): [ACTION / "action.yml"],
    ("github-workflows", ""): [
        *(ROOT / ".github/workflows").glob("*.yml"),
        EXAMPLES / "ci/github.yml",
        EXAMPLES / "ci/deploy.yml",
        EXAMPLES / "accounts/github.yml",
    ],
    ("dependabot", ""): [ROOT / ".github/dependabot.yml"],
    ("gitlab-ci", "gitlab-ci"): [EXAMPLES / "ci/gitlab.yml", EXAMPLES / "ci/deploy.gitlab.yml"],
}


def component(**inputs: str) -> tuple[str, str]:
    """Return the component's header and its jobs, with the inputs filled in as GitLab does."""
    header, jobs = COMPONENT.read_text(encoding="utf-8").split("\n---\n")
    declared = yaml.safe_load(header)["spec"]["inputs"]
    values = {name: entry.get("default", name.upper()) for name, entry in declared.items()} | inputs
    return header, re.sub(r"\$\[\[ inputs\.([\w-]+) \]\]", lambda match: values[match[1]], jobs)


def check(schema: str, transform: str, *files: Path) -> Result:
    """Check files against a schema that check-jsonschema comes with."""
    options = ["--builtin-schema", f"vendor.{schema}", *(["--data-transform", transform] if transform else [])]
    # A tenth of a second, which each worker would take to collect these tests.
    from check_jsonschema import main as check_jsonschema  # type: ignore[import-untyped] # noqa: PLC0415

    return CliRunner().invoke(check_jsonschema, [*options, *map(str, files)])


@pytest.mark.parametrize(("schema", "transform"), CHECKS)
def test_pipelines_fit_their_schemas(schema: str, transform: str) -> None:
    done = check(schema, transform, *CHECKS[schema, transform])

    assert done.exit_code == 0, done.output


def test_every_pipeline_is_checked() -> None:
    checked = {path for paths in CHECKS.values() for path in paths}

    assert set((EXAMPLES / "ci").iterdir()) <= checked


def test_the_component_fits_the_schema_and_its_users_inputs_are_its_own(tmp_path: Path) -> None:
    for name, text in zip(("header.yml", "jobs.yml"), component(), strict=True):
        (tmp_path / name).write_text(text)
    done = check("gitlab-ci", "gitlab-ci", tmp_path / "header.yml", tmp_path / "jobs.yml")
    (included,) = read_yaml(EXAMPLES / "ci/gitlab.yml")["include"]

    assert done.exit_code == 0, done.output
    assert included["remote"].endswith(str(COMPONENT.relative_to(ROOT)))
    inputs = yaml.safe_load(component()[0])["spec"]["inputs"]
    assert {name for name, entry in inputs.items() if "default" not in entry} <= set(included["inputs"]) <= set(inputs)

    (tmp_path / "jobs.yml").write_text("backups-plan: {script: [x], resource_groups: y}")
    assert check("gitlab-ci", "gitlab-ci", tmp_path / "jobs.yml").exit_code == 1, "the check finds no mistake"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Sandbox]:
    stand_in(tmp_path, "pip", 'pathlib.Path("pip.json").write_text(json.dumps(arguments))')
    (tmp_path / "backups.toml").write_text(FILE)
    with sandbox(tmp_path) as served:
        yield served


@pytest.fixture
def aged(tmp_path: Path) -> Iterator[Sandbox]:
    """Serve an account whose nightly backup is three hours old, and not due."""
    stand_in(tmp_path, "pip", "")
    (tmp_path / "backups.toml").write_text(FILE + "keep = 7\n")
    servers = [{"id": 12345, "name": "web-server-01"}]
    seed = {"servers": servers, "backups": [entry(1, "nightly", timedelta(hours=3), server=servers[0])]}
    with sandbox(tmp_path, seed=seed) as served:
        yield served


def gitlab(job: Mapping[str, Any], service: Sandbox, **environment: str) -> Ran:
    """Run a job as GitLab does: its scripts are one, which stops at the first error."""
    script = "\n".join([*job.get("before_script", ()), *job["script"]])
    own = {name: str(value) for name, value in job.get("variables", {}).items()}
    given = {"VPS_API_URL": service.url, **own, **environment}
    return run_script(script, service.folder, **given)


def jobs(**inputs: str) -> dict[str, Any]:
    """Return the component's jobs, each with what it extends."""
    found: dict[str, Any] = yaml.safe_load(component(**inputs)[1])
    return {name: {**found.get(job.get("extends"), {}), **job} for name, job in found.items()}


def test_gitlabs_jobs_plan_apply_check_and_ping(service: Sandbox) -> None:
    tokens = {"VPS_API_TOKEN": TOKEN, "VPS_API_TOKEN_READONLY": "vps_readonly"}
    quoted = jobs(arguments="-f backups.toml --target 'web-server-01/night*'")

    with heartbeats() as apply, heartbeats() as check:
        tokens |= {"HEARTBEAT_URL_APPLY": apply.url, "HEARTBEAT_URL_STATUS": check.url}
        planned = gitlab(quoted["backups-plan"], service, **tokens)
        unhealthy = gitlab(quoted["backups-status"], service, **tokens)
        applied = gitlab(quoted["backups-apply"], service, **tokens)
        healthy = gitlab(quoted["backups-status"], service, **tokens)

    codes = [ran.returncode for ran in (planned, unhealthy, applied, healthy)]
    assert codes == [0, 2, 0, 0], (planned, unhealthy, applied)
    assert json.loads((service.folder / "report.json").read_text()) == {"create": 1, "update": 0, "delete": 0}
    assert "Plan: 1 to create" in planned.shown
    assert "### reconcile: 1 to create" in (service.folder / "plan.md").read_text()
    assert (service.folder / "backups.plan").exists()
    assert "web-server-01" in (service.folder / "status.html").read_text()
    assert "## `web-server-01`" in (service.folder / "runbook.md").read_text()
    assert "https://github.com/REPOSITORY/archive/COMMIT.zip" in json.loads((service.folder / "pip.json").read_text())
    assert service.run("replay", "records").returncode == 0
    assert apply.signals == ["start", "0"]
    assert check.signals == ["start", "2", "start", "0"]


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=us", "-c", "user.email=us@example.com")
    return subprocess.run(
        ["/usr/bin/env", "git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout


def based(service: Sandbox, before: str, after: str) -> dict[str, str]:
    """Commit a base, write what a merge request changes it to, and return the variables of its pipeline."""
    service.write(before)
    git(service.folder, "init", "--initial-branch=main")
    git(service.folder, "add", "backups.toml")
    git(service.folder, "commit", "--message", "base")
    git(service.folder, "remote", "add", "origin", str(service.folder))
    base = git(service.folder, "rev-parse", "HEAD").strip()
    service.write(after)
    return {"VPS_API_TOKEN_READONLY": "vps_readonly", "CI_MERGE_REQUEST_DIFF_BASE_SHA": base}


RENAMED = FILE.replace('"nightly"', '"every night"\nkeep = 3')


@pytest.mark.parametrize(("rule", "code"), [("", 0), ('[require]\nretention = "30d"\n', 1)])
def test_gitlabs_plan_says_first_what_a_merge_request_changes_then_over_a_year_then_all(
    rule: str, code: int, service: Sandbox
) -> None:
    given = based(service, FILE, rule + RENAMED)

    planned = gitlab(jobs()["backups-plan"], service, **given)

    assert planned.returncode == code, planned.shown
    shown = (service.folder / "plan.md").read_text()
    order = (
        "Because of this change&#58; 1 more create on web-server-01",
        "\n### reconcile: forecast\n",
        "- **in a year**: ",
        "- **at its peak**: ",
        "- **reaches back**: ",
        "<details><summary>2 series with a change</summary>",
        "<details><summary>The whole plan: ",
    )
    places = [shown.index(text) for text in order]
    assert places == sorted(places)
    assert shown.count("<details>") == shown.count("</details>")


def test_gitlabs_plan_without_a_base_is_the_plan_alone(service: Sandbox) -> None:
    given = based(service, FILE, RENAMED)

    for lacks in ({"compare": ""}, {"compare": "no-such.toml"}):
        assert gitlab(jobs(**lacks)["backups-plan"], service, **given).returncode == 0
        assert "### reconcile: 1 to create" in (service.folder / "plan.md").read_text()


@dataclass
class GitLab:
    """The notes of a merge request, and the name of the user who asks for them or writes them."""

    notes: list[dict[str, Any]]
    url: str = ""
    asked: list[str] = field(default_factory=list)

    def respond(self, method: str, path: str, body: str) -> object:
        self.asked.append(f"{method} {path}")
        if path == "/user":
            return {"id": 1}
        if method == "GET":
            page = int(path.rpartition("=")[2])
            return self.notes[2 * page - 2 : 2 * page]
        if method == "POST":
            self.notes.append({"id": 10 + len(self.notes), "author": {"id": 1}})
        note = self.notes[-1] if method == "POST" else next(e for e in self.notes if path.endswith(f"/{e['id']}"))
        note["body"] = json.loads(body)["body"]
        return note


@pytest.fixture
def merge_request() -> Iterator[GitLab]:
    api = GitLab([{"id": number, "author": {"id": 2}, "body": "<!-- backups-plan -->\nforged"} for number in range(3)])

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            assert self.headers["PRIVATE-TOKEN"] == "glpat-x"
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            content = json.dumps(api.respond(self.command, self.path, body)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = answer  # noqa: N815 - the base class's names

        def log_message(self, *_: Any) -> None:  # noqa: ANN401 - the base class's signature
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        api.url = f"http://127.0.0.1:{server.server_port}"
        yield api
        server.shutdown()


def test_gitlabs_plan_keeps_one_note_in_the_merge_request(service: Sandbox, merge_request: GitLab) -> None:
    plan = jobs()["backups-plan"]
    given = based(service, FILE, RENAMED) | {
        "GITLAB_NOTE_TOKEN": "glpat-x",
        "CI_API_V4_URL": merge_request.url,
        "CI_PROJECT_ID": "5",
        "CI_MERGE_REQUEST_IID": "7",
        "CI_JOB_NAME": "backups-plan",
        "CI_JOB_URL": "https://gitlab.example/j/1",
        "CI_COMMIT_SHA": "c0ffee",
    }
    note = {"script": plan["after_script"]}

    written = gitlab(note, service, **given)
    first = merge_request.notes[-1]["body"]
    gitlab(plan, service, **given)
    updated = gitlab(note, service, **given)
    without = gitlab(note, service, **given | {"GITLAB_NOTE_TOKEN": ""})

    assert [ran.returncode for ran in (written, updated, without)] == [0, 0, 0], written.shown
    assert first.startswith("<!-- backups-plan -->\n### reconcile: no plan\n")
    changes = [each for each in merge_request.asked if not each.startswith("GET")]
    assert changes == ["POST /projects/5/merge_requests/7/notes", "PUT /projects/5/merge_requests/7/notes/13"]
    assert "Because of this change&#58; 1 more create" in merge_request.notes[-1]["body"]
    assert "Planned for c0ffee in [this job](https://gitlab.example/j/1)." in merge_request.notes[-1]["body"]
    assert [each["body"] for each in merge_request.notes[:3]] == ["<!-- backups-plan -->\nforged"] * 3


@pytest.mark.parametrize("job", ["backups-apply", "backups-status"])
def test_gitlabs_jobs_need_no_heartbeat(job: str, service: Sandbox) -> None:
    assert "heartbeat" not in gitlab(jobs()[job], service, VPS_API_TOKEN=TOKEN, VPS_API_TOKEN_READONLY=TOKEN).shown


def test_gitlabs_plan_that_fails_fails_its_job_and_leaves_the_reason(service: Sandbox) -> None:
    service.write(FILE + "evry = 1\n")

    assert gitlab(jobs()["backups-plan"], service, VPS_API_TOKEN_READONLY="vps_readonly").returncode == 1
    assert "unknown key" in (service.folder / "plan.md").read_text().replace("&#32;", " ")


@dataclass
class Nightly:
    """The jobs of GitHub's workflow that run every night, each with its own heartbeat."""

    service: Sandbox

    def steps(self) -> Iterator[dict[str, Any]]:
        """Yield each step that uses the action, in order."""
        jobs = read_yaml(EXAMPLES / "ci/github.yml")["jobs"]
        for name in ("apply", "status"):
            yield from (step for step in jobs[name]["steps"] if "with" in step and "command" in step["with"])

    def environment(self, step: dict[str, Any], **hearts: Heartbeats) -> dict[str, str]:
        """Return the environment of the action's script in this step, with a heartbeat for each command."""
        command = step["with"]["command"]
        secrets = {f"secrets.HEARTBEAT_URL_{command.upper()}": hearts[command].url}
        given = {name: filled_in(value, secrets) for name, value in step["env"].items()}
        given |= {"COMMAND": command, "ARGUMENTS": step["with"]["arguments"], "FILE": "backups.toml"}
        given |= {"VPS_API_URL": self.service.url, "VPS_API_TOKEN": TOKEN, "RUNNER_TEMP": str(self.service.folder)}
        return {**given, "PYTHON": sys.executable, "ACTION": str(ACTION)}


def test_githubs_nightly_jobs_report_to_a_heartbeat_of_their_own(service: Sandbox) -> None:
    nightly = Nightly(service)
    with heartbeats() as apply, heartbeats() as status:
        for step in nightly.steps():
            given = nightly.environment(step, apply=apply, status=status)
            ran = run_script('exec "$PYTHON" "$ACTION/run.py"', service.folder, **given)
            assert ran.returncode == 0, ran.shown

    assert apply.signals == status.signals == ["start", "0"]
    assert service.run("replay", "records").returncode == 0


@pytest.mark.parametrize(
    ("ends", "code", "reported"), [("failing", 1, ["1"]), ("stopped", 130, ["130"]), ("killed", -signal.SIGKILL, [])]
)
def test_githubs_apply_that_fails_or_is_stopped_while_it_hangs_says_so_and_one_that_is_killed_cannot(
    ends: str, code: int, reported: list[str], tmp_path: Path
) -> None:
    (tmp_path / "backups.toml").write_text(FILE)
    slow = 0.0 if ends == "failing" else 60.0
    with sandbox(tmp_path, fails=ends == "failing", backup_seconds=slow) as service, heartbeats() as apply:
        nightly = Nightly(service)
        given = nightly.environment(next(nightly.steps()), apply=apply)
        command = ["/bin/bash", "-c", 'exec "$PYTHON" "$ACTION/run.py"']
        environment = script_environment(tmp_path, {**given, **github_files(tmp_path)})
        with subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, start_new_session=True
        ) as process:
            if ends != "failing":
                while not [each for each in service.backups() if each["status"] != "completed"]:
                    time.sleep(0.05)
            if ends == "stopped":
                process.send_signal(signal.SIGTERM)
            elif ends == "killed":
                os.killpg(process.pid, signal.SIGKILL)  # a runner ends every process of its job

    assert process.returncode == code
    assert apply.signals == ["start", *reported]


def github_deploy(service: Sandbox) -> tuple[dict[str, str], str, str]:
    """Run GitHub's deploy job; return the outcome of each step by its name, the summary and the log."""
    (job,) = read_yaml(EXAMPLES / "ci/deploy.yml")["jobs"].values()
    target = job["env"]["TARGET"]
    values = {"env.TARGET": target, "secrets.VPS_API_TOKEN": TOKEN}
    outcomes: dict[str, str] = {}
    summary = log = ""
    for step in job["steps"][1:]:
        if "if" in step:
            assert step["if"] == (
                "${{ always() && (steps.deploy.outcome == 'failure' || steps.deploy.outcome == 'cancelled') }}"
            )
            runs = outcomes["Deploy"] in {"failure", "cancelled"}
        else:
            runs = "failure" not in outcomes.values()
        if not runs:
            outcomes[step["name"]] = "skipped"
            continue
        script, environment = step.get("run"), dict(step.get("env", {}))
        if script is None:  # the action
            inputs = step["with"]
            script = '"$PYTHON" "$ACTION/run.py"'
            environment = {"COMMAND": inputs["command"], "ARGUMENTS": inputs["arguments"], "FILE": "backups.toml"}
            environment["VPS_API_TOKEN"] = inputs["token"]
        given = {"VPS_API_URL": service.url, "TARGET": target, "RUNNER_TEMP": str(service.folder)}
        given |= {"PYTHON": sys.executable, "ACTION": str(ACTION)}
        given |= {name: filled_in(value, values) for name, value in environment.items()}
        ran = run_script(script, service.folder, **given)
        outcomes[step["name"]] = "failure" if ran.returncode else "success"
        summary, log = summary + ran.summary, log + ran.shown
    return outcomes, summary, log


def gitlab_deploy(service: Sandbox) -> Ran:
    return gitlab(read_yaml(EXAMPLES / "ci/deploy.gitlab.yml")["deploy"], service, VPS_API_TOKEN=TOKEN)


def deploy_script(folder: Path, exit_code: int) -> None:
    """Write the deploy that the pipelines run; it notes that it ran."""
    script = folder / "deploy.sh"
    script.write_text(f"#!/bin/sh\necho ran >> deployed.txt\nexit {exit_code}\n")
    script.chmod(0o755)


def test_a_deploy_that_succeeds_has_a_fresh_backup_behind_it(aged: Sandbox) -> None:
    deploy_script(aged.folder, 0)

    outcomes, summary, log = github_deploy(aged)

    assert outcomes.pop(SHOW) == "skipped"
    assert set(outcomes.values()) == {"success"}, log
    assert "restore" not in summary
    assert len(aged.backups()) == 2


def test_two_deploys_share_a_backup(aged: Sandbox) -> None:
    deploy_script(aged.folder, 0)

    for _ in range(2):
        assert gitlab_deploy(aged).returncode == 0
        assert len(aged.backups()) == 2
    assert (aged.folder / "deployed.txt").read_text() == "ran\nran\n"


def test_a_deploy_that_fails_shows_the_line_to_go_back_with_which_works(aged: Sandbox) -> None:
    deploy_script(aged.folder, 1)

    outcomes, summary, log = github_deploy(aged)
    twin = gitlab_deploy(aged)

    assert outcomes["Deploy"] == "failure", log
    assert "### The deploy failed. To restore the backup from before the deploy:\n\n    reconcile restore " in summary
    assert twin.returncode == 1
    made = max(backup["id"] for backup in aged.backups())
    line = f"reconcile restore 12345 --backup {made}"
    assert f"    {line} # 'web-server-01/nightly'\n" in summary
    assert f"\n{line} # 'web-server-01/nightly'\n" in twin.shown
    restored = aged.run(*line.split()[1:], "--auto-approve")
    assert restored.returncode == 0, restored.stderr


def test_where_the_backup_fails_nothing_is_deployed(tmp_path: Path) -> None:
    (tmp_path / "backups.toml").write_text(FILE)
    stand_in(tmp_path, "pip", "")
    deploy_script(tmp_path, 0)
    with sandbox(tmp_path, fails=True) as failing:
        outcomes, _, _ = github_deploy(failing)
        twin = gitlab_deploy(failing)

    assert outcomes["Back up"] == "failure"
    assert {outcomes[name] for name in (NOTE, "Deploy", SHOW)} == {"skipped"}
    assert twin.returncode == 1
    assert not (tmp_path / "deployed.txt").exists()


def scripts() -> Iterator[tuple[str, str]]:
    """Yield every shell script of the examples, with a name for it."""
    for path in [ACTION / "action.yml", *CHECKS["github-workflows", ""][-3:]]:
        read = read_yaml(path)
        for job in (read["runs"],) if "runs" in read else read["jobs"].values():
            for step in job["steps"]:
                if "run" in step:
                    yield f"{path.name}: {step['name']}", step["run"]
    for name, job in [*jobs().items(), ("deploy", read_yaml(EXAMPLES / "ci/deploy.gitlab.yml")["deploy"])]:
        if "script" in job:
            yield name, "\n".join([*job.get("before_script", ()), *job["script"]])


@pytest.mark.parametrize("script", [pytest.param(script, id=name) for name, script in scripts()])
def test_shellcheck_finds_nothing_in(script: str) -> None:
    command = [str(Path(sys.executable).with_name("shellcheck")), "--shell=bash", "-"]

    done = subprocess.run(command, input=script, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout


def test_its_commands_and_options_exist() -> None:
    """Every call of reconcile in a pipeline is of a command that exists, with options that it has."""
    calls = [call for _, script in scripts() for call in re.findall(r"reconcile (\w+) ([^|\n]*)", script)]
    calls = [(name, rest) for name, rest in calls if name in COMMANDS]

    assert {name for name, _ in calls} == {"plan", "forecast", "show", "apply", "status"}
    for name, rest in calls:
        known = {option for parameter in COMMANDS[name].params for option in parameter.opts}
        assert set(re.findall(r"(?<!\S)--?[a-z][\w-]*", rest)) <= known, rest
