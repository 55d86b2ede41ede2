"""Services that do what they may and plans that delete: nobody who had a usable backup is ever left with none."""

import random
from itertools import islice
from typing import Any

import httpx
import pytest
from support.build import config
from support.hazards import (
    DB,
    FILES,
    NIGHTLY,
    OLD,
    SERVICES,
    WEB,
    Backdating,
    Undating,
    dangerous_world,
    pairs,
    run,
    schedules,
)
from support.schedules import Schedule, item, written
from support.world import Handler, World

from reconcile.actual.inventory import Inventory
from reconcile.addresses import SeriesAddress
from reconcile.desired.desired import resolve, select
from reconcile.diagnostics import UserError
from reconcile.outcomes import Finished, Outcome, Result
from reconcile.plan.guards import SeriesWithoutUsable
from reconcile.plan.model import Create, Delete, Plan
from reconcile.plan.planner import plan
from reconcile.plan.planning import RunOptions
from reconcile.plan.reasons import Veto

EVERY = [(service, file) for service in SERVICES for file in FILES]
SAMPLE = 2
"""Schedules of one fault, and of two, that run without `--all-pairs`."""


def result_of(world: World, **options: Any) -> Result:  # noqa: ANN401 - as `World.apply`
    results = world.apply(**options)
    assert not isinstance(results, UserError), results
    return results[0]


def of_kind(result: Result, kind: type[Create | Delete]) -> Finished:
    (ended,) = (ended for ended in result.finished if isinstance(ended.action, kind))
    return ended


def held(world: World) -> set[object]:
    return {backup["id"] for backup in world.account.backups}


@pytest.mark.parametrize(("service", "file"), EVERY, ids=[f"{service}-{file}" for service, file in EVERY])
def test_every_fault_and_every_pair(service: str, file: str, request: pytest.FixtureRequest) -> None:
    run(service, file)
    singles = list(schedules(service, file))
    firsts = list(schedules(service, file, distinct=True))
    if request.config.getoption("--all-pairs"):
        doubles = [pair for first in firsts for pair in pairs(service, file, first)]
    else:
        # A wait of ten minutes for a status that nobody knows is sixty looks: fewer of these.
        number = 1 if service == "renaming" else SAMPLE
        chance = random.Random(service + file)
        singles = chance.sample(singles, min(number, len(singles)))
        doubles = sampled_pairs(service, file, firsts, number, chance)
    for schedule in (*singles, *doubles):
        try:
            run(service, file, schedule)
        except BaseException as error:
            error.add_note(f"{service}, {file}, {written(schedule)}")
            raise


def sampled_pairs(
    service: str, file: str, firsts: list[Schedule], number: int, chance: random.Random
) -> list[Schedule]:
    """Draw first faults, and one that may come after each: finding them takes a whole apply for each first one."""
    drawn = chance.sample(firsts, len(firsts))
    after = (list(pairs(service, file, first)) for first in drawn)
    return [chance.choice(found) for found in islice(filter(None, after), number)]


class TestPruningWaitsForTheCreatesOfItsServer:
    @pytest.mark.parametrize("service", ["refusing", "failing", "misdating", "trimming"])
    def test_an_undeclared_backup_stays_where_the_create_did_not_succeed(self, service: str) -> None:
        world = dangerous_world(service, "rename")

        result = result_of(world)

        assert of_kind(result, Create).outcome is Outcome.FAILED
        assert of_kind(result, Delete).outcome is Outcome.SKIPPED
        assert OLD in held(world)
        assert not result.is_complete

    def test_it_goes_once_the_new_one_is_completed(self) -> None:
        world = dangerous_world("sound", "rename")

        assert result_of(world).is_complete
        assert OLD not in held(world)

    def test_without_waiting_it_is_left_to_the_next_run(self) -> None:
        world = dangerous_world("sound", "rename")

        result = result_of(world, options=RunOptions(wait=False))

        assert of_kind(result, Delete).outcome is Outcome.DEFERRED
        assert result.is_complete
        assert OLD in held(world)

    def test_after_a_timeout_the_pending_backup_is_waited_for_before_anything_goes(self) -> None:
        world = dangerous_world("sound", "rename", backup_seconds=600)
        result_of(world, seconds=60)

        results = world.apply()

        assert not isinstance(results, UserError)
        assert OLD not in held(world)
        deletes = [record.what for record in world.record]
        assert deletes == ["create", "delete"]
        assert world.record[-1].usable[("web", "new")] == 1, "the new one was completed before the old one went"

    def test_a_pending_backup_that_is_not_waited_for_any_more_keeps_it(self) -> None:
        world = dangerous_world("sound", "rename")
        world.account.backups.append(item(11, WEB, "new", 0.2, "in_progress"))

        result = result_of(world, options=RunOptions(allow_loss=1))

        assert of_kind(result, Delete).outcome is Outcome.SKIPPED
        assert OLD in held(world)

    def test_a_series_outside_the_targets_without_a_usable_backup_keeps_it(self) -> None:
        world = dangerous_world("sound", "rename")

        def only_old(inventory: Inventory) -> Plan:
            return plan(
                select(resolve(world.config, inventory), inventory, ("web/old",)), inventory, inventory.observed_at
            )

        result = result_of(world, make_plan=only_old, options=RunOptions(allow_loss=1))

        assert of_kind(result, Delete).objection == SeriesWithoutUsable(address=SeriesAddress("web", "new"))
        assert OLD in held(world)


