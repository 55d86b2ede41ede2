"""`reconcile restore`: the most careful command, because it is used in a hurry."""

from contextlib import closing, nullcontext
from datetime import datetime
from pathlib import Path

import click

from reconcile.actual.credentials import Access
from reconcile.actual.inventory import Inventory, Server
from reconcile.actual.reader import Reader
from reconcile.apply.restore import IN_DOUBT, Restoration
from reconcile.apply.run import Run
from reconcile.cli.connection import connect
from reconcile.cli.lock import account_lock
from reconcile.cli.options import RECORD, argument, command, option
from reconcile.cli.process import ExitCode
from reconcile.cli.prompt import ask
from reconcile.cli.recorder import Recorder, outcome_fields, record_in
from reconcile.cli.reporters import REPORTERS
from reconcile.cli.session import Session
from reconcile.clock import StoppedError
from reconcile.desired.config import Config
from reconcile.desired.min_sizes import MinSizes
from reconcile.diagnostics import Diagnostic, UserError
from reconcile.insight.replay import choice_of, restore_outline
from reconcile.insight.restore_points import Choice
from reconcile.insight.servers import find_server, name_or_id
from reconcile.insight.timeline import server_timeline
from reconcile.outcomes import Outcome
from reconcile.plan.record import RestoreOptions
from reconcile.report.backups import RESTORE_FORMATS
from reconcile.report.status import points_text

_NOTHING = Config(servers=())


@command(RESTORE_FORMATS, files=True, account=True, timeout="2h")
def restore(
    session: Session,
    *,
    server: str = argument(),
    backup_id: str | None = option("Restore from this backup, manual or automatic.", flag="--backup", metavar="ID"),
    series: str | None = option("Restore from the newest usable backup of this series.", metavar="DESCRIPTION"),
    before: datetime | None = option("With --series, use the newest backup created before this time."),
    safety_backup: bool = option("First create a backup of the current state, and wait for it."),
    auto_approve: bool = option("Do not ask for approval; only with --backup."),
    record_folder: Path | None = RECORD,
) -> ExitCode:
    """Restore a server, named by its id or its name in the account, from a backup. Overwrites its disk.

    Without --backup or --series, shows the restore points of the server.
    """
    _check_usage(backup_id, series, before, auto_approve=auto_approve)
    output = session.output
    config = _config(session, is_needed=series is not None)
    asked = RestoreOptions(
        server=server, safety_backup=safety_backup, backup_id=backup_id, series=series, before=before
    )
    access = session.access()
    recorder = record_in(record_folder, session, access, asked, config)

    def chosen(inventory: Inventory) -> Choice:
        recorder.observe(inventory)
        wanted = find_server(inventory.names, server)
        try:
            return choice_of(asked, config, inventory)
        except UserError:  # show first what there is to choose from
            output.show(points_text(server_timeline(wanted, config, inventory), verbose=output.verbose))
            raise

    def approve(choice: Choice) -> None:
        session.show(RESTORE_FORMATS, choice)
        if not auto_approve:
            _ask(session, choice.server)
        recorder.plan(restore_outline(asked, choice))

    restoration = Restoration(
        choose=chosen,
        approve=approve,
        with_safety_backup=safety_backup,
        min_sizes=MinSizes(default=config.settings.min_size),
    )
    try:
        with recorder:
            choice = _carry_out(session, access, restoration, recorder, is_chosen=bool(backup_id or series))
    except StoppedError as error:
        if error.is_interrupt:
            if restoration.is_interrupted:  # the question says so itself
                output.note("Interrupted; nothing was restored.")
            raise
        raise UserError(f"{error}; nothing was restored", error.diagnostics[0].detail) from error
    except UserError as error:
        if not restoration.is_interrupted:
            raise
        output.diagnostics(error.diagnostics)
        return ExitCode.INTERRUPTED
    output.result([f"Started restoring {name_or_id(choice.server)!r} from #{choice.backup.id}."])
    return ExitCode.INTERRUPTED if restoration.is_interrupted else ExitCode.DONE


def _check_usage(backup_id: str | None, series: str | None, before: datetime | None, *, auto_approve: bool) -> None:
    if backup_id is not None and series is not None:
        raise click.UsageError("--backup ID or --series DESCRIPTION, not both")
    if series == "":
        raise click.UsageError("--series '' names no series; choose a backup without a description by --backup ID")
    if before and not series:
        raise click.UsageError("--before requires --series")
    if auto_approve and not backup_id:
        raise click.UsageError("--auto-approve requires --backup, because the newest backup of a series can change")


def _config(session: Session, *, is_needed: bool) -> Config:
    """Read the files, if there are any: they give the old descriptions of a series, and `min_size`.

    A backup that is chosen by its id needs no files. Errors in them are only warnings, because the files may be the
    reason for the restore.
    """
    if not session.has_files:
        return _NOTHING
    try:
        return session.config()
    except UserError as error:
        if is_needed or isinstance(error, StoppedError):
            raise
        session.output.note(f"warning: the files are not used, because of an error in them: {error}")
        return _NOTHING
    finally:
        session.names_account = False  # nothing compares it, and a request that fails would stop the restore


def _carry_out(
    session: Session, access: Access, restoration: Restoration, recorder: Recorder, *, is_chosen: bool
) -> Choice:
    output = session.output

    def on_interrupt() -> None:
        restoration.is_interrupted = True
        if restoration.is_sent:
            output.diagnostics([Diagnostic(summary="Interrupted. The restore may have started.", detail=IN_DOUBT)])
        else:
            output.note("Interrupted. Starting nothing new and finishing the requests in flight.")

    async def work(reader: Reader) -> Choice:
        # Our own apply may be creating the backup that is restored, or delete it.
        lock = account_lock(access, None, 0.0, output.note, reader.http.clock) if is_chosen else nullcontext()
        async with lock:
            with closing(REPORTERS.text(output)) as report:
                return await restoration.carry_out(Run(reader=reader, emit=report.show))

    try:
        choice = connect(session, work, access=access, on_interrupt=on_interrupt)
        recorder.is_complete = True
    finally:
        # A safety backup is recorded even if the run failed after it.
        ended = [outcome_fields(restoration.safety)] if restoration.safety else []
        if restoration.is_sent:
            ended.append({"outcome": str(Outcome.SUCCEEDED if recorder.is_complete else Outcome.UNKNOWN)})
        recorder.ended(ended)
    return choice


def _ask(session: Session, server: Server) -> None:
    """Ask for the server's name; raises UserError for any other answer, for none in time, and without a terminal."""
    what = "name" if server.name else "id"
    answer = ask(
        session,
        f"To continue, type the {what} of the server." + ("" if server.name else " It has no name."),
        "Server",
        undone="nothing was restored",
        otherwise="In a script, use --backup ID with --auto-approve.",
    )
    if answer != name_or_id(server):
        raise UserError(f"that is not the server's {what}; nothing was restored")
