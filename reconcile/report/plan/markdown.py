"""The plan for a merge-request comment or a job summary: the verdict and the deletes first, and never too long."""

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from reconcile.addresses import BackupAddress
from reconcile.plan.model import Create, Delete, Plan, ServerPlan
from reconcile.plan.safety import withheld
from reconcile.report.diagnostics import diagnostic_lines, fitted
from reconcile.report.document import Raw
from reconcile.report.escape import code, plain
from reconcile.report.plan import sentences
from reconcile.report.wording import count_text

_MOST_NAMED = 5


def plan_markdown(plan: Plan, /, *, verbose: bool = False) -> Raw:
    """Return the plan as Markdown of at most `LARGEST` characters; what does not fit is counted in its last line."""
    held_back = withheld(plan)
    lines = [*_head(plan, held_back), *_deletes(plan, held_back), *diagnostic_lines("⚠", plan.warnings)]
    return fitted(lines, [_details(server, plan) for server in plan.servers])


def _head(plan: Plan, held_back: frozenset[BackupAddress]) -> Iterator[str]:
    # For programs: it marks the comment, and holds the counts.
    yield f"<!-- reconcile plan creates={len(plan.creates)} deletes={len(plan.deletes)} withheld={len(held_back)} -->"
    figures = sentences.amounts_text(plan, held_back) if plan.actions else "no changes"
    if plan.errors:
        figures += f", {count_text(len(plan.errors), 'error')}"
    yield f"### reconcile: {figures}"
    yield ""
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
            yield f"- stays: {code(str(kept.address))}, {sentences.backup_text(kept.backup, plan.planned_at)}: {why}"
    for entry in server.unmanaged:
        why = plain(sentences.unmanaged_text(entry.reason, zone))
        yield f"- unmanaged: {code(str(entry.address))}, {sentences.backup_text(entry.backup, plan.planned_at)}: {why}"


def _why(action: Create | Delete) -> str:
    return f"{action.reason.kind}: {plain(sentences.action_text(action))}"
