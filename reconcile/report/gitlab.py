"""GitLab's Terraform report: the counts that a merge request shows."""

from reconcile.plan.model import Plan


def gitlab_report(plan: Plan) -> dict[str, int]:
    """Return the report (`artifacts:reports:terraform`)."""
    return {"create": len(plan.creates), "update": 0, "delete": len(plan.deletes)}
