"""Whole plans, as people and programs see them. `--rewrite-goldens` writes what is expected anew."""

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from support.build import BASE_URL, config, make_plan
from support.render import shown, value

from reconcile.actual.inventory import Backup, Inventory, Server
from reconcile.desired.desired import resolve
from reconcile.desired.locate import Source
from reconcile.insight.difference import Difference, compare
from reconcile.plan.model import Plan
from reconcile.plan.planning import RunOptions
from reconcile.plan.record import Observation, Record, RecordedFile, RecordedRound, dump, parse
from reconcile.report.plan import plan_markdown
from reconcile.report.plan.json import plan_json
from reconcile.report.plan.text import plan_text

CASES = sorted(why.parent for why in Path(__file__).parent.glob("*/why.txt"))


def plan_of(case: Path) -> Plan | Difference:
    """Return the plan of a case; where it has a file before the change, the difference between both plans."""
    inventory = account_of(case)
    now = inventory.observed_at
    max_age = json.loads((case / "inventory.json").read_text(encoding="utf-8")).get("max_age")
    files = [
        config(file.read_text(encoding="utf-8"))
        for file in (case / "before.toml", case / "backups.toml")
        if file.exists()
    ]
    if len(files) == 1:
        return make_plan(files[0], inventory, now=now, max_age=max_age)
    return compare(files[0], resolve(files[1], inventory), inventory, now)


def account_of(case: Path) -> Inventory:
    """Return the account of a case."""
    seen = json.loads((case / "inventory.json").read_text(encoding="utf-8"))
    now = datetime.fromisoformat(seen["now"])
    return Inventory(
        base_url=BASE_URL,
        servers=tuple(Server(**server) for server in seen["servers"]),
        backups=tuple(map(backup, seen["backups"])),
        observed_at=now,
        service_time=now,
        account=seen.get("account"),
    )


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
    found = value(plan_json(plan))
    found["reconcile"]["version"] = "…"
    return f"{_indented(found, depth=2)}\n"


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


def write_case(record: Path, cases: Path) -> Path:
    """Write the case of a record: its files as one, and what its first round observed; return the new folder."""
    recorded = parse(record.read_text(encoding="utf-8"), record.name)
    seen = recorded.inventories[0]
    case = cases / record.stem
    case.mkdir()
    texts = [file.text for file in recorded.files]
    (case / "backups.toml").write_text("\n".join(texts), encoding="utf-8")
    account = {
        "now": seen.observed_at.isoformat(),
        "account": seen.account,
        "servers": [asdict(server) for server in seen.servers or ()],
        "backups": [
            {
                "id": each.id,
                "server": {"id": each.server_id, "name": each.server_name},
                "description": each.description,
                "backup_type": each.backup_type,
                "status": each.status,
                "size_mb": each.size_mb,
                "created_at": each.created_at.isoformat(),
            }
            for each in seen.backups
        ],
    }
    (case / "inventory.json").write_text(f"{_indented(account, depth=2)}\n", encoding="utf-8")
    (case / "why.txt").write_text("Say what is wrong with the plan, and rename this folder.\n", encoding="utf-8")
    return case


def outputs(plan: Plan | Difference) -> dict[str, str]:
    """Return the expected outputs by the names of their files."""
    texts = {"plan.txt": shown(plan_text(plan, verbose=isinstance(plan, Plan))), "plan.json": as_json(plan)}
    return texts | ({"plan.md": plan_markdown(plan)} if isinstance(plan, Difference) else {})


def test_a_record_becomes_a_case(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Write a case beside the others, with --from-record FILE; without it, the case of a record of another case."""
    if file := request.config.getoption("--from-record"):
        case = write_case(Path(file), Path(__file__).parent)
        for name, text in outputs(plan_of(case)).items():
            (case / name).write_text(text, encoding="utf-8")
        return
    (known,) = [case for case in CASES if case.name == "failed"]
    plan, seen = plan_of(known), account_of(known)
    source = Source(filename="backups.toml", text=(known / "backups.toml").read_text(encoding="utf-8"))
    record = Record(
        version="1",
        command="apply",
        started_at=seen.observed_at,
        base_url=BASE_URL,
        options=RunOptions(),
        files=(RecordedFile.of(source),),
        rounds=(RecordedRound(observed=Observation.of(seen, None)),),
    )
    (tmp_path / "x.json").write_text(dump(record), encoding="utf-8")

    case = write_case(tmp_path / "x.json", tmp_path)

    assert outputs(plan_of(case)) == outputs(plan)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Path, request: pytest.FixtureRequest) -> None:
    for name, text in outputs(plan_of(case)).items():
        golden = case / name
        if request.config.getoption("--rewrite-goldens"):
            golden.write_text(text, encoding="utf-8")
        assert text == golden.read_text(encoding="utf-8"), (case / "why.txt").read_text(encoding="utf-8")
