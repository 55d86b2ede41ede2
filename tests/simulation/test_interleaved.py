"""Two applies on two machines, without a lock, on a server with one create and one delete due: every order of requests.

In each the server is never without a usable backup, and exact after the next apply; also where one request of either
program meets a fault or a crash.
"""

import random
from contextlib import suppress
from functools import cache

import pytest
from support.faults import BY_NAME
from support.hazards import DISTINCT, NIGHTLY, dangerous_world, usable
from support.interleaved import Decisions, all_decisions, run
from support.schedules import Schedule, written
from support.world import Crash, World

from reconcile.diagnostics import UserError
from reconcile.plan.planning import RunOptions

PARTS, SAMPLE = 8, 2
"""Parts that run side by side, and how many schedules of each run without `--all-pairs`."""
LAG = 25.0


@cache
def orders() -> list[tuple[Decisions, list[str], World]]:
    """Return every order, the requests that were sent in it, and the world as they left it."""
    taken: dict[Decisions, int] = {}
    found: list[tuple[Decisions, list[str], World]] = []
    for decisions in all_decisions(taken):
        world = world_with(())
        taken[decisions] = run(world, decisions)
        found.append((decisions, list(world.requests), world))
    return found


def world_with(schedule: Schedule) -> World:
    return dangerous_world("sound", "rotation", faults={number: BY_NAME[kind] for number, kind in schedule})


def check(decisions: Decisions, world: World) -> None:
    emptied = [committed for committed in world.record if not committed.usable.get(("web", "nightly"))]
    assert not emptied, (decisions, world.requests)
    world.faults = {}
    world.wait(LAG)
    clean = world.apply(options=RunOptions(allow_loss=1))
    assert not isinstance(clean, UserError)
    world.wait(world.backup_seconds)
    assert usable(world, "rotation") == {1: 1}, (decisions, world.requests, world.account.backups)
    assert NIGHTLY not in {backup["id"] for backup in world.account.backups}


def test_there_are_many_orders_and_in_each_all_is_well() -> None:
    assert len(orders()) > 10

    for decisions, _, world in orders():
        check(decisions, world)


@pytest.mark.parametrize("part", range(PARTS))
def test_also_where_one_request_meets_a_fault(part: int, request: pytest.FixtureRequest) -> None:
    faulty = [
        (decisions, ((number, kind),))
        for decisions, requests, _ in orders()
        for number, sent in enumerate(requests)
        for kind in DISTINCT[sent.partition(" ")[0]]
    ][part::PARTS]
    if not request.config.getoption("--all-pairs"):
        faulty = random.Random(part).sample(faulty, SAMPLE)
    for decisions, schedule in faulty:
        world = world_with(schedule)
        try:
            with suppress(Crash):
                run(world, decisions)
            check(decisions, world)
        except BaseException as error:
            error.add_note(f"{decisions}, {written(schedule)}")
            raise
