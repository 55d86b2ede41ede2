"""Restores a server. The request is sent once and never again, whatever happens to the response.

The hazard: a restore overwrites the server's disk. If the response is lost, the restore may have started. A second
request would overwrite what was written since, and no list shows what happened. So nothing here is ever repeated.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from reconcile.actual.errors import OutcomeUnknownError
from reconcile.actual.inventory import Inventory, Server
from reconcile.addresses import Descriptions, SeriesAddress
from reconcile.apply.create import Creation
from reconcile.apply.run import Run
from reconcile.clock import StoppedError
from reconcile.desired.min_sizes import MinSizes
from reconcile.diagnostics import Diagnostic, UserError
from reconcile.insight.restore_points import Choice, safety_description, same
from reconcile.insight.servers import name_or_id
from reconcile.outcomes import Finished, Outcome
from reconcile.plan.model import Create, SeriesPlan
from reconcile.plan.reasons import Missing
from reconcile.tasks import beside

IN_DOUBT = (
    "Do not run the command again yet. Check the server in the web panel. If a restore is running, wait for it. If, "
    "after a few minutes, the server is still running as before, the restore did not start, and you can run the "
    "command again."
)


@dataclass(kw_only=True, slots=True)
class Restoration:
    """One restore, in order: observe, choose, approve, safety backup, observe again, send.

    `choose` returns the backup to restore; it and `approve` raise UserError to refuse. `min_sizes` decides whether a
    safety backup is undersized. `is_sent` is set once the request may have reached the service, and `is_interrupted` by
    what handles the signal.
    """

    choose: Callable[[Inventory], Choice]
    approve: Callable[[Choice], None]
    with_safety_backup: bool
    min_sizes: MinSizes
    is_sent: bool = field(default=False, init=False)
    is_interrupted: bool = field(default=False, init=False)
    safety: Finished | None = field(default=None, init=False)
    """The safety backup, once it is completed."""

    async def carry_out(self, run: Run) -> Choice:
        """Restore once; return the backup that was restored.

        Raises:
            StoppedError: stopped before the restore was sent.
            UserError: reconcile refused, or the response was lost; the error says what to check.
            ApiError: the restore certainly did not start.
        """
        inventory = await run.reader.observe(automatic=True)
        choice = self.choose(inventory)
        self.approve(choice)
        if self.with_safety_backup:
            run.view.min_sizes = self.min_sizes
            self.safety = await _safety_backup(choice.server, inventory.observed_at, run)
        same(choice, await run.reader.backups(choice.server.id, automatic=True))
        run.clock.checkpoint()
        self.is_sent = True
        try:
            await run.writer.restore(choice.server.id, choice.backup.id)
        except OutcomeUnknownError as lost:
            raise UserError(f"the restore may have started: {lost}", IN_DOUBT) from lost
        return choice


async def _safety_backup(server: Server, now: datetime, run: Run) -> Finished:
    """Create a backup of the current state, exactly once, and wait until it is completed.

    Raises:
        StoppedError: stopped; a backup that may be left in progress has been reported.
        UserError: the backup was not completed, so the restore must not start.
    """
    description = safety_description(now)  # unique
    create = Create(
        address=SeriesAddress(name_or_id(server), description),
        server_id=server.id,
        server_name=server.name,
        description=description,
        reason=Missing(has_others=False),
    )
    descriptions = Descriptions(description)
    series = SeriesPlan(
        address=create.address, create=create, deletes=(), kept=(), awaited=(), descriptions=descriptions
    )
    ended: Finished | None = None
    async with beside(run.watch.run):
        with suppress(StoppedError):
            ended = await Creation(action=create, series=series, run=run, turn=run.turn(Create)).carry_out()
    if ended and ended.outcome in {Outcome.SUCCEEDED, Outcome.UNKNOWN, Outcome.IN_PROGRESS}:
        run.emit(_left_behind(create, ended))
        if ended.outcome is Outcome.SUCCEEDED:
            return ended
    if run.clock.reason:
        raise StoppedError(run.clock.reason, "creating the safety backup")
    raise UserError(
        f"the safety backup was not completed ({ended.explanation if ended else 'not started'}); nothing was restored",
        "Fix the cause, or restore without --safety-backup.",
    )


def _left_behind(create: Create, ended: Finished) -> Diagnostic:
    """Describe a safety backup that exists, or may exist, or may still be created."""
    is_completed = ended.outcome is Outcome.SUCCEEDED
    if not ended.backup:
        summary = f"a safety backup may have been started: {ended.explanation}"
    elif is_completed:
        summary = f"the safety backup #{ended.backup.id} was completed in {ended.elapsed:.0f}s"
    else:
        summary = f"the safety backup #{ended.backup.id} was started, but is not known to have completed"
    pin = f", or {ended.backup.id!r} to pinned in the table of the server" if ended.backup else ""
    search = f"To look for it: reconcile list {create.server_id}. If you do not need it, delete it in the web panel. "
    return Diagnostic(
        severity="warning" if is_completed else "error",
        summary=summary,
        detail=("" if is_completed else search)
        + "It belongs to no declared series. If undeclared backups on this server are pruned, keep it: add its "
        f"description to ignore{pin}.",
        address=str(create.address),
    )
