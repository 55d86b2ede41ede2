"""The command itself: its help, and what is known of its subcommands without importing them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
import yaml
from support.build import backup, days, declare, inventory, make_plan
from support.command import COMMANDS, run
from support.scripts import EXAMPLES

from reconcile.cli.commands import COMMANDS as SUMMARIES
from reconcile.cli.commands import GROUPS
from reconcile.plan.saved import dump

WITH_REQUESTS = {"init", "list", "plan", "apply", "import", "status", "restore", "doctor", "forecast"}
WITH_MORE = {
    "restore": "every other usable backup",
    "forecast": "every series",
    "plan": "each kept backup, and dates instead of ages",
    "apply": "each kept backup, and dates instead of ages",
    "show": "each kept backup, and dates instead of ages",
    "status": "every series, unprotected server and undeclared backup",
    "doctor": "how the lists of the service differ from its documentation",
}


@pytest.mark.parametrize("name", SUMMARIES)
def test_a_commands_summary_is_the_first_sentence_of_its_help(name: str) -> None:
    sentence, _, _ = " ".join((COMMANDS[name].help or "").split()).partition(". ")

    assert SUMMARIES[name] == sentence.rstrip(".") + "."


FIRST = EXAMPLES / "first.toml"


def test_every_summary_is_whole_at_80_columns(tmp_path: Path) -> None:
    shown = run("--help", folder=tmp_path, COLUMNS="80").stdout

    assert max(map(len, shown.splitlines())) <= 80
    assert [summary for summary in SUMMARIES.values() if summary not in " ".join(shown.split())] == []


def test_the_help_shows_each_command_once_in_a_group_and_so_does_the_command_alone(tmp_path: Path) -> None:
    shown = run("--help", folder=tmp_path)

    assert sorted(name for names in GROUPS.values() for name in names) == sorted(SUMMARIES)
    assert [line for line in shown.stdout.splitlines() if line.endswith(":")][1:] == [f"{title}:" for title in GROUPS]
    assert run(folder=tmp_path).stderr == shown.stdout


@pytest.mark.parametrize("name", SUMMARIES)
def test_the_help_of_verbose_says_what_it_shows(name: str, tmp_path: Path) -> None:
    shown = " ".join(run(name, "--help", folder=tmp_path).stdout.split())

    found = re.search(r"-v, --verbose Also show ([^.]*)\.", shown)
    assert (found[1] if found else None) == WITH_MORE.get(name)
    assert ("--debug Show every request on stderr." in shown) is (name in WITH_REQUESTS)


@pytest.mark.parametrize("name", SUMMARIES)
def test_every_command_takes_quiet_and_its_help_says_so_where_it_makes_a_difference(name: str, tmp_path: Path) -> None:
    shown = " ".join(run(name, "--help", folder=tmp_path).stdout.split())

    assert "--quiet" in {option for parameter in COMMANDS[name].params for option in parameter.opts}
    assert ("Print only errors and the last line, for cron." in shown) is (
        name in {*WITH_REQUESTS, "validate", "replay"}
    )


@pytest.mark.parametrize("name", SUMMARIES)
def test_no_option_may_come_without_its_value(name: str, tmp_path: Path) -> None:
    for parameter in COMMANDS[name].params:
        if isinstance(parameter, click.Option) and not parameter.is_flag:
            done = run(name, parameter.opts[0], folder=tmp_path)  # as in `--max-age $AGE` where AGE is not set

            assert done.returncode == 1
            assert f"option '{parameter.opts[0]}' requires an argument" in done.stderr


def test_verbose_is_accepted_where_it_shows_nothing_more(tmp_path: Path) -> None:
    assert run("schema", "-v", folder=tmp_path).returncode == 0


OPTIONS = ("-W", "error::EncodingWarning", "-W", "ignore:only soft file lock is available")


def on_windows(*commands: list[str], folder: Path | None = None) -> "subprocess.CompletedProcess[str]":
    """Run commands with as little of POSIX as Windows has, its code page, and no default of ours for encodings.

    A form feed follows the output of each. The first that fails is the last.
    """
    script = """
