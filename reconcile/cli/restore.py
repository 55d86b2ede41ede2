"""`reconcile restore`: what one does in panic, and so the most careful command."""

import time
from datetime import datetime

import anyio
import click

from reconcile.actual.credentials import Access
from reconcile.actual.http import Http
from reconcile.actual.inventory import Backup, Inventory, Server
from reconcile.actual.reader import Reader
from reconcile.actual.writer import Writer
from reconcile.addresses import SeriesAddress
from reconcile.apply.restore import restore_once
from reconcile.apply.run import Manner
from reconcile.cli.apply import carry_out
from reconcile.cli.ask import ask
from reconcile.cli.clock import SystemClock
from reconcile.cli.lock import account_lock
from reconcile.cli.options import Account, DurationType, TimeType, account_options
from reconcile.cli.output import Output, output_options
from reconcile.cli.progress import progress
from reconcile.clock import StoppableClock
from reconcile.diagnostics import UserError
from reconcile.durations import Duration
from reconcile.plan.events import Finished
from reconcile.plan.model import Cause, Create, Loss, Plan, SeriesPlan, ServerPlan
from reconcile.plan.planner import MISDATED_BEYOND
from reconcile.plan.refusals import check_clock
from reconcile.plan.restoring import Choice, choose, find_server, same
from reconcile.report.restore_text import restore_text

_PATIENCE = 600.0


@click.command()
@click.argument("server")
@click.option("--backup", "backup_id", metavar="ID", help="Restore from this backup, an automatic one too.")
@click.option("--series", metavar="DESCRIPTION", help="Restore from the newest usable one of this series.")
@click.option("--before", type=TimeType(), metavar="TIME", help="With --series: the newest made before this time.")
@click.option("--safety-backup", is_flag=True, help="First make a backup of the present state, and wait for it.")
@click.option("--timeout", type=DurationType(), default="2h", show_default=True, help="Bounds the safety backup.")
@click.option("--auto-approve", is_flag=True, help="Do not ask; only with --backup.")
@account_options
@output_options
def restore(
    *,
    server: str,
    backup_id: str | None,
    series: str | None,
    before: datetime | None,
    safety_backup: bool,
    timeout: Duration,
    auto_approve: bool,
    account: Account,
    output: Output,
    verbose: bool,  # noqa: ARG001 - nothing to add
) -> int:
    """Restore a server, named by its id or its name in the account, from a backup. Overwrites its disk."""
    if (backup_id is None) == (series is None):
        raise click.UsageError("--backup ID or --series DESCRIPTION, one of them")
    if before and series is None:
        raise click.UsageError("--before goes with --series")
    if auto_approve and backup_id is None:
        raise click.UsageError("--auto-approve goes with --backup: which backup is the newest may change meanwhile")
    access = account.access()
    with account_lock(access.base_url, None, output):
        inventory, backups, found = _look(access, server)
        latest = before or inventory.observed_at + MISDATED_BEYOND
        choice = choose(found, backups, backup_id=backup_id, series=series, before=latest)
        output.result(restore_text(choice, inventory.observed_at))
        if not auto_approve:
            _ask(output, found)
        if safety_backup:
            _make_safety_backup(choice, inventory, access, timeout, output)
        _send(access, choice)
        output.result([f"The service has begun to restore {found.name!r} from #{choice.backup.id}."])
        return 0


def _look(access: Access, wanted: str) -> tuple[Inventory, tuple[Backup, ...], Server]:
    async def read() -> tuple[Inventory, tuple[Backup, ...], Server]:
        async with Http(access, StoppableClock(SystemClock(), seconds=_PATIENCE)) as http:
            reader = Reader(http)
            inventory = await reader.observe()
            check_clock(inventory)
            server = find_server(inventory, wanted)
            return inventory, await reader.backups_of_any_type(), server

    return anyio.run(read)


def _ask(output: Output, server: Server) -> None:
    """Have the server's name typed; raises UserError for any other answer, and where there is nobody to ask."""
    otherwise = "Without one: --backup ID with --auto-approve."
    question = "To go on, type the server's name."
    if ask(output, question, "Server", undone="nothing was restored", otherwise=otherwise) != server.name:
        raise UserError("that is not the server's name, nothing was restored")


def _make_safety_backup(
    choice: Choice, inventory: Inventory, access: Access, timeout: Duration, output: Output
) -> None:
    """Make a backup of the present state, exactly once, and wait until it is completed.

    Raises:
        UserError: it was not completed; then there is no restore either.
    """
    now = inventory.observed_at
    plan = _safety_plan(choice.server, inventory, f"before restore {now:%Y-%m-%d %H:%M:%S} UTC")
    with progress(output) as told:
        seconds = timeout.in_seconds(now)
        begun = time.monotonic()
        result, _ = carry_out(plan, access, Manner(), seconds, told)
    (made,) = result.finished
    if not result.is_complete or made.backup is None:
        why = f"the safety backup was not made ({made.words}), nothing was restored"
        raise UserError(why, "See why, or go without one.")
    output.note(_how_to_keep(made, choice.server), f"It took {time.monotonic() - begun:.0f}s.")


def _how_to_keep(made: Finished, server: Server) -> str:
    made_id = made.backup.id if made.backup else ""
    return (
        f"The safety backup is #{made_id}. It is declared nowhere: where undeclared backups are pruned, add "
        f"{made_id} to pinned of the server {server.name!r} to keep it."
    )


def _safety_plan(server: Server, inventory: Inventory, description: str) -> Plan:
    """Return a plan of one create, for the part that knows how to make a backup exactly once."""
    address = SeriesAddress(server.name, description)
    create = Create(
        address=address,
        server_id=server.id,
        server_name=server.name,
        description=description,
        cause=Cause.MISSING,
        words="made before a restore",
    )
    series = SeriesPlan(address=address, create=create, deletes=(), kept=(), under_way=())
    only = ServerPlan(key=server.name, name=server.name, id=server.id, series=(series,), pruned=(), unmanaged=())
    return Plan(
        base_url=inventory.base_url,
        planned_at=inventory.observed_at,
        timezone="UTC",
        targets=(),
        servers=(only,),
        loss=Loss(lost=0, usable=0, limit=None, empties=False),
        warnings=(),
    )


def _send(access: Access, choice: Choice) -> None:
    async def send() -> None:
        async with Http(access, StoppableClock(SystemClock(), seconds=_PATIENCE)) as http:
            same(choice, await Reader(http).backups_of_any_type())
            await restore_once(Writer(http), choice.server.id, choice.backup.id)

    anyio.run(send)
