"""`reconcile plan`: shows what `apply` would do. It has no access to anything that can change the account."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import click

from reconcile import __version__
from reconcile.actual.inventory import Inventory
from reconcile.cli.connection import connect
from reconcile.cli.options import ALLOW_LOSS, COMPARE, MAX_AGE, OUTPUT_FILE, command, option
from reconcile.cli.process import ExitCode
from reconcile.cli.session import STDOUT, Session
from reconcile.desired.config import Config
from reconcile.desired.desired import Desired, Freshness
from reconcile.diagnostics import Diagnostic, UserError
from reconcile.durations import Duration
from reconcile.insight.difference import Difference, compare
from reconcile.plan.model import Plan
from reconcile.plan.planner import plan as plan_for
from reconcile.plan.planning import desired_for
from reconcile.report.plan import PLAN_FORMATS
from reconcile.report.plan.json import gitlab_report as report_for_gitlab
from reconcile.report.values import json_text
from reconcile.wording import time_text


@command(PLAN_FORMATS, files=True, targets=True, account=True)
def plan(
    session: Session,
    *,
    out: Path | None = option(
        "Save the plan to this file, for show FILE and for apply FILE, which does not ask.", type=OUTPUT_FILE
    ),
    gitlab_report: Path | None = option("Write GitLab's Terraform report.", type=OUTPUT_FILE),
    detailed_exitcode: bool = option("Exit with 2 if there are changes."),
    max_age: Duration | None = MAX_AGE,
    files_before: tuple[str, ...] = COMPARE,
    allow_loss: int = ALLOW_LOSS,
    at: datetime | None = option("Plan as of this time instead of now."),
) -> ExitCode:
    """Show what apply would create and delete, and why; change nothing.

    With --compare, show first what the change to the files causes.
    """
    if out and at:
        raise click.UsageError("--out can't be combined with --at: a plan for another time can't be applied")
    if out and out.suffix == ".toml":
        raise click.UsageError(f"--out {out} would replace a TOML file by a plan; choose another name")
    if out and allow_loss:
        raise click.UsageError("--out can't be combined with --allow-loss: pass --allow-loss to apply FILE")
    is_saved = False
    try:
        before = _before(session, files_before)
        config = session.config()
        inventory = connect(session, lambda reader: reader.observe(checks_clock=at is None))
        now = at or inventory.observed_at
        with session.time_limit("planning"):
            desired = desired_for(config, inventory, session.targets, Freshness.of(max_age, now))
            shown = _planned(before, desired, inventory, now, allow_loss)
        new = shown.after if isinstance(shown, Difference) else shown
        with session.one_of_several():
            if out and not new.errors:
                from reconcile.plan.saved import dump  # noqa: PLC0415 - takes 10 ms, and few runs save a plan

                session.write(out, dump(new, __version__), private=True)
                is_saved = True
        with session.one_of_several():
            if gitlab_report:
                session.write(gitlab_report, json_text(report_for_gitlab(new)) + "\n")
        session.show(PLAN_FORMATS, shown)
        session.output.diagnostics(new.errors)
        if out and new.errors:
            session.output.note(f"Not saved to {out}: a saved plan is all or nothing.")
    finally:
        # Whatever kept the new plan from being saved, `apply FILE` would carry out the old one.
        if out and not is_saved and out.is_file():
            summary = f"{out} was not replaced, and may contain an older plan"
            session.output.diagnostics([Diagnostic(summary=summary, detail="If it does, do not apply it.")])
    session.output.note(*([f"Planned as of {time_text(at, new.zone)}, not as of now."] if at else []))
    if is_saved and out != STDOUT:
        session.output.note(f"Saved. reconcile apply {out} applies exactly this plan, without asking.")
    if new.errors:
        return ExitCode.ERROR
    return ExitCode.ATTENTION if detailed_exitcode and new.actions else ExitCode.DONE


def _before(session: Session, paths: tuple[str, ...]) -> Config | UserError | None:
    """Read the files before the change, or return their error: the plan is shown in either case."""
    try:
        return session.config_before(paths)
    except UserError as refused:
        if refused.is_stop:
            raise
        return refused


def _planned(
    before: Config | UserError | None, desired: Desired, inventory: Inventory, now: datetime, allow_loss: int
) -> Difference | Plan:
    """Plan, and compare with the files before the change; if those are refused, add each reason as a warning."""
    try:
        if isinstance(before, Config):
            return compare(before, desired, inventory, now, allow_loss)
    except UserError as refused:
        if refused.is_stop:
            raise
        before = refused
    found = plan_for(desired, inventory, now)
    reasons = (
        replace(each, severity="warning", summary=f"no comparison with the files before the change: {each.summary}")
        for each in (before.diagnostics if before else ())
    )
    return replace(found, loss=found.loss.allowing(allow_loss), warnings=(*found.warnings, *reasons))