import json, os, shutil, signal, sys
sys.modules |= dict.fromkeys(["fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty", "uvloop"])
from reconcile.cli.main import main
from reconcile.cli import help_, schema, show, validate
if '"apply"' in sys.argv[1]:  # with the part of the standard library that is not here on Windows
    from reconcile.cli import apply
for module, names in {
    os: "fchmod fork getgid geteuid getuid killpg mkfifo set_blocking O_CLOEXEC O_NOFOLLOW O_NONBLOCK",
    signal: "ITIMER_REAL SIGALRM SIGHUP SIGKILL SIGUSR1 pthread_sigmask setitimer",
}.items():
    for name in names.split():
        delattr(module, name)
sys.platform = "win32"  # only now: click and shutil would import what Windows has instead
for arguments in json.loads(sys.argv[1]):
    sys.argv[1:] = arguments
    try:
        main()
    except SystemExit as ended:
        if ended.code:
            raise
    print(end="\\f")
"""
    return subprocess.run(
        [sys.executable, "-X", "warn_default_encoding", *OPTIONS, "-c", script, json.dumps(commands)],
        cwd=folder,
        env={**os.environ, "PYTHONIOENCODING": "cp1252"},
        capture_output=True,
        encoding="cp1252",
        check=False,
    )


@pytest.mark.parametrize("arguments", [["plan"], ["apply", "--auto-approve"]])
def test_on_windows_a_sentence_says_where_it_runs(arguments: list[str]) -> None:
    done = on_windows(arguments)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("reconcile runs on Linux and macOS. On Windows,")
    assert done.stderr.count("\n") == 1


def test_on_windows_what_needs_no_service_runs() -> None:
    commands = [
        ["validate", "-f", str(FIRST)],
        ["schema"],
        ["help", "json"],
        ["help", "apply"],
        ["help", "first.toml"],
        ["show", "--help"],
        ["-h"],
    ]

    done = on_windows(*commands)

    assert (done.returncode, done.stderr) == (0, "")
    *printed, rest = done.stdout.split("\f")
    assert (len(printed), rest) == (len(commands), "")
    assert all(printed)


def test_github_runs_the_same_on_windows_itself(tmp_path: Path) -> None:
    workflow = yaml.safe_load((EXAMPLES.parent / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    steps = [step for step in workflow["jobs"]["windows"]["steps"] if "reconcile " in step.get("run", "")]

    assert {name for step in steps for name in re.findall(r"^reconcile (\w+)", step["run"], re.MULTILINE)} == {
        "validate",
        "schema",
        "help",
        "show",
    }
    (saves,) = (step for step in steps if "env" in step)
    paths = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": paths, "PYTHONPATH": str(EXAMPLES.parent / saves["env"]["PYTHONPATH"])}
    done = subprocess.run(
        ["/bin/bash", "-ec", saves["run"]], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "Planned at 2026-03-10 12:00.\n")
    assert "No changes." in done.stdout


def test_on_windows_a_saved_plan_is_shown(tmp_path: Path) -> None:
    plan = make_plan(declare('{ description = "→ nightly ✓", keep = 1 }'), inventory(backup(1), backup(2, age=days(1))))
    (tmp_path / "saved.plan").write_text(dump(plan, "1"), encoding="utf-8")

    done = on_windows(*(["show", "saved.plan", option] for option in ("-v", "--markdown")), folder=tmp_path)

    assert (done.returncode, done.stderr) == (0, "Planned at 2026-03-10 12:00.\n")
    assert [text.count("nightly") > 0 for text in done.stdout.split("\f")] == [True, True, False]


def test_on_windows_a_mistake_in_a_file_is_shown_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "backups.toml").write_text('[servers."→"]\nid = "✓"\nevry = 1\n', encoding="utf-8")

    done = on_windows(["validate"], folder=tmp_path)

    assert done.returncode == 1
    assert "backups.toml:3:1" in done.stderr
    assert "Traceback" not in done.stderr
