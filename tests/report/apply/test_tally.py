"""How far an apply is."""

from support.build import NOW, backup, days, declare, inventory, make_plan

from reconcile.addresses import SeriesAddress
from reconcile.diagnostics import Diagnostic
from reconcile.outcomes import Finished, Outcome, Planned, Settled, Started, Waiting
from reconcile.report.apply.sentences import Tally

PLAN = make_plan(
    declare('{ description = "nightly", every = "1d", keep = 1 }, { description = "new", keep = 1 }'),
    inventory(backup(1, age=days(2))),
)
PLANNED = Planned(plan=PLAN, withheld={})


def test_what_is_planned_is_waiting() -> None:
    tally = Tally()

    tally.count(PLANNED)

    assert str(tally) == "0 of 3 done, 0 in progress, 3 waiting"


def test_what_is_started_is_in_progress_until_it_is_done() -> None:
    tally = Tally()
    create = PLAN.creates[0]

    tally.count(PLANNED)
    tally.count(Started(action=create))
    tally.count(Waiting(address=create.address, backup=backup(9, age=NOW - NOW), elapsed=1.0))
    assert str(tally) == "0 of 3 done, 1 in progress, 2 waiting"

    tally.count(Finished(action=create, outcome=Outcome.SUCCEEDED, explanation="completed"))
    assert str(tally) == "1 of 3 done, 0 in progress, 2 waiting"


def test_what_was_in_progress_before_the_run_is_no_action_and_in_progress_until_it_has_ended() -> None:
    tally = Tally()
    address, found = SeriesAddress("db", "nightly"), backup(9, age=NOW - NOW)

    tally.count(PLANNED)
    tally.count(Waiting(address=address, backup=found, elapsed=0.0))
    assert str(tally) == "0 of 3 done, 1 in progress, 3 waiting"

    tally.count(Settled(address=address, backup=found))
    assert str(tally) == "0 of 3 done, 0 in progress, 3 waiting"


def test_a_second_plan_is_counted_from_the_beginning() -> None:
    tally = Tally()

    tally.count(PLANNED)
    tally.count(Started(action=PLAN.creates[0]))
    tally.count(PLANNED)

    assert str(tally) == "0 of 3 done, 0 in progress, 3 waiting"


def test_what_is_no_action_counts_for_nothing() -> None:
    tally = Tally()

    tally.count(PLANNED)
    tally.count(Diagnostic(summary="x"))

    assert str(tally) == "0 of 3 done, 0 in progress, 3 waiting"
