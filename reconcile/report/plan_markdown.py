"""The plan for a merge-request comment or a job summary: the verdict first, deletes always visible, never too long."""

from collections.abc import Iterator

from reconcile.actual.inventory import Backup
from reconcile.plan.model import Create, Delete, Plan, ServerPlan
from reconcile.plan.wording import age, count, size
from reconcile.report.escape import visible
from reconcile.report.plan_text import loss_words

LARGEST = 60_000
"""Characters. GitHub refuses a comment of more than 65,536."""

_LONGEST_NAME = 80
_HARMLESS = " -/=,;()%?…"
"""Means nothing to Markdown in the middle of a line. A full stop does: it makes a link of www.example.org."""

_ROOM_FOR_THE_END = 200


def plan_markdown(plan: Plan) -> str:
    """Return the plan as Markdown of at most `LARGEST` characters; what does not fit is counted in its last line."""
    return "".join(_fitted([*_head(plan), *_deletes(plan)], [_details(server, plan) for server in plan.servers]))


def _fitted(lines: list[str], parts: list[str]) -> Iterator[str]:
    room = LARGEST - _ROOM_FOR_THE_END
    left_out = 0
    for text in (*(f"{line}\n" for line in lines), *parts):
        if left_out or len(text) > room:
            left_out += bool(text)
            continue
        room -= len(text)
        yield text
    if left_out:
        yield f"\n**{left_out:,} more lines and servers did not fit**; `reconcile plan -v` shows all of it.\n"


def _head(plan: Plan) -> Iterator[str]:
    if not plan.actions:
        yield "### reconcile: no changes"
    else:
        yield f"### reconcile: {len(plan.creates):,} to create, {len(plan.deletes):,} to delete"
    yield ""
    if plan.loss.refused(0):
        yield f"> **apply will refuse this:** {loss_words(plan.loss)}"
        yield ""
    if plan.targets:
        targets = ", ".join(_text(it) for it in plan.targets)
        yield f"Only what --target {targets} matches was looked at; the rest was not."
        yield ""
    kept = f"{count(len(plan.kept), 'backup')} unchanged, {len(plan.unmanaged):,} unmanaged"
    where = f"{count(len(plan.servers), 'server')} at {_text(plan.base_url)}"
    yield f"{kept}, on {where}, planned at {plan.planned_at:%Y-%m-%d %H:%M} UTC"
    yield ""
    for warning in plan.warnings:
        about = f"{_text(warning.address)}: " if warning.address else ""
        yield f"- ⚠ {about}{_plain(warning.summary)}. {_plain(warning.detail)}"
    yield ""


def _deletes(plan: Plan) -> Iterator[str]:
    if plan.deletes:
        yield "| delete | lost | why |"
        yield "| --- | --- | --- |"
        yield from (_delete_row(it, plan) for it in plan.deletes)
        yield ""


def _delete_row(delete: Delete, plan: Plan) -> str:
    return f"| {_text(str(delete.address))} | {_facts(delete.backup, plan)} | {delete.cause}: {_plain(delete.words)} |"


def _details(server: ServerPlan, plan: Plan) -> str:
    rows = list(_rows(server, plan))
    if not rows:
        return ""
    creates = sum(isinstance(it, Create) for it in server.actions)
    deletes = len(server.actions) - creates
    summary = f"{_text(server.key)}: {creates} to create, {deletes} to delete, {len(server.kept)} unchanged"
    return "\n".join([f"<details><summary>{summary}</summary>", "", *rows, "", "</details>", "", ""])


def _rows(server: ServerPlan, plan: Plan) -> Iterator[str]:
    for action in server.actions:
        sign = "**create**" if isinstance(action, Create) else "**delete**"
        yield f"- {sign} {_text(str(action.address))}: {action.cause}, {_plain(action.words)}"
    for kept in server.kept:
        yield f"- stays: {_text(str(kept.address))}, {_facts(kept.backup, plan)}: {_plain(kept.words)}"
    for other in server.unmanaged:
        yield f"- unmanaged: {_text(str(other.address))}, {_facts(other.backup, plan)}: {_plain(other.words)}"


def _facts(backup: Backup, plan: Plan) -> str:
    return f"{age(plan.planned_at - backup.created_at)} old, {size(backup.size_mb)}"


def _text(text: str) -> str:
    """Return a name as code: no mention, no link and no markup comes of it."""
    return f"<code>{_plain(text, _LONGEST_NAME)}</code>"


def _plain(text: str, longest: int = 500) -> str:
    """Return text in which every character that Markdown or HTML could take for its own is written by its number."""
    return "".join(it if it.isalnum() or it in _HARMLESS else f"&#{ord(it)};" for it in visible(text, longest))
