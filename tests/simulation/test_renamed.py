"""A renamed series on the real client and executor: made once, whatever happens, and never without a usable backup."""

import random
from contextlib import suppress

import anyio
import httpx
import pytest
from support.build import config
from support.faults import BY_NAME, lost_before
from support.schedules import HIDDEN, LAG, WEB, Schedule, crashes, item, singles, written
from support.world import Crash, Fault, Handler, World

from reconcile.actual.http import FRESH
from reconcile.desired.config import Config
from reconcile.diagnostics import UserError
from reconcile.outcomes import Outcome
from reconcile.plan.guards import Appeared
from reconcile.plan.model import Create
from reconcile.plan.planning import RunOptions

BY_NAME_OR_GLOB = [
    config(
        "[settings]\nprune = true\n"
        "[servers.web]\nid = 1\n"
        f"backups = [{{ description = 'nightly', every = '1d', keep = 1, renamed_from = '{former}' }}]\n"
    )
    for former in ("daily", "dail?")
]
OLD, LATE = 10, 99
SAMPLE = 30
"""Schedules that run without `--all-pairs`."""


def world_of(faults: dict[int, Fault] | None = None, file: Config = BY_NAME_OR_GLOB[1]) -> World:
    backups = [item(OLD, WEB, "daily", 2), item(OLD + 1, WEB, "daily", 1.5, "failed")]
    return World(config=file, servers=[dict(WEB)], backups=backups, faults=faults or {})


def held(world: World) -> list[tuple[object, object]]:
    return [(backup["description"], backup["status"]) for backup in world.account.list_backups()]


def requests() -> list[str]:
    world = world_of()
    world.apply()
    assert held(world) == [("nightly", "completed")]
    return world.requests


CLEAN = requests()


def check(schedule: Schedule, file: Config) -> None:
    world = world_of({number: BY_NAME[kind] for number, kind in schedule}, file)
    with suppress(Crash):
        world.apply()
    world.faults = {}
    world.wait(LAG if any(kind in HIDDEN for _, kind in schedule) else 0)
    assert not isinstance(world.apply(), UserError)
    assert held(world) == [("nightly", "completed")], (written(schedule), world.requests)
    assert [it.what for it in world.record].count("create") == 1, written(schedule)
    assert all(sum(it.usable.values()) for it in world.record), written(schedule)


def test_any_fault_or_crash_and_then_once_more(request: pytest.FixtureRequest) -> None:
    schedules = [*singles(CLEAN), *crashes(CLEAN)]
    if not request.config.getoption("--all-pairs"):
        schedules = random.Random(0).sample(schedules, SAMPLE)
    for number, schedule in enumerate(schedules):
        check(schedule, BY_NAME_OR_GLOB[number % 2])


def of_the_create(world: World) -> tuple[Outcome, str]:
    results = world.apply()
    assert not isinstance(results, UserError)
    (ended,) = (ended for ended in results[0].finished if isinstance(ended.action, Create))
    return ended.outcome, ended.explanation


def late(world: World) -> None:
    """Let somebody who still has the old file make a backup under the old description."""
    world.account.backups.append(item(LATE, WEB, "daily", 0))


def test_one_that_somebody_makes_under_the_old_description_counts_so_none_is_made() -> None:
    async def slow(world: World, request: httpx.Request, handle: Handler) -> httpx.Response:
        await anyio.sleep(FRESH + 1)
        late(world)
        return handle(request)

    world = world_of({1: slow})

    assert of_the_create(world) == (Outcome.SKIPPED, f"the series gained #{LATE} meanwhile")
    world.apply()
    assert [backup["id"] for backup in world.account.list_backups()] == [LATE]


def test_one_under_the_old_description_is_not_taken_for_ours_when_an_answer_is_lost() -> None:
    def lost(world: World, request: httpx.Request, handle: Handler) -> httpx.Response:
        late(world)
        return lost_before(world, request, handle)

    world = world_of({CLEAN.index("POST /backups/"): lost})

    outcome, explanation = of_the_create(world)

    assert outcome is Outcome.UNKNOWN
    assert f"the series gained #{LATE} meanwhile" in explanation
    assert not [it for it in world.record if it.what == "create"]


def test_where_the_new_one_fails_the_old_one_stays() -> None:
    world = world_of()
    world.account.fails = lambda: True

    assert of_the_create(world)[0] is Outcome.FAILED
    assert OLD in {backup["id"] for backup in world.account.list_backups()}


def test_undeclared_ones_go_while_only_one_under_the_old_description_is_usable() -> None:
    world = world_of()
    world.account.backups[:] = [item(OLD, WEB, "daily", 0.5), item(7, WEB, "by hand", 3)]

    world.apply(options=RunOptions(allow_loss=1))

    assert [backup["id"] for backup in world.account.list_backups()] == [OLD]


def test_a_delete_is_skipped_once_one_has_appeared_under_the_old_description() -> None:
    async def slow(world: World, request: httpx.Request, handle: Handler) -> httpx.Response:
        await anyio.sleep(FRESH + 1)
        late(world)
        return handle(request)

    world = world_of({1: slow})
    world.account.backups[:] = [item(OLD, WEB, "daily", 0.5), item(OLD + 1, WEB, "daily", 0.2)]

    results = world.apply()

    assert not isinstance(results, UserError)
    assert [ended.objection for ended in results[0].finished] == [Appeared(id=LATE)]
