"""The formats of a plan. Each is imported when it is used, because a run uses one of them."""

from reconcile.plan.model import Plan
from reconcile.report.document import Document, Formats, Formatter


def _text(plan: Plan, /, *, verbose: bool) -> Document:
    from reconcile.report.plan.text import plan_text

    return plan_text(plan, verbose=verbose)


def _json(plan: Plan, /, *, verbose: bool) -> Document:
    from reconcile.report.plan.json import plan_json

    return plan_json(plan, verbose=verbose)


def _markdown(plan: Plan, /, *, verbose: bool) -> Document:
    from reconcile.report.plan.markdown import plan_markdown

    return plan_markdown(plan, verbose=verbose)


PLAN_FORMATS: Formats[Formatter[Plan]] = Formats(
    _text,
    json=(_json, "Print Terraform's plan representation, on one line."),
    markdown=(_markdown, "Print Markdown for a merge-request comment, at most 60,000 characters."),
)
