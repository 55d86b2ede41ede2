"""The parts for other people's repositories: the action's scripts run, the hook validates, editors get a schema."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.command import COMMANDS, TOKEN, bare_environment, run, sandbox

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / ".github/actions/reconcile/action.yml").read_text(encoding="utf-8"))
EXAMPLES = sorted((ROOT / "examples").rglob("*.toml"))
FILE = '[servers.web-server-01]\nid = 12345\nbackups = [{ description = "nightly" }]\n'


def script(name: str) -> str:
    (found,) = [step["run"] for step in ACTION["runs"]["steps"] if step.get("name") == name]
    return str(found)


def run_script(name: str, folder: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a step of the action as GitHub does, `reconcile` being on the path."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    job = {"PATH": path, "GITHUB_ACTIONS": "true", "RUNNER_TEMP": str(folder)}
    return subprocess.run(
        ["/bin/bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script(name)],
        cwd=folder,
        env={**bare_environment(folder), **job, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_action_plans_to_the_summary_and_applies(tmp_path: Path) -> None:
    with sandbox(tmp_path, backup_seconds=0) as service:
        (tmp_path / "my backups.toml").write_text(FILE)
        given = {
            "FILE": "my backups.toml",
            "ARGUMENTS": "--target web-server-01 --max-age 1h",
            "VPS_API_TOKEN": TOKEN,
            "VPS_API_URL": service.url,
        }
        summary = tmp_path / "summary.md"

        planned = run_script("Plan", tmp_path, GITHUB_STEP_SUMMARY=str(summary), **given)
        assert planned.returncode == 0, planned.stderr
        assert (tmp_path / "plan.md").read_text() == summary.read_text()
        assert "### reconcile: 1 to create, 0 to delete" in summary.read_text()
        assert len(service.backups()) == 1

        applied = run_script("Apply", tmp_path, **given)
        assert applied.returncode == 0, applied.stderr
        assert len(service.backups()) == 2


def test_the_actions_scripts_hold_nothing_from_outside() -> None:
    steps: list[dict[str, Any]] = [step for step in ACTION["runs"]["steps"] if "run" in step]

    assert steps
    assert [step["name"] for step in steps if "${{" in step["run"]] == []
    assert all("description" in entry for entry in ACTION["inputs"].values())


@pytest.mark.parametrize("name", ["github.yml", "gitlab.yml"])
def test_the_workflows_are_yaml_and_use_the_actions_inputs(name: str) -> None:
    workflow = yaml.safe_load((ROOT / "examples/ci" / name).read_text(encoding="utf-8"))

    used = [
        step["with"]
        for job in workflow.get("jobs", {}).values()
        for step in job["steps"]
        if "actions/reconcile" in step["uses"]
    ]
    assert bool(used) is (name == "github.yml")
    required = {key for key, entry in ACTION["inputs"].items() if entry.get("required")}
    assert all(required <= set(inputs) <= set(ACTION["inputs"]) for inputs in used)
    for inputs in used:
        known = {option for parameter in COMMANDS[inputs["command"]].params for option in parameter.opts}
        assert {argument for argument in inputs.get("arguments", "").split() if argument.startswith("-")} <= known


def test_the_pre_commit_hook_validates(tmp_path: Path) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    name, *arguments = hook["entry"].split()
    assert (hook["id"], name) == ("reconcile-validate", "reconcile")

    (tmp_path / "backups.toml").write_text(FILE)
    assert run(*arguments, folder=tmp_path).returncode == 0
    (tmp_path / "backups.toml").write_text("x = 1")
    assert run(*arguments, folder=tmp_path).returncode == 1


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_there_for(shell: str, tmp_path: Path) -> None:
    command = [str(Path(sys.executable).with_name("reconcile"))]
    environment = {**bare_environment(tmp_path), "_RECONCILE_COMPLETE": f"{shell}_source"}

    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "reconcile" in done.stdout


def test_completion_completes(tmp_path: Path) -> None:
    command = [str(Path(sys.executable).with_name("reconcile"))]
    asked = {"_RECONCILE_COMPLETE": "bash_complete", "COMP_WORDS": "reconcile pl", "COMP_CWORD": "1"}

    done = subprocess.run(
        command, env={**bare_environment(tmp_path), **asked}, capture_output=True, text=True, check=False
    )

    assert done.stdout == "plain,plan\n"


@pytest.fixture(scope="module")
def taplo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install taplo, the TOML tool behind the editors' plugins, from npm."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("taplo comes from npm, which is not here")
    folder = tmp_path_factory.mktemp("taplo")
    command = [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), "@taplo/cli@0.7.0"]
    installed = subprocess.run(command, capture_output=True, text=True, check=False)
    if installed.returncode:
        pytest.skip(f"taplo can't be installed here: {installed.stderr[-200:]}")
    (folder / "schema.json").write_text(run("schema", folder=folder).stdout, encoding="utf-8")
    return folder


def lint(taplo: Path, *files: Path, options: Sequence[str] = ()) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(taplo / "node_modules/.bin/taplo"), "lint", *options, *map(str, files)],
        cwd=files[0].parent,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_schema_takes_every_example(taplo: Path) -> None:
    done = lint(taplo, *EXAMPLES, options=["--schema", f"file://{taplo}/schema.json"])

    assert done.returncode == 0, done.stderr


def test_a_schema_line_in_the_file_is_enough_for_an_editor_to_see_a_mistake(taplo: Path, tmp_path: Path) -> None:
    file = tmp_path / "backups.toml"
    file.write_text(f"#:schema file://{taplo}/schema.json\n{FILE}")
    assert lint(taplo, file).returncode == 0

    file.write_text(f"#:schema file://{taplo}/schema.json\n{FILE}" + "evry = 1\n")
    done = lint(taplo, file)
    assert done.returncode != 0
    assert "evry" in done.stderr
    assert json.loads((taplo / "schema.json").read_text())["$defs"]
