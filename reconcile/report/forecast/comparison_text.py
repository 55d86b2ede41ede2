"""`reconcile forecast --compare` as text: what a change of the files saves or costs, and what can't be gone back to."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from rich.text import Text

from reconcile.insight.comparison import Comparison, SeriesChange
from reconcile.insight.forecast import Figures, together
from reconcile.report.document import Lines
from reconcile.report.forecast.text import (
    MOST_SERIES,
    amount_text,
    date_text,
    gib_text,
    heading,
    name_text,
    notes,
    policy_text,
)
from reconcile.report.wording import count_text

_MOST_SPANS = 5
"""Spans of days that are named."""


@dataclass(frozen=True, slots=True)
class ChangedRow:
    """A series that changes, or several with the same change; `facts` are pairs of a label and a text."""

    name: str
    about: str
    facts: tuple[tuple[str, str], ...]


def comparison_text(comparison: Comparison, *, verbose: bool) -> Lines:
    """Return what changes; `verbose` shows every series that does."""
    totals = comparison.before.total, comparison.after.total
    essential = Text(f"{amount_text(totals[0])} → {amount_text(totals[1])}")
    return Lines(tuple(_lines(comparison, verbose=verbose)), essential=(essential,))


def _lines(comparison: Comparison, *, verbose: bool) -> Iterator[Text]:
    yield Text(heading(comparison.after), "dim")
    for row in changed_rows(comparison, verbose=verbose):
        yield Text("")
        yield Text.assemble((row.name, "bold"), f": {row.about}")
        for label, fact in row.facts:
            yield Text(f"  {label:<11} {fact}")
    yield Text("")
    for note in notes(comparison.after):
        yield Text(note, "yellow")
    if not comparison.changes:
        yield Text("Nothing changes.", "bold green")


def changed_rows(comparison: Comparison, *, verbose: bool) -> Iterator[ChangedRow]:
    """Yield a row for each series that changes, or for each change of policy where there are many; then for all."""
    changes = comparison.changes
    groups: dict[tuple[str, str], list[SeriesChange]] = {}
    for change in changes:
        policies = _policies(change)
        name = _name(change) if verbose or len(changes) <= MOST_SERIES else ""
        groups.setdefault((name, policies), []).append(change)
    for (name, policies), alike in groups.items():
        before = together(change.before for change in alike if change.before)
        after = together(change.after for change in alike if change.after)
        yield ChangedRow(
            name=name or count_text(len(alike), "series"),
            about=policies,
            facts=(*_facts(before, after, comparison), *_gone(alike, comparison)),
        )
    if changes and len(comparison.after.series) > 1:
        yield ChangedRow(
            name="All",
            about=f"{count_text(len(comparison.after.series), 'series')}, {len(changes):,} with a change",
            facts=tuple(_facts(comparison.before.total, comparison.after.total, comparison)),
        )


def _name(change: SeriesChange) -> str:
    either = change.after or change.before
    return name_text(change.address, either.declared if either else None)


def _policies(change: SeriesChange) -> str:
    old, new = (policy_text(each.declared) if each else "not declared" for each in (change.before, change.after))
    return new if old == new else f"{old} → {new}"


def _facts(before: Figures | None, after: Figures | None, comparison: Comparison) -> Iterator[tuple[str, str]]:
    old, new = ((each.counts[-1], each.megabytes[-1]) if each else (0, 0.0) for each in (before, after))
    yield "at the end", _change_text(old, new)
    old, new = ((max(each.counts), max(each.megabytes)) if each else (0, 0.0) for each in (before, after))
    yield "at most", _change_text(old, new)
    oldest = [each.oldest if each else None for each in (before, after)]
    if any(oldest):
        yield "back to", " → ".join(date_text(each, comparison.after) if each else "nothing" for each in oldest)


def _change_text(old: tuple[int, float], new: tuple[int, float]) -> str:
    """Compare two pairs of a number of backups and their megabytes."""
    counts = f"{old[0]:,} → {new[0]:,} ({new[0] - old[0]:+,})"
    if not old[1] and not new[1]:
        return counts
    sign = "-" if new[1] < old[1] else "+"
    return f"{counts}; {gib_text(old[1])} → {gib_text(new[1])} ({sign}{gib_text(abs(new[1] - old[1]))})"


def _gone(changes: Iterable[SeriesChange], comparison: Comparison) -> Iterator[tuple[str, str]]:
    """Name the days of the restore points that will no longer exist at the end."""
    zone = ZoneInfo(comparison.after.first.timezone)
    points = [point.created_at.astimezone(zone).date() for change in changes for point in change.gone]
    if not points:
        return
    spans = list(_spans(sorted(set(points))))
    shown = [f"{first}" if first == last else f"{first} to {last}" for first, last in spans[-_MOST_SPANS:]]
    if len(spans) > _MOST_SPANS:
        shown.insert(0, "…")
    yield "no longer", f"{count_text(len(points), 'restore point')}: {', '.join(shown)}"


def _spans(days: list[date]) -> Iterator[tuple[date, date]]:
    """Join days that follow one another."""
    first = last = days[0]
    for day in days[1:]:
        if day - last > timedelta(days=1):
            yield first, last
            first = day
        last = day
    yield first, last
