"""Every file among the examples is valid, and can be planned."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.build import inventory, make_plan
from support.command import Sandbox, sandbox
from support.scripts import EXAMPLES, ROOT

from reconcile.actual.inventory import Server
from reconcile.desired.load import load

UNITS = sorted(
    {
        file if file.parent == EXAMPLES else file.parent
        for file in EXAMPLES.rglob("*.toml")
        if "accounts" not in file.parts  # of other accounts: tests/meta/test_accounts.py
    }
)
"""A file of its own, or a folder that is read as one."""

OPTED_OUT = Server(id=12346, name="db-server-01", status="active")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with sandbox(tmp_path_factory.mktemp("examples")) as served:
        yield served


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_it_fits_the_sandboxs_sample_account(path: Path, service: Sandbox) -> None:
    done = service.run("plan", "-f", str(path))

    assert done.returncode == 0, done.stderr
    assert "error" not in done.stderr


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_the_index_lists_it_and_help_prints_it(path: Path, service: Sandbox) -> None:
    index = (ROOT / "reconcile/help/examples.md").read_text(encoding="utf-8")
    shown = service.run("help", path.name)

    assert f"](../../examples/{path.name}{'/' if path.is_dir() else ''})" in index
    for file in [path] if path.is_file() else path.glob("*.toml"):
        assert file.read_text(encoding="utf-8") in shown.stdout


def test_the_index_lists_every_other_example_too() -> None:
    index = (ROOT / "reconcile/help/examples.md").read_text(encoding="utf-8")

    assert [each.name for each in EXAMPLES.iterdir() if f"](../../examples/{each.name}" not in index] == []


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_it_is_valid_and_plans(path: Path) -> None:
    declared = load([path])
    account = [Server(id=server.id, name=server.name) for server in declared.servers]
    # A server for each fleet: its first glob, with something in place of the star.
    names = [fleet.match[0].replace("*", "x") for fleet in declared.fleets]
    account += [Server(id=f"id-{name}", name=name, status="active") for name in names]

    made = make_plan(declared, inventory(servers=tuple(account)))

    assert made.errors == ()
    assert "matches no server" not in str(made.warnings)
    assert len(made.creates) == sum(len(server.series) for server in declared.servers) + sum(
        len(fleet.series) for fleet in declared.fleets
    )


def test_a_catch_all_after_special_fleets_covers_a_server_of_any_name() -> None:
    names = ("db-1", "pay-sql", "shop-test", "shop", "\u202eodd/name")
    account = tuple(Server(id=number, name=name, status="active") for number, name in enumerate(names))

    made = make_plan(load([EXAMPLES / "fleets.toml"]), inventory(servers=(*account, OPTED_OUT)))

    assert [(fleet, len(servers)) for fleet, servers in made.members.items()] == [
        ("databases", 2),
        ("test", 1),
        ("everything-else", 2),
    ]
    assert len(made.creates) == len(names)
    assert made.errors == ()
