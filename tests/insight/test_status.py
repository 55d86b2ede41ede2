"""The health of every series, and what else needs a person."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from laws.test_planning import configs, inventories
from support.build import NOW, WEB, backup, config, days, declare, hours, inventory, make_plan

from reconcile.actual.inventory import Backup, Inventory, Server
from reconcile.desired.config import Config
from reconcile.desired.desired import resolve, select
from reconcile.insight.status import (
    Problem,
    SeriesStatus,
    Status,
    status,
)
from reconcile.plan.reasons import Due, Missing
from reconcile.plan.series_state import MISDATED_BEYOND

NIGHTLY = declare('{ description = "nightly", every = "1d", keep = 7 }')
DB, OTHER = Server(id=2, name="db"), Server(id=3, name="other")


def status_of(declared: Config, seen: Inventory, *targets: str) -> Status:
    return status(select(resolve(declared, seen), seen, targets), seen, NOW)


def nightly(*backups: Backup) -> SeriesStatus:
    (series,) = status_of(NIGHTLY, inventory(*backups)).series
    return series


@dataclass(frozen=True)
class Case:
    reason: str
    backups: tuple[Backup, ...]
    problems: tuple[Problem, ...]


OLD, FAILED, STALLED = (
    backup(1, age=days(3)),
    backup(2, age=hours(2), status="failed"),
    backup(3, age=days(2), status="queued"),
)
COMING = backup(4, age=hours(0.05), status="in_progress")
CASES = [
    Case("fresh", (backup(1, age=hours(2)),), ()),
    Case("due, and within the slack of the next run", (backup(1, age=hours(24.5)),), ()),
    Case("overdue", (OLD,), (Problem.OVERDUE,)),
    Case("overdue although one is in progress", (OLD, COMING), (Problem.OVERDUE,)),
    Case("empty", (), (Problem.EMPTY,)),
    Case("the first is in progress", (COMING,), (Problem.EMPTY,)),
    Case("only a misdated one", (backup(1, age=-days(1)),), (Problem.EMPTY,)),
    Case("only an unknown one", (backup(1, status="archiving"),), (Problem.EMPTY,)),
    Case("an unknown one beside", (backup(1), backup(2, status="archiving")), ()),
    Case("failed beside a fresh one", (backup(1), FAILED), (Problem.FAILED,)),
    Case("stalled beside a fresh one", (backup(1), STALLED), (Problem.STALLED,)),
    Case(
        "everything at once, the most urgent first",
        (OLD, FAILED, STALLED),
        (
            Problem.OVERDUE,
            Problem.FAILED,
            Problem.STALLED,
        ),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.reason)
def test_problems(case: Case) -> None:
    series = nightly(*case.backups)

    assert series.problems == case.problems


def test_what_a_series_holds() -> None:
    automatic = backup(9, backup_type="automatic")
    series = nightly(backup(1, age=hours(30)), backup(2, age=hours(20)), COMING, automatic)

    assert str(series.address) == "web/nightly"
    assert series.newest == series.state.usable[1]
    assert series.state.pending == (COMING,)
    assert (len(series.state.usable), series.size_mb) == (2, 2048)
    assert series.state.create is None
    assert nightly().newest is None


def test_due_is_what_the_planner_would_create() -> None:
    assert nightly().state.create == Missing(has_others=False)
    every = NIGHTLY.servers[0].series[0].every
    assert every
    assert nightly(backup(1, age=hours(23))).state.create == Due(age=hours(23), every=every)
    assert nightly(backup(1, age=hours(23)), COMING).state.create is None


@given(configs(), inventories())
def test_due_is_always_what_the_planner_would_create(declared: Config, seen: Inventory) -> None:
    planned = {create.address: create.reason for create in make_plan(declared, seen).creates}

    assert {
        series.address: series.state.create for series in status_of(declared, seen).series if series.state.create
    } == planned


@given(configs(), inventories())
def test_every_backup_of_the_account_is_in_a_series_or_undeclared(declared: Config, seen: Inventory) -> None:
    found = status_of(declared, seen)

    listed = [*found.undeclared, *(each for series in found.series for each in series.state.backups)]
    assert sorted(str(each.id) for each in listed) == sorted(str(each.id) for each in seen.manual)
    assert all(each.created_at <= NOW + MISDATED_BEYOND for series in found.series for each in series.state.usable)


THREE = config(
    "[servers.web]\nid = 1\n"
    'backups = [{ description = "empty" }, { description = "fails" }, { description = "fine" }]\n'
    "[servers.db]\nid = 2\nbackups = []\n"
)
SEEN = inventory(
    backup(1, "fine"),
    backup(2, "fails"),
    backup(3, "fails", status="failed"),
    backup(4, "x", server=OTHER),
    backup(5, None, server=DB),
    backup(6, "x", server=DB, age=days(1)),
    backup(7, "x", server=OTHER, backup_type="automatic"),
    servers=(WEB, DB, OTHER),
)


def test_the_most_urgent_comes_first() -> None:
    assert [str(series.address) for series in status_of(THREE, SEEN).series] == ["web/empty", "web/fails", "web/fine"]
    assert [str(series.address) for series in status_of(THREE, SEEN).unhealthy] == ["web/empty", "web/fails"]


def test_a_server_in_no_file_is_unprotected_and_an_empty_table_declares_one() -> None:
    assert status_of(THREE, SEEN).unprotected == (OTHER,)
    assert status_of(THREE, inventory(servers=None)).unprotected is None


def test_what_no_series_declares_is_undeclared_on_whatever_server() -> None:
    assert [each.id for each in status_of(THREE, SEEN).undeclared] == [6, 5, 4]


def test_with_targets_there_is_nothing_but_what_they_select() -> None:
    found = status_of(THREE, SEEN, "web/fine")

    assert [str(series.address) for series in found.series] == ["web/fine"]
    assert (found.unprotected, found.undeclared, found.desired.targets) == (None, (), ("web/fine",))
    assert found.is_healthy


class TestHealth:
    def test_is_that_of_all_series(self) -> None:
        assert status_of(NIGHTLY, inventory(backup(1))).is_healthy
        assert not status_of(NIGHTLY, inventory()).is_healthy

    def test_is_not_spoiled_by_what_is_unprotected_or_undeclared(self) -> None:
        assert status_of(NIGHTLY, inventory(backup(1), backup(2, "x"), servers=(WEB, OTHER))).is_healthy

    def test_is_missing_where_nothing_is_declared(self) -> None:
        nothing = status_of(declare(""), inventory())

        assert not nothing.has_series
        assert not nothing.is_healthy
        assert not status_of(THREE, SEEN, "db").has_series

    def test_is_spoiled_by_a_server_that_does_not_fit_and_the_rest_is_looked_at(self) -> None:
        found = status_of(
            config(
                '[servers.web]\nid = 1\nbackups = [{ description = "nightly" }]\n'
                '[servers.gone]\nid = 9\nbackups = [{ description = "nightly" }]\n'
            ),
            inventory(backup(1)),
        )

        assert [error.address for error in found.errors] == ["gone"]
        assert [str(series.address) for series in found.series] == ["web/nightly"]
        assert found.has_series
        assert not found.is_healthy


def test_what_could_not_be_checked_is_a_warning() -> None:
    assert [warning.summary for warning in status_of(NIGHTLY, inventory(servers=None)).warnings] == [
        "server names were not fully checked"
    ]
