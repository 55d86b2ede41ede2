"""The README is true: its commands run, and give what it shows."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
from support.command import COMMANDS, run, sandbox

from reconcile.desired.load import load

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONSOLE = re.findall(r"```console\n(.*?)```", README, re.DOTALL)
TOML = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
SET_UP = "python3 -m venv"
_VOLATILE = (
    (r"\b\d+(y|mo|d|h|min|s)( \d+(y|mo|d|h|min|s))?\b", "AGE"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d", "TIME"),
    (r"127\.0\.0\.1:\d+", "HOST"),
    (r" {2,}", "  "),
)


def settled(text: str) -> str:
    """Return the text without what differs from run to run: ages, times, ports, and the columns they move."""
    for pattern, name in _VOLATILE:
        text = re.sub(pattern, name, text)
    return text.strip()


def test_every_session_gives_what_it_shows(tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "broken.toml").write_text('[servers.web-server-01]\nid = 12345\nevry = "1d"\nprune = "7m"\n')
    sessions = [block.removeprefix("$ ").split("\n", 1) for block in CONSOLE if SET_UP not in block]
    assert len(sessions) == 11
    with sandbox(tmp_path, backup_seconds=0.5) as service:
        for command, expected in sessions:
            name, *arguments = shlex.split(command)
            assert name == "reconcile"
            assert settled(service.run(*arguments).shown) == settled(expected), command


def test_the_two_set_up_commands_stand_on_one_line_each() -> None:
    commands = [block.strip() for block in CONSOLE if SET_UP in block]

    assert len(commands) == 2
    assert all(command.startswith("$ ") and "\n" not in command for command in commands)


def test_every_toml_is_a_valid_file(tmp_path: Path) -> None:
    assert len(TOML) == 2
    for text in TOML:
        file = tmp_path / "backups.toml"
        file.write_text(text, encoding="utf-8")
        assert load([file]).servers
    assert tomllib.loads(TOML[0]) == tomllib.loads((ROOT / "examples" / "first.toml").read_text(encoding="utf-8"))


def test_every_command_is_in_the_readme_and_the_other_way_round() -> None:
    assert set(re.findall(r"^\| `reconcile (\w+)[` ]", README, re.MULTILINE)) == set(COMMANDS)


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)], ids=str)
def test_help_is_for_people_and_works_without_anything(command: list[str], tmp_path: Path) -> None:
    done = run(*command, "--help", folder=tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: reconcile")


def test_every_link_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)

    assert links
    assert [link for link in links if not link.startswith("https://") and not (ROOT / link).exists()] == []


def test_the_options_that_the_readme_names_exist() -> None:
    options = {name for command in COMMANDS.values() for parameter in command.params for name in parameter.opts}
    others = {"--quiet", "--keep-", "--all-pairs"}  # pip's, restic's, and the tests'

    assert set(re.findall(r"(?<![\w-])(--[a-z][a-z-]+)", README)) - others <= options
