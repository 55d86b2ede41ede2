"""One row of a table: what was measured, against which goal."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Table(StrEnum):
    """The tables, by their titles."""

    APPLY = "Apply"
    START_AND_PLAN = "Start and plan"


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """What was measured; it holds if `value` is at most `goal`, or at least, where `more_is_better`.

    Without a goal it only informs; without a value it was skipped, and `note` says why.
    """

    what: str
    value: float | None
    unit: str = ""
    goal: float | None = None
    more_is_better: bool = False
    note: str = ""

    @property
    def verdict(self) -> str:
        """Whether the goal is met."""
        if self.value is None:
            return "skipped"
        if self.goal is None:
            return ""
        holds = self.value >= self.goal if self.more_is_better else self.value <= self.goal
        return "holds" if holds else "MISSED"


def table_text(title: str, rows: Sequence[Row]) -> str:
    """Return the rows as a table in Markdown."""
    lines = [f"\n## {title}\n", "| what | goal | measured | verdict | |", "| --- | --- | --- | --- | --- |"]
    for row in rows:
        sign = "≥" if row.more_is_better else "≤"
        goal = "" if row.goal is None else f"{sign} {row.goal:.3g}{row.unit}"
        value = "" if row.value is None else f"{row.value:.3g}{row.unit}"
        lines.append(f"| {row.what} | {goal} | {value} | {row.verdict} | {row.note} |")
    return "\n".join(lines)
