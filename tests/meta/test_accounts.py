"""Many accounts: the workflow's scripts, the Indexed Job's command and both guards, on one sandbox with three."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.accounts import Accounts, accounts
from support.command import TOKEN, run
from support.scripts import EXAMPLES, filled_in, read_yaml, run_script

FOLDER = EXAMPLES / "accounts"
WORKFLOW = read_yaml(FOLDER / "github.yml")
JOBS: dict[str, Any] = WORKFLOW["jobs"]
needs_jq = pytest.mark.skipif(not shutil.which("jq"), reason="jq is not here; GitHub's machines have it")
NAMES = ("acme", "globex", "initech")
FILE = """\
[settings]
account = "ops@initech.example"

[fleets.all]
match = "*"

[[fleets.all.backups]]
description = "nightly"
every = "1d"
keep = 7
"""


@pytest.fixture
def agency(tmp_path: Path) -> Iterator[Accounts]:
    """Serve three accounts, beside a folder for each: the example's two, and one more."""
    shutil.copytree(FOLDER, tmp_path / "accounts", ignore=shutil.ignore_patterns("*.yml", "*.yaml", "*.py"))
    (tmp_path / "accounts/initech").mkdir()
    (tmp_path / "accounts/initech/backups.toml").write_text(FILE)
    with accounts(tmp_path, NAMES) as served:
        yield served


