"""The parts for other people's repositories and editors: the hook validates, and the schema is enough for an editor."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from support.build import NOW, backup, days, inventory
from support.command import FILE, run
from support.tools import install_from_npm, install_from_pypi

from reconcile.actual.inventory import Server
from reconcile.insight.importing import declare as import_
from reconcile.report.toml import declaration_toml

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").rglob("*.toml"))


def test_the_pre_commit_hook_validates(tmp_path: Path) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    name, *arguments = hook["entry"].split()
    assert (hook["id"], name) == ("reconcile-validate", "reconcile")

    (tmp_path / "backups.toml").write_text(FILE)
    assert run(*arguments, folder=tmp_path).returncode == 0
    (tmp_path / "backups.toml").write_text("x = 1")
    assert run(*arguments, folder=tmp_path).returncode == 1


@pytest.fixture(scope="module")
def taplo(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install taplo, the TOML tool behind the editors' plugins, beside our schema."""
    folder = tmp_path_factory.mktemp("taplo")
    install_from_npm(request, folder, "@taplo/cli@0.7.0")
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


@pytest.fixture(scope="module")
def formatter(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Install taplo's formatter, and return the command that checks files."""
    taplo = install_from_pypi(request, tmp_path_factory.mktemp("formatter"), "taplo==0.9.3", "taplo")
    return [str(taplo), "format", "--check"]


def test_every_example_is_formatted_as_taplo_formats_it(formatter: list[str]) -> None:
    done = subprocess.run([*formatter, *EXAMPLES], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("is_first", [False, True])
def test_what_import_and_init_write_is_formatted_as_taplo_formats_it(
    formatter: list[str], tmp_path: Path, *, is_first: bool
) -> None:
    odd = Server(id='a"b\\', name='"quoted" \\ [x] #1 日本')
    crowd = [Server(id=number, name=f"web-server-{number:02}.eu-central.example.org") for number in range(20)]
    pair = [Server(id=100, name="db-1"), Server(id=101, name="db-2")]
    held = [
        *(
            backup(f"{each.id} {age}", f"auto {NOW - days(age):%Y-%m-%d}", age=days(age), server=each)
            for each in crowd
            for age in range(4)
        ),
        *(backup(f"{number}" * 5, "x" * 60, status="failed", server=odd) for number in range(20)),
        backup(1, 'it is "so" # not a comment', server=odd),
        backup(2, " unclean", server=odd),
        backup(3, "Automatic", backup_type="automatic", server=odd),
    ]
    accounts: dict[str, tuple[Server, ...]] = {"all": (odd, *crowd, *pair), "pair": tuple(pair), "none": ()}
    for name, servers in accounts.items():
        seen = inventory(
            *(each for each in held if each.server_id in {server.id for server in servers}), servers=servers
        )
        written = declaration_toml(import_(seen, NOW, is_first=is_first))
        (tmp_path / f"{name}.toml").write_text(written, encoding="utf-8")
    (tmp_path / "example.toml").write_text(declaration_toml(None), encoding="utf-8")

    done = subprocess.run([*formatter, *tmp_path.glob("*.toml")], capture_output=True, text=True, check=False)

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
