"""`--max-age`: whatever happens to a run, the same command again makes one backup in all, and exit codes are true."""

import random
from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from support.build import config
from support.faults import BY_NAME
from support.interleaved import Decisions, all_decisions, run
from support.schedules import DB, HIDDEN, LAG, WEB, Schedule, crashes, item, singles, written
from support.world import Crash, World

from reconcile.diagnostics import UserError

MAX_AGE = timedelta(minutes=15)
TWO_SERIES = config(
    "[servers.web]\nid = 1\nbackups = [{ description = 'nightly', every = '1d', keep = 'all' }]\n"
    "[servers.db]\nid = 2\nbackups = [{ description = 'nightly', keep = 'all' }]\n"
)
ROTATING = config("[servers.web]\nid = 1\nbackups = [{ description = 'nightly', every = '1d', keep = 1 }]\n")
SAMPLE, SAMPLE_OF_ORDERS = 40, 12
"""Schedules, and orders of two runs, without `--all-pairs`."""


def world_of(schedule: Schedule = (), *, fails: bool = False, **changes: Any) -> World:  # noqa: ANN401 - fields of World
    """Return a world in which `web` needs a backup, and `db` has one under way that somebody else has begun."""
    faults = {number: BY_NAME[kind] for number, kind in schedule}
    backups = [item(10, WEB, "nightly", 3 / 24), item(20, DB, "nightly", 30)]
    servers = [dict(WEB), dict(DB)]
    world = World(config=TWO_SERIES, servers=servers, backups=backups, faults=faults, max_age="15min", **changes)
    world.account.fails = lambda: fails
    world.account.create(servers[1], "nightly")
    world.account.fails = lambda: False
    return world


def counts(world: World) -> Counter[str]:
    return Counter(backup["server"]["name"] for backup in world.account.list_backups())


def apply(world: World) -> bool:
    """Apply; return whether the run ends with exit 0, which must then be true."""
    began, runs = world.time, len(world.converged)
    with suppress(Crash):
        world.apply()
    is_done = len(world.converged) > runs and world.converged[-1].is_complete
    young = {
        backup["server"]["name"]
        for backup in world.account.list_backups()
        if backup["status"] == "completed" and datetime.fromisoformat(backup["created_at"]) >= began - MAX_AGE
    }
    assert not is_done or young == {"web", "db"}, (young, world.requests)
    return is_done


def requests() -> list[str]:
    world = world_of()
    assert apply(world)
    return world.requests


CLEAN = requests()
INTERRUPTS = range(len(CLEAN))


def check(schedule: Schedule = (), interrupt_at: int | None = None) -> None:
    """Run into the faults of the schedule, and then once more without."""
    world = world_of(schedule, interrupt_at=interrupt_at)
    apply(world)
    world.faults, world.interrupt_at = {}, None
    world.wait(LAG if any(kind in HIDDEN for _, kind in schedule) else 0)

    assert apply(world)
    assert counts(world) == {"web": 2, "db": 2}, (written(schedule), interrupt_at, world.account.list_backups())


def test_any_fault_or_crash_and_the_same_command_again(request: pytest.FixtureRequest) -> None:
    schedules = [*singles(CLEAN), *crashes(CLEAN)]
    if not request.config.getoption("--all-pairs"):
        schedules = random.Random(0).sample(schedules, SAMPLE)
    for schedule in schedules:
        check(schedule)


@pytest.mark.parametrize("number", INTERRUPTS)
def test_an_interrupt_and_the_same_command_again(number: int) -> None:
    check(interrupt_at=number)


def test_at_once_again_there_is_nothing_to_do() -> None:
    world = world_of()

    assert apply(world)
    assert apply(world)
    assert [it.what for it in world.record] == ["create"]


def test_a_run_that_takes_longer_than_the_age_is_not_begun_again_by_its_own_backup() -> None:
    world = world_of(backup_seconds=5400)
    began = world.time

    assert apply(world)
    assert [it.what for it in world.record] == ["create"]
    assert len(world.converged[-1].results) == 1, "after db's, the account is planned again, and nothing is due"
    assert (world.time - began).total_seconds() > MAX_AGE.total_seconds()


def test_one_that_was_under_way_and_fails_is_made_once_more() -> None:
    world = world_of(fails=True)

    assert apply(world)
    assert [it.record["server"]["name"] for it in world.record if it.what == "create"] == ["web", "db"]


def test_one_that_was_under_way_and_stays_so_ends_in_an_error() -> None:
    world = world_of(backup_seconds=1e6)

    assert not apply(world)
    (result,) = world.converged[-1].results
    assert [str(address) for address in result.unmet] == ["db/nightly"]


def test_a_create_that_fails_ends_in_an_error() -> None:
    world = world_of()
    world.account.fails = lambda: True

    assert not apply(world)


@pytest.mark.parametrize("apart", [0.0, 0.3, 1.0, 2.5, 4.0])
def test_of_two_runs_at_once_both_end_well_with_one_backup_more_than_needed_at_most(apart: float) -> None:
    for seed in range(4):
        chance = random.Random(seed)
        world = world_of(latency=lambda chance=chance: chance.uniform(0.01, 0.6))

        world.apply_at_once(2, seed=seed, apart=apart)

        assert all(converged.is_complete for converged in world.converged)
        assert len(world.converged) == 2
        assert counts(world)["web"] in {2, 3}
        assert counts(world)["db"] == 2


def interleaved(decisions: Decisions) -> tuple[World, int]:
    world = World(config=ROTATING, servers=[dict(WEB)], backups=[item(10, WEB, "nightly", 3 / 24)], max_age="15min")
    return world, run(world, decisions)


def test_every_order_of_two_runs_at_once(request: pytest.FixtureRequest) -> None:
    taken: dict[Decisions, int] = {}
    for number, decisions in enumerate(all_decisions(taken)):
        world, taken[decisions] = interleaved(decisions)
        assert all(converged.is_complete for converged in world.converged), (decisions, world.requests)
        assert [it.what for it in world.record].count("create") <= 2, decisions

        world.max_age = None
        clean = world.apply()

        assert not isinstance(clean, UserError)
        assert counts(world) == {"web": 1}, (decisions, world.requests)
        if number == SAMPLE_OF_ORDERS and not request.config.getoption("--all-pairs"):
            break
