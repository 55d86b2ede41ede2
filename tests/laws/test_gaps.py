"""What holds of gaps, whatever the policy: no complete history has one, and what is erased from one is found."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
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
from reconcile.desired.keep import KeepCount, KeepWithin
from reconcile.diagnostics import Place
from reconcile.durations import Duration
from reconcile.insight.gaps import History
from reconcile.insight.status import status
from reconcile.plan.retention import retain
from reconcile.plan.series import slack


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

        A rule that would let it go after the next backup, if created earlier that day, does not count.
        """
        newest_first = [each.created_at for each in self.held][::-1]
        reasons = retain(newest_first, self.series.keep, self.zone)
        (reason,) = (reason for each, reason in zip(self.held[::-1], reasons, strict=True) if each is one)
        rules = [kept.rule for kept in reason.rules] if reason else []
        return {(rule, self.period(one, rule)) for rule in rules if not self.is_at_the_end(one, rule)}

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
    assert (year.history().gaps, year.history().missed) == ((), frozenset())

    erased = data.draw(st.lists(st.sampled_from(year.held[1:]), unique_by=id)) if year.held[1:] else []
    left = [each for each in year.held if each not in erased]

    for gap in year.history(*erased).gaps:
        around = [
            (older, newer) for older, newer in pairwise(left) if year.day(older) <= gap.days[0] <= year.day(newer)
        ]
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

    def is_missing(one: Backup) -> bool:
        return any(
            not rule.period.bucket or all(period != year.period(other, rule) for other in left)
            for rule, period in year.kept_by(one)
        )

    oldest = next((each.created_at for each in left if each.id not in year.pinned), year.now)
    expected = [year.day(one) for one in erased if oldest < one.created_at < newest and is_missing(one)]
    found = [day for gap in year.history(*erased).gaps for day in gap.days]

    assert Counter(found) == Counter(expected)


@times(2)
@given(years(), st.data())
def test_a_history_whose_oldest_backups_were_erased_is_younger_than_its_policy(year: Year, data: st.DataObject) -> None:
    loose = [each for each in year.held if each.id not in year.pinned]
    number = data.draw(st.integers(1, max(1, len(loose) - 1)))
    erased = loose[:number]
    if len(loose) <= number or not any(map(year.kept_by, erased)):
        return  # nothing is left, or nothing was erased that the policy would still hold for long

    history = year.history(*erased)

    assert history.gaps == ()
    never = any(
        str(rule.count if isinstance(rule, KeepCount) else rule.duration) in {"all", "9999y"}
        for rule in year.series.keep
    )
    assert never == (history.complete_from is None)
    assert never or (history.complete_from and history.complete_from > year.now)
