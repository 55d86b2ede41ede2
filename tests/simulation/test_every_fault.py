"""Every fault, every pair of faults, and a crash before and after every request.

A failing schedule is in the test's name and in its message; `pytest tests/simulation --schedule 5:lost_after,9:html`
runs just that one. `--all-pairs --all-schedules` runs them all; without, every single fault and a part of the rest run.
"""

import random
from typing import Any

import pytest
from support.sample import sampled
from support.schedules import (
    Schedule,
    clean_requests,
    crashes,
    is_exact,
    read,
    run,
    seconds_after,
    singles,
    small_world,
    written,
)

from reconcile.plan.planning import RunOptions

SAMPLE = 1
"""Pairs of each first fault that run without `--all-pairs`; which ones is decided by the first fault itself."""


CLEAN = clean_requests()
IN_A_ROW: dict[str, Any] = {"options": RunOptions(max_in_progress=1), "page_size": 2}
CLEAN_IN_A_ROW = clean_requests(**IN_A_ROW)


def check(schedule: Schedule) -> None:
    try:
        run(schedule)
    except BaseException as error:
        error.add_note(f"replay with: pytest tests/simulation --schedule {written(schedule)}")
        raise


def test_the_plan_has_everything_in_it_and_goes_through_without_faults() -> None:
    world = small_world()

    world.apply()

    assert is_exact(world)
    methods = [it.partition(" ")[0] for it in CLEAN]
    assert (methods.count("POST"), methods.count("DELETE")) == (2, 3)


@pytest.mark.parametrize("schedule", [*singles(CLEAN), *crashes(CLEAN)], ids=written)
def test_one_fault(schedule: Schedule) -> None:
    check(schedule)


@pytest.mark.parametrize("first", sampled(singles(CLEAN), one_in=3, name=written))
def test_a_second_fault_or_a_crash_after_the_first(first: Schedule, request: pytest.FixtureRequest) -> None:
    pairs = list(seconds_after(first))
    if not request.config.getoption("--all-pairs"):
        pairs = random.Random(written(first)).sample(pairs, min(SAMPLE, len(pairs)))
    for schedule in pairs:
        check(schedule)


@pytest.mark.parametrize(
    "schedule", sampled([*singles(CLEAN_IN_A_ROW), *crashes(CLEAN_IN_A_ROW)], one_in=8, name=written)
)
def test_one_fault_with_one_server_at_a_time_and_a_list_of_many_pages(schedule: Schedule) -> None:
    run(schedule, **IN_A_ROW)


def test_the_schedule_that_was_asked_for(request: pytest.FixtureRequest) -> None:
    asked = request.config.getoption("--schedule")
    if not asked:
        pytest.skip("no --schedule to replay")
    check(read(asked))
