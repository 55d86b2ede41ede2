"""Seeded schedules of faults over real HTTP, on a plan of fifteen creates and fifteen deletes."""

import asyncio
import random

import pytest
from support.crowd import Crowd, check, crowd
from support.faulty import CREATES, FastClock, FastWorld, FaultyService, Outcome, apply_over_http, run
from support.sample import sampled

SCHEDULES = 500
BATCH = 2


@pytest.mark.parametrize("start", sampled(range(0, SCHEDULES, BATCH), one_in=SCHEDULES // BATCH))
def test_after_any_faults_and_one_clean_apply_the_account_is_what_the_file_says(start: int) -> None:
    outcomes = [run(seed) for seed in range(start, start + BATCH)]

    assert [it for it in outcomes if it.problems] == []
    assert sum(it.faults for it in outcomes) > BATCH
    assert {it.creates for it in outcomes} == {CREATES}


def test_the_seed_that_was_asked_for(request: pytest.FixtureRequest) -> None:
    asked = request.config.getoption("--seed")
    if asked is None:
        pytest.skip("no --seed to replay")
    outcome: Outcome = run(asked)
    assert not outcome.problems


class FastCrowd(Crowd, FastWorld):
    """A crowd over real HTTP, by a clock that runs fast."""


@pytest.mark.all_schedules
def test_of_a_thousand_servers_those_that_are_sound_are_backed_up_beside_those_that_are_not() -> None:
    world = crowd(1000, FastCrowd, backup_seconds=30)

    async def apply() -> None:
        world.fast = FastClock(speed=30)
        async with FaultyService(world, random.Random(0), is_faulty=False).serve() as base_url:
            assert await apply_over_http(world, base_url, seconds=3600) is None

    asyncio.run(apply())

    check(world)
