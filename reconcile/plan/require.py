"""Finds the servers and fleets that break the rules `every` and `retention` of `[require]` (spec, section 2)."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from reconcile.addresses import FLEET, SeriesAddress
from reconcile.desired.config import Config, DeclaredFleet, DeclaredSeries, DeclaredServer
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
    everything: tuple[DeclaredServer | DeclaredFleet, ...] = (*config.servers, *config.fleets)
    found: Breaches = {}
    for subject in everything if declared is None else declared:
        if isinstance(subject, DeclaredFleet):
            server, name = f"{FLEET}{subject.name}", f"fleet {subject.name!r}"
        elif subject.fleet is None:
            server, name = subject.key, f"server {subject.key!r}"
        else:
            continue
        for rule, summary, number, key, advice in _broken(subject.series, name, config) if subject.series else ():
            found[subject.place, rule] = Diagnostic(
                summary=summary,
                detail=f"Use {advice}. Required by {rule} in [require], {config.require_place.filename}.",
                address=str(SeriesAddress(server, subject.series[number].description)),
                place=subject.place.at("backups", number, key),
            )
    return found


def _broken(series: Sequence[DeclaredSeries], name: str, config: Config) -> Iterator[tuple[Rule, str, int, str, str]]:
    """Yield each rule that is broken, how, the number of the series that comes closest, and its key to set, and how."""
    require, zone = config.require, config.settings.timezone
    frequent = "every", f'every = "{require.every or Duration(days=1)}"'
    scheduled = [(number, each, each.every) for number, each in enumerate(series) if each.every]
    if not scheduled:
        rules: tuple[tuple[Rule, Duration | None], ...] = (("every", require.every), ("retention", require.retention))
        for rule, required in rules:
            if required:
                summary = f"{name} has no series with every, but [require] {rule} = {required} needs one"
                yield rule, summary, 0, *frequent
        return
    if require.every and not any(is_within(every, require.every) for _, _, every in scheduled):
        number, _, every = min(scheduled, key=lambda each: each[2].in_seconds(START))
        summary = f"{name} has a backup every {every}; [require] every needs one every {require.every}"
        yield "every", summary, number, *frequent
    if required := require.retention:
        reached = [reach(every, each.keep, zone, required) for _, each, every in scheduled]
        if None not in reached:
            most, place = max((span, -place) for place, span in enumerate(reached) if span is not None)
            number, _, every = scheduled[-place]
            only = f"only {age_text(most)}; [require] retention needs {required}"
            counts = " or ".join(map(_remedy_text, remedies(every, zone, required)))
            summary = f"the backups of {name} reach back {only}"
            yield "retention", summary, number, *(("keep", counts) if counts else frequent)


def _remedy_text(remedy: KeepCount) -> str:
    return f"keep = {remedy.count}" if remedy.period is Period.LAST else f"{remedy.period} = {remedy.count}"
