"""Two applies at the same time, on two machines: no lock is possible, the protocol alone has to do."""

import random

import pytest
from support.schedules import OLD, is_exact, small_world
from support.world import World

from reconcile.diagnostics import UserError
from reconcile.plan.planning import RunOptions

DECLARED = [("web", "before the upgrade"), ("db", "nightly")]


def world_of(seed: int) -> World:
    """Return a world whose network is of uneven speed, as the seed says."""
    chance = random.Random(seed)
    return small_world(latency=lambda: chance.uniform(0.01, 0.6))


@pytest.mark.parametrize("apart", [0.0, 0.05, 0.3, 1.0, 2.5, 4.0, 6.0])
@pytest.mark.parametrize("programs", [2, 3])
def test_after_the_next_apply_it_is_exactly_what_is_declared(
    programs: int, apart: float, request: pytest.FixtureRequest
) -> None:
    for seed in range(12 if request.config.getoption("--all-schedules") else 3):
        world = world_of(seed)
        had: dict[tuple[object, object], int] = {("db", "nightly"): 1}

        world.apply_at_once(programs, seed=seed, apart=apart)
        # Three at once may leave more too many than one run deletes without a person's word.
        clean = world.apply(seed=seed, options=RunOptions(allow_loss=9 if programs > 2 else 0))
        world.wait(world.backup_seconds)

        assert not isinstance(clean, UserError)
        assert is_exact(world), (seed, world.account.list_backups())
        for committed in world.record:
            for series in DECLARED:
                assert committed.usable.get(series, 0) or not had.get(series), (seed, committed)
            had = dict(committed.usable)


def test_the_later_of_two_sees_what_the_earlier_one_made_and_makes_none() -> None:
    world = small_world()

    world.apply_at_once(2, apart=1.0)

    assert is_exact(world)
    assert [it.what for it in world.record].count("create") == 2
    assert [it.record["id"] for it in world.record if it.what == "delete"].count(OLD) == 1
