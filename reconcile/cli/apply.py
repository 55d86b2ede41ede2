"""`reconcile apply`: create and delete backups to match the files, or apply a saved plan exactly."""

from contextlib import closing
from functools import partial
from pathlib import Path

import click

from reconcile.actual.inventory import Inventory
from reconcile.actual.reader import PATIENT_ATTEMPTS, Reader
from reconcile.apply.converge import MOST_ROUNDS, Convergence, converge
from reconcile.apply.run import Run
from reconcile.cli.connection import connect
from reconcile.cli.files import read_plan
from reconcile.cli.lock import account_lock
from reconcile.cli.options import ALLOW_LOSS, MAX_AGE, RECORD, argument, command, option
from reconcile.cli.process import ExitCode
from reconcile.cli.prompt import ask
from reconcile.cli.recorder import record_in
from reconcile.cli.reporters import REPORTERS
from reconcile.cli.session import Session
from reconcile.clock import Stop
from reconcile.diagnostics import UserError
from reconcile.durations import Duration
from reconcile.outcomes import Announced, Emit, Event, Interrupted, Rounds
from reconcile.plan.model import Plan
from reconcile.plan.planning import RunOptions, plan_run
from reconcile.plan.stale import check_base_url
from reconcile.report.apply.sentences import summary_text


@command(REPORTERS, files=True, targets=True, account=True, timeout="2h")
def apply(
    session: Session,
    *,
    planfile: Path | None = argument(),
    auto_approve: bool = option("Do not ask for approval."),
    no_wait: bool = option(
        "Start the backups and exit without waiting; deletes that depend on them are left to the next run."
    ),
    lock_timeout: Duration | None = option(
        "Wait this long for another apply on this machine to finish.  [default: exit at once]"
    ),
    parallelism: int = option("Maximum number of requests in flight.", type=click.IntRange(min=1), default=10),
    max_in_progress: int = option(
        "Maximum number of backups in progress; starts at 10 and adapts.", type=click.IntRange(min=1), default=100
    ),
    allow_loss: int = ALLOW_LOSS,
    max_age: Duration | None = MAX_AGE,
    no_delete: bool = option("Create what is due, and withhold every delete."),
    record_folder: Path | None = RECORD,
) -> ExitCode:
    """Create and delete backups to match the files, or apply a saved plan exactly."""
    if planfile and (session.paths or session.targets or max_age):
        raise click.UsageError(
            "-f, --target and --max-age can't be used with PLANFILE: a saved plan is applied exactly as it is"
        )
    if max_age and no_wait:
        raise click.UsageError("--max-age can't be combined with --no-wait: a backup counts only once it is completed")
    session.start_heartbeat()
    options = RunOptions(
        targets=session.targets,
        max_age=max_age,
        allow_loss=allow_loss,
        wait=not no_wait,
        no_delete=no_delete,
        max_in_progress=max_in_progress,
    )
    rounds = Rounds()
    with closing(REPORTERS.requested(session.format)(session.output)) as report:

        def emit(event: Event) -> None:
            rounds.add(event)
            report.show(event)

        try:
            converged = _converge(
                session,
                emit,
                planfile,
                options,
                record_folder=record_folder,
                parallelism=parallelism,
                patience=lock_timeout.in_seconds(session.clock.now()) if lock_timeout else 0.0,
                asks=not auto_approve,
            )
        except UserError as error:
            if error.is_interrupt:
                raise
            report.fail(error.diagnostics)
            return ExitCode.ERROR
        finally:
            session.summary = summary_text(rounds)
    if converged.stopped is Stop.INTERRUPTED:
        return ExitCode.INTERRUPTED
    return ExitCode.DONE if converged.is_complete else ExitCode.ERROR


def _converge(
    session: Session,
    emit: Emit,
    planfile: Path | None,
    options: RunOptions,
    *,
    record_folder: Path | None,
    parallelism: int,
    patience: float,
    asks: bool,
) -> Convergence:
    with session.time_limit("reading the plan"):
        saved = read_plan(planfile) if planfile else None
    if saved and saved.max_age and not options.wait:
        raise UserError(
            f"{planfile} was created with --max-age, which can't be combined with --no-wait",
            "A backup counts only once it is completed: apply without --no-wait.",
        )
    what = saved or session.config()
    account = what.account if isinstance(what, Plan) else what.settings.account
    access = session.access()
    if saved:
        check_base_url(saved, access.base_url)
    recorder = record_in(record_folder, session, access, options, what)

    def announce(text: str) -> None:
        emit(Announced(text=text))

    def emit_and_record(event: Event) -> None:
        recorder.add(event)
        emit(event)

    async def work(reader: Reader) -> Convergence:
        def plan(inventory: Inventory) -> Plan:
            recorder.observe(inventory)
            with session.time_limit("planning"):
                return plan_run(what, inventory, options, recorder.record.started_at)

        run = Run(reader=reader, emit=emit_and_record, options=options)
        # A saved plan was approved when it was handed over, and is exactly that: nothing is planned again.
        approve = partial(_ask, session) if asks and not saved else None
        async with account_lock(access, account, patience, announce, run.clock):
            return await converge(plan, approve, run, rounds=1 if saved else MOST_ROUNDS)

    with recorder:
        converged = connect(
            session,
            work,
            access=access,
            attempts=PATIENT_ATTEMPTS,
            parallelism=parallelism,
            asks_account=account is not None,
            announce=announce,
            on_interrupt=lambda: emit(Interrupted()),
        )
        recorder.is_complete = converged.is_complete
    return converged


async def _ask(session: Session, rounds: int) -> None:
    """Ask for approval; raises UserError for any answer but yes, for none in time, and without a terminal."""
    question = "Do you want to do this? Only 'yes' will be accepted."
    undone = "nothing more was changed" if rounds else "nothing was changed"
    otherwise = "In CI, use apply --auto-approve."
    if ask(session, question, "Enter a value", undone=undone, otherwise=otherwise) != "yes":
        raise UserError(f"apply cancelled; {undone}")
