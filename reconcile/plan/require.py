"""The guardrails of `[require]` (spec, section 2): how far back a policy always reaches, and who breaks a rule.

How far that is, `retain` says, on an imagined series that gets a backup as often as `every` says. What is gone stays
gone, so the oldest backup that is left after many applies was there all along; and for nearly all policies `retain` can
be asked after many of them at once (`is_cumulative`). So most of the imagined nights need no look of their own.
"""

import functools
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

from reconcile.addresses import FLEET, SeriesAddress
from reconcile.desired.config import (
    DeclaredFleet,
    DeclaredSeries,
    DeclaredServer,
    Keep,
    KeepCount,
    Period,
    Requirements,
)
from reconcile.diagnostics import Diagnostic
from reconcile.durations import Duration, age_text
from reconcile.plan.retention import calendar_cycle, is_cumulative, retain

if TYPE_CHECKING:
    from reconcile.desired.config import Config
    from reconcile.desired.desired import Desired  # brings the inventory, which `validate` has no use for

_START = datetime(2001, 1, 1, 12, tzinfo=UTC)
"""When the imagined applies are first looked at: before a February of 28 days, by which months reach back least."""

_EARLIEST, _LATEST = datetime(1000, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
"""Calendar arithmetic and time zones need room on both sides of a time."""

_DAYS, _APPLIES = 400, 400
"""How long a policy is looked at after the beginning, at least: each day of the calendar occurs, and each phase."""

_MOST_BACKUPS = 200_000
"""Of one series. A policy that still has the first of so many is taken to reach as far as is asked."""

_MOST_SINGLE = 2_000
"""As many where each apply has to be looked at by itself. From fewer, such a policy may seem to reach a period less."""

_FEW = 3
"""Backups by which stretches of one length differ."""

_PATIENCE = 8
"""Single steps before a longer one is tried once more."""

Rule = Literal["every", "retention"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Breach:
    """A server, or all members of a fleet, with no series that does what a rule requires.

    `number` is the place of the series that comes nearest. `reached` is what that has instead: its `every`, or how far
    back it always reaches; None if it does not say how often. Any of `remedies`, as its `keep`, would do.
    """

    subject: DeclaredServer | DeclaredFleet
    rule: Rule
    required: Duration
    number: int
    reached: Duration | timedelta | None
    required_in: str
    """The file that has the rule."""
    remedies: tuple[KeepCount, ...] = ()

    @property
    def nearest(self) -> DeclaredSeries:
        """The series that comes nearest."""
        return self.subject.series[self.number]

    @property
    def name(self) -> str:
        """The server's key, or the name of the fleet as addresses have it."""
        return f"{FLEET}{self.subject.name}" if isinstance(self.subject, DeclaredFleet) else self.subject.key


def breaches(declared: "Config | Desired") -> tuple[Breach, ...]:
    """Judge each server with a table of its own, and each fleet once; those without a series break nothing."""
    judge = _Judge(declared.require, declared.timezone)
    tables = (server for server in declared.servers if server.fleet is None)
    subjects: list[DeclaredServer | DeclaredFleet] = [*tables, *declared.fleets]
    return tuple(breach for subject in subjects if subject.series for breach in judge.breaches(subject))


def breach_diagnostic(breach: Breach) -> Diagnostic:
    """Say who breaks which rule, by how much, and what would do."""
    is_fleet = isinstance(breach.subject, DeclaredFleet)
    subject = f"fleet {breach.subject.name!r}" if is_fleet else f"server {breach.name!r}"
    match breach.reached:
        case None:
            summary = f"no series of {subject} has an every, as {breach.rule} = {breach.required} requires"
        case Duration() as every:
            summary = f"{subject} has a backup every {every}, and must have one every {breach.required}"
        case timedelta() as span:
            summary = f"{subject} reaches {age_text(span)}, and must reach {breach.required}"
    if breach.remedies:
        advice = f"{', or '.join(map(_remedy_text, breach.remedies))} would do"
    else:
        advice = f'every = "{breach.required if breach.rule == "every" else "1d"}" would do'
    return Diagnostic(
        summary=summary,
        detail=f"{advice}. Required by {breach.rule} of [require] in {breach.required_in}.",
        address=str(SeriesAddress(breach.name, breach.nearest.description)),
        place=breach.subject.place.at("backups", breach.number, "keep" if breach.remedies else "every"),
    )


class _Judge:
    """Judges servers one after the other, and each policy once, however many have it."""

    def __init__(self, require: Requirements, zone: ZoneInfo) -> None:
        self._require, self._zone = require, zone
        self._file = require.place.filename if require.place else "no file"
        self._reaches: dict[tuple[Duration, Keep], timedelta | None] = {}
        self._would_do: dict[Duration, tuple[KeepCount, ...]] = {}
        # By identity, because to hash a policy for each of many servers takes longer than to judge all policies.
        self._seen: dict[tuple[int, int], timedelta | None] = {}

    def breaches(self, subject: DeclaredServer | DeclaredFleet) -> Iterator[Breach]:
        breach = functools.partial(Breach, subject=subject, required_in=self._file)
        made = [(number, series, series.every) for number, series in enumerate(subject.series) if series.every]
        if required := self._require.every:
            if not made:
                yield breach(rule="every", required=required, number=0, reached=None)
            elif not any(is_within(every, required) for _, _, every in made):
                number, _, every = min(made, key=lambda each: each[2].in_seconds(_START))
                yield breach(rule="every", required=required, number=number, reached=every)
        if required := self._require.retention:
            if not made:
                yield breach(rule="retention", required=required, number=0, reached=None)
                return
            reached = [self._reach(every, series.keep, required) for _, series, every in made]
            if None not in reached:
                most, place = max((span, -place) for place, span in enumerate(reached) if span is not None)
                number, _, every = made[-place]
                remedies = self._remedies(every, required)
                yield breach(rule="retention", required=required, number=number, reached=most, remedies=remedies)

    def _remedies(self, every: Duration, enough: Duration) -> tuple[KeepCount, ...]:
        if every not in self._would_do:
            self._would_do[every] = tuple(_remedies(every, self._zone, enough))
        return self._would_do[every]

    def _reach(self, every: Duration, keep: Keep, enough: Duration) -> timedelta | None:
        identity = id(every), id(keep)
        if identity not in self._seen:
            if (every, keep) not in self._reaches:
                self._reaches[every, keep] = reach(every, keep, self._zone, enough)
            self._seen[identity] = self._reaches[every, keep]
        return self._seen[identity]


@functools.cache  # thousands of series share a handful
def is_within(every: Duration, most: Duration) -> bool:
    """Return whether one duration is at most as long as the other, whatever the length of the months in them."""
    zone = ZoneInfo("UTC")
    months = [_START.replace(month=month) for month in range(1, 13)]
    return all(every.after(month, zone) <= most.after(month, zone) for month in months)


def _remedies(every: Duration, zone: ZoneInfo, enough: Duration) -> Iterator[KeepCount]:
    """Yield the smallest counts that would do, where a number of backups can."""
    moments = _moments(every, zone, enough)
    for period in (Period.LAST, Period.DAILY):
        if period is Period.DAILY and not is_within(every, Duration(days=1)):
            continue

        def does(count: int, period: Period = period) -> bool:
            return next(_lows(every, (KeepCount(period=period, count=count),), zone, enough), None) is None

        # As many as one stretch of this length has; on other days of the calendar, it may have one or two more or less.
        near = len(_kept(moments[::-1], (KeepCount(period=period, count="all"),), zone))
        if count := next(filter(does, range(max(1, near - _FEW), near + _FEW)), None):
            yield KeepCount(period=period, count=count)


def _remedy_text(remedy: KeepCount) -> str:
    return f"keep = {remedy.count}" if remedy.period is Period.LAST else f"{remedy.period} = {remedy.count}"


def reach(every: Duration, keep: Keep, zone: ZoneInfo, enough: Duration) -> timedelta | None:
    """Return how old the oldest backup always is, once the policy has been applied for long enough.

    None if that is at least `enough`. The apply runs as often as `every` says, and it is looked at just after an apply,
    when the oldest backup is youngest.
    """
    lowest: timedelta | None = None
    for lowest in _lows(every, keep, zone, enough):  # noqa: B007 - the last is the lowest
        pass
    return lowest


def _moments(every: Duration, zone: ZoneInfo, enough: Duration) -> list[datetime]:
    """Return when the backups of one stretch are made: it ends at `_START`, and is as long as is asked."""
    moments = [max(enough.before(_START, zone), _EARLIEST)]
    while moments[-1] < _START and len(moments) < _MOST_BACKUPS:
        moments.append(min(every.after(moments[-1], zone), _LATEST))
    return moments


def _lows(every: Duration, keep: Keep, zone: ZoneInfo, enough: Duration) -> Iterator[timedelta]:
    """Yield the age of the oldest backup each time that it is below `enough`, and below what it was before.

    Ends early where that takes too many applies, or more years than the calendar has.
    """
    moments = _moments(every, zone, enough)
    at_once = is_cumulative(keep)
    by_itself = not at_once and len(moments) <= _MOST_SINGLE
    held = _kept_each_time(moments, keep, zone) if by_itself else _kept(moments[::-1], keep, zone)
    if len(moments) == _MOST_BACKUPS and held[-1] == moments[0]:
        return
    lowest: timedelta | None = None
    now, looked_at, until = moments[-1], 0, moments[-1] + timedelta(days=_DAYS)
    stride, patience = 1, 0
    values: set[Hashable] = set()
    cycle = calendar_cycle(keep)
    # Each turn looks at the next `stride` applies: are they all good enough, by the oldest that is left after them?
    most = _MOST_BACKUPS if at_once else _MOST_SINGLE
    while (now < until or looked_at < _APPLIES) and looked_at < most:
        coming = [every.after(now, zone)]
        while len(coming) < stride:
            coming.append(every.after(coming[-1], zone))
        if coming[-1] > _LATEST:
            return
        left = _kept([*reversed(coming), *held], keep, zone)
        first, oldest = coming[0], left[-1]
        is_enough = enough.after(oldest, zone) <= first if lowest is None else first - oldest >= lowest
        if not is_enough and stride > 1:
            stride, patience = stride // 2, _PATIENCE
            continue
        if not is_enough:
            lowest = first - oldest
            yield lowest
        held, now, looked_at = left, coming[-1], looked_at + stride
        patience -= 1
        if at_once and patience < 0:
            stride *= 2
        if cycle is not None:
            # Once the ages are what they were before, on such a day, everything repeats.
            value = _on_day(now, cycle, zone), tuple(now - moment for moment in held)
            if value in values:
                return
            values.add(value)


def _on_day(now: datetime, cycle: timedelta, zone: ZoneInfo) -> timedelta:
    """Return how far into its calendar's cycle a moment is; zero where there is no calendar."""
    since_a_monday = now.astimezone(zone).replace(tzinfo=None) - _START.replace(tzinfo=None)
    return since_a_monday % cycle if cycle else cycle


def _kept_each_time(moments: list[datetime], keep: Keep, zone: ZoneInfo) -> list[datetime]:
    held: list[datetime] = []
    for moment in moments:
        held = _kept([moment, *held], keep, zone)
    return held


def _kept(newest_first: list[datetime], keep: Keep, zone: ZoneInfo) -> list[datetime]:
    return [moment for moment, reason in zip(newest_first, retain(newest_first, keep, zone), strict=True) if reason]
