"""A table of formats makes the flags of its command, chooses the format, and says in which one to fail."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click
import pytest
from support.command import Done, run

from reconcile.cli import main
from reconcile.cli.options import argument, command, option
from reconcile.cli.process import ExitCode
from reconcile.cli.session import Session
from reconcile.diagnostics import UserError
from reconcile.report.document import Formats, Formatter, Lines

GREETING: Formats[Formatter[str]] = Formats(
    lambda name, **_: Lines((f"Hello, {name}",)),
    json=(lambda name, **_: {"hello": name}, "Greet programs."),
    yaml=(lambda name, **_: f"hello: {name}\n", "Greet in YAML."),
)


@command(GREETING)
def greet(
    session: Session,
    *,
    name: str = argument(),
    times: int = option("How often to greet.", default=1),
) -> ExitCode:
    """Greet."""
    if name == "nobody":
        raise UserError("there is no such person")
    if name == "me":
        raise click.UsageError("greet somebody else")
    for _ in range(times):
        session.show(GREETING, name)
    return ExitCode.DONE


@pytest.fixture
def greeted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Done]:
    """Return what runs a command line of a `reconcile` that has no command but this one."""
    monkeypatch.setattr(main, "COMMANDS", {"greet": "Greet."})
    monkeypatch.setattr(type(main.reconcile), "get_command", lambda _, __, name: greet if name == "greet" else None)
    return partial(run, folder=tmp_path)


@pytest.mark.parametrize(
    ("flag", "printed"),
    [([], "Hello, you\n"), (["--json"], '{"hello": "you"}\n'), (["--yaml"], "hello: you\n")],
)
def test_each_flag_prints_its_format(flag: list[str], printed: str, greeted: Callable[..., Done]) -> None:
    assert greeted("greet", "you", *flag).stdout == printed


def test_the_help_of_the_command_has_each_flag(greeted: Callable[..., Done]) -> None:
    _, output = greeted("greet", "--help").stdout.split("\nOutput:\n")

    assert [" ".join(line.split()) for line in output.splitlines()[:2]] == [
        "--json Greet programs.",
        "--yaml Greet in YAML.",
    ]


def test_two_formats_at_once_are_wrong_usage(greeted: Callable[..., Done]) -> None:
    done = greeted("greet", "you", "--json", "--yaml")

    assert done.returncode == ExitCode.ERROR
    assert "--json or --yaml, not both" in done.stderr
    assert "--json or --yaml" in done.stdout, "and that is said in the first"


@pytest.mark.parametrize(
    ("arguments", "summary"),
    [
        (["nobody", "--json"], "there is no such person"),
        (["--json", "me"], "greet somebody else"),
        (["you", "--nonsense", "--json"], "no such option"),
        (["you", "--times", "many", "--json"], "'many' is not a valid integer"),
        (["you", "--json", "--times"], "option '--times' requires an argument"),
        (["--json"], "missing argument 'NAME'"),
        (["you", "too", "--json"], "unexpected argument 'too'"),
        (["you", "-v", "-q", "--json"], "-v or -q, not both"),
    ],
)
def test_an_error_is_printed_in_the_format_that_was_asked_for(
    arguments: list[str], summary: str, greeted: Callable[..., Done]
) -> None:
    done = greeted("greet", *arguments)

    assert done.returncode == ExitCode.ERROR
    (diagnostic,) = json.loads(done.stdout)["diagnostics"]
    assert summary in diagnostic["summary"]
    assert summary in done.stderr.replace("\n", " ")


def test_a_mistyped_command_fails_in_the_format_that_was_asked_of_it(greeted: Callable[..., Done]) -> None:
    done = greeted("gret", "you", "--json")

    assert 'Did you mean "greet"?' in json.loads(done.stdout)["diagnostics"][0]["summary"]


def test_a_format_that_has_no_errors_prints_none(greeted: Callable[..., Done]) -> None:
    done = greeted("greet", "nobody", "--yaml")

    assert (done.returncode, done.stdout) == (ExitCode.ERROR, "")
    assert "there is no such person" in done.stderr


def test_what_asks_for_a_format_may_be_the_value_of_an_option(greeted: Callable[..., Done]) -> None:
    done = greeted("greet", "--", "--json")

    assert done.stdout == "Hello, --json\n"
