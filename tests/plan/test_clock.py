"""A clock that nothing confirms deletes nothing that depends on it; everything else goes on."""

from dataclasses import replace
from datetime import timedelta

import pytest
from support.build import NOW, backup, config, days, inventory, make_plan

from reconcile.actual.inventory import Inventory
from reconcile.diagnostics import UserError
from reconcile.ids import Id, id_order
from reconcile.plan.model import Plan
from reconcile.plan.safety import withheld
from reconcile.plan.stale import renewed

HELD = (
    backup(1, age=days(5)),
    backup(2, age=days(4)),
    backup(3, age=days(3), status="failed"),
    backup(4, "by hand", age=days(40)),
    backup(5, "by hand", age=days(40), status="failed"),
)
KNOWN = inventory(*HELD)
UNKNOWN = replace(KNOWN, service_time=None)


def plan_of(seen: Inventory, *, prune: str = "true", require: str = "", now: bool = True) -> Plan:
    declared = config(f"""
        [settings]
        prune = {prune}
        max_shrink = "100%"
        [require]
        {require}
        [servers.web]
        id = 1
        backups = [{{ description = "nightly", every = "1d", keep = 1 }}]
    """)
    return make_plan(declared, seen, now=NOW if now else NOW - timedelta(hours=1))


def held_back(plan: Plan) -> list[Id]:
    addresses = withheld(plan)
    return sorted((each.backup.id for each in plan.deletes if each.address in addresses), key=id_order)


@pytest.mark.parametrize(
    ("prune", "require", "expected"),
    [
        ("true", "", []),
        ("false", "", []),
        ('"30d"', "", [4, 5]),
        ("true", 'min_age = "3d"', [1, 2, 4]),
        ('"30d"', 'min_age = "3d"', [1, 2, 4, 5]),
    ],
)
def test_what_our_clock_alone_decides_is_withheld(prune: str, require: str, expected: list[Id]) -> None:
    plan = plan_of(UNKNOWN, prune=prune, require=require)

    assert held_back(plan) == expected
    assert held_back(plan_of(KNOWN, prune=prune, require=require)) == []
    assert {delete.backup.id for delete in plan.deletes} >= {1, 2, 3}


def test_it_is_an_error_and_creates_go_on() -> None:
    plan = plan_of(UNKNOWN)

    (problem,) = plan.errors
    assert problem.severity == "error"
    assert "no readable Date header" in problem.summary
    assert [create.description for create in plan.creates] == ["nightly"]
    assert plan_of(KNOWN).errors == ()


def test_a_plan_for_another_time_does_not_depend_on_our_clock() -> None:
    plan = plan_of(UNKNOWN, prune='"30d"', now=False)

    assert (plan.errors, held_back(plan)) == ((), [])


def test_what_is_withheld_for_the_clock_is_no_loss() -> None:
    plan = plan_of(UNKNOWN, prune='"30d"', require='min_age = "3d"')

    assert (plan.loss.lost, plan.loss.empties) == (0, False)


def test_a_saved_plan_is_stale_where_the_clock_can_no_longer_be_checked() -> None:
    saved = plan_of(KNOWN, prune='"30d"')

    with pytest.raises(UserError) as stale:
        renewed(saved, UNKNOWN)

    assert [*stale.value.diagnostics[0].facts] == [
        "web/by hand#4: depends on this machine's clock",
        "web/by hand#5: depends on this machine's clock",
    ]
    assert renewed(plan_of(KNOWN), UNKNOWN).deletes
