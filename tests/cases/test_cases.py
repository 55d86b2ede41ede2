"""Whole plans, as people and programs see them. `--rewrite-goldens` writes what is expected anew."""

import io
import json
from datetime import datetime
from pathlib import Path

import pytest
from pydantic import TypeAdapter
from rich.console import Console
from support.build import BASE_URL

from reconcile.actual.inventory import Inventory, Server
from reconcile.actual.wire import WireBackup
from reconcile.desired.load import load
from reconcile.plan.model import Plan
from reconcile.plan.planner import plan
from reconcile.report.plan_json import plan_json
from reconcile.report.plan_text import plan_text

CASES = sorted(it.parent for it in Path(__file__).parent.glob("*/why.txt"))
BACKUPS = TypeAdapter(list[WireBackup])


def made(case: Path) -> Plan:
    seen = json.loads((case / "inventory.json").read_text(encoding="utf-8"))
    now = datetime.fromisoformat(seen["now"])
    return plan(
        load([case / "backups.toml"]),
        Inventory(
            base_url=BASE_URL,
            servers=tuple(Server(**it) for it in seen["servers"]),
            backups=tuple(it.known() for it in BACKUPS.validate_json(json.dumps(seen["backups"]))),
            observed_at=now,
            service_time=now,
        ),
        now,
    )


def as_text(it: Plan) -> str:
    console = Console(file=io.StringIO(), width=120, highlight=False, markup=False, emoji=False)
    for line in plan_text(it, everything=True):
        console.print(line)
    assert isinstance(console.file, io.StringIO)
    return "".join(f"{line.rstrip()}\n" for line in console.file.getvalue().splitlines())


def as_json(it: Plan) -> str:
    said = plan_json(it)
    assert isinstance(said["reconcile"], dict)
    return json.dumps({**said, "reconcile": {**said["reconcile"], "version": "…"}}, indent=1, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Path, *, request: pytest.FixtureRequest) -> None:
    it = made(case)
    for name, text in (("plan.txt", as_text(it)), ("plan.json", as_json(it))):
        golden = case / name
        if request.config.getoption("--rewrite-goldens"):
            golden.write_text(text, encoding="utf-8")
        assert text == golden.read_text(encoding="utf-8"), (case / "why.txt").read_text(encoding="utf-8")
