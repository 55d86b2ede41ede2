"""Who breaks the rules `every` and `retention` of `[require]` (spec, section 2)."""

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from reconcile.addresses import FLEET, SeriesAddress
from reconcile.desired.config import Config, DeclaredFleet, DeclaredSeries, DeclaredServer
from reconcile.desired.keep import KeepCount, Period
from reconcile.diagnostics import Diagnostic
from reconcile.durations import Duration, age_text
from reconcile.plan.reach import START, is_within, reach, remedies

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


def breaches(config: Config, declared: Iterable[DeclaredServer | DeclaredFleet] | None = None) -> tuple[Breach, ...]:
    """Judge each server with its own table, and each fleet once; those without a series break nothing.

    `declared` are those that a run is about; None for everything in the files.
    """
    judge = _Judge(config)
    everything: tuple[DeclaredServer | DeclaredFleet, ...] = (*config.servers, *config.fleets)
    judged = everything if declared is None else declared
    subjects = (each for each in judged if each.series and (isinstance(each, DeclaredFleet) or each.fleet is None))
    return tuple(breach for subject in subjects for breach in judge.breaches(subject))


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

    def __init__(self, config: Config) -> None:
        self._require, self._file = config.require, config.require_place.filename
        zone = config.settings.timezone
        self._reach = functools.cache(lambda every, keep, enough: reach(every, keep, zone, enough))
        self._remedies = functools.cache(lambda every, enough: tuple(remedies(every, zone, enough)))

    def breaches(self, subject: DeclaredServer | DeclaredFleet) -> Iterator[Breach]:
        breach = functools.partial(Breach, subject=subject, required_in=self._file)
        made = [(number, series, series.every) for number, series in enumerate(subject.series) if series.every]
        if required := self._require.every:
            if not made:
                yield breach(rule="every", required=required, number=0, reached=None)
            elif not any(is_within(every, required) for _, _, every in made):
                number, _, every = min(made, key=lambda each: each[2].in_seconds(START))
                yield breach(rule="every", required=required, number=number, reached=every)
        if required := self._require.retention:
            if not made:
                yield breach(rule="retention", required=required, number=0, reached=None)
                return
            reached = [self._reach(every, series.keep, required) for _, series, every in made]
            if None not in reached:
                most, place = max((span, -place) for place, span in enumerate(reached) if span is not None)
                number, _, every = made[-place]
                would_do = self._remedies(every, required)
                yield breach(rule="retention", required=required, number=number, reached=most, remedies=would_do)


def _remedy_text(remedy: KeepCount) -> str:
    return f"keep = {remedy.count}" if remedy.period is Period.LAST else f"{remedy.period} = {remedy.count}"
