"""`reconcile plan`: previews. It is handed nothing that could change the account."""

from datetime import UTC, datetime

import click

from reconcile.cli.observe import observe
from reconcile.cli.options import Account, Files, account_options, file_options, output_options, target_option
from reconcile.cli.output import Output
from reconcile.plan.planner import plan as make_plan
from reconcile.plan.refusals import check_clock
from reconcile.report.plan_json import plan_json
from reconcile.report.plan_text import plan_text

CHANGES_PENDING = 2


class TimeType(click.ParamType[datetime]):
    """A moment in ISO 8601; one without an offset is UTC."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read it, or fail as wrong usage."""
        try:
            moment = datetime.fromisoformat(str(value))
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is not a time; write it like 2026-01-31T03:00:00Z", param, ctx)


@click.command()
@file_options
@target_option
@account_options
@click.option("--json", "as_json", is_flag=True, help="Terraform's plan representation, on one line.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 where there is something to do.")
@click.option("--at", type=TimeType(), metavar="TIME", help="Plan as if it were this time.")
@output_options
def plan(
    *,
    files: Files,
    account: Account,
    as_json: bool,
    detailed_exitcode: bool,
    at: datetime | None,
    output: Output,
    verbose: bool,
) -> int:
    """Show what apply would create and delete, and why; change nothing."""
    config = files.load()
    inventory = observe(account.access())
    if at is None:
        check_clock(inventory)
    made = make_plan(config, inventory, at or inventory.observed_at, files.targets)
    if as_json:
        output.json(plan_json(made))
    else:
        output.result(plan_text(made, everything=verbose))
    return CHANGES_PENDING if detailed_exitcode and made.actions else 0
