"""A nightly job for a year, in zones that change their clocks in odd ways: each day has its one backup.

`tests/laws/test_calendar.py` proves this of the rule alone, for every zone; here the whole of apply runs.
"""

from datetime import datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from support.build import config, hours
from support.nights import ODD, STARTS, Place, delays, once_a_day
from support.world import World

CHANGES = [(ODD[0], time(2, 30), 85), (ODD[1], time(0), 355), (ODD[4], time(0), 65)]
"""Where the suite looks, and from which night of the year on: clocks change soon after, or a day is left out."""

YEARS = [(zone, start, 0) for zone in ODD for start in STARTS]
SAMPLE, NIGHTS = 15, 364


def nights(place: Place, first: int, number: int) -> list[datetime]:
    """Return when a job of two hours after `day_start` runs, up to twelve hours late every other night."""
    runs = once_a_day(place, hours(2), delays(place.year, hours(12)))
    return [run.replace(microsecond=0) for run in islice(runs, first, first + number)]


@pytest.mark.parametrize(
    ("zone", "start", "first", "number"),
    [
        *((*each, SAMPLE) for each in CHANGES),
        *(pytest.param(*each, NIGHTS, marks=pytest.mark.all_schedules) for each in YEARS),
    ],
)
def test_each_day_has_its_one_backup(zone: tuple[str, int], start: time, first: int, number: int) -> None:
    place = Place(ZoneInfo(zone[0]), zone[1], start)
    declared = config(
        f'[settings]\ntimezone = "{zone[0]}"\nday_start = "{start:%H:%M}"\n'
        '[servers.web]\nid = 1\nbackups = [{ description = "nightly", every = "1d", keep = 7 }]\n'
    )
    world = World(declared, [{"id": 1, "name": "web"}], [], latency=lambda: 0.0)

    runs = nights(place, first, number)
    for run in runs:
        world.time = run
        world.apply()

    made = [datetime.fromisoformat(each.record["created_at"]) for each in world.record if each.what == "create"]
    assert all(run <= each < run + timedelta(minutes=1) for run, each in zip(runs, made, strict=True))
    assert [place.day(each) for each in made] == place.dates[first : first + number]
    assert len(world.account.list_backups()) == min(7, number)
    assert all(converged.is_complete for converged in world.converged)
