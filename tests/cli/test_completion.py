"""Completion: the table of options is up to date, and the shells complete what can follow."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from support.command import COMMANDS, bare_environment, run
from support.forked import programs

from reconcile.cli.complete import TABLE

FILE = """\
[servers.web-01]
id = 1
backups = [{ description = "nightly" }, { description = "Pre-update, weekly" }, { description = "a*[1]" }]

[servers.db]
name = "db-server-01"
id = 2
backups = [{ description = "hourly", renamed_from = "auto-*" }]
[fleets.mail]
match = "mail-*"
backups = [{ description = "daily" }]
"""
_BY_NAME = {
    "paths": "file",
    "targets": "target",
    "server": "server",
    "servers": "server",
    "series": "description",
    "files_before": "file",
    "topic": "topic",
}
"""What completes a parameter of this name; other than these, only types of files complete."""


def described(parameter: click.Parameter) -> dict[str, Any]:
    """Return what completion has to know of a parameter."""
    files = "file" if parameter.type.name in {"file", "path", "filename", "directory"} else None
    common = {
        "choices": list(parameter.type.choices) if isinstance(parameter.type, click.Choice) else [],
        "completes": _BY_NAME.get(parameter.name or "", files),
    }
    if not isinstance(parameter, click.Option):
        return {"param_decls": [parameter.name], "required": False, "nargs": parameter.nargs, **common}
    return {
        "param_decls": [*parameter.opts, parameter.name],
        "is_flag": parameter.is_flag,
        "multiple": parameter.multiple,
        "help": parameter.help,
        **common,
    }


def test_the_table_has_every_option_of_every_command(request: pytest.FixtureRequest) -> None:
    table = {
        name: [described(it) for it in command.params if not getattr(it, "hidden", False)]
        for name, command in COMMANDS.items()
    }
    if request.config.getoption("--rewrite-goldens"):
        rows = {name: ",\n".join(map(json.dumps, entries)) for name, entries in table.items()}
        text = ",\n\n".join(f'"{name}": [\n{entries}\n]' for name, entries in rows.items())
        TABLE.write_text(f"{{\n{text}\n}}\n", encoding="utf-8")

    assert json.loads(TABLE.read_text(encoding="utf-8")) == table, (
        "pytest tests/cli/test_completion.py --rewrite-goldens"
    )


@pytest.fixture(scope="module")
def completion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The script that `completion bash` prints."""
    script = tmp_path_factory.mktemp("completion") / "completion.bash"
    script.write_text(run("completion", "bash", folder=script.parent).stdout, encoding="utf-8")
    return script


def bash(completion: Path, line: str, folder: Path) -> list[str]:
    """Return what bash offers at the end of a line, by the printed script; bash splits words at blanks, `:` and `=`."""
    script = """
        source "$3"
        COMP_LINE="$1" COMP_POINT="${#1}" COMP_WORDS=("$2") COMP_CWORD=0
        compopt() { COMPREPLY+=("$@"); }
        _reconcile_completion reconcile
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    last = re.findall(r"""["'][^"']*$|[:=]$|(?:\\.|[^\s\\:=])*$""", line)[0]
    path = f"{programs()}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["/bin/bash", "--norc", "-c", script, "bash", line, last, completion],
        cwd=folder,
        env={**bare_environment(folder), "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("reconcile pl", ["plan"]),
        ("reconcile plan --det", ["--detailed-exitcode"]),
        ("reconcile plan --target d", ["db", "db/hourly"]),
        ("reconcile plan --target web-01/P", [r"web-01/Pre-update,\ weekly"]),
        ("reconcile plan --target web-01/a", [r"web-01/a\[\*\]\[\[\]1\]"]),
        ("reconcile plan --target m", [""]),
        ("reconcile plan --target f", ["fleet:mail", "fleet:mail/daily"]),
        ("reconcile plan --target fleet:m", ["mail", "mail/daily"]),
        ("reconcile plan --target fleet:", ["mail", "mail/daily"]),
        ("reconcile plan --target=fleet:mail/", ["mail/daily"]),
        ('reconcile plan --target "fleet:mail/', ["fleet:mail/daily"]),
        ('reconcile plan --target "web-01/P', ["web-01/Pre-update, weekly"]),
        (r"reconcile plan --target web-01/Pre-update,\ w", [r"web-01/Pre-update,\ weekly"]),
        ("reconcile plan -f other.toml --target ", ["x"]),
        ("reconcile plan -f missing.toml --target ", [""]),
        ("reconcile restore ", ["web-01", "db-server-01"]),
        ("reconcile restore db-server-01 --series ", ["hourly"]),
        ("reconcile help sa", ["safety", "sandbox"]),
        ("reconcile completion ", ["bash", "zsh", "fish"]),
        ("reconcile plan -f ", ["-o", "default"]),
        ("reconcile show ", ["-o", "default"]),
    ],
)
def test_bash_completes(line: str, offered: list[str], completion: Path, tmp_path: Path) -> None:
    (tmp_path / "backups.toml").write_text(FILE, encoding="utf-8")
    (tmp_path / "other.toml").write_text('servers.x.backups = [1, { description = 2 }]\nunknown = ""', encoding="utf-8")

    assert bash(completion, line, tmp_path) == offered


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_script_is_one_that_the_shell_reads(shell: str, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text(run("completion", shell, folder=tmp_path).stdout, encoding="utf-8")
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")

    done = subprocess.run([shell, "-n", str(script)], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


def test_fish_is_given_descriptions_with_commas_whole(tmp_path: Path) -> None:
    assert 'string split --max 1 ","' in run("completion", "fish", folder=tmp_path).stdout


def test_completion_imports_no_command() -> None:
    script = "import sys; from reconcile.cli.complete import complete; complete('bash_complete'); print(*sys.modules)"
    environment = {**os.environ, "COMP_LINE": "reconcile plan --ta", "COMP_WORD": "--ta"}

    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    ).stdout.split()

    assert done[0] == "plain,--target"
    assert {"pydantic", "rich", "httpx", "anyio", "reconcile.cli.plan", "reconcile.diagnostics"} & set(done) == set()
