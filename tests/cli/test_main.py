"""The command itself: its help, and what is known of its subcommands without importing them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.command import COMMANDS, run
from support.scripts import EXAMPLES

from reconcile.cli.commands import COMMANDS as SUMMARIES
from reconcile.cli.commands import GROUPS

WITH_REQUESTS = {"init", "list", "plan", "apply", "import", "status", "restore", "doctor", "forecast"}
WITH_MORE = {
    "restore": "every other usable backup",
    "forecast": "every series",
    "plan": "each kept backup",
    "apply": "each kept backup",
    "show": "each kept backup",
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


def test_verbose_is_accepted_where_it_shows_nothing_more(tmp_path: Path) -> None:
    assert run("schema", "-v", folder=tmp_path).returncode == 0


def on_windows(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the command with as little of POSIX as Windows has."""
    script = """
import os, signal, sys
sys.modules |= dict.fromkeys(["fcntl", "grp", "pwd", "resource", "termios"])
from reconcile.cli.main import main
from reconcile.cli import help_, schema, show, validate
del signal.SIGHUP, os.getuid, os.fchmod
sys.platform = "win32"  # only now: click would import what Windows has instead
main()
"""
    return subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("arguments", [["plan"], ["apply", "--auto-approve"]])
def test_on_windows_a_sentence_says_where_it_runs(arguments: list[str]) -> None:
    done = on_windows(*arguments)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("reconcile runs on Linux and macOS. On Windows,")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [["validate", "-f", str(FIRST)], ["schema"], ["help"], ["show", "--help"], ["--version"]]
)
def test_on_windows_what_needs_no_service_runs(arguments: list[str]) -> None:
    done = on_windows(*arguments)

    assert (done.returncode, done.stderr) == (0, "")
