"""Entries that are not as documented: nothing is deleted where one may belong, and nothing else is stopped."""

from dataclasses import replace

import pytest
from support.build import NOW, WEB, backup, config, days, declare, hours, inventory, make_plan

from reconcile.actual.inventory import Backup, Inventory, OddEntry, Server, State
from reconcile.durations import Duration
from reconcile.ids import Id, id_order
from reconcile.plan.model import Plan
from reconcile.plan.reasons import Exemption, Missing, TooOld

FILE = config("""
[settings]
prune = true
max_shrink = "100%"

[servers.web]
id = 1
backups = [{ description = "nightly", every = "1d", keep = 1 }, { description = "weekly", every = "1w", keep = 1 }]

[servers.db]
id = 2
backups = [{ description = "nightly", every = "1d", keep = 1 }]
""")
DB = Server(id=2, name="db")
OLD = (
    backup(1, age=days(2)),
    backup(2, age=days(3)),
    backup(3, "weekly", age=days(1)),
    backup(4, "weekly", age=days(2)),
)
OTHERS = (backup(5, "manual", age=days(1)), backup(6, "manual", age=days(2)), backup(7, None, age=days(2)))
OF_DB = (backup(11, age=days(2), server=DB), backup(12, age=days(3), server=DB))


def undated(id_: int, description: str | None = "nightly") -> Backup:
    return replace(backup(id_, description), created_at=NOW, unreadable=("created_at",))


def without_description(id_: int) -> Backup:
    return replace(backup(id_, None, age=days(9)), unreadable=("description",))


def plan_of(*odd: Backup) -> Plan:
    return make_plan(FILE, inventory(*OLD, *OTHERS, *OF_DB, *odd, servers=(WEB, DB)))


def deleted(plan: Plan) -> list[Id]:
    return sorted((delete.backup.id for delete in plan.deletes), key=id_order)


def created(plan: Plan) -> list[str]:
    return [str(create.address) for create in plan.creates]


def test_without_an_odd_entry_everything_is_done() -> None:
    plan = plan_of()

    assert deleted(plan) == [1, 2, 4, 5, 6, 7, 11, 12]
    assert created(plan) == ["web/nightly", "db/nightly"]
    assert plan.warnings == ()


def test_a_backup_without_a_time_is_never_deleted_and_nothing_in_its_series_is() -> None:
    plan = plan_of(undated(9))

    assert deleted(plan) == [4, 5, 6, 7, 11, 12]
    kept = {entry.backup.id: entry.reason for entry in plan.kept}
    assert kept[9] == Exemption.NOT_READABLE
    assert kept[2] == Exemption.BESIDE_UNKNOWN


@pytest.mark.parametrize("status", ["completed", "failed", "in_progress"])
def test_a_backup_without_a_time_keeps_no_series_from_its_next_backup(status: str) -> None:
    assert created(plan_of(replace(undated(9), status=status))) == ["web/nightly", "db/nightly"]


def test_neither_does_one_that_is_alone() -> None:
    (create,) = make_plan(declare("{ description = 'nightly' }"), inventory(undated(9))).creates
    assert create.reason == Missing(has_others=True)


def test_a_backup_without_a_time_is_not_young_enough_for_max_age() -> None:
    plan = make_plan(declare("{ description = 'nightly' }"), inventory(OLD[0], undated(9)), max_age="1h")

    assert [create.reason for create in plan.creates] == [TooOld(age=days(2), max_age=Duration.parse("1h"))]
    assert plan.errors == ()


def test_nothing_beside_an_undeclared_backup_without_a_time_is_pruned() -> None:
    plan = plan_of(undated(9, "manual"))

    assert deleted(plan) == [1, 2, 4, 7, 11, 12]
    assert {entry.backup.id: entry.reason for entry in plan.unmanaged} == {
        5: Exemption.BESIDE_UNKNOWN,
        6: Exemption.BESIDE_UNKNOWN,
        9: Exemption.NOT_READABLE,
    }


def test_a_backup_without_a_description_may_be_of_any_series_of_its_server() -> None:
    plan = plan_of(without_description(9))

    assert deleted(plan) == [11, 12]
    assert created(plan) == ["web/nightly", "db/nightly"]


@pytest.mark.parametrize("status", ["completed", "failed", "in_progress", "archiving"])
def test_whatever_its_status_an_odd_backup_is_unknown(status: str) -> None:
    odd = replace(backup(9, status=status), unreadable=("created_at",))

    assert odd.state is State.UNKNOWN
    assert 9 not in deleted(plan_of(odd))


def test_warnings_name_each_odd_backup_and_say_what_waits() -> None:
    plan = plan_of(undated(9), without_description(10), undated(13, "manual"))

    said = [(warning.address, warning.summary) for warning in plan.warnings if warning.address]
    assert said == [
        ("web/nightly#9", "its created_at is not readable"),
        ("web/#10", "its description is not readable"),
        ("web/manual#13", "its created_at is not readable"),
    ]


def test_one_warning_is_for_all_fields_that_are_not_readable() -> None:
    servers = (WEB, replace(DB, unreadable=("location",)))
    odd = [replace(backup(id_, age=hours(id_ - 20)), size_mb=None, unreadable=("size_mb",)) for id_ in (21, 22, 23)]
    seen = replace(
        inventory(*OLD, *odd, servers=servers),
        unidentified=(OddEntry(kind="backup", id=None, unreadable=("id",)),),
    )

    (warning,) = make_plan(FILE, seen).warnings
    assert warning.summary == "5 entries of the service's lists can't be read completely"
    assert "location of server 2; size_mb of backup 21 and 2 more; id of 1 backup." in warning.detail


def test_a_field_that_decides_nothing_stops_nothing() -> None:
    odd = replace(OLD[1], expires_at=None, size_mb=None, unreadable=("expires_at", "size_mb"))
    seen: Inventory = inventory(OLD[0], odd, *OLD[2:], *OTHERS, *OF_DB, servers=(WEB, DB))

    assert deleted(make_plan(FILE, seen)) == [1, 2, 4, 5, 6, 7, 11, 12]