def step(job: str, name: str) -> dict[str, Any]:
    (found,) = [each for each in JOBS[job]["steps"] if each.get("name") == name]
    return dict(found)


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=us", "-c", "user.email=us@example.com"]
    subprocess.run([shutil.which("git") or "git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def folders(agency: Accounts, event: str) -> list[str]:
    ran = run_script(step("folders", "List the accounts")["run"], agency.folder, EVENT=event)
    assert ran.returncode == 0, ran.shown
    found: list[str] = json.loads(ran.outputs["folders"])
    return found


class TestGuards:
    def test_the_token_of_another_account_plans_nothing(self, agency: Accounts) -> None:
        for name in NAMES:
            for other in NAMES:
                done = agency.run(other, "plan", "-f", f"accounts/{name}")
                assert (done.returncode == 0) is (name == other), done.shown
                if name != other:
                    assert f"ops@{other}.example" in done.stderr
                    assert "to create" not in done.stdout
        assert agency.run("acme", "apply", "--auto-approve", "-f", "accounts/globex").returncode == 1
        assert all(len(account.backups) == 3 for account in agency.accounts.values())

    def test_the_lock_of_one_account_keeps_no_other_account_out(self, agency: Accounts) -> None:
        agency.accounts["acme"].backup_seconds = 30
        words = ["apply", "--auto-approve", "-f", "accounts/acme"]
        slow = agency.start("acme", *words)
        while not any(each["status"] == "in_progress" for each in agency.accounts["acme"].backups):
            time.sleep(0.05)
        same = agency.run("acme", *words)
        others = agency.run("globex", "apply", "--auto-approve", "-f", "accounts/globex")
        os.kill(slow.pid, signal.SIGTERM)
        assert slow.done.returncode == 130

        assert same.returncode == 1
        assert "another apply" in same.stderr
        assert others.returncode == 0, others.stderr


@needs_jq
class TestWorkflow:
    def test_lists_the_folders_and_in_a_pull_request_those_that_it_touches(self, agency: Accounts) -> None:
        git(agency.folder, "init", "--quiet")
        git(agency.folder, "add", "accounts")
        git(agency.folder, "commit", "--quiet", "-m", "before")
        (agency.folder / "accounts/globex/backups.toml").write_text("# changed\n")
        shutil.rmtree(agency.folder / "accounts/initech")
        git(agency.folder, "commit", "--quiet", "-a", "-m", "after")

        assert folders(agency, "pull_request") == ["globex"]
        assert folders(agency, "schedule") == ["acme", "globex"]

    def test_a_night_in_which_a_token_is_revoked_backs_up_the_others_and_says_which_not(self, agency: Accounts) -> None:
        agency.accounts["globex"].is_revoked = True
        keep = step("status", "Keep the status as JSON")
        for name in folders(agency, "schedule"):
            applied = agency.run(name, "apply", "--auto-approve", "-f", f"accounts/{name}", "--record", "records")
            assert (applied.returncode == 0) is (name != "globex"), applied.shown
            given = {"FOLDER": name, "VPS_API_URL": agency.url, "VPS_API_TOKEN": agency.accounts[name].read_only_token}
            assert run_script(keep["run"], agency.folder, **given).returncode == 0
        (agency.folder / "status").mkdir()
        for name in NAMES:
            (agency.folder / f"{name}.json").rename(agency.folder / "status" / f"{name}.json")
        shutil.copy(FOLDER / "summary.py", agency.folder)
        summary = step("summary", "Say which account is not backed up")
        assert summary["shell"] == "bash", "with pipefail"
        ran = run_script(summary["run"], agency.folder, FOLDERS=json.dumps(NAMES))

        assert ran.returncode != 0
        assert "### Backups: 2 of 3 accounts healthy" in ran.summary
        assert "| acme | healthy |" in ran.summary
        assert re.search(r"\| globex \| \*\*NOT CHECKED\*\* \| `.*401", ran.summary)
        created = {name: len(account.backups) - 3 for name, account in agency.accounts.items()}
        assert created == {"acme": 1, "globex": 0, "initech": 2}
        replayed = run("replay", "records", folder=agency.folder)
        assert replayed.returncode == 0, replayed.stdout

    def test_each_account_has_its_own_token_comment_and_job(self) -> None:
        for name in ("plan", "apply", "status"):
            job = JOBS[name]
            assert job["strategy"]["fail-fast"] is False
            (action,) = [each for each in job["steps"] if "with" in each and "command" in each["with"]]
            inputs = {key: filled_in(value, _Matrix("acme")) for key, value in action["with"].items()}
            assert inputs["file"] == "accounts/acme"
            assert inputs["token"].startswith("secret of VPS_API_TOKEN_")
            assert inputs["token"].endswith("_acme")
        assert JOBS["plan"]["steps"][1]["with"]["comment"] == "true"


class _Matrix(dict[str, str]):
    """The values of expressions in a job of one folder."""

    def __init__(self, folder: str) -> None:
        super().__init__({"matrix.folder": folder})

    def __missing__(self, expression: str) -> str:
        match = re.fullmatch(r"secrets\[format\('(\w+)_\{0\}', matrix\.folder\)\]", expression)
        assert match, expression
        return f"secret of {match[1]}_{self['matrix.folder']}"


def test_a_summary_without_a_status_says_that_the_account_was_not_checked(tmp_path: Path) -> None:
    (tmp_path / "odd.json").write_text("{")
    (tmp_path / "bad.json").write_text(json.dumps({"diagnostics": [{"summary": "a | b ` c"}]}))
    words = [sys.executable, str(FOLDER / "summary.py"), str(tmp_path), "odd", "bad", "absent"]

    done = subprocess.run(words, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "0 of 3 accounts healthy" in done.stdout
    assert done.stdout.count("NOT CHECKED") == 3
    assert "`a / b ' c`" in done.stdout


def test_the_indexed_job_applies_the_file_of_its_index_with_the_token_of_its_name(agency: Accounts) -> None:
    job = yaml.safe_load((FOLDER / "kubernetes.yaml").read_text(encoding="utf-8"))["spec"]["jobTemplate"]["spec"]
    (container,) = job["template"]["spec"]["containers"]
    for name in NAMES:
        (agency.folder / f"{name}.toml").write_text((agency.folder / f"accounts/{name}/backups.toml").read_text())
        (agency.folder / "tokens").mkdir(exist_ok=True)
        (agency.folder / "tokens" / name).write_text(agency.accounts[name].token)
    script = container["command"][-1].replace("/etc/accounts", str(agency.folder))
    script = script.replace("/run/secrets/accounts", str(agency.folder / "tokens"))

    for index in range(len(NAMES)):
        ran = run_script(script, agency.folder, JOB_COMPLETION_INDEX=str(index), VPS_API_URL=agency.url)
        assert ran.returncode == 0, ran.shown

    assert (job["completionMode"], job["backoffLimitPerIndex"]) == ("Indexed", 0)
    assert [len(account.backups) - 3 for account in agency.accounts.values()] == [1, 2, 2]
    assert TOKEN not in str(container)
