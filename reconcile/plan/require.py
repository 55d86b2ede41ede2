"""Finds the servers and fleets that break the rules `every` and `retention` of `[require]` (spec, section 2)."""

import functools
from collections.abc import Iterable, Iterator
from typing import Literal

from reconcile.addresses import FLEET, SeriesAddress
from reconcile.desired.config import Config, DeclaredFleet, DeclaredServer
from reconcile.desired.keep import KeepCount, Period
from reconcile.diagnostics import Diagnostic, Place
from reconcile.durations import Duration, age_text
from reconcile.plan.reach import START, is_within, reach, remedies

Rule = Literal["every", "retention"]

Breaches = dict[tuple[Place, Rule], Diagnostic]
"""An error for each server or fleet that breaks a rule, by its table and by the rule."""


def breaches(config: Config, declared: Iterable[DeclaredServer | DeclaredFleet] | None = None) -> Breaches:
    """Check each server with its own table, and each fleet once; those without a series break no rule.

    `declared` are the servers and fleets that the run covers; None for everything in the files.
    """
    judge = _Judge(config)
    everything: tuple[DeclaredServer | DeclaredFleet, ...] = (*config.servers, *config.fleets)
    judged = everything if declared is None else declared
    subjects = (each for each in judged if each.series and (isinstance(each, DeclaredFleet) or each.fleet is None))
    return {(subject.place, rule): error for subject in subjects for rule, error in judge.breaches(subject)}


class _Judge:
    """Checks servers and fleets one after the other, but each policy only once, however many have it."""

    def __init__(self, config: Config) -> None:
        self._require, self._file = config.require, config.require_place.filename
        zone = config.settings.timezone
        self._reach = functools.cache(lambda every, keep, enough: reach(every, keep, zone, enough))
        self._remedies = functools.cache(lambda every, enough: tuple(remedies(every, zone, enough)))

    def breaches(self, subject: DeclaredServer | DeclaredFleet) -> Iterator[tuple[Rule, Diagnostic]]:
        """Yield each rule that the subject breaks, with an error at the series that comes closest to it."""
        error = functools.partial(self._error, subject)
        name = f"fleet {subject.name!r}" if isinstance(subject, DeclaredFleet) else f"server {subject.key!r}"
        scheduled = [(number, series, series.every) for number, series in enumerate(subject.series) if series.every]
        if required := self._require.every:
            if not scheduled:
                summary = f"{name} has no series with every, but [require] every = {required} needs one"
                yield error("every", 0, summary, required)
            elif not any(is_within(every, required) for _, _, every in scheduled):
                number, _, every = min(scheduled, key=lambda each: each[2].in_seconds(START))
                summary = f"{name} has a backup every {every}; [require] every needs one every {required}"
                yield error("every", number, summary, required)
        if required := self._require.retention:
            if not scheduled:
                summary = f"{name} has no series with every, but [require] retention = {required} needs one"
                yield error("retention", 0, summary, Duration(days=1))
                return
            reached = [self._reach(every, series.keep, required) for _, series, every in scheduled]
            if None not in reached:
                most, place = max((span, -place) for place, span in enumerate(reached) if span is not None)
                number, _, every = scheduled[-place]
                only = f"only {age_text(most)}; [require] retention needs {required}"
                summary = f"the backups of {name} reach back {only}"
                yield error("retention", number, summary, self._remedies(every, required) or Duration(days=1))

    def _error(
        self,
        subject: DeclaredServer | DeclaredFleet,
        rule: Rule,
        number: int,
        summary: str,
        remedy: Duration | tuple[KeepCount, ...],
    ) -> tuple[Rule, Diagnostic]:
        """Return an error at a series, by its number; `remedy` is a better value for its `every` or its `keep`."""
        key, advice = ("every", f'every = "{remedy}"')
        if not isinstance(remedy, Duration):
            key, advice = "keep", " or ".join(map(_remedy_text, remedy))
        server = f"{FLEET}{subject.name}" if isinstance(subject, DeclaredFleet) else subject.key
        return rule, Diagnostic(
            summary=summary,
            detail=f"Use {advice}. Required by {rule} in [require], {self._file}.",
            address=str(SeriesAddress(server, subject.series[number].description)),
            place=subject.place.at("backups", number, key),
        )


def _remedy_text(remedy: KeepCount) -> str:
    return f"keep = {remedy.count}" if remedy.period is Period.LAST else f"{remedy.period} = {remedy.count}"
