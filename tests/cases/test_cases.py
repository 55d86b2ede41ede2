"""Whole plans, as people and programs see them. `--rewrite-goldens` writes what is expected anew."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from support.build import BASE_URL, config, make_plan
from support.render import shown

from reconcile.actual.inventory import Backup, Inventory, Server
from reconcile.desired.desired import resolve
from reconcile.insight.difference import Difference, difference
from reconcile.plan.model import Plan
from reconcile.report.plan.json import plan_json
from reconcile.report.plan.markdown import plan_markdown
from reconcile.report.plan.text import plan_text

CASES = sorted(why.parent for why in Path(__file__).parent.glob("*/why.txt"))


def plan_of(case: Path) -> Plan | Difference:
    """Return the plan of a case; where it has a file before the change, the difference between both plans."""
    seen = json.loads((case / "inventory.json").read_text(encoding="utf-8"))
    now = datetime.fromisoformat(seen["now"])
    inventory = Inventory(
        base_url=BASE_URL,
        servers=tuple(Server(**server) for server in seen["servers"]),
        backups=tuple(map(backup, seen["backups"])),
        observed_at=now,
        service_time=now,
    )
    found = [
        (resolve(declared, inventory), make_plan(declared, inventory, now=now, max_age=seen.get("max_age")))
        for file in (case / "before.toml", case / "backups.toml")
        if file.exists()
        for declared in [config(file.read_text(encoding="utf-8"))]
    ]
    return found[0][1] if len(found) == 1 else difference(*found)


def backup(entry: dict[str, Any]) -> Backup:
    """Read a backup as the service gives it; what a case does not speak of is filled in."""
    return Backup(
        id=entry["id"],
        server_id=entry["server"]["id"],
        server_name=entry["server"]["name"],
        description=entry["description"],
        backup_type=entry.get("backup_type", "manual"),
        status=entry.get("status", "completed"),
        size_mb=entry.get("size_mb", 4500),
        created_at=datetime.fromisoformat(entry["created_at"]),
        expires_at=None,
    )


def as_json(plan: Plan | Difference) -> str:
    value = plan_json(plan).value
    value["reconcile"]["version"] = "…"
    return f"{_indented(value, depth=2)}\n"


def _indented(value: object, *, depth: int, indent: str = "") -> str:
    """Write JSON with one line per entry, down to a depth: a difference is a few lines, and each of them is whole."""
    inner = f"{indent} "
    if depth and value and isinstance(value, dict):
        entries = [
            f"{json.dumps(key)}: {_indented(item, depth=depth - 1, indent=inner)}" for key, item in value.items()
        ]
    elif depth and value and isinstance(value, list):
        entries = [_indented(item, depth=0) for item in value]
    else:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    lines = f",\n{inner}".join(entries)
    begin, end = "{}" if isinstance(value, dict) else "[]"
    return f"{begin}\n{inner}{lines}\n{indent}{end}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Path, request: pytest.FixtureRequest) -> None:
    plan = plan_of(case)
    texts = {"plan.txt": shown(plan_text(plan, verbose=isinstance(plan, Plan))), "plan.json": as_json(plan)}
    if isinstance(plan, Difference):
        texts["plan.md"] = plan_markdown(plan).text
    for name, text in texts.items():
        golden = case / name
        if request.config.getoption("--rewrite-goldens"):
            golden.write_text(text, encoding="utf-8")
        assert text == golden.read_text(encoding="utf-8"), (case / "why.txt").read_text(encoding="utf-8")
