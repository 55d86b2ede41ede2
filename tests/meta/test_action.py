"""The GitHub Action: its scripts run, against the sandbox and a `gh` that keeps comments and records its calls."""

import json
import re
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.command import COMMANDS, FILE, TOKEN, Sandbox, sandbox
from support.scripts import EXAMPLES, ROOT, Ran, filled_in, read_yaml, run_script, script_environment, stand_in

FOLDER = ROOT / ".github/actions/reconcile"
ACTION = read_yaml(FOLDER / "action.yml")
STEPS: dict[str, dict[str, Any]] = {step["name"]: step for step in ACTION["runs"]["steps"] if "name" in step}

GH = """
state = pathlib.Path(os.environ["COMMENTS"])
comments = json.loads(state.read_text())
options = dict(zip(arguments, arguments[1:]))
method = options.get("--method", "GET")
body = json.loads(sys.stdin.read())["body"] if "--input" in options else None
with open(os.environ["ASKED"], "a") as asked:
    asked.write(" ".join([method, *(each for each in arguments if each.startswith("repos/"))]) + "\\n")
if method == "GET":
    print(json.dumps([comments[:1], comments[1:]]))
elif method == "POST":
    comments.append({"id": 100 + len(comments), "user": {"login": "github-actions[bot]"}, "body": body})
else:
    (found,) = [each for each in comments if any(word.endswith(f"/{each['id']}") for word in arguments)]
    found["body"] = body
state.write_text(json.dumps(comments))
"""


compares = pytest.mark.skipif(not hasattr(tarfile, "data_filter"), reason="needs Python 3.11.4 or newer")


