"""The README and the help pages are true: their commands run, and print what is shown."""

import json
import re
import tomllib
from pathlib import Path

import pytest
from support.command import COMMANDS, run, sandbox
from support.documents import SET_UP, ShownCommand, ShownFile, as_run, shown

from reconcile.cli.help_ import example_files

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = {file.stem: file for file in sorted((ROOT / "reconcile/help").glob("*.md"))}
DOCUMENTS = {"README": README, **PAGES}
TEXTS = {name: file.read_text(encoding="utf-8") for name, file in DOCUMENTS.items()}

document = pytest.mark.parametrize("name", DOCUMENTS)


@document
def test_every_command_prints_what_is_shown(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    with sandbox(tmp_path, backup_seconds=0.3) as service:
        run_again = as_run(TEXTS[name], service)
    if request.config.getoption("--rewrite-goldens"):
        DOCUMENTS[name].write_text(run_again, encoding="utf-8")
    else:
        assert run_again.splitlines() == TEXTS[name].splitlines(), "or rewrite what is shown: --rewrite-goldens"


def test_what_is_shown_is_compared(tmp_path: Path) -> None:
    text = "```toml\n# a.toml\nx = 1\n```\n```console\n$ reconcile validate -f a.toml\n{}\n$ echo $?\n{}\n```\n"
    true = text.format('error: unknown key "x"\n…', "1")

    with sandbox(tmp_path) as service:
        assert as_run(true, service) == true
        for false in (true.replace("\n1\n", "\n0\n"), true.replace('key "x"', 'key "y"')):
            assert as_run(false, service) not in (false, "")


@document
def test_every_file_is_valid_or_called_broken(name: str, tmp_path: Path) -> None:
    for number, item in enumerate(shown(TEXTS[name])):
        if isinstance(item, ShownFile):
            (tmp_path / f"{number}.toml").write_text(item.text, encoding="utf-8")
            is_broken = (item.name or "").startswith("broken")
            done = run("validate", "-f", f"{number}.toml", folder=tmp_path)
            assert done.returncode == int(is_broken), done.stderr


def test_the_first_file_is_the_example() -> None:
    (first, *_) = [item.text for item in shown(TEXTS["README"]) if isinstance(item, ShownFile)]

    assert tomllib.loads(first) == tomllib.loads((ROOT / "examples" / "first.toml").read_text(encoding="utf-8"))


def test_the_readme_sets_up_with_one_line_to_try_and_one_to_test() -> None:
    commands = [item.command for item in shown(TEXTS["README"]) if isinstance(item, ShownCommand)]

    (to_try, to_test) = [command for command in commands if command.startswith(SET_UP[0])]
    assert to_try.endswith(".venv/bin/reconcile demo")
    assert ".venv/bin/pytest" in to_test


def test_the_readme_is_read_in_five_minutes() -> None:
    assert len(TEXTS["README"].splitlines()) <= 200


def test_the_page_of_commands_has_every_command() -> None:
    assert set(re.findall(r"^\| `reconcile (\w+)[` ]", TEXTS["commands"], re.MULTILINE)) == set(COMMANDS)


def test_every_page_that_a_message_names_exists() -> None:
    sources = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "reconcile").rglob("*.py"))
    named = set(re.findall(r"reconcile help ([a-z][\w-]*(?:\.\w+)?)", sources))

    assert named
    assert named <= {*PAGES, *COMMANDS, *example_files()}


def test_the_readme_names_every_page() -> None:
    assert set(re.findall(r"\]\(reconcile/help/([\w-]+)\.md\)", TEXTS["README"])) == set(PAGES)


@pytest.mark.parametrize(
    "command",
    [
        ["plan"],
        ["plan", "--compare", "examples/prune-at-once.toml"],
        ["status"],
        ["list"],
        ["doctor"],
        ["validate"],
        ["forecast", "--days", "1"],
    ],
    ids=str,
)
def test_the_page_of_json_names_every_key(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    files = [] if command == ["list"] else ["-f", "examples/first.toml"]
    with sandbox(tmp_path) as service:
        done = service.run(*command, *files, "--json")
    value = json.loads(done.stdout)

    assert done.returncode == 0
    named = set(re.findall(r"\w+", "".join(re.findall(r"`[^`]*`", TEXTS["json"]))))
    assert keys(value["reconcile"] if command[0] == "plan" else value) - named == set()


def keys(value: object) -> set[str]:
    """Return the names of all fields in JSON."""
    match value:
        case dict():
            return set(value).union(*map(keys, value.values()))
        case list():
            return set().union(*map(keys, value))
        case _:
            return set()


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)], ids=str)
def test_help_is_for_people_and_works_without_anything(command: list[str], tmp_path: Path) -> None:
    done = run(*command, "--help", folder=tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: reconcile")


@document
def test_every_link_leads_somewhere(name: str) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", TEXTS[name])
    folder = DOCUMENTS[name].parent

    assert [link for link in links if not link.startswith("https://") and not (folder / link).exists()] == []


@document
def test_every_option_that_is_named_exists(name: str) -> None:
    options = {option for command in COMMANDS.values() for parameter in command.params for option in parameter.opts}
    others = {
        "--quiet",
        "--keep-",
        "--all-pairs",
        "--help",
        "--from",
        "--constraint",
        "--env-file",
        "--dist",
    }  # not ours

    assert set(re.findall(r"(?<![\w-])(--[a-z][a-z-]+)", TEXTS[name])) - others <= options


@document
def test_every_command_that_is_named_in_passing_has_the_options_it_is_named_with(name: str) -> None:
    for command in re.findall(r"`reconcile ([^`\n]*)`", TEXTS[name]):
        verb, *arguments = command.split()
        if verb == verb.upper():
            continue  # `reconcile COMMAND --help`
        options = {option for parameter in COMMANDS[verb].params for option in parameter.opts}
        assert {argument for argument in arguments if argument.startswith("-")} <= options, command
