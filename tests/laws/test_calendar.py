"""The laws of an `every` of whole days: no day without a backup, whatever the clocks do and however late a run is.

A day is what runs from `day_start` to `day_start`. `--all-pairs` tries every zone, in years in which zones changed.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise, repeat
from random import Random
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.build import days, hours
from support.nights import ODD, STARTS, Place, delays, once_a_day

from reconcile.durations import Duration
from reconcile.plan.series_state import due_at

A_DAY = Duration(days=1)

places = st.builds(
    lambda odd, start: Place(ZoneInfo(odd[0]), odd[1], start), st.sampled_from(ODD), st.sampled_from(STARTS)
)


def applied(place: Place, runs: Iterable[datetime], every: Duration = A_DAY) -> Iterator[datetime]:
    """Apply at these times, and yield when a backup is created."""
    settings = place.settings
    due: datetime | None = None
    for now in runs:
        if due is None or due <= now:
            yield now
            due = due_at(every, now, settings.day_start, settings.timezone)


def every_hour(place: Place, minute: int) -> Iterator[datetime]:
    first = datetime(place.year, 1, 1, 0, minute, tzinfo=UTC)
    return (first + hours(number) for number in range(364 * 24))


def check_every_hour(place: Place, minute: int) -> None:
    counts = Counter(map(place.day, applied(place, every_hour(place, minute))))
    inner = [day for day in place.dates if min(counts) < day < max(counts)]

    assert len(inner) > 355
    assert {day: counts[day] for day in inner if counts[day] != 1} == {}
    assert all(map(place.has, counts))


def check_once_a_day(place: Place, nominal: timedelta, late: Iterable[timedelta]) -> None:
    runs = list(once_a_day(place, nominal, late))

    assert set(map(place.day, runs)) == set(place.dates), "each run is on its day"
    assert set(map(place.day, applied(place, runs))) == set(place.dates)


@given(places, st.integers(0, 59))
def test_applied_every_hour_there_is_exactly_one_on_each_day(place: Place, minute: int) -> None:
    check_every_hour(place, minute)


@example(Place(ZoneInfo("Australia/Lord_Howe"), 2026, STARTS[-1]), 1410, 0)  # one night has no two o'clock
@given(places, st.integers(60, 24 * 60 - 1), st.integers(0, 999))
def test_applied_once_a_day_up_to_twelve_hours_late_there_is_one_on_each_day(
    place: Place, minutes: int, seed: int
) -> None:
    check_once_a_day(place, timedelta(minutes=minutes), delays(seed, hours(12)))


@given(places, st.integers(0, 12 * 60), st.integers(0, 999))
def test_with_jitter_around_the_start_there_is_never_too_long_without_one_and_never_two_too_close(
    place: Place, minutes: int, seed: int
) -> None:
    jitter = timedelta(minutes=minutes)
    random = Random(seed)
    runs = [place.at(day, place.day_start, jitter * (random.random() - 0.5)) for day in place.dates]

    made = list(applied(place, runs))

    for earlier, later in pairwise(made):
        shown = [each.astimezone(place.zone).replace(tzinfo=None) for each in (earlier, later)]
        assert min(later - earlier, shown[1] - shown[0]) <= days(2) + jitter
        assert later - earlier >= hours(6)


@given(places, st.integers(0, 24 * 60 - 1))
def test_a_job_at_a_fixed_utc_time_skips_no_day_unless_it_crosses_the_start(place: Place, minute: int) -> None:
    first = datetime(place.year, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    runs = [first + days(number) for number in range(364)]
    crosses = len(set(map(place.day, runs))) < len(runs)

    assert crosses or list(applied(place, runs)) == runs


@given(places, st.integers(60, 11 * 60), st.integers(1, 9), st.integers(0, 999))
def test_a_number_of_days_is_counted_by_the_calendar(place: Place, minutes: int, number: int, seed: int) -> None:
    runs = once_a_day(place, timedelta(minutes=minutes), delays(seed, hours(12)))

    made = [place.day(each) for each in applied(place, runs, Duration(days=number))]

    for earlier, later in pairwise(made):
        expected = earlier + days(number)
        assert later == (expected if place.has(expected) else expected + days(1))


@example(Place(ZoneInfo("UTC"), 2026, STARTS[0]), 89, 8 * 60)  # 31 March, at two o'clock
@given(places, st.integers(0, 300), st.integers(60, 24 * 60 - 1))
def test_applied_once_a_day_a_number_of_months_skips_no_month(place: Place, first: int, minutes: int) -> None:
    runs = list(once_a_day(place, timedelta(minutes=minutes), repeat(timedelta(0))))[first:]

    made = [each.astimezone(place.zone) for each in applied(place, runs, Duration(months=1))]

    assert {later.month - earlier.month for earlier, later in pairwise(made)} <= {0, 1}


def test_every_zone(request: pytest.FixtureRequest) -> None:
    every_one = request.config.getoption("--all-pairs")
    zones = sorted(available_timezones() - {"localtime", "Factory"})
    for name in zones if every_one else zones[::120]:
        for year in (2010, 2011, 2026):
            for start in STARTS if every_one else STARTS[:1]:
                place = Place(ZoneInfo(name), year, start)
                check_every_hour(place, 20)
                check_once_a_day(place, hours(1), delays(year, hours(12)))
