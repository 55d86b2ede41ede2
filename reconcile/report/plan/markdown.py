"""The plan for a merge-request comment or a job summary: the verdict and the deletes first, and never too long."""

import re
from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

from reconcile.addresses import BackupAddress
from reconcile.insight.difference import Difference
from reconcile.plan.model import Action, Create, Delete, Plan, ServerPlan
from reconcile.plan.safety import withheld
from reconcile.report.diagnostics import LARGEST, diagnostic_lines, fitted
from reconcile.report.difference.sentences import (
    action_rows,
    caused_text,
    file_rows,
    in_any_case_text,
    loss_part_text,
)
from reconcile.report.document import Raw
from reconcile.report.escape import code, plain
from reconcile.report.plan import sentences
from reconcile.report.wording import count_text

_MOST_NAMED = 5

_MOST_ROWS = 100
"""Of what a change causes, and of what it changes in the files."""

_LONGEST = 2000
"""Characters of the paragraph that says what a change causes."""

_WHOLE_PLAN = "<!-- reconcile: the whole plan -->"
"""For programs: before this, a comment has room for more about the change."""


def plan_markdown(found: Plan | Difference, /, *, verbose: bool = False) -> Raw:
    """Return the plan as Markdown of at most `LARGEST` characters; what does not fit is counted in its last line.

    Of a difference, what the change causes comes first, and then the plan, folded.
    """
    plan = found.after if isinstance(found, Difference) else found
    held_back = withheld(plan)
    # For programs: it marks the comment, and holds the counts.
    mark = f"<!-- reconcile plan creates={len(plan.creates)} deletes={len(plan.deletes)} withheld={len(held_back)} -->"
    figures = _figures(plan, held_back)
    body = [*_head(plan, held_back), *_deletes(plan, held_back), *diagnostic_lines("⚠", plan.warnings)]
    details = [_details(server, plan) for server in plan.servers]
    if isinstance(found, Plan):
        return fitted([mark, f"### reconcile: {figures}", "", *body], details)
    changes = fitted([mark, *_changes(found)], largest=LARGEST // 2).text
    opening = [_WHOLE_PLAN, f"<details><summary>The whole plan: {figures}</summary>", "", *body]
    whole = fitted(opening, details, largest=LARGEST - len(changes), end="\n</details>\n").text
    return Raw(changes + whole)


def _changes(difference: Difference) -> Iterator[str]:
    yield "### reconcile: what this change does"
    yield ""
    yield plain(caused_text(difference), _LONGEST)
    yield ""
    if part := loss_part_text(difference):
        yield f"> **Withheld.** {part}"
        yield ""
    yield from diagnostic_lines("❌", [each for each in difference.appeared if each.severity == "error"])
    yield from diagnostic_lines("⚠", [each for each in difference.appeared if each.severity == "warning"])
    yield from _table(
        "| backup | | why |", [_changed(action, how, difference) for action, how in action_rows(difference)]
    )
    yield from _table(
        "| in the files | |", [f"| {code(subject)} | {plain(text)} |" for subject, text in file_rows(difference)]
    )
    yield f"{in_any_case_text(difference)}."
    yield ""


def _table(head: str, rows: Sequence[str]) -> Iterator[str]:
    """Yield a table of at most `_MOST_ROWS` rows, and how many more there are; nothing without a row."""
    if rows:
        yield head
        yield re.sub("[^|]+", " --- ", head)
        yield from rows[:_MOST_ROWS]
        yield ""
    if (more := len(rows) - _MOST_ROWS) > 0:
        yield f"{count_text(more, 'more row')}: `reconcile plan --compare` shows all of them."
        yield ""


def _changed(action: Action, how: str, difference: Difference) -> str:
    kind, backup = "create", "new"
    if isinstance(action, Delete):
        kind, backup = "delete", sentences.backup_text(action.backup, difference.after.planned_at)
    return f"| **{kind}** {code(str(action.address))} | {backup} | {how}{_why(action)} |"


def _figures(plan: Plan, held_back: frozenset[BackupAddress]) -> str:
    figures = sentences.amounts_text(plan, held_back) if plan.actions else "no changes"
    return f"{figures}, {count_text(len(plan.errors), 'error')}" if plan.errors else figures


def _head(plan: Plan, held_back: frozenset[BackupAddress]) -> Iterator[str]:
    for number, why in sentences.withheld_texts(plan, held_back):
        yield f"> **Withheld: {count_text(number, 'delete')}.** {why}"
        yield ""
    if plan.targets:
        targets = ", ".join(code(target) for target in plan.targets)
        yield f"Only what --target {targets} matches is planned."
        yield ""
    for text, servers in sentences.paused_texts(plan.servers, ZoneInfo(plan.timezone)).items():
        names = ", ".join(code(server.key) for server in servers[:_MOST_NAMED])
        more = f" and {len(servers) - _MOST_NAMED:,} more" if len(servers) > _MOST_NAMED else ""
        yield f"{names}{more}: {plain(text)}"
        yield ""
    if plan.max_age:
        yield f"Each series must have a backup that is at most {plan.max_age} old."
        yield ""
    where = f"{count_text(len(plan.servers), 'server')} at {code(plan.base_url)}"
    if plan.fleets:
        members = plan.members.items()
        yield ", ".join(f"fleet {code(name)}: {count_text(len(servers), 'server')}" for name, servers in members)
        yield ""
    yield f"{sentences.totals_text(plan)}, on {where}, planned at {plan.planned_at:%Y-%m-%d %H:%M} UTC"
    yield ""
    yield from diagnostic_lines("❌", plan.errors)


def _deletes(plan: Plan, held_back: frozenset[BackupAddress]) -> Iterator[str]:
    if plan.deletes:
        yield "| delete | lost | why |"
        yield "| --- | --- | --- |"
        for delete in plan.deletes:
            sign = "withheld: " if delete.address in held_back else ""
            lost = sentences.backup_text(delete.backup, plan.planned_at)
            yield f"| {code(str(delete.address))} | {lost} | {sign}{_why(delete)} |"
        yield ""


def _details(server: ServerPlan, plan: Plan) -> str:
    rows = list(_rows(server, plan))
    if not rows:
        return ""
    creates = sum(isinstance(action, Create) for action in server.actions)
    deletes = len(server.actions) - creates
    summary = f"{code(server.key)}: {creates} to create, {deletes} to delete, {len(server.kept)} unchanged"
    return "\n".join([f"<details><summary>{summary}</summary>", "", *rows, "", "</details>", "", ""])


def _rows(server: ServerPlan, plan: Plan) -> Iterator[str]:
    zone = ZoneInfo(plan.timezone)
    for action in server.actions:
        sign = "**create**" if isinstance(action, Create) else "**delete**"
        yield f"- {sign} {code(str(action.address))}: {_why(action)}"
    for series in server.series:
        for kept in series.kept:
            due = sentences.next_due_text(series, plan.planned_at) if kept is series.kept[-1] else ""
            why = plain(sentences.kept_text(kept.reason, zone)) + due
            yield f"- kept: {code(str(kept.address))}, {sentences.backup_text(kept.backup, plan.planned_at)}: {why}"
    for entry in server.unmanaged:
        why = plain(sentences.unmanaged_text(entry.reason, zone))
        yield f"- unmanaged: {code(str(entry.address))}, {sentences.backup_text(entry.backup, plan.planned_at)}: {why}"


def _why(action: Action) -> str:
    return f"{action.reason.kind}: {plain(sentences.action_text(action))}"
