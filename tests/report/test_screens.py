"""What people see on terminals of 80 and 160 columns. `--rewrite-goldens` writes the screens again."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from support.build import NOW, backup, config, days, hours, inventory, make_plan
from support.render import shown

from reconcile.actual.inventory import Backup, Server
from reconcile.desired.desired import resolve
from reconcile.insight.restore_points import choose
from reconcile.insight.servers import list_backups
from reconcile.insight.status import status
from reconcile.outcomes import Applied, Finished, Outcome, Result
from reconcile.plan.model import Create, Plan
from reconcile.plan.safety import withheld
from reconcile.report.apply import result_text
from reconcile.report.backups import list_text, restore_text
from reconcile.report.document import Document
from reconcile.report.plan.text import plan_text
from reconcile.report.status import status_text

SCREENS = Path(__file__).parent / "screens"
BY_HAND = "before the migration of the database to the new disks (ticket OPS-4711)"
WEB = Server(id=12001, name="web-server-01.eu-central.example.org")
DB = Server(id=12015, name="db-server-15.eu-central.example.org")
MAIL = Server(id=12020, name="mail")
FILE = config(
    f'[servers."{WEB.name}"]\nid = 12001\n'
    'backups = [{ description = "auto", renamed_from = "auto-*", every = "1d", keep = { last = 3, daily = 7 } }]\n'
    f'[servers."{DB.name}"]\nid = 12015\nbackups = [{{ description = "nightly", every = "1d", keep = 4 }}]\n'
)


def _held() -> list[Backup]:
    """Return dated backups of a script, too many of a series, one by hand, and automatic ones."""
    dated = [
        backup(
            1000 + day,
            f"auto-{NOW - days(day) - hours(19):%Y-%m-%d}",
            age=days(day) + hours(19),
            server=WEB,
            size_mb=4310,
        )
        for day in range(7)
    ]
    nightly = [backup(2000 + day, age=days(day) + hours(9), server=DB, size_mb=19_456) for day in range(11)]
    failed = backup(1100, "auto", age=hours(2), server=WEB, status="failed")
    automatic = [
        backup(
            number,
            None,
            age=hours(3),
            server=server,
            size_mb=4301,
            backup_type="automatic",
            expires_at=NOW + days(7),
        )
        for number, server in enumerate((WEB, DB, MAIL), 3000)
    ]
    return [*dated, failed, *nightly, backup(1900, BY_HAND, age=days(95), server=DB, size_mb=8000), *automatic]


ALL = inventory(*_held(), servers=(WEB, DB, MAIL))
SEEN = replace(ALL, backups=tuple(each for each in ALL.backups if each.backup_type == "manual"))
PLAN = make_plan(FILE, SEEN)


def _result() -> Result:
    """Return how an apply ended that created one backup, failed to create the other, and withheld the deletes."""
    held_back = withheld(PLAN)
    finished = []
    for action in PLAN.actions:
        if action.address in held_back:
            veto = held_back[action.address]
            ended = Finished(action=action, outcome=Outcome.WITHHELD, explanation="", objection=veto)
        elif isinstance(action, Create):
            ended = Finished(action=action, outcome=Outcome.FAILED, explanation="403: quota of 20 backups exceeded")
        else:
            ended = Finished(action=action, outcome=Outcome.SUCCEEDED, explanation="done")
        finished.append(ended)
    return Result(plan=PLAN, finished=tuple(finished), notes=(), withheld=held_back, settled=(), still_pending=())


def _fleet() -> Plan:
    """Return the plan of a policy for several servers, with long reasons and dated names."""
    servers = tuple(
        Server(id=12001 + number, name=f"web-server-{number:02}.eu-central.example.org") for number in range(3)
    )
    keep = "{ last = 3, daily = 7, weekly = 4 }"
    held = [
        backup(100 * number + day, f"auto-{NOW - days(day):%Y-%m-%d}", age=days(day), server=server, size_mb=4310)
        for number, server in enumerate(servers, 10)
        for day in range(20)
    ]
    held += [backup(number, age=days(2 + 30 * number), server=servers[0]) for number in range(3)]
    declared = config(
        '[settings]\nmax_shrink = "100%"\n[fleets.web]\nmatch = "*"\nbackups = [\n'
        f'{{ description = "auto", renamed_from = "auto-*", every = "1d", keep = {keep} }},\n'
        '{ description = "nightly", every = "2w", keep = { monthly = 2 } }]\n'
    )
    return make_plan(declared, inventory(*held, servers=servers))


DOCUMENTS: dict[str, Callable[[], Document]] = {
    "list": lambda: list_text(list_backups(ALL)),
    "plan": lambda: plan_text(PLAN, verbose=False),
    "plan-v": lambda: plan_text(PLAN, verbose=True),
    "plan-of-a-fleet": lambda: plan_text(_fleet(), verbose=False),
    "plan-of-a-fleet-v": lambda: plan_text(_fleet(), verbose=True),
    "status": lambda: status_text(status(resolve(FILE, SEEN), SEEN, NOW + timedelta(hours=30)), verbose=False),
    "restore": lambda: restore_text(choose(DB, ALL, backup_id="2003", series=None, before=NOW)),
    "apply": lambda: result_text(Applied(result=_result())),
}


@pytest.mark.parametrize("width", [80, 160])
@pytest.mark.parametrize("name", DOCUMENTS)
def test_screen(name: str, width: int, request: pytest.FixtureRequest) -> None:
    text = shown(DOCUMENTS[name](), width)

    golden = SCREENS / f"{name}-{width}.txt"
    if request.config.getoption("--rewrite-goldens"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")
    assert max(map(len, text.splitlines())) <= width
