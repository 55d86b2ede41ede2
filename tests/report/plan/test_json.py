"""The plan for programs: valid JSON, distinct addresses, and what Terraform's readers expect."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.build import backup, config, days, declare, hours, inventory, make_plan
from support.render import value

from reconcile.actual.inventory import Server
from reconcile.addresses import BackupAddress, SeriesAddress
from reconcile.plan.model import Plan
from reconcile.report.plan.json import gitlab_report, plan_json
from reconcile.report.values import terraform_address

NIGHTLY = declare('{ description = "nightly", every = "1d", keep = 2 }')


def as_json(plan: Plan) -> dict[str, Any]:
    """Return the plan as a strict reader of JSON gets it."""
    return value(plan_json(plan))


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (SeriesAddress("web", "nightly"), 'vps_backup.web["nightly"]'),
        (SeriesAddress("web", "a#1"), 'vps_backup.web["a#1#"]'),
        (SeriesAddress("web", None), 'vps_backup.web[""]'),
        (BackupAddress(SeriesAddress("web", "nightly"), 7), 'vps_backup.web["nightly#7"]'),
        (BackupAddress(SeriesAddress("web", "a#1"), 7), 'vps_backup.web["a#1#7"]'),
        (BackupAddress(SeriesAddress("web", None), "x#y/z"), 'vps_backup.web["#x%23y%2Fz"]'),
        (SeriesAddress("web", 'é "q" \\'), 'vps_backup.web["é \\"q\\" \\\\"]'),
    ],
)
def test_addresses(address: SeriesAddress | BackupAddress, expected: str) -> None:
    assert terraform_address(address) == expected


PARTS = st.lists(st.sampled_from(["a", "#", "1", '"', "]", "[", "%23", "/"]), min_size=1, max_size=4).map("".join)


@given(st.lists(PARTS, unique=True, max_size=4), st.dictionaries(PARTS, st.lists(PARTS, unique=True), max_size=4))
def test_all_addresses_of_a_plan_are_distinct(declared: list[str], held: dict[str, list[str]]) -> None:
    series = ", ".join(f"{{ description = {json.dumps(description)}, keep = 9 }}" for description in declared)
    ids = iter(range(10**6))
    backups = [
        backup(f"{next(ids)}#{id_}", description, age=days(number))
        for description, own in held.items()
        for number, id_ in enumerate(own)
    ]

    read = as_json(make_plan(declare(series, server="prune = true"), inventory(*backups)))

    addresses = [change["address"] for change in read["resource_changes"]]
    addresses += [entry["address"] for entry in read["reconcile"]["unmanaged"]]
    assert len(set(addresses)) == len(addresses)
    outputs = read["planned_values"]["outputs"]
    listed = [*outputs["creates"]["value"], *outputs["deletes"]["value"]]
    assert len(set(listed)) == len(listed)


@given(PARTS, PARTS, PARTS, PARTS)
def test_addresses_on_different_servers_are_distinct(one: str, its: str, other: str, others: str) -> None:
    first, second = SeriesAddress(one, its), SeriesAddress(other, others)

    assert (terraform_address(first) == terraform_address(second)) == (first == second)


def test_actions_and_reasons() -> None:
    held = (
        backup(1, age=days(3)),
        backup(2, age=days(2), status="failed"),
        backup(3, age=hours(30)),
        backup(4, "x", age=days(9)),
        backup(5, "y", age=days(1)),
    )
    declared = declare(
        '{ description = "nightly", every = "1d", keep = 1 }, { description = "new", keep = 1 }', server='prune = "7d"'
    )

    read = as_json(make_plan(declared, inventory(*held)))

    assert [
        (change["address"], change["change"]["actions"], change.get("action_reason"), change["reconcile_reason"])
        for change in read["resource_changes"]
    ] == [
        ('vps_backup.web["nightly"]', ["create"], "due", "newest is 1d 6h old, due every 1d"),
        ('vps_backup.web["nightly#1"]', ["delete"], "retention", "not kept by last=1"),
        ('vps_backup.web["nightly#2"]', ["delete"], "failed", "its status is 'failed'"),
        ('vps_backup.web["nightly#3"]', ["delete"], "retention", "not kept by last=1"),
        ('vps_backup.web["new"]', ["create"], "missing", "no backup exists"),
        ('vps_backup.web["x#4"]', ["delete"], "undeclared", "9d old, pruned after 7d"),
    ]
    assert read["reconcile"]["summary"] == {"create": 2, "delete": 4, "withheld": 0, "unchanged": 0, "unmanaged": 1}
    assert read["planned_values"]["outputs"]["deletes"]["value"] == [
        "web/nightly#1",
        "web/nightly#2",
        "web/nightly#3",
        "web/x#4",
    ]
    (unmanaged,) = read["reconcile"]["unmanaged"]
    assert (unmanaged["id"], unmanaged["address"], unmanaged["prune_at"]) == (5, "web/y#5", "2026-03-16T12:00:00Z")
    assert (read["errored"], read["complete"], read["applyable"]) == (False, True, True)


def test_what_is_withheld_is_a_delete_all_the_same_and_is_listed() -> None:
    plan = make_plan(
        declare('{ description = "nightly", keep = 1 }'), inventory(*(backup(n, age=days(n)) for n in range(9)))
    )

    read = as_json(plan)

    deletes = [change["address"] for change in read["resource_changes"] if change["change"]["actions"] == ["delete"]]
    assert read["reconcile"]["withheld"] == deletes
    assert read["reconcile"]["summary"]["withheld"] == read["reconcile"]["summary"]["delete"] == 8
    assert read["reconcile"]["loss"] == {"lost": 8, "with_data": 9, "usable": 9, "limit": 3, "empties": False}
    assert read["applyable"] is False


def test_errors_make_it_incomplete() -> None:
    read = as_json(make_plan(NIGHTLY, inventory(servers=())))

    assert [error["address"] for error in read["reconcile"]["errors"]] == ["web"]
    assert (read["errored"], read["complete"]) == (True, False)


def test_targets_make_it_incomplete() -> None:
    read = as_json(make_plan(NIGHTLY, inventory(), "web"))

    assert (read["complete"], read["reconcile"]["targets"]) == (False, ["web"])


@pytest.mark.parametrize("size", [float("nan"), float("inf"), -float("inf")])
def test_a_size_that_json_has_no_number_for_is_null(size: float) -> None:
    held = backup(1)
    object.__setattr__(held, "size_mb", size)

    (change,) = as_json(make_plan(NIGHTLY, inventory(held)))["resource_changes"]

    assert change["change"]["before"]["size_mb"] is None


def test_gitlabs_report_is_three_counts() -> None:
    two = (Server(id=1, name="web"), Server(id=2, name="db"))
    declared = config(
        '[servers.web]\nid = 1\nbackups = [{ description = "x", keep = 1 }]\n[servers.db]\nid = 2\nprune = true\n'
    )
    plan = make_plan(declared, inventory(backup(1, "y", server=two[1]), servers=two))

    assert value(gitlab_report(plan)) == {"create": 1, "update": 0, "delete": 1}
