"""The formats of a plan."""

from reconcile.insight.difference import Difference
from reconcile.plan.model import Plan
from reconcile.report.document import Formats, Formatter
from reconcile.report.plan.json import plan_json
from reconcile.report.plan.markdown import plan_markdown
from reconcile.report.plan.text import plan_text

PLAN_FORMATS: Formats[Formatter[Plan | Difference]] = Formats(
    plan_text,
    json=(plan_json, "Print Terraform's plan representation, on one line."),
    markdown=(plan_markdown, "Print Markdown for a merge-request comment, at most 60,000 characters."),
)
