"""`reconcile apply`: observe, plan, check, show, ask, and make it so."""

import signal
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import anyio
import click

from reconcile.actual.credentials import Access
from reconcile.actual.http import Http
from reconcile.actual.reader import PATIENT_ATTEMPTS, Reader
from reconcile.actual.writer import Writer
from reconcile.apply.run import Manner
from reconcile.apply.run import apply as apply_plan
from reconcile.cli.ask import ask
from reconcile.cli.clock import SystemClock
from reconcile.cli.lock import account_lock
from reconcile.cli.observe import observe
from reconcile.cli.options import (
    Account,
    DurationType,
    Files,
    account_options,
    file_options,
    target_option,
)
from reconcile.cli.output import Output, output_options
from reconcile.cli.plan_file import read_plan
from reconcile.cli.progress import Progress
from reconcile.cli.views import JsonView, TextView, View
from reconcile.clock import Stop, StoppableClock
from reconcile.diagnostics import UserError
from reconcile.durations import Duration
from reconcile.plan.events import Result
from reconcile.plan.model import Plan
from reconcile.plan.planner import plan as make_plan
from reconcile.plan.refusals import check_clock
from reconcile.plan.stale import check_base_url, check_fresh
from reconcile.report.plan_text import loss_words

DONE, INCOMPLETE, INTERRUPTED = 0, 1, 130
MOST_ROUNDS = 3
"""What was found under way is waited for, and then there may be more to do; but not for ever."""


@click.command()
@click.argument("planfile", required=False, type=click.Path(path_type=Path))
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
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, as Terraform's.")
@output_options
def apply(
    *,
    planfile: Path | None,
    files: Files,
    account: Account,
    auto_approve: bool,
    no_wait: bool,
    timeout: Duration,
    lock_timeout: Duration | None,
    parallelism: int,
    allow_loss: int,
    as_json: bool,
    output: Output,
    verbose: bool,
) -> int:
    """Create and delete until the account is as declared, or do exactly what a saved plan says."""
    if planfile and (files.paths or files.targets):
        raise click.UsageError("apply PLANFILE takes neither -f nor --target: what it does is in the plan")
    view = JsonView(output) if as_json else TextView(output, everything=verbose)
    job = _Job(
        account=account,
        view=view,
        output=output,
        manner=Manner(parallelism=parallelism, wait=not no_wait),
        deadline=time.monotonic() + timeout.in_seconds(datetime.now(UTC)),
        lock_timeout=lock_timeout,
        allow_loss=allow_loss,
        asks=not auto_approve,
    )
    if not isinstance(view, JsonView):
        return job.exactly(planfile) if planfile else job.converge(files)
    try:
        return job.exactly(planfile) if planfile else job.converge(files)
    except UserError as error:
        view.error(error)
        return INCOMPLETE
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        view.end()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Job:
    """One apply, from the file or the saved plan to the exit code; `deadline` by the monotonic clock."""

    account: Account
    view: View
    output: Output
    manner: Manner
    deadline: float
    lock_timeout: Duration | None
    allow_loss: int
    asks: bool

    def converge(self, files: Files) -> int:
        """Plan and apply, and once more where what was found under way has been completed meanwhile."""
        config = files.load()
        access = self.account.access()
        with account_lock(access.base_url, self.lock_timeout, self.output):
            for _ in range(MOST_ROUNDS):
                inventory = observe(access, PATIENT_ATTEMPTS)
                check_clock(inventory)
                plan = make_plan(config, inventory, inventory.observed_at, files.targets)
                self.view.plan(plan)
                if not plan.actions and not (plan.under_way and self.manner.wait):
                    return DONE
                _check_loss(plan, self.allow_loss)
                if plan.actions and self.asks:
                    _ask(self.output)
                result, code = self._carry_out(plan, access)
                if code != DONE or not result.settled:
                    return code
            return DONE

    def exactly(self, planfile: Path) -> int:
        """Apply a saved plan: exactly that, or nothing. It was approved when it was handed over."""
        plan = read_plan(planfile)
        access = self.account.access()
        with account_lock(access.base_url, self.lock_timeout, self.output):
            check_base_url(plan, access.base_url)
            inventory = observe(access, PATIENT_ATTEMPTS)
            check_clock(inventory)
            check_fresh(plan, inventory)
            self.view.plan(plan)
            if not plan.actions:
                return DONE
            _check_loss(plan, self.allow_loss)
            _, code = self._carry_out(plan, access)
            return code

    def _carry_out(self, plan: Plan, access: Access) -> tuple[Result, int]:
        with self.view.progress() as told:
            result, interrupted = carry_out(plan, access, self.manner, self.deadline - time.monotonic(), told)
        self.view.result(result)
        if interrupted:
            return result, INTERRUPTED
        return result, DONE if result.is_complete else INCOMPLETE


def carry_out(plan: Plan, access: Access, manner: Manner, seconds: float, told: Progress) -> tuple[Result, bool]:
    """Apply the plan on the real service; the second value tells whether it was interrupted."""

    async def run() -> tuple[Result, bool]:
        clock = StoppableClock(SystemClock(), seconds=seconds)
        scope = anyio.CancelScope()
        async with Http(access, clock) as http, anyio.create_task_group() as tasks:
            tasks.start_soon(_heed_signals, clock, scope, told)
            service = Reader(http, PATIENT_ATTEMPTS), Writer(http)
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
    """Get a person's yes; raises UserError for any other answer, and where there is nobody to ask."""
    question = "Do you want to do this? Only 'yes' will be accepted."
    otherwise = "In CI, write apply --auto-approve."
    if ask(output, question, "Enter a value", undone="nothing was changed", otherwise=otherwise) != "yes":
        raise UserError("apply cancelled, nothing was changed")
