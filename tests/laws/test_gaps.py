"""What holds of gaps, whatever the policy: no complete history has one, and what is erased from one is found."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st
from laws.test_planning import ZONES, keeps
from support.build import NOW, WEB, backup, inventory
from support.examples import times

from reconcile.actual.inventory import Backup
from reconcile.desired.config import Config, DeclaredSeries, DeclaredServer
from reconcile.desired.desired import resolve
from reconcile.desired.document import PauseTable, Settings
from reconcile.desired.keep import KeepCount, KeepWithin, Period
from reconcile.diagnostics import Place
from reconcile.durations import Duration
from reconcile.insight.gaps import History
from reconcile.insight.status import status
from reconcile.plan.reach import EARLIEST
from reconcile.plan.retention import retain
from reconcile.plan.series_state import slack


@dataclass(frozen=True)
class Year:
    """A year in which every due backup was created, and what its policy holds at the end: `held`, the oldest first."""

    series: DeclaredSeries
    zone: ZoneInfo
    held: tuple[Backup, ...]
    pinned: frozenset[int]
    now: datetime
    pause: PauseTable | None = None
    """One in which nothing was created, and that is still in the file."""

    def history(self, *erased: Backup) -> History:
        """Return what status says of the series without the backups that were erased."""
        server = DeclaredServer(
            key="web",
            name="web",
            id=1,
            prune=False,
            pinned=tuple(self.pinned),
            pauses=(self.pause,) if self.pause else (),
            series=(self.series,),
            place=Place(filename="backups.toml", path=("servers", "web")),
        )
        config = Config(settings=Settings.model_construct(timezone=self.zone), servers=(server,))
        seen = inventory(*(each for each in self.held if each not in erased), servers=(WEB,))
        (found,) = status(resolve(config, seen), seen, self.now).series
        return found.history

    def kept_by(self, one: Backup) -> set[tuple[KeepCount | KeepWithin, object]]:
        """Return the rules by which the policy holds a backup, and the period of each that it is in.

        A rule doesn't count if it would delete the backup after the next one, had it been created earlier that day.
        Nor does a span that keeps it only as the oldest.
        """
        newest_first = [each.created_at for each in self.held][::-1]
        reasons = retain(newest_first, self.series.keep, self.zone)
        (reason,) = (reason for each, reason in zip(self.held[::-1], reasons, strict=True) if each is one)
        kept_by = reason.rules if reason else ()
        rules = [kept.rule for kept in kept_by if not (kept.is_oldest and isinstance(kept.rule, KeepWithin))]
        return {(rule, self.period(one, rule)) for rule in rules if not self.is_at_the_end(one, rule)}

    def misses(self, one: Backup, left: Sequence[Backup]) -> bool:
        """Return whether the policy holds a backup for a period in which there is no other."""
        return any(
            not rule.period.bucket or all(period != self.period(other, rule) for other in left)
            for rule, period in self.kept_by(one)
        )

    def is_at_the_end(self, one: Backup, rule: KeepCount | KeepWithin) -> bool:
        assert self.series.every
        midnight = datetime.combine(self.day(one), datetime.min.time(), tzinfo=self.zone)
        return isinstance(rule, KeepWithin) and (
            self.series.every.before(midnight, self.zone) <= rule.duration.before(self.now, self.zone)
        )

    def period(self, one: Backup, rule: KeepCount | KeepWithin) -> object:
        """Return the period of a rule that a backup is in; of a rule without one, the backup itself."""
        bucket_of = rule.period.bucket
        return bucket_of(one.created_at.astimezone(self.zone)) if bucket_of else one.id

    def day(self, one: Backup) -> date:
        return one.created_at.astimezone(self.zone).date()


@st.composite
def years(draw: st.DrawFn, *, is_plain: bool = False) -> Year:
    """Create a backup on each day, or each second or seventh one, and let go what the policy lets go after each.

    A plain year has no extra backups, as `--max-age` creates them, and no pause.
    """
    zone = ZoneInfo(draw(st.sampled_from([*ZONES, "Australia/Lord_Howe", "America/St_Johns"])))
    every = draw(st.sampled_from([1, 1, 1, 2, 7]))
    keep, random = draw(keeps), Random(draw(st.integers(0, 2**32)))
    first = date(2025, 1, 1) + timedelta(days=draw(st.integers(0, 800)))
    # Days of `every` start at 18 o'clock, and those of `keep` at midnight: a time between is on one day of each.
    earliest, latest = draw(st.sampled_from([(0, 18), (3, 3.1), (8, 18), (18, 24), (22, 22.1)]))
    share_pinned, share_extra = (draw(st.sampled_from([0, 0, 0.02])) for _ in range(2))
    length = draw(st.sampled_from([3, 40, 40, 40, 365]))
    pause, paused_from, end = None, length, datetime.min.replace(tzinfo=UTC)
    if not is_plain and draw(st.booleans()):
        paused_from, hour = draw(st.integers(1, length)), draw(st.none() | st.integers(0, 23))
        last_day = first + timedelta(days=paused_from + draw(st.integers(0, 30)))
        midnight = datetime.combine(last_day, datetime.min.time())
        end = (midnight + timedelta(hours=24 if hour is None else hour)).replace(tzinfo=zone)
        pause = PauseTable(until=last_day if hour is None else end, reason="moving")
    held: list[Backup] = []
    pinned: set[int] = set()
    number = day = 0
    while day < length:
        start = datetime.combine(first + timedelta(days=day), datetime.min.time())
        hours = [random.uniform(earliest, latest)]
        if not is_plain and random.random() < share_extra:
            hours.append(random.uniform(hours[0], latest))
        moments = [(start + timedelta(hours=each)).replace(tzinfo=zone) for each in hours]
        if day >= paused_from and moments[0] < end:
            day += 1
            continue
        for created_at in moments:
            number += 1
            description = "nightly" if day > length / 3 else "called before"
            held.append(backup(number, description, created_at=created_at))
            if random.random() < share_pinned:
                pinned.add(number)
            reasons = retain([one.created_at for one in held[::-1]], keep, zone)[::-1]
            held = [one for one, reason in zip(held, reasons, strict=True) if reason or one.id in pinned]
        day += every
    series = DeclaredSeries(
        description="nightly", every=Duration(days=every), keep=keep, renamed_from=("called before",)
    )
    now = held[-1].created_at
    return Year(series=series, zone=zone, held=tuple(held), pinned=frozenset(pinned), now=now, pause=pause)


@st.composite
def by_elapsed_time(draw: st.DrawFn) -> Year:
    """Create each backup when an `every` of hours says, at most an hour early, or late by up to half of it."""
    zone = ZoneInfo(draw(st.sampled_from(ZONES)))
    every = Duration(seconds=3600 * draw(st.sampled_from([1, 6, 20, 24, 36, 60])))
    keep, random = draw(keeps), Random(draw(st.integers(0, 2**32)))
    moment, late = NOW + timedelta(hours=draw(st.integers(0, 9000))), draw(st.sampled_from([0.01, 0.5]))
    held: list[Backup] = []
    for number in range(draw(st.sampled_from([3, 40, 40, 40, 300]))):
        full = every.after(moment, zone)
        moment = full + random.uniform(-1, 0) * slack(moment, full) + random.uniform(0, late) * (full - moment)
        held.append(backup(number, created_at=moment))
        reasons = retain([one.created_at for one in held[::-1]], keep, zone)[::-1]
        held = [one for one, reason in zip(held, reasons, strict=True) if reason]
    series = DeclaredSeries(description="nightly", every=every, keep=keep)
    return Year(series=series, zone=zone, held=tuple(held), pinned=frozenset(), now=moment)


@times(2)
@given(by_elapsed_time(), st.data())
def test_by_elapsed_time_too_nothing_is_missing_but_where_something_was_erased(year: Year, data: st.DataObject) -> None:
    history = year.history()
    assert (history.gaps, history.missed) == ((), frozenset())

    erased = data.draw(st.lists(st.sampled_from(year.held[1:]), unique_by=id)) if year.held[1:] else []
    left = [each for each in year.held if each not in erased]

    for gap in year.history(*erased).gaps:
        around = [(older, newer) for older, newer in pairwise(left) if year.day(older) <= gap[0] <= year.day(newer)]
        assert any(older.created_at < one.created_at < newer.created_at for older, newer in around for one in erased)


@times(2)
@given(years())
def test_a_year_in_which_every_due_backup_was_created_has_no_gap(year: Year) -> None:
    history = year.history()

    assert history.gaps == ()
    assert history.missed == frozenset()


@times(2)
@given(years(is_plain=True), st.data())
def test_what_is_erased_is_missing_and_nothing_else(year: Year, data: st.DataObject) -> None:
    """Erase any backups but the oldest that is not pinned: those before the newest that is left are missing."""
    loose = [each for each in year.held if each.id not in year.pinned]
    erased = data.draw(st.lists(st.sampled_from(loose[1:]), unique_by=id)) if loose[1:] else []
    left = [each for each in year.held if each not in erased]
    newest = left[-1].created_at if left else year.now

    oldest = next((each.created_at for each in left if each.id not in year.pinned), year.now)
    expected = [year.day(one) for one in erased if oldest < one.created_at < newest and year.misses(one, left)]
    found = [day for gap in year.history(*erased).gaps for day in gap]

    assert Counter(found) == Counter(expected)


@times(2)
@given(years(), st.data())
def test_a_history_whose_oldest_backups_were_erased_is_younger_than_its_policy(year: Year, data: st.DataObject) -> None:
    loose = [each for each in year.held if each.id not in year.pinned]
    number = data.draw(st.integers(1, max(1, len(loose) - 1)))
    erased = loose[:number]
    left = [each for each in year.held if each not in erased]
    if len(loose) <= number or not any(year.misses(each, left) for each in erased):
        return  # nothing is left, or nothing was erased that the policy would still hold for long

    history = year.history(*erased)

    assert history.gaps == ()
    never = any(
        str(rule.count if isinstance(rule, KeepCount) else rule.duration) in {"all", "9999y"}
        for rule in year.series.keep
    )
    assert never == (history.complete_from is None)
    assert never or (history.complete_from and history.complete_from > year.now.astimezone(year.zone).date())


@dataclass(frozen=True)
class Course:
    """A series in which every due backup is created on time, from the first on, except during a pause."""

    series: DeclaredSeries
    zone: ZoneInfo
    moments: tuple[datetime, ...]
    pinned: frozenset[int]
    pause: PauseTable | None

    def day(self, moment: datetime) -> date:
        return moment.astimezone(self.zone).date()

    def reports(self) -> Iterator[tuple[date, date | None]]:
        """Yield the day of each backup, and from which day the series is complete, as status says after it."""
        held: list[Backup] = []
        for number, moment in enumerate(self.moments):
            held.append(backup(number, created_at=moment))
            reasons = retain([one.created_at for one in held[::-1]], self.series.keep, self.zone)[::-1]
            held = [one for one, reason in zip(held, reasons, strict=True) if reason or one.id in self.pinned]
            year = Year(self.series, self.zone, tuple(held), self.pinned, now=moment, pause=self.pause)
            yield self.day(moment), year.history().complete_from

    def holds_older(self, number: int) -> bool:
        """Return whether, after this backup, the policy would hold one from before the first, if one had been created
        whenever one was due for years.

        For an `every` of whole days: however late on its day each was created.
        """
        assert self.series.every
        step = timedelta(days=self.series.every.days, seconds=self.series.every.seconds)
        moments, zone = list(self.moments[: number + 1]), self.zone
        late = timedelta(0)
        if self.series.every.is_in_days:
            moments, zone = [datetime.combine(self.day(each), time(0), UTC) for each in moments], ZoneInfo("UTC")
            late = timedelta(hours=23)
        first = moments[0]
        earlier = [first - step * number for number in range(1, 300)]
        earlier += [earlier[-1] - timedelta(days=days) for days in range(1, 800)]
        newest_first = [moments[-1] + late, *moments[-2::-1], *earlier, EARLIEST]
        kept = zip(newest_first, retain(newest_first, self.series.keep, zone), strict=True)
        return any(reason and moment < first for moment, reason in kept)


counts = st.builds(KeepCount, period=st.sampled_from(Period), count=st.integers(1, 8))
spans = st.builds(
    KeepWithin,
    period=st.sampled_from(Period),
    duration=st.sampled_from(["30h", "3d", "10d", "1mo", "2mo", "6mo"]).map(Duration.parse),
)


@st.composite
def courses(draw: st.DrawFn) -> Course:
    zone = ZoneInfo(draw(st.sampled_from([*ZONES, "Australia/Lord_Howe"])))
    every = draw(st.sampled_from(["1d", "1d", "2d", "7d", "1h", "6h", "20h", "36h"]).map(Duration.parse))
    pause, paused = None, range(0)
    number, random = draw(st.sampled_from([30, 60, 150])), Random(draw(st.integers(0, 2**32)))
    first = NOW + timedelta(hours=draw(st.integers(0, 9000)))
    earliest, latest = draw(st.sampled_from([(0, 18), (3, 3.1), (18, 24)]))
    midnight = datetime.combine(first, time(0))
    moments = [
        (midnight + timedelta(days=each * every.days, hours=random.uniform(earliest, latest))).replace(tzinfo=zone)
        if every.is_in_days
        else first + timedelta(seconds=each * every.seconds)
        for each in range(number)
    ]
    is_paused = draw(st.booleans())
    if is_paused:
        # A span goes on while nothing is created: after a long pause, it may contain no backup.
        paused = range(draw(st.integers(1, number)), draw(st.integers(1, number)))
        last_day = moments[paused[-1]].astimezone(zone).date() if paused else None
        pause = PauseTable(until=last_day, reason="moving") if last_day else None
    rules = counts if is_paused else counts | spans
    keep = draw(st.lists(rules, min_size=1, max_size=4, unique_by=lambda rule: (type(rule), rule.period)))
    share = draw(st.sampled_from([0, 0, 0.05]))
    return Course(
        series=DeclaredSeries(description="nightly", every=every, keep=tuple(keep)),
        zone=zone,
        moments=tuple(each for place, each in enumerate(moments) if place not in paused),
        pinned=frozenset(each for each in range(1, number) if random.random() < share),
        pause=pause,
    )


@times(1)
@given(courses())
def test_a_young_series_is_complete_from_the_day_that_it_says(course: Course) -> None:
    """It says so before that day, and no longer from then on."""
    found = list(course.reports())
    until = next((complete for _, complete in found if complete), None)

    assert [complete for _, complete in found] == [until if until and day < until else None for day, _ in found]

    is_far = until is None and any(rule.period is Period.YEARLY for rule in course.series.keep)
    if course.pause or is_far:
        return
    before = [number for number, (day, _) in enumerate(found) if until and day < until]
    # A series that counts hours is complete at some time of that day.
    margin = timedelta(days=0 if course.series.every and course.series.every.is_in_days else 1)
    after = [number for number, (day, _) in enumerate(found) if day >= (until or found[0][0]) + margin]
    if before:
        assert course.holds_older(before[-1])
    if after:
        assert not course.holds_older(after[0])
