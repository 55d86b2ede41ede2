"""`reconcile apply`: observe, plan, check, show, ask, and make it so."""

import signal
import sys
import time
from datetime import UTC, datetime

import anyio
import click

from reconcile.actual.clock import Stop, StoppableClock
from reconcile.actual.credentials import Access
from reconcile.actual.http import Http
from reconcile.actual.reader import Reader
from reconcile.actual.writer import Writer
from reconcile.apply.run import Manner
from reconcile.apply.run import apply as apply_plan
from reconcile.cli.clock import SystemClock
from reconcile.cli.lock import account_lock
from reconcile.cli.observe import observe
from reconcile.cli.options import (
    Account,
    DurationType,
    Files,
    account_options,
    file_options,
    output_options,
    target_option,
)
from reconcile.cli.output import Output
from reconcile.cli.progress import Progress, progress
from reconcile.desired.durations import Duration
from reconcile.diagnostics import UserError
from reconcile.plan.events import Result
from reconcile.plan.model import Plan
from reconcile.plan.planner import plan as make_plan
from reconcile.plan.refusals import check_clock
from reconcile.report.events_text import result_text
from reconcile.report.plan_text import loss_words, plan_text

DONE, INCOMPLETE, INTERRUPTED = 0, 1, 130
MOST_ROUNDS = 3
"""What was found under way is waited for, and then there may be more to do; but not for ever."""


@click.command()
@file_options
@target_option
@account_options
@click.option("--auto-approve", is_flag=True, help="Do not ask.")
@click.option("--no-wait", is_flag=True, help="Send every create and wait for none.")
@click.option("--timeout", type=DurationType(), default="2h", show_default=True, help="Bounds the whole.")
@click.option(
    "--lock-timeout", type=DurationType(), help="Wait so long for another apply on this machine.  [default: not at all]"
)
@click.option("--parallelism", type=click.IntRange(min=1), default=10, show_default=True, help="Servers at a time.")
@click.option(
    "--allow-loss",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="This time, up to N usable backups may be lost, whatever the limit says.",
)
@output_options
def apply(
    *,
    files: Files,
    account: Account,
    auto_approve: bool,
    no_wait: bool,
    timeout: Duration,
    lock_timeout: Duration | None,
    parallelism: int,
    allow_loss: int,
    output: Output,
    verbose: bool,
) -> int:
    """Create and delete until the account is as declared."""
    config = files.load()
    access = account.access()
    manner = Manner(parallelism=parallelism, wait=not no_wait)
    deadline = time.monotonic() + timeout.in_seconds(datetime.now(UTC))
    with account_lock(access.base_url, lock_timeout, output):
        for _ in range(MOST_ROUNDS):
            inventory = observe(access)
            check_clock(inventory)
            plan = make_plan(config, inventory, inventory.observed_at, files.targets)
            output.result(plan_text(plan, everything=verbose))
            if not plan.actions and not (plan.under_way and manner.wait):
                return DONE
            _check_loss(plan, allow_loss)
            if plan.actions and not auto_approve:
                _ask(output)
            with progress(output) as told:
                result, interrupted = carry_out(plan, access, manner, deadline - time.monotonic(), told)
            output.result(result_text(result))
            if interrupted:
                return INTERRUPTED
            if not result.is_complete or not result.settled:
                break
        return DONE if result.is_complete else INCOMPLETE


def carry_out(plan: Plan, access: Access, manner: Manner, seconds: float, told: Progress) -> tuple[Result, bool]:
    """Apply the plan on the real service; the second value tells whether it was interrupted."""

    async def run() -> tuple[Result, bool]:
        clock = StoppableClock(SystemClock(), seconds=seconds)
        scope = anyio.CancelScope()
        async with Http(access, clock) as http, anyio.create_task_group() as tasks:
            tasks.start_soon(_heed_signals, clock, scope, told)
            service = Reader(http), Writer(http)
            result = await apply_plan(plan, *service, clock, manner=manner, emit=told.tell, scope=scope)
            tasks.cancel_scope.cancel()
        return result, clock.reason is Stop.INTERRUPTED

    return anyio.run(run)


async def _heed_signals(clock: StoppableClock, scope: anyio.CancelScope, told: Progress) -> None:
    """Start nothing new at the first signal, stop at once at the second."""
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            if clock.reason is not None:
                scope.cancel()
            else:
                told.say("Interrupted: starting nothing new, finishing what is under way. Once more stops at once.")
                clock.stop(Stop.INTERRUPTED)


def _check_loss(plan: Plan, allowed: int) -> None:
    if plan.loss.refused(allowed):
        raise UserError(
            f"refused, nothing was changed: {loss_words(plan.loss)}",
            "The limit is max_shrink in [settings]; the number is asked for so that a person has read it.",
        )


def _ask(output: Output) -> None:
    """Get a person's yes.

    Raises:
        UserError: there is nobody to ask, or the answer was another.
    """
    if not sys.stdin.isatty():
        raise UserError("there is no terminal to ask on, nothing was changed", "In CI, write apply --auto-approve.")
    output.note("", "Do you want to do this? Only 'yes' will be accepted.")
    try:
        answer = click.prompt("  Enter a value", default="", show_default=False, err=True)
    except click.Abort as no_answer:
        output.note("", "Apply cancelled, nothing was changed.")
        raise KeyboardInterrupt from no_answer
    if answer != "yes":
        raise UserError("apply cancelled, nothing was changed")