@dataclass
class Job:
    """A job on a pull request that uses the action, in a checked-out folder."""

    service: Sandbox
    folder: Path
    outputs: dict[str, str] = field(default_factory=dict)

    def run(
        self, command: str, *arguments: str, file: str = "backups.toml", token: str = TOKEN, forecast: str = "false"
    ) -> Ran:
        """Run the step and, for plan, the comment's, with the environments that the action gives them."""
        given = {"command": command, "file": file, "arguments": "\n".join(arguments), "token": token}
        given["forecast"] = forecast
        inputs = {key: entry.get("default", "") for key, entry in ACTION["inputs"].items()} | given
        values = {f"inputs.{key}": value for key, value in inputs.items()}
        ran = self._step("Run", values)
        self.outputs = {
            key: filled_in(entry["value"], {f"steps.run.outputs.{key}": ran.outputs.get(key, "")})
            for key, entry in ACTION["outputs"].items()
        }
        if command == "plan":
            self.comment(values, ran)
        return ran

    def report(self, file: str, text: str) -> None:
        """Run the comment's step as if `plan` had reported this about these files."""
        report = self.folder / "report.md"
        report.write_text(text)
        self.comment({"inputs.file": file}, Ran(0, "", {"report": str(report)}, ""))

    def comment(self, values: dict[str, str], ran: Ran) -> None:
        """Run the comment's step."""
        event = {
            "steps.run.outputs.report": ran.outputs.get("report", ""),
            "github.event.pull_request.head.sha": "c0ffee",
            "github.event.pull_request.number": "7",
            "github.server_url": "https://github.com",
            "github.repository": "us/backups",
            "github.run_id": "42",
            "github.token": "ghs_x",
        }
        written = self._step("Comment", {**values, **event})
        assert written.returncode == 0, written.shown

    def _step(self, name: str, values: dict[str, str]) -> Ran:
        python = {"steps.python.outputs.python-path": sys.executable}
        python["steps.python.outputs.python-path || 'python3'"] = sys.executable
        environment = {key: filled_in(value, {**values, **python}) for key, value in STEPS[name]["env"].items()}
        return run_script(STEPS[name]["run"], self.folder, **self.environment, **environment)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": "pull_request",
            "GITHUB_ACTION_PATH": str(FOLDER),
            "RUNNER_TEMP": str(self.folder),
            "VPS_API_URL": self.service.url,
            "COMMENTS": str(self.folder / "comments.json"),
            "ASKED": str(self.folder / "asked.txt"),
        }

    @property
    def comments(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads((self.folder / "comments.json").read_text())
        return found

    @property
    def asked(self) -> list[str]:
        return (self.folder / "asked.txt").read_text().splitlines()


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    stand_in(tmp_path, "gh", GH)
    others = [{"id": 1, "user": {"login": "github-actions[bot]"}, "body": "coverage: 97%"}]
    (tmp_path / "comments.json").write_text(json.dumps(others))
    (tmp_path / "backups.toml").write_text(FILE)
    with sandbox(tmp_path) as service:
        yield Job(service, tmp_path)


def test_plan_writes_the_summary_the_comment_and_the_outputs(job: Job) -> None:
    ran = job.run("plan")

    assert ran.returncode == 0, ran.shown
    assert "### reconcile: 1 to create, 0 to delete" in ran.summary
    assert "Plan: 1 to create, 0 to delete" in ran.shown
    assert job.asked[-1] == "POST repos/us/backups/issues/7/comments"
    other, ours = job.comments
    assert other["body"] == "coverage: 97%"
    assert ran.summary in ours["body"]
    assert "Planned for c0ffee in [this run](https://github.com/us/backups/actions/runs/42)." in ours["body"]
    plan_file = job.outputs.pop("plan-file")
    assert job.outputs == {"exit-code": "2", "creates": "1", "deletes": "0", "withheld": "0"}

    assert job.service.run("apply", plan_file).returncode == 0
    assert job.run("plan").returncode == 0
    assert (job.outputs["exit-code"], job.outputs["creates"]) == ("0", "0")


def test_each_set_of_files_has_one_comment_which_is_updated_in_place(job: Job) -> None:
    job.report("backups.toml", "first")
    first = job.comments[1]["body"]
    forged = {"id": 50, "user": {"login": "mallory"}, "body": first}
    (job.folder / "comments.json").write_text(json.dumps([forged, *job.comments]))

    job.report("more.toml\nbackups.toml\n", "of both")
    job.report("backups.toml\nmore.toml", "of both, in the other order")
    job.report("backups.toml", "second")

    assert [comment["id"] for comment in job.comments] == [50, 1, 101, 103]
    assert job.asked[-1] == "PATCH repos/us/backups/issues/comments/101"
    assert "\nsecond\n" in job.comments[2]["body"]
    assert "\nof both, in the other order\n" in job.comments[3]["body"]
    assert job.comments[0] == forged


@pytest.mark.parametrize(
    ("text", "token", "arguments", "reason"),
    [
        (FILE + "evry = 1\n", TOKEN, (), "unknown key"),
        (FILE, "vps_wrong", (), "401"),
        (FILE, TOKEN, ("--target=nothing",), "matches nothing"),
        (FILE, TOKEN, ("--no-such",), "no plan"),
    ],
)
def test_a_plan_that_fails_replaces_the_one_before_it(
    text: str, token: str, arguments: tuple[str, ...], reason: str, job: Job
) -> None:
    job.report("backups.toml", "1 to create")
    (job.folder / "backups.toml").write_text(text)

    ran = job.run("plan", *arguments, token=token)

    assert ran.returncode == 1
    assert "to create" not in job.comments[1]["body"]
    for shown in (ran.summary, job.comments[1]["body"]):
        assert "### reconcile: no plan" in shown
        assert reason in shown.replace("&#32;", " ")
    assert job.outputs == {"exit-code": "1", "creates": "", "deletes": "", "withheld": "", "plan-file": ""}


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=us", "-c", "user.email=us@example.com")
    subprocess.run(["/usr/bin/env", "git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def merge(folder: Path, **files: tuple[str | None, str]) -> None:
    """Check out what merges a pull request into its base, which has each file as given first, if at all."""
    git(folder, "init", "--initial-branch=main")
    for number, branch in enumerate(("main", "change")):
        git(folder, "checkout", "-B", branch)
        for name, texts in files.items():
            if (text := texts[number]) is not None:
                (folder / f"{name}.toml").write_text(text)
                git(folder, "add", f"{name}.toml")
        git(folder, "commit", "--allow-empty", "--message", branch)
    git(folder, "checkout", "main")
    git(folder, "merge", "--no-ff", "change")


CHANGED = FILE.replace('"nightly"', '"nightly", every = "1d", keep = 7')
MORE = '[servers.db-server-01]\nid = 12346\nbackups = [{ description = "x" }]\n'


@compares
def test_a_pull_request_shows_first_what_it_changes_then_over_a_year_then_the_whole_plan(job: Job) -> None:
    merge(job.folder, backups=(FILE, CHANGED), more=(None, MORE))

    absolute = job.run("plan", file=f"{job.folder}/backups.toml\n./more.toml")
    forecast = job.run("plan", file="backups.toml\nmore.toml", forecast="true")

    assert (absolute.returncode, forecast.returncode) == (0, 0), forecast.shown
    body = job.comments[2]["body"]
    order = [
        "Because of this change&#58; 1 more create on db-server-01; 1 server newly declared; 1 series gets",
        "Due in any case: 1 to create, 0 to delete.",
        "| <code>web-server-01</code> | nightly&#58; every not set &#8594; 1d; keep last all &#8594; 7 |",
        "### reconcile: forecast",
        "- **in a year**: ",
        "- **at its peak**: ",
        "- **reaches back**: ",
        "<details><summary>2 series with a change</summary>",
        "<details><summary>The whole plan: 2 to create, 0 to delete</summary>",
    ]
    places = [body.index(text) for text in order]
    assert places == sorted(places)
    assert body.count("<details>") == body.count("</details>")
    assert order[0] in absolute.summary
    assert "forecast" not in absolute.summary
    assert forecast.summary.index("The whole plan") < forecast.summary.index("### reconcile: forecast")
    assert job.outputs["creates"] == "2"


@compares
def test_a_change_that_breaks_a_rule_fails_the_step_and_is_forecast_all_the_same(job: Job) -> None:
    rule = '[require]\nretention = "30d"\n'
    merge(job.folder, backups=(FILE, f"{rule}{CHANGED}"))

    ran = job.run("plan", forecast="true")

    assert ran.returncode == 1
    body = job.comments[1]["body"]
    assert body.index("1 more error") < body.index("### reconcile: forecast") < body.index("The whole plan")


def test_a_checkout_without_the_base_is_planned_and_not_compared(job: Job) -> None:
    git(job.folder, "init")

    ran = job.run("plan", forecast="true")

    assert ran.returncode == 0
    assert "No comparison with the base: it needs actions/checkout with fetch-depth: 2." in ran.shown
    assert "### reconcile: 1 to create" in job.comments[1]["body"]


@compares
def test_a_base_without_the_file_or_with_one_that_leads_elsewhere_does_not_cost_the_plan(job: Job) -> None:
    (job.folder / "elsewhere.toml").write_text(FILE)
    (job.folder / "backups.toml").unlink()
    merge(job.folder, new=(None, FILE))
    absent = job.run("plan", file="new.toml", forecast="true")
    outside = job.run("plan", file=f"new.toml\n{EXAMPLES / 'prune-at-once.toml'}")
    git(job.folder, "checkout", "-B", "main")
    (job.folder / "backups.toml").symlink_to(job.folder / "elsewhere.toml")
    git(job.folder, "add", "backups.toml")
    git(job.folder, "commit", "--message", "a link")
    (job.folder / "backups.toml").unlink()
    merge(job.folder, backups=(None, FILE))

    ran = job.run("plan", forecast="true")

    assert (absent.returncode, ran.returncode) == (0, 0), ran.shown
    assert "No comparison with the base: the base has no such file." in absent.shown
    assert re.search(r"No comparison with the base: \S+/prune-at-once.toml is outside the repository.", outside.shown)
    assert "No comparison with the base: the base's backups.toml can't be read: " in ran.shown
    assert "### reconcile: 1 to create" in job.comments[1]["body"]
    assert "### reconcile: 1 to create" in ran.summary
    assert job.outputs["creates"] == "1"


@compares
def test_a_change_of_hundreds_of_servers_fits_into_the_comment(job: Job) -> None:
    job.service.account.servers[:] = [{"id": number, "name": f"server-{number}"} for number in range(400)]
    job.service.account.backups.clear()
    tables = [
        f'[servers.server-{number}]\nid = {number}\nbackups = [{{ description = "{number}" }}]\n'
        for number in range(400)
    ]
    merge(job.folder, backups=(tables[0], "".join(tables)))

    ran = job.run("plan", forecast="true")

    assert ran.returncode == 0, ran.shown
    body = job.comments[1]["body"]
    assert len(body) <= 65_536
    assert body.index("399 more creates on 399 servers") < body.index("### reconcile: forecast")
    assert body.count("<details>") == body.count("</details>")


def test_a_comment_without_a_user_or_a_text_is_left_alone(job: Job) -> None:
    ghost = {"id": 2, "user": None, "body": "a deleted account"}
    empty = {"id": 3, "user": {"login": "github-actions[bot]"}, "body": None}
    (job.folder / "comments.json").write_text(json.dumps([ghost, empty]))

    job.run("plan")

    assert [comment["id"] for comment in job.comments] == [2, 3, 102]
    assert job.comments[:2] == [ghost, empty]


def test_a_job_that_failed_before_it_could_plan_replaces_the_comment_too(job: Job) -> None:
    job.report("backups.toml", "1 to create")

    job.comment({"inputs.file": "backups.toml"}, Ran(1, "", {}, ""))

    assert "### reconcile: no plan\n\nSee the log of this run for the reason." in job.comments[1]["body"]
    assert STEPS["Comment"]["if"].startswith("${{ !cancelled() && ")


def test_a_plan_with_an_error_shows_the_rest_of_it_and_is_not_saved(job: Job) -> None:
    (job.folder / "backups.toml").write_text(FILE + "[servers.gone]\nid = 9\nbackups = []\n")

    ran = job.run("plan")

    assert ran.returncode == 1
    assert "1 to create, 0 to delete, 1 error" in job.comments[1]["body"]
    assert job.outputs == {"exit-code": "1", "creates": "1", "deletes": "0", "withheld": "0", "plan-file": ""}


def test_arguments_are_lines_that_nothing_splits_or_expands(job: Job) -> None:
    (job.folder / "web-notes.md").touch()
    (job.folder / "my backups.toml").write_text(FILE.replace("nightly", "every night"))
    (job.folder / "more.toml").write_text('[servers.db-server-01]\nid = 12346\nbackups = [{ description = "x" }]\n')

    ran = job.run(
        "plan", "--target", "web-server-01/every night", "", "--target=db-*", file="my backups.toml\nmore.toml"
    )

    assert ran.returncode == 0, ran.shown
    assert "This plan covers only --target web-server-01/every night, db-&#42;" in ran.summary
    assert job.outputs["creates"] == "2"


def test_apply_and_status_write_what_they_print_to_the_summary(job: Job) -> None:
    hostile = "```</code><b>@everyone"
    (job.folder / "backups.toml").write_text(FILE.replace("nightly", hostile))

    unhealthy = job.run("status")
    applied = job.run("apply")
    healthy = job.run("status", "--html=status.html", "--runbook=runbook.md")

    assert "web-server-01" in (job.folder / "status.html").read_text()
    assert "## `web-server-01`" in (job.folder / "runbook.md").read_text()
    assert (unhealthy.returncode, applied.returncode, healthy.returncode) == (2, 0, 0), applied.shown
    assert f"    EMPTY web-server-01/{hostile}: no usable backup\n" in unhealthy.summary
    assert "### reconcile apply: exit code 0\n" in applied.summary
    assert "    Apply complete: 1 created, 0 deleted.\n" in applied.summary
    for line in (unhealthy.summary + applied.summary).splitlines():
        assert line.startswith(("    ", "### reconcile ")) or not line
    assert "Apply complete" in applied.shown
    assert len(job.service.backups()) == 2
    assert job.outputs["exit-code"] == "0"


def test_of_a_long_log_the_summary_has_the_end(job: Job) -> None:
    stand_in(job.folder, "reconcile", 'print("é" * 99 + "\\n" + ("x" * 99 + "\\n") * 20_000 + "Apply complete")')

    ran = job.run("apply")

    assert len(ran.shown.splitlines()) == 20_002
    assert len(ran.summary.encode()) <= 2**20
    heading, _, left_out, *lines = ran.summary.splitlines()
    assert (heading, lines[-2]) == ("### reconcile apply: exit code 0", "    Apply complete")
    assert left_out == f"    … {20_002 - len(lines) + 1:,} lines before these are in the log"


def test_annotations_are_for_the_log_and_not_for_the_summary(job: Job) -> None:
    (job.folder / "backups.toml").write_text(FILE + "evry = 1\n")

    ran = job.run("apply")

    assert ran.returncode == 1
    assert "::error file=backups.toml,line=4" in ran.shown
    assert "::error" not in ran.summary
    assert "error: unknown key" in ran.summary


def test_a_cancelled_job_reports_what_was_done(tmp_path: Path) -> None:
    (tmp_path / "backups.toml").write_text(FILE)
    with sandbox(tmp_path, backup_seconds=60) as service:
        job = Job(service, tmp_path)
        environment = {**job.environment, "COMMAND": "apply", "FILE": "", "ARGUMENTS": "", "VPS_API_TOKEN": TOKEN}
        files = {name: str(tmp_path / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        with subprocess.Popen(
            ["/bin/bash", "-c", STEPS["Run"]["run"]],
            cwd=tmp_path,
            env=script_environment(tmp_path, {**environment, **files, "PYTHON": sys.executable}),
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout
            for line in process.stdout:
                if "creating" in line:
                    break
            process.send_signal(signal.SIGINT)
            rest = process.stdout.read()

    assert process.returncode == 130
    assert "Interrupted" in rest
    assert "exit-code=130" in (tmp_path / "GITHUB_OUTPUT").read_text()
    assert "Interrupted" in (tmp_path / "GITHUB_STEP_SUMMARY").read_text()


def test_nothing_from_outside_is_part_of_a_script() -> None:
    assert [name for name, step in STEPS.items() if "${{" in step["run"]] == []


def test_a_job_that_may_not_comment_says_so(job: Job) -> None:
    stand_in(job.folder, "gh", 'sys.exit("gh: Resource not accessible by integration (HTTP 403)")')
    ran = job.run("status")

    with pytest.raises(AssertionError, match=r"permissions: pull-requests: write"):
        job.comment({"inputs.file": ""}, ran)


def test_another_command_is_refused(job: Job) -> None:
    ran = job.run("restore")

    assert ran.returncode == 1
    assert "is none of plan, apply, status" in ran.shown


def test_the_examples_use_inputs_and_options_that_exist() -> None:
    used = [
        step["with"]
        for path in sorted((EXAMPLES / "ci").glob("*.yml"))
        for job in read_yaml(path).get("jobs", {}).values()
        for step in job["steps"]
        if "actions/reconcile" in step.get("uses", "")
    ]
    assert used
    required = {key for key, entry in ACTION["inputs"].items() if entry.get("required")}
    assert all(required <= set(inputs) <= set(ACTION["inputs"]) for inputs in used)
    for inputs in used:
        known = {option for parameter in COMMANDS[inputs["command"]].params for option in parameter.opts}
        arguments = inputs.get("arguments", "").splitlines()
        assert {argument.partition("=")[0] for argument in arguments if argument.startswith("-")} <= known


def test_the_page_about_ci_has_every_input_and_output_of_the_action_and_of_the_component() -> None:
    page = (ROOT / "reconcile/help/ci.md").read_text(encoding="utf-8")
    github, _, gitlab = page.partition("## GitLab")
    table = re.findall(r"^\| `([\w-]+)` \|", github, re.MULTILINE)
    (outputs,) = re.findall(r"Its outputs are (.*?)\.", github, re.DOTALL)
    component = next(yaml.safe_load_all((EXAMPLES / "gitlab-component/templates/reconcile.yml").read_text("utf-8")))
    required, optional = (
        set(re.findall(r"`([\w-]+)`", lines))
        for lines in re.findall(r"^- (?:Required|Optional) inputs: (.*?)$(?=\n-)", gitlab, re.DOTALL | re.MULTILINE)
    )

    assert table == [*ACTION["inputs"]]
    assert re.findall(r"`([\w-]+)`", outputs)[: len(ACTION["outputs"])] == [*ACTION["outputs"]]
    inputs = component["spec"]["inputs"]
    assert required == {name for name, entry in inputs.items() if "default" not in entry}
    assert optional == {name for name, entry in inputs.items() if "default" in entry}


def test_the_table_of_permissions_has_every_command_that_asks_the_service() -> None:
    page = (ROOT / "reconcile/help/connection.md").read_text(encoding="utf-8")
    _, table = page.split("| command | permission |")
    listed = re.findall(r"`(\w+)`(?=[^|]*\|[^|]*`servers:)", table.partition("\n\n")[0])

    asking = {name for name, command in COMMANDS.items() if any("--token-file" in each.opts for each in command.params)}
    assert sorted(listed) == sorted(asking)
