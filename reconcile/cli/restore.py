"""`reconcile restore`: the most careful command, because it is used in a hurry."""

from datetime import datetime

import click

from reconcile.actual.inventory import Server
from reconcile.addresses import SeriesAddress
from reconcile.apply.restore import IN_DOUBT, make_safety_backup, restore_once
from reconcile.apply.run import Options, Run
from reconcile.cli.connection import Connection
from reconcile.cli.exit_code import ExitCode
from reconcile.cli.lock import account_lock
from reconcile.cli.options import TimeType, command
from reconcile.cli.output import Output
from reconcile.cli.prompt import ask
from reconcile.cli.reporters import reporter
from reconcile.cli.session import Session
from reconcile.clock import Stop, StoppedError
from reconcile.diagnostics import UserError
from reconcile.insight.restore_points import Choice, choose, confirmation, find_server, same
from reconcile.plan.events import Finished
from reconcile.plan.model import Create
from reconcile.plan.reasons import Missing
from reconcile.plan.refusals import check_clock
from reconcile.report.restore_text import restore_text


@command(account=True, timeout="2h")
@click.argument("server")
@click.option("--backup", "backup_id", metavar="ID", help="Restore from this backup, manual or automatic.")
@click.option("--series", metavar="DESCRIPTION", help="Restore from the newest usable one of this series.")
@click.option("--before", type=TimeType(), metavar="TIME", help="With --series: the newest made before this time.")
@click.option("--safety-backup", is_flag=True, help="First make a backup of the current state, and wait for it.")
@click.option("--auto-approve", is_flag=True, help="Do not ask for approval; only with --backup.")
def restore(
    session: Session,
    *,
    server: str,
    backup_id: str | None,
    series: str | None,
    before: datetime | None,
    safety_backup: bool,
    auto_approve: bool,
) -> ExitCode:
    """Restore a server, named by its id or its name in the account, from a backup. Overwrites its disk."""
    _check_usage(backup_id, series, before, auto_approve=auto_approve)
    access = session.access()
    output = session.output
    is_sent = is_interrupted = False

    def on_interrupt() -> None:
        nonlocal is_interrupted
        is_interrupted = True
        if is_sent:
            output.note(f"Interrupted. The restore may have begun. {IN_DOUBT}")
        else:
            output.note("Interrupted: starting nothing new, finishing what is in flight.")

    async def work(connection: Connection) -> tuple[Choice, Stop | None]:
        nonlocal is_sent
        inventory = await connection.observe(automatic=True)
        check_clock(inventory)
        wanted = find_server(inventory, server)
        choice = choose(wanted, inventory, backup_id=backup_id, series=series, before=before or inventory.observed_at)
        output.show(restore_text(choice, inventory.observed_at))
        if not auto_approve:
            _ask(output, wanted)
        with reporter(output, as_json=False) as report:
            run = Run(
                lists=connection,
                changes=connection.writer,
                clock=connection.clock,
                emit=report.show,
                options=Options(),
            )
            if safety_backup:
                async with account_lock(access.base_url, 0.0, output, connection.clock):
                    made = await _make_safety_backup(_safety_create(wanted, inventory.observed_at), run)
                output.note(_how_to_keep(made, wanted))
        same(choice, await connection.observe(automatic=True, server_id=choice.server.id))
        connection.clock.checkpoint()
        is_sent = True
        await restore_once(choice.server.id, choice.backup.id, run)
        return choice, connection.clock.reason

    try:
        choice, stopped = session.run(work, access=access, on_interrupt=on_interrupt)
    except StoppedError as error:
        if error.reason is Stop.INTERRUPTED:
            output.note("Interrupted, nothing was restored.")
            raise
        raise UserError(f"{error}, nothing was restored", error.diagnostics[0].detail) from error
    except UserError as error:
        if not is_interrupted:
            raise
        output.diagnostics(error.diagnostics)
        return ExitCode.INTERRUPTED
    output.result([f"The service has begun to restore {confirmation(choice.server)!r} from #{choice.backup.id}."])
    return ExitCode.INTERRUPTED if stopped is Stop.INTERRUPTED else ExitCode.DONE


def _check_usage(backup_id: str | None, series: str | None, before: datetime | None, *, auto_approve: bool) -> None:
    if (backup_id is None) == (series is None):
        raise click.UsageError("name one: --backup ID or --series DESCRIPTION")
    if before and not series:
        raise click.UsageError("--before goes with --series")
    if auto_approve and not backup_id:
        raise click.UsageError("--auto-approve goes with --backup: a series may have a newer one by then")


def _ask(output: Output, server: Server) -> None:
    """Ask for the server's name; raises UserError for any other answer, and without a terminal."""
    what = "name" if server.name else "id: it has no name"
    answer = ask(
        output,
        f"To go on, type the server's {what}.",
        "Server",
        undone="nothing was restored",
        otherwise="Without one: --backup ID with --auto-approve.",
    )
    if answer != confirmation(server):
        raise UserError(f"that is not the server's {'name' if server.name else 'id'}, nothing was restored")


async def _make_safety_backup(create: Create, run: Run) -> Finished:
    try:
        return await make_safety_backup(create, run)
    except StoppedError as stopped:
        raise StoppedError(stopped.reason, "making the safety backup") from stopped


def _safety_create(server: Server, now: datetime) -> Create:
    """Return the create of a backup of the current state, under a description of its own."""
    description = f"before restore {now:%Y-%m-%d %H:%M:%S} UTC"
    return Create(
        address=SeriesAddress(server.name, description),
        server_id=server.id,
        server_name=server.name,
        description=description,
        reason=Missing(has_others=False),
    )


def _how_to_keep(made: Finished, server: Server) -> str:
    made_id = made.backup.id if made.backup else ""
    return (
        f"The safety backup is #{made_id}, made in {made.elapsed:.0f}s. It is declared nowhere: where undeclared "
        f"backups are pruned, add {made_id} to pinned of the server {confirmation(server)!r} to keep it."
    )