class TestWhatDoesNotCountAsMade:
    def test_a_backup_that_was_there_before(self) -> None:
        world = dangerous_world("deduplicating", "rotation")

        result = result_of(world)

        assert of_kind(result, Create).outcome is Outcome.FAILED
        assert of_kind(result, Create).explanation == f"the service responded with #{NIGHTLY}, which already existed"
        assert NIGHTLY in held(world)

    def test_one_that_is_dated_in_the_future(self) -> None:
        world = dangerous_world("misdating", "rotation")

        result = result_of(world)

        assert "dated 1h 59min in the future: it does not count" in of_kind(result, Create).explanation
        assert NIGHTLY in held(world)

    def test_one_that_is_dated_before_it_was_started(self) -> None:
        world = dangerous_world(Backdating, "rotation")

        result = result_of(world)

        assert "dated 1h 59min before it was started: it does not count" in of_kind(result, Create).explanation
        assert NIGHTLY in held(world)

    TWO = config("[fleets.all]\nmatch = '*'\nbackups = [{ description = 'new' }]\n")

    def test_one_that_the_list_shows_without_a_date_is_the_last(self) -> None:
        world = Undating(config=self.TWO, servers=[WEB, DB], backups=[])

        result = result_of(world)

        assert [ended.outcome for ended in result.finished] == [Outcome.FAILED, Outcome.NOT_STARTED]
        (note,) = result.notes
        assert "Its created_at is not readable." in note.detail

    def test_one_that_is_dated_once_it_is_completed_counts_and_is_not_the_last(self) -> None:
        world = Undating(config=self.TWO, servers=[WEB, DB], backups=[])
        world.is_for_ever = False

        assert result_of(world).is_complete

    def test_one_that_the_list_shows_under_another_description(self) -> None:
        world = dangerous_world("trimming", "rotation")

        result = result_of(world)

        assert of_kind(result, Create).outcome is Outcome.FAILED
        (note,) = result.notes
        assert "Sent description 'nightly', stored 'ni'." in note.detail
        assert NIGHTLY in held(world)

    def test_one_whose_status_nobody_knows_ends_the_wait_after_ten_minutes(self) -> None:
        world = dangerous_world("renaming", "rotation")
        begun = world.time

        result = result_of(world)

        assert "'available', which reconcile does not know" in of_kind(result, Create).explanation
        assert 600 <= (world.time - begun).total_seconds() < 700
        assert NIGHTLY in held(world)


class TestTheLossLimitHoldsWhenTheDeletesAreDone:
    @pytest.mark.parametrize("service", ["refusing", "failing", "misdating"])
    def test_a_create_elsewhere_that_does_not_complete_is_not_counted_on(self, service: str) -> None:
        world = dangerous_world(service, "move")

        result = result_of(world)

        assert of_kind(result, Delete).outcome is Outcome.WITHHELD
        assert of_kind(result, Delete).objection == Veto.LAST_USABLE
        assert OLD in held(world)
        assert result.loss_still_to_allow == 1

    def test_the_last_one_goes_once_a_create_elsewhere_has_completed(self) -> None:
        world = dangerous_world("sound", "move")

        result = result_of(world)

        assert not result.withheld, "as planned"
        assert of_kind(result, Delete).outcome is Outcome.SUCCEEDED
        assert result.is_complete
        assert [change.what for change in world.record] == ["create", "delete"]

    def test_without_waiting_the_last_one_is_left_to_the_next_run(self) -> None:
        world = dangerous_world("sound", "move")

        result = result_of(world, options=RunOptions(wait=False))

        assert of_kind(result, Delete).outcome is Outcome.DEFERRED
        assert result.is_complete
        assert OLD in held(world)

    def test_a_delete_that_is_refused_leaves_one_more(self) -> None:
        def refuse_one(_: World, request: httpx.Request, handle: Handler) -> httpx.Response:
            if request.method == "DELETE" and request.url.path.endswith(f"/{OLD}/"):
                return httpx.Response(403)
            return handle(request)

        world = dangerous_world("failing", "move", faults=dict.fromkeys(range(100), refuse_one))
        world.account.backups.append(item(11, WEB, "old", 2))

        deletes = [ended.outcome for ended in result_of(world).finished if isinstance(ended.action, Delete)]

        assert deletes == [Outcome.FAILED, Outcome.SUCCEEDED]
        assert OLD in held(world)

    def test_what_a_person_has_allowed_may_go(self) -> None:
        world = dangerous_world("failing", "move")

        result = result_of(world, options=RunOptions(allow_loss=1))

        assert of_kind(result, Delete).outcome is Outcome.SUCCEEDED
