"""The plan for a merge-request comment or a job summary: the verdict and the deletes first, and never too long."""

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from reconcile.actual.inventory import Backup
from reconcile.addresses import BackupAddress
from reconcile.durations import age_text
from reconcile.plan.model import Create, Delete, Plan, ServerPlan
from reconcile.plan.safety import withheld
from reconcile.report.diagnostics import diagnostic_lines, fitted
from reconcile.report.document import Raw
from reconcile.report.escape import code, plain
from reconcile.report.plan.sentences import (
    create_text,
    delete_text,
    kept_text,
    next_due_text,
    unmanaged_text,
    withheld_texts,
)
from reconcile.report.wording import count_text, size_text


def plan_markdown(plan: Plan, /, *, verbose: bool = False) -> Raw:
    """Return the plan as Markdown of at most `LARGEST` characters; what does not fit is counted in its last line."""
    held_back = withheld(plan)
    lines = [*_head(plan, held_back), *_deletes(plan, held_back), *diagnostic_lines("⚠", plan.warnings)]
    return fitted(lines, [_details(server, plan) for server in plan.servers])


def _head(plan: Plan, held_back: frozenset[BackupAddress]) -> Iterator[str]:
    # For programs: it marks the comment, and holds the counts.
    yield f"<!-- reconcile plan creates={len(plan.creates)} deletes={len(plan.deletes)} withheld={len(held_back)} -->"
    figures = "no changes"
    if plan.actions:
        figures = f"{len(plan.creates):,} to create, {len(plan.deletes):,} to delete"
    if held_back:
        figures += f" ({len(held_back):,} withheld)"
    if plan.errors:
        figures += f", {count_text(len(plan.errors), 'error')}"
    yield f"### reconcile: {figures}"
    yield ""
    for number, why in withheld_texts(plan, held_back):
        yield f"> **Withheld: {count_text(number, 'delete')}.** {why}"
        yield ""
    if plan.targets:
        targets = ", ".join(code(target) for target in plan.targets)
        yield f"Only what --target {targets} matches is planned."
        yield ""
    if plan.max_age:
        yield f"Each series must have a backup that is at most {plan.max_age} old."
        yield ""
    kept = f"{count_text(len(plan.kept), 'backup')} unchanged, {len(plan.unmanaged):,} unmanaged"
    where = f"{count_text(len(plan.servers), 'server')} at {code(plan.base_url)}"
    if plan.fleets:
        members = plan.members.items()
        yield ", ".join(f"fleet {code(name)}: {count_text(len(servers), 'server')}" for name, servers in members)
        yield ""
    yield f"{kept}, on {where}, planned at {plan.planned_at:%Y-%m-%d %H:%M} UTC"
    yield ""
    yield from diagnostic_lines("❌", plan.errors)


def _deletes(plan: Plan, held_back: frozenset[BackupAddress]) -> Iterator[str]:
    if plan.deletes:
        yield "| delete | lost | why |"
        yield "| --- | --- | --- |"
        for delete in plan.deletes:
            sign = "withheld: " if delete.address in held_back else ""
            yield f"| {code(str(delete.address))} | {_facts(delete.backup, plan)} | {sign}{_why(delete)} |"
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
            due = next_due_text(series, plan.planned_at) if kept is series.kept[-1] else ""
            why = plain(kept_text(kept.reason, zone)) + due
            yield f"- stays: {code(str(kept.address))}, {_facts(kept.backup, plan)}: {why}"
    for entry in server.unmanaged:
        why = plain(unmanaged_text(entry.reason, zone))
        yield f"- unmanaged: {code(str(entry.address))}, {_facts(entry.backup, plan)}: {why}"


def _why(action: Create | Delete) -> str:
    text = create_text(action.reason) if isinstance(action, Create) else delete_text(action.reason)
    return f"{action.reason.kind}: {plain(text)}"


def _facts(backup: Backup, plan: Plan) -> str:
    return f"{age_text(plan.planned_at - backup.created_at)} old, {size_text(backup.size_mb)}"
