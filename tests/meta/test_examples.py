"""Every example is valid, can be planned, and the workflows call commands that exist."""

import re
from pathlib import Path

import pytest
from support.build import inventory, make_plan
from support.command import COMMANDS

from reconcile.actual.inventory import Server
from reconcile.desired.load import load

EXAMPLES = Path(__file__).parents[2] / "examples"
UNITS = sorted({file if file.parent == EXAMPLES else file.parent for file in EXAMPLES.rglob("*.toml")})
"""A file of its own, or a folder that is read as one."""

WORKFLOWS = [EXAMPLES / "systemd" / "reconcile.service"]


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_it_is_valid_and_plans(path: Path) -> None:
    declared = load([path])
    account = tuple(Server(id=server.id, name=server.name) for server in declared.servers)

    made = make_plan(declared, inventory(servers=account))

    assert len(made.creates) == sum(len(server.series) for server in declared.servers)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_its_commands_and_options_exist(path: Path) -> None:
    calls = re.findall(r"reconcile (\w+)((?: --?[a-z][\w-]*(?: [^-\s][^\s]*)?)*)", path.read_text(encoding="utf-8"))
    calls = [(name, options) for name, options in calls if name in {"plan", "apply", "validate"} or "--" in options]

    assert calls
    for name, options in calls:
        known = {option for parameter in COMMANDS[name].params for option in parameter.opts}
        assert set(re.findall(r"(?<!\S)--?[a-z][\w-]*", options)) <= known
