"""`--max-age`: each series must have a backup that is young enough, whatever its `every` says."""

import re
from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import given
from laws.test_planning import configs, inventories
from support.build import NOW, WEB, backup, config, days, declare, hours, inventory, make_plan

from reconcile.actual.inventory import Backup, Inventory, Server, State
from reconcile.desired.config import Config
from reconcile.diagnostics import UserError
from reconcile.durations import Duration
from reconcile.plan.reasons import CreateReason, Due, Missing, TooOld
from reconcile.plan.saved import dump, parse
from reconcile.plan.stale import renewed

QUARTER = timedelta(minutes=15)
A_QUARTER = Duration(seconds=900)
DB = Server(id=2, name="db")
A_SECOND = timedelta(seconds=1)
FILE = declare('{ description = "nightly", every = "1d", keep = 7 }')


@dataclass(frozen=True)
class Case:
    reason: str
    held: tuple[Backup, ...]
    create: CreateReason | None = None
    awaited: tuple[int, ...] = ()


CASES = [
    Case("not due by every, but too old", (backup(1, age=hours(3)),), TooOld(age=hours(3), max_age=A_QUARTER)),
    Case("due by every: that is the reason", (backup(1, age=days(2)),), Due(age=days(2), every=Duration(days=1))),
    Case("exactly as old as may be", (backup(1, age=QUARTER),)),
    Case(
        "older by a second: no slack",
        (backup(1, age=QUARTER + A_SECOND),),
        TooOld(age=QUARTER + A_SECOND, max_age=A_QUARTER),
    ),
    Case("there is none", (), Missing(has_others=False)),
    Case("a failed one is none", (backup(1, status="failed"),), Missing(has_others=True)),
    Case(
        "a misdated one does not count",
        (backup(1, age=-hours(1)), backup(2, age=hours(3))),
        TooOld(age=hours(3), max_age=A_QUARTER),
    ),
    Case("one under way is awaited", (backup(1, age=hours(3)), backup(2, age=QUARTER, status="queued")), awaited=(2,)),
    Case("not beside a usable one", (backup(1, age=QUARTER), backup(2, status="queued"))),
    Case(
        "one under way that is too old is not awaited",
        (backup(1, age=hours(3)), backup(2, age=hours(2), status="queued")),
        TooOld(age=hours(2), max_age=A_QUARTER),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.reason)
def test_when_a_backup_is_made_and_when_one_is_awaited(case: Case) -> None:
    plan = make_plan(FILE, inventory(*case.held), max_age="15min")

    assert [create.reason for create in plan.creates] == ([case.create] if case.create else [])
    assert tuple(each.id for each in plan.awaited) == case.awaited
    assert not plan.errors


def test_the_age_is_measured_from_the_beginning_of_the_run() -> None:
    held = inventory(backup(1, age=hours(1)))

    assert not make_plan(FILE, held, max_age="15min", started_at=NOW - hours(1)).creates
    assert make_plan(FILE, held, max_age="15min", started_at=NOW - hours(0.5)).creates


def test_a_young_one_of_unknown_status_is_an_error_since_nobody_knows_whether_it_will_do() -> None:
    plan = make_plan(FILE, inventory(backup(1, age=hours(3)), backup(2, status="archiving")), max_age="15min")

    (error,) = plan.errors
    assert (error.summary, error.address) == ("no usable backup is at most 15min old", "web/nightly")
    assert "'archiving'" in error.detail
    assert not plan.creates


def test_only_the_targets_are_asked() -> None:
    two = declare('{ description = "nightly", keep = 1 }, { description = "weekly", keep = 1 }')
    held = inventory(backup(1, age=days(1)), backup(2, "weekly", age=days(1)))

    plan = make_plan(two, held, "web/weekly", max_age="15min")

    assert [str(create.address) for create in plan.creates] == ["web/weekly"]


with_series = configs().filter(lambda config: any(server.series for server in config.servers))


@given(with_series, inventories())
def test_each_series_has_a_young_backup_or_a_reason_why_not(config: Config, seen: Inventory) -> None:
    plan = make_plan(config, seen, max_age="2w")

    unknown = {error.address for error in plan.errors}
    for series in (series for server in plan.servers for series in server.series):
        young = [
            kept.backup
            for kept in series.kept
            if kept.backup.state is State.USABLE and timedelta(minutes=-10) <= NOW - kept.backup.created_at <= days(14)
        ]
        ways = (bool(young), series.needed in series.awaited, str(series.address) in unknown)
        assert series.create or sum(ways) == 1, (series, ways)


@given(with_series, inventories())
def test_a_very_long_age_changes_nothing_but_what_is_under_way(config: Config, seen: Inventory) -> None:
    usual, asked = make_plan(config, seen), make_plan(config, seen, max_age="9999y")

    assert asked.actions == usual.actions
    assert asked.kept == usual.kept


class TestSaved:
    held = (backup(1, age=timedelta(minutes=10)), backup(2, "weekly", age=days(3)))
    file = declare('{ description = "nightly", keep = 1 }, { description = "weekly", keep = 1 }')

    def renewed_after(self, minutes: int, *held: Backup) -> tuple[str, ...]:
        """Save a plan, apply it some minutes later, and return why it is stale."""
        plan = parse(dump(make_plan(self.file, inventory(*self.held), max_age="15min"), "1"), "x")
        later = Inventory(
            base_url=plan.base_url,
            servers=None,
            backups=held or self.held,
            observed_at=NOW + timedelta(minutes=minutes),
            service_time=NOW + timedelta(minutes=minutes),
        )
        try:
            renewed(plan, later)
        except UserError as error:
            return error.diagnostics[0].facts
        return ()

    def test_it_holds_as_long_as_what_was_young_enough_is(self) -> None:
        assert self.renewed_after(5) == ()
        assert self.renewed_after(6) == ("web/nightly: no usable backup is at most 15min old",)

    def test_it_is_stale_once_that_is_gone_and_holds_where_another_was_made(self) -> None:
        new = backup(3, age=-timedelta(minutes=60))

        assert self.renewed_after(0, self.held[1]) == ("web/nightly: no usable backup is at most 15min old",)
        assert self.renewed_after(60, self.held[1], new) == ()

    def test_it_is_stale_where_the_server_holds_nothing_any_more(self) -> None:
        plan = make_plan(FILE, inventory(self.held[0]), max_age="15min")

        for left in ((), (backup(9, server=Server(id=2, name="db")),)):
            with pytest.raises(UserError, match="Saved plan is stale") as stale:
                renewed(plan, inventory(*left))
            assert stale.value.diagnostics[0].detail == (
                "A backup is now older than --max-age allows. Create a new plan."
            )
            assert [*stale.value.diagnostics[0].facts] == ["web/nightly: no usable backup is at most 15min old"]

    def test_only_the_one_that_was_awaited_will_do_unfinished(self) -> None:
        pending = backup(3, status="queued")

        assert self.renewed_after(0, self.held[1], pending) == ("web/nightly: no usable backup is at most 15min old",)

    def test_one_that_was_under_way_may_have_been_completed_meanwhile(self) -> None:
        file, pending = declare('{ description = "nightly", keep = 1 }'), backup(1, status="queued")
        plan = make_plan(file, inventory(pending), max_age="15min")

        assert renewed(plan, inventory(pending)) == plan
        assert renewed(plan, inventory(backup(1))).actions == ()
        with pytest.raises(UserError):
            renewed(plan, inventory(backup(1, status="failed")))

    def test_the_one_that_is_waited_for_is_not_counted_before_it_is_seen_completed(self) -> None:
        old, pending = backup(1, age=hours(3)), backup(2, age=QUARTER, status="queued")
        plan = make_plan(FILE, inventory(old, pending), max_age="15min")

        completed = inventory(old, backup(2, age=QUARTER))

        assert renewed(plan, completed).loss.usable == plan.loss.usable == 1


@pytest.mark.parametrize("target", ["web/before deploy", "db", "db/*"])
def test_a_target_without_a_declared_series_is_refused(target: str) -> None:
    declared = config(
        "[servers.web]\nid = 1\nbackups = [{ description = 'nightly', keep = 1 }]\n[servers.db]\nid = 2\n"
    )
    seen = inventory(
        backup(1),
        backup(2, "before deploy", age=days(9)),
        backup(3, "by hand", server=DB),
        servers=(WEB, DB),
    )

    make_plan(declared, seen, "web/nightly", target)
    with pytest.raises(UserError, match=f"--target '{re.escape(target)}' selects no declared series"):
        make_plan(declared, seen, "web/nightly", target, max_age="15min")


def test_a_file_without_a_series_is_refused() -> None:
    declared = declare("")

    make_plan(declared, inventory(backup(1)))
    with pytest.raises(UserError, match="no series is declared"):
        make_plan(declared, inventory(backup(1)), max_age="15min")
