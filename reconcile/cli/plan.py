"""`reconcile plan`: previews. It is handed nothing that could change the account."""

import json
import os
from datetime import datetime
from pathlib import Path

import click

from reconcile.cli.observe import observe
from reconcile.cli.options import Account, Files, TimeType, account_options, file_options, target_option
from reconcile.cli.output import Output, output_options
from reconcile.cli.plan_file import write_plan, write_whole
from reconcile.diagnostics import UserError
from reconcile.plan.planner import plan as make_plan
from reconcile.plan.refusals import check_clock
from reconcile.report.gitlab import gitlab_report as report_for_gitlab
from reconcile.report.plan_json import plan_json
from reconcile.report.plan_markdown import plan_markdown
from reconcile.report.plan_text import plan_text

CHANGES_PENDING = 2


@click.command()
@file_options
@target_option
@account_options
@click.option("--json", "as_json", is_flag=True, help="Terraform's plan representation, on one line.")
@click.option("--markdown", is_flag=True, help="For a merge-request comment, at most 60,000 characters.")
@click.option("--out", type=click.Path(path_type=Path), help="Save the plan, for apply FILE and show FILE.")
@click.option("--gitlab-report", type=click.Path(path_type=Path), help="Write GitLab's Terraform report.")
@click.option("--step-summary", is_flag=True, help="Append the plan to GitHub Actions' $GITHUB_STEP_SUMMARY.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 where there is something to do.")
@click.option("--at", type=TimeType(), metavar="TIME", help="Plan as if it were this time.")
@output_options
def plan(
    *,
    files: Files,
    account: Account,
    as_json: bool,
    markdown: bool,
    out: Path | None,
    gitlab_report: Path | None,
    step_summary: bool,
    detailed_exitcode: bool,
    at: datetime | None,
    output: Output,
    verbose: bool,
) -> int:
    """Show what apply would create and delete, and why; change nothing."""
    if as_json and markdown:
        raise click.UsageError("--json or --markdown, not both")
    if out and at:
        raise click.UsageError("--out or --at, not both: a plan for another time is not to be applied")
    config = files.load()
    inventory = observe(account.access())
    if at is None:
        check_clock(inventory)
    made = make_plan(config, inventory, at or inventory.observed_at, files.targets)
    if out:
        write_plan(made, out)
    if gitlab_report:
        write_whole(gitlab_report, json.dumps(report_for_gitlab(made)) + "\n")
    if step_summary:
        _append_to_step_summary(plan_markdown(made))
    if as_json:
        output.json(plan_json(made))
    elif markdown:
        output.raw(plan_markdown(made))
    else:
        output.result(plan_text(made, everything=verbose))
    if out and not as_json:
        output.note(f"Saved. To do exactly this: reconcile apply {out}")
    return CHANGES_PENDING if detailed_exitcode and made.actions else 0


def _append_to_step_summary(text: str) -> None:
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        raise UserError(
            "--step-summary: GITHUB_STEP_SUMMARY is not set", "GitHub Actions sets it; leave it out elsewhere."
        )
    try:
        with Path(path).open("a", encoding="utf-8") as summary:
            summary.write(text)
    except OSError as error:
        raise UserError(f"--step-summary: {path}: {error.strerror}", "See GitHub's documentation of it.") from error
