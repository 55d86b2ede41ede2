"""Many servers, of which some hang, some are busy for ever and some are odd: all the others are backed up."""

import pytest
from support.crowd import Crowd, check, crowd


@pytest.mark.parametrize("number", [60, pytest.param(1000, marks=pytest.mark.all_schedules)])
def test_every_other_server_is_backed_up_with_requests_that_stay_linear(number: int) -> None:
    world = crowd(number, Crowd)

    world.apply()

    check(world)
    assert len(world.requests) < 10 * number + 700, "looking at what hangs until the deadline takes some"
