"""Every file among the examples is valid, and can be planned."""

from pathlib import Path

import pytest
from support.build import inventory, make_plan

from reconcile.actual.inventory import Server
from reconcile.desired.load import load

EXAMPLES = Path(__file__).parents[2] / "examples"
UNITS = sorted({file if file.parent == EXAMPLES else file.parent for file in EXAMPLES.rglob("*.toml")})
"""A file of its own, or a folder that is read as one."""

OPTED_OUT = Server(id=12346, name="db-server-01", status="active")


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_it_is_valid_and_plans(path: Path) -> None:
    declared = load([path])
    account = [Server(id=server.id, name=server.name) for server in declared.servers]
    # A server for each fleet: its first glob, with something in place of the star.
    names = [fleet.match[0].replace("*", "x") for fleet in declared.fleets]
    account += [Server(id=f"id-{name}", name=name, status="active") for name in names]

    made = make_plan(declared, inventory(servers=tuple(account)))

    assert made.errors == ()
    assert "chooses no server" not in str(made.warnings)
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
