"""GitLab's Terraform report: the counts that a merge request shows."""

from reconcile.plan.model import Plan
from reconcile.report.document import Json


def gitlab_report(plan: Plan) -> Json:
    """Return the report (`artifacts:reports:terraform`)."""
    return Json({"create": len(plan.creates), "update": 0, "delete": len(plan.deletes)})
