"""Finds the servers and fleets that break the rules `every` and `retention` of `[require]` (spec, section 2)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from reconcile.addresses import FLEET, SeriesAddress
from reconcile.desired.config import Config, DeclaredFleet, DeclaredSeries, DeclaredServer
from reconcile.desired.keep import Period
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
        for each in _broken(subject.series, name, config) if subject.series else ():
            found[subject.place, each.rule] = Diagnostic(
                summary=each.summary,
                detail=f"Use {each.advice}. Required by {each.rule} in [require], {config.require_place.filename}.",
                address=str(SeriesAddress(server, subject.series[each.number].description)),
                place=subject.place.at("backups", each.number, each.key),
            )
    return found


@dataclass(frozen=True, slots=True)
class _Broken:
    """A broken rule. The series with this `number` comes closest to it: set its `key` as `advice` says."""

    rule: Rule
    summary: str
    number: int
    key: Literal["every", "keep"]
    advice: str


def _broken(series: Sequence[DeclaredSeries], name: str, config: Config) -> Iterator[_Broken]:
    """Yield each rule that the series of one server or fleet break together."""
    require, zone = config.require, config.settings.timezone
    more_often = f'every = "{require.every or Duration(days=1)}"'
    scheduled = [(number, each, each.every) for number, each in enumerate(series) if each.every]
    if not scheduled:
        rules: tuple[tuple[Rule, Duration | None], ...] = (("every", require.every), ("retention", require.retention))
        for rule, required in rules:
            if required:
                summary = f"{name} has no series with every, but [require] {rule} = {required} needs one"
                yield _Broken(rule, summary, number=0, key="every", advice=more_often)
        return
    if require.every and not any(is_within(every, require.every) for _, _, every in scheduled):
        number, _, every = min(scheduled, key=lambda each: each[2].in_seconds(START))
        summary = f"{name} has a backup every {every}; [require] every needs one every {require.every}"
        yield _Broken("every", summary, number, key="every", advice=more_often)
    if required := require.retention:
        reached = [reach(every, each.keep, zone, required) for _, each, every in scheduled]
        if None not in reached:
            most = max(span for span in reached if span is not None)
            number, _, every = scheduled[reached.index(most)]
            only = f"only {age_text(most)}; [require] retention needs {required}"
            counts = " or ".join(
                f"{'keep' if each.period is Period.LAST else each.period} = {each.count}"
                for each in remedies(every, zone, required)
            )
            summary = f"the backups of {name} reach back {only}"
            key: Literal["every", "keep"] = "keep" if counts else "every"
            yield _Broken("retention", summary, number, key, advice=counts or more_often)
