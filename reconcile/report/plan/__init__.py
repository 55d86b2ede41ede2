"""A plan as Markdown, for a merge-request comment or a job summary; text and JSON have their own modules."""

from functools import partial

from reconcile.insight.difference import Difference
from reconcile.plan import safety
from reconcile.plan.model import Plan
from reconcile.report.diagnostics import LARGEST, diagnostic_lines, fitted
from reconcile.report.document import Formats, Formatter, markdown
from reconcile.report.plan import sentences
from reconcile.report.plan.json import plan_json
from reconcile.report.plan.text import plan_text
from reconcile.wording import count_text

_LONGEST = 2000
"""Maximum length, in characters, of the paragraph about what a change causes."""

_WHOLE_PLAN = "<!-- reconcile: the whole plan -->"
"""Marks, for programs, where a comment has room for more about the change."""


def plan_markdown(found: Plan | Difference, /, *, verbose: bool = False) -> str:
    """Return the plan as Markdown of at most `LARGEST` characters; what does not fit is counted in its last line.

    The verdict and the deletes come first; of a difference, what the change causes, and then the plan, folded.
    """
    plan = found.after if isinstance(found, Difference) else found
    withheld = safety.withheld(plan)
    shared = {
        "sentences": sentences,
        "withheld": withheld,
        "diagnostic_lines": diagnostic_lines,
        "zone": plan.zone,
    }
    body = markdown("plan/body.md.jinja", plan=plan, **shared).splitlines()
    details = [
        partial(markdown, "plan/server.md.jinja", server=server, now=plan.planned_at, **shared)
        for server in plan.servers
        if server.actions or server.kept or server.unmanaged
    ]
    figures = sentences.amounts_text(plan, withheld) if plan.actions else "no changes"
    figures += f", {count_text(len(plan.errors), 'error')}" if plan.errors else ""
    # For programs: it marks the comment, and holds the counts.
    mark = f"<!-- reconcile plan creates={len(plan.creates)} deletes={len(plan.deletes)} withheld={len(withheld)} -->"
    if isinstance(found, Plan):
        return fitted([mark, f"### reconcile: {figures}", "", *body], details)
    caused = markdown(
        "plan/change.md.jinja",
        difference=found,
        actions=list(sentences.action_rows(found.actions, plan.planned_at)),
        files=list(sentences.file_rows(found)),
        longest=_LONGEST,
        **shared,
    )
    change = fitted([mark, *caused.splitlines()], largest=LARGEST // 2)
    opening = [_WHOLE_PLAN, f"<details><summary>The whole plan: {figures}</summary>", "", *body]
    whole = fitted(opening, details, largest=LARGEST - len(change), end="\n</details>\n")
    return change + whole


PLAN_FORMATS: Formats[Formatter[Plan | Difference]] = Formats(
    plan_text,
    more="each kept backup, and dates instead of ages",
    json=(plan_json, "Print Terraform's plan representation, on one line."),
    markdown=(plan_markdown, "Print Markdown for a merge-request comment, at most 60,000 characters."),
)
