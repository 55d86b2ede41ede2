"""How many backups may be in progress: found out, not assumed; and one at a time until the service is trusted."""

from collections.abc import Sequence
from functools import partial

import anyio
from hypothesis import given
from hypothesis import strategies as st
from support.virtual import run_virtually

from reconcile.apply.slots import START, Permit, Slots


def slots(most: int = 100, *, size: int = START) -> Slots:
    made = Slots(most, size)
    made.confirm()
    return made


def test_it_starts_small_and_grows_by_one_with_each_that_completes() -> None:
    limit = slots()

    sizes = [limit.size]
    for _ in range(3):
        limit.completed(60)
        sizes.append(limit.size)

    assert sizes == [START, START + 1, START + 2, START + 3]


def test_it_never_exceeds_what_was_asked_for() -> None:
    limit = slots(4)

    for _ in range(9):
        limit.completed(60)

    assert limit.size == 4


def test_a_push_halves_it() -> None:
    limit = slots(size=40)

    limit.pushed_back(sent_at=1.0, now=2.0)

    assert limit.size == 20


def test_a_burst_of_rejections_of_what_was_sent_together_halves_it_once() -> None:
    limit = slots(size=40)

    for now in (2.0, 2.1, 2.2):
        limit.pushed_back(sent_at=1.0, now=now)

    assert limit.size == 20


def test_a_rejection_of_what_was_sent_after_the_last_halving_halves_it_again() -> None:
    limit = slots(size=40)

    limit.pushed_back(sent_at=1.0, now=2.0)
    limit.pushed_back(sent_at=3.0, now=4.0)

    assert limit.size == 10


def test_a_backup_counts_as_hung_at_ten_times_the_median_and_not_before_ten_minutes() -> None:
    limit = slots()
    assert [limit.is_hung(seconds) for seconds in (600, 601)] == [False, True], "none has completed to compare it with"

    limit.completed(20)
    assert [limit.is_hung(seconds) for seconds in (600, 601)] == [False, True]

    for seconds in (300, 90, 10):
        limit.completed(seconds)
    limit.completed(10**6)  # one that took long, and did complete
    assert [limit.is_hung(seconds) for seconds in (900, 901)] == [False, True]


@given(st.integers(1, 200), st.lists(st.booleans(), max_size=200))
def test_there_is_always_room_for_one(most: int, pushes: list[bool]) -> None:
    limit = slots(most)

    for now, is_push in enumerate(pushes, start=1):
        if is_push:
            limit.pushed_back(sent_at=now, now=now + 0.5)
        else:
            limit.completed(60)
        assert 1 <= limit.size <= most


def granted(limit: Slots, ranks: Sequence[int], *, given_up: int = 0) -> list[int]:
    """Ask for a slot for each rank, in this order; give `given_up` of them up; return which got one, in that order."""
    got: list[int] = []

    async def ask() -> None:
        async with anyio.create_task_group() as tasks:

            async def take(rank: int) -> None:
                slot = Permit(partial(limit.acquire, rank), limit.release)
                await slot.take()
                got.append(rank)
                if len(got) <= given_up:
                    slot.give_up()
                    slot.give_up()  # a second time frees nothing more

            for rank in ranks:
                tasks.start_soon(take, rank)
            await anyio.sleep(1)
            tasks.cancel_scope.cancel()

    run_virtually(ask)
    return got


def test_places_go_to_the_lowest_rank_that_waits() -> None:
    assert granted(slots(2, size=1), [5, 9, 3, 4], given_up=9) == [5, 3, 4, 9]


def test_a_place_that_is_given_up_twice_lets_in_one() -> None:
    assert granted(slots(2), [0, 1, 2, 3, 4], given_up=1) == [0, 1, 2]


def test_until_a_backup_is_confirmed_there_is_one_place() -> None:
    limit = Slots(100)

    assert granted(limit, [0, 1, 2]) == [0]

    limit.confirm()
    assert granted(limit, [3, 4]) == [3, 4]


def test_once_no_more_are_created_nothing_waits_for_a_place() -> None:
    limit = Slots(1)
    limit.close()

    assert granted(limit, [0, 1, 2]) == [0, 1, 2]
