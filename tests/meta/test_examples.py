"""Every file among the examples is valid, and can be planned."""

from pathlib import Path

import pytest
from support.build import inventory, make_plan

from reconcile.actual.inventory import Server
from reconcile.desired.load import load

EXAMPLES = Path(__file__).parents[2] / "examples"
UNITS = sorted({file if file.parent == EXAMPLES else file.parent for file in EXAMPLES.rglob("*.toml")})
"""A file of its own, or a folder that is read as one."""


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_it_is_valid_and_plans(path: Path) -> None:
    declared = load([path])
    account = tuple(Server(id=server.id, name=server.name) for server in declared.servers)

    made = make_plan(declared, inventory(servers=account))

    assert len(made.creates) == sum(len(server.series) for server in declared.servers)
