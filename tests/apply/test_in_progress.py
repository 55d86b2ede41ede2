"""How many backups may be in progress: found out, not assumed."""

from hypothesis import given
from hypothesis import strategies as st

from reconcile.apply.in_progress import START, InProgressLimit


def test_it_starts_small_and_grows_by_one_with_each_that_completes() -> None:
    limit = InProgressLimit(most=100)

    sizes = [limit.size]
    for _ in range(3):
        limit.completed(60)
        sizes.append(limit.size)

    assert sizes == [START, START + 1, START + 2, START + 3]


def test_it_never_exceeds_what_was_asked_for() -> None:
    limit = InProgressLimit(most=4)

    for _ in range(9):
        limit.completed(60)

    assert limit.size == 4


def test_a_push_halves_it() -> None:
    limit = InProgressLimit(most=100, size=40)

    limit.pushed_back(started_at=1.0, now=2.0)

    assert limit.size == 20


def test_a_burst_of_refusals_to_what_was_sent_together_halves_it_once() -> None:
    limit = InProgressLimit(most=100, size=40)

    for now in (2.0, 2.1, 2.2):
        limit.pushed_back(started_at=1.0, now=now)

    assert limit.size == 20


def test_a_refusal_to_what_was_sent_after_the_last_halving_halves_it_again() -> None:
    limit = InProgressLimit(most=100, size=40)

    limit.pushed_back(started_at=1.0, now=2.0)
    limit.pushed_back(started_at=3.0, now=4.0)

    assert limit.size == 10


def test_a_backup_counts_as_hung_at_ten_times_the_median_and_not_before_ten_minutes() -> None:
    limit = InProgressLimit(most=100)
    assert not limit.is_hung(10**6), "nobody knows yet how long a backup takes"

    limit.completed(20)
    assert [limit.is_hung(seconds) for seconds in (600, 601)] == [False, True]

    for seconds in (300, 90, 10):
        limit.completed(seconds)
    limit.completed(10**6)  # one that took long, and did complete
    assert [limit.is_hung(seconds) for seconds in (900, 901)] == [False, True]


@given(st.integers(1, 200), st.lists(st.booleans(), max_size=200))
def test_there_is_always_room_for_one(most: int, pushes: list[bool]) -> None:
    limit = InProgressLimit(most=most)

    for now, is_push in enumerate(pushes, start=1):
        if is_push:
            limit.pushed_back(started_at=now, now=now + 0.5)
        else:
            limit.completed(60)
        assert 1 <= limit.size <= most
