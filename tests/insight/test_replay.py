"""What other files would have changed in a recorded plan."""

from collections import Counter

from support.build import BASE_URL, NOW, backup, days, declare, inventory

from reconcile.actual.inventory import Inventory
from reconcile.desired.config import Config
from reconcile.desired.load import parse_all
from reconcile.diagnostics import UserError
from reconcile.insight.difference import Fate
from reconcile.insight.replay import ReplayedRun, replay
from reconcile.plan.planning import RunOptions, plan_run
from reconcile.plan.record import Observation, Record, RecordedFile, RecordedRound, outline
from reconcile.plan.safety import withheld


def replayed(files: Config, seen: Inventory, options: RunOptions, other: Config) -> ReplayedRun:
    """Record a run, refused or not, and replay it with other files."""
    planned = None
    try:
        plan = plan_run(files, seen, options, NOW)
        planned = outline(plan, withheld(plan, options.allow_loss))
    except UserError:
        pass
    record = Record(
        version="0.1.0",
        command="apply",
        started_at=NOW,
        ended_at=NOW,
        base_url=BASE_URL,
        options=options,
        files=tuple(map(RecordedFile.of, files.sources)),
        rounds=(RecordedRound(observed=Observation.of(seen, None), plan=planned),),
    )
    (run,) = replay([("a night", record)], parse_all, other)
    assert run.findings == ()
    return run


def keep(number: int) -> Config:
    return declare(f'{{ description = "nightly", keep = {number} }}')


def test_the_loss_that_the_run_allowed_is_allowed_for_the_other_files_too() -> None:
    seen = inventory(*(backup(number, age=days(number)) for number in range(1, 13)))

    def fates(allowed: int) -> dict[Fate, int]:
        return Counter(each.fate for each in replayed(keep(2), seen, RunOptions(allow_loss=allowed), keep(1)).other)

    assert fates(11) == {Fate.NEW: 1}
    assert fates(10) == {Fate.NEW_WITHHELD: 1, Fate.NOW_WITHHELD: 10}
    assert fates(9) == {Fate.NEW_WITHHELD: 1}


def test_a_run_that_was_refused_by_its_own_files_says_nothing_about_the_other_ones() -> None:
    refused = declare('{ description = "nightly" }', settings='account = "ops@example.com"')

    run = replayed(refused, inventory(), RunOptions(), keep(1))

    assert (run.refused, run.other) == ("", ())


def test_files_that_are_refused_are_said_to_be() -> None:
    other = declare('{ description = "nightly" }', settings='account = "ops@example.com"')

    assert replayed(keep(1), inventory(), RunOptions(), other).refused.startswith("can't confirm that the token")
