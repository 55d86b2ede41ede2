"""`reconcile help`: the pages are listed, found, and shown as the reader can use them."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from support.command import COMMANDS, FILE, Sandbox, run, sandbox

from reconcile.cli.commands import SECTIONS
from reconcile.cli.help_ import pages
from reconcile.cli.options import TYPES, command_examples
from reconcile.durations import Duration


def test_every_page_is_listed_with_its_summary(tmp_path: Path) -> None:
    done = run("help", folder=tmp_path)

    for topic, file in pages().items():
        title, blank, summary, *_ = file.read_text(encoding="utf-8").splitlines()
        assert (title[:2], blank) == ("# ", "")
        assert re.search(rf"^{topic} +{re.escape(summary)}$", done.stdout, re.MULTILINE)


def test_no_page_hides_a_command() -> None:
    assert set(pages()) & set(COMMANDS) == set()


@pytest.mark.parametrize("topic", pages())
def test_a_pipe_gets_the_text_with_links_that_work_anywhere(topic: str, tmp_path: Path) -> None:
    done = run("help", topic, folder=tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("# ")
    assert re.findall(r"\]\((?!https://)[^)]*\)", done.stdout) == []


def test_a_terminal_gets_a_page_without_markup_and_within_its_width(tmp_path: Path) -> None:
    done = run("help", "commands", folder=tmp_path, typed="", COLUMNS="80", TERM="dumb")

    assert done.returncode == 0
    assert "`" not in done.stdout
    assert "| ---" not in done.stdout
    assert "reconcile help connection" in " ".join(done.stdout.split())
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_the_name_of_a_command_shows_its_options(tmp_path: Path) -> None:
    done = run("help", "plan", folder=tmp_path)

    assert done.stdout == run("plan", "--help", folder=tmp_path).stdout


@pytest.mark.parametrize(
    ("topic", "advice"), [("saftey", 'Did you mean "safety"?'), ("xyz", "Pages: adopting, assumptions,")]
)
def test_an_unknown_topic_is_an_error_that_says_what_there_is(topic: str, advice: str, tmp_path: Path) -> None:
    done = run("help", topic, folder=tmp_path)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f'error: there is no page "{topic}"\n  {advice}')


EXAMPLE_LINES = [(name, line) for name, examples in command_examples().items() for line in examples]
ENDS_OTHERWISE = {"reconcile restore web-server-01": 1}
"""The exit codes of examples that do not end with 0: a restore without a choice only shows what there is."""

SERVES = {"sandbox", "demo"}
"""Commands that serve, or take long: their tests are in files of their own."""


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Serve an account that matches the files, in a folder with everything that the examples name."""
    folder = tmp_path_factory.mktemp("examples")
    with sandbox(folder) as service:
        service.write(FILE)
        (folder / "before.toml").write_text(FILE, encoding="utf-8")
        (folder / "backups").mkdir()
        (folder / "backups/web.toml").write_text(FILE, encoding="utf-8")
        assert service.run("apply", "--auto-approve").returncode == 0
        assert service.run("plan", "--out", "saved.plan").returncode == 0
        yield service


@pytest.mark.parametrize(("name", "line"), EXAMPLE_LINES, ids=lambda value: str(value).removeprefix("reconcile "))
def test_every_example_in_the_help_of_a_command_runs(name: str, line: str, ready: Sandbox) -> None:
    program, *arguments = shlex.split(line.partition(" > ")[0])

    assert (program, arguments[0]) == ("reconcile", name)
    if name in SERVES:
        COMMANDS[name].make_context(name, arguments[1:], resilient_parsing=False)
        return
    if name == "init":
        (ready.folder / "backups.toml").unlink()
    if name == "replay":
        ready.run("apply", "--auto-approve", "--record", "records")
    answer = "web-server-01" if name == "restore" else "yes"
    done = ready.ask(*arguments, answer=answer)

    assert done.returncode == ENDS_OTHERWISE.get(line, 0), done.shown
    ready.write(FILE)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_has_examples_and_what_is_used_first_above_what_is_tuned(name: str) -> None:
    text = COMMANDS[name].get_help(click.Context(COMMANDS[name], info_name=name, terminal_width=80))

    titles = re.findall(r"^([A-Z][a-z]+):$", text, re.MULTILINE)
    assert [title for title in ("Examples", "Options", *SECTIONS) if title in titles] == titles
    assert titles[:2] == ["Examples", "Options"]
    assert 2 <= text.count("\n  reconcile ") <= 3
    assert max(map(len, text.splitlines())) <= 80


def test_every_duration_has_one_name_in_help() -> None:
    names = {
        parameter.make_metavar(click.Context(command))
        for command in COMMANDS.values()
        for parameter in command.params
        if parameter.type is TYPES[Duration]
    }

    assert names == {"DURATION"}
