"""Zones that change their clocks in odd ways, the days in them, and a job that runs once on each day, more or less."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from reconcile.desired.document import Settings
from support.build import days

ODD = [
    ("Australia/Lord_Howe", 2026),
    ("Pacific/Apia", 2011),
    ("Africa/Casablanca", 2026),
    ("America/Santiago", 2026),
    ("America/St_Johns", 2010),
    ("America/Nuuk", 2026),
    ("Antarctica/Troll", 2026),
    ("Europe/Rome", 2026),
    ("Antarctica/Casey", 2010),
    ("UTC", 2026),
]
STARTS = [time(18), time(0), time(2, 30)]


@dataclass(frozen=True)
class Place:
    """Where and when a job runs, and the days there, found in another way than in `reconcile.plan.days`."""

    zone: ZoneInfo
    year: int
    day_start: time

    @property
    def settings(self) -> Settings:
        return Settings.model_construct(timezone=self.zone, day_start=self.day_start)

    @property
    def dates(self) -> list[date]:
        """The dates of the year that the zone has."""
        return [each for number in range(364) if self.has(each := date(self.year, 1, 1) + days(number))]

    def has(self, day: date) -> bool:
        return self.at(day, time(12)).astimezone(self.zone).date() == day

    def at(self, day: date, clock: time, after: timedelta = timedelta(0)) -> datetime:
        """Return when the clock shows a time, or would if it did not leave it out."""
        return (datetime.combine(day, clock) + after).replace(tzinfo=self.zone).astimezone(UTC)

    def day(self, moment: datetime) -> date:
        """Return the earliest day that the clock shows in the next hours: it may be put back across `day_start`."""
        start = timedelta(hours=self.day_start.hour, minutes=self.day_start.minute)
        now, later = (each.astimezone(self.zone) for each in (moment, moment + timedelta(hours=3)))
        is_put_back = later.utcoffset() != now.utcoffset()
        shown = min(
            ((moment + timedelta(minutes=minutes)).astimezone(self.zone).replace(tzinfo=None) - start).date()
            for minutes in (range(0, 200, 20) if is_put_back else [0])
        )
        return shown if self.has(shown) else shown - days(1)


def once_a_day(place: Place, nominal: timedelta, late: Iterable[timedelta]) -> Iterator[datetime]:
    """Yield a time on each day: the nominal time after `day_start` by the clock, and as late as that day allows."""
    for day, delay in zip(place.dates, late, strict=False):
        run = place.at(day, place.day_start, nominal)
        if place.day(run) != day:  # the clock shows this time twice, or leaves it out, and the day starts in between
            wall = datetime.combine(day, place.day_start) + nominal
            run = wall.replace(tzinfo=place.zone, fold=1).astimezone(UTC)
        yield run + delay if place.day(run + delay) == day else run


def delays(seed: int, most: timedelta) -> Iterator[timedelta]:
    random = Random(seed)
    while True:
        yield most * random.random() * random.choice((0, 1))
