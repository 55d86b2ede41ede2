"""Restores a server: sent once and never again, whatever happens to the answer.

The hazard: a restore overwrites the server's disk. If the answer is lost, it may have begun. Sent again it would
overwrite what was written since, and no list shows what happened. So nothing here is ever repeated.
"""

from contextlib import suppress

import anyio

from reconcile.actual.errors import OutcomeUnknownError
from reconcile.apply.account import AccountView
from reconcile.apply.make import Maker
from reconcile.apply.run import Run
from reconcile.clock import StoppedError
from reconcile.diagnostics import UserError
from reconcile.ids import Id
from reconcile.plan.events import Finished, Outcome
from reconcile.plan.model import Create

IN_DOUBT = (
    "Do not send it again. Look at the server in the web panel: if it is being restored, wait; if it runs as before "
    "after some minutes, the restore was not begun, and the command may be run again."
)


async def make_safety_backup(create: Create, run: Run) -> Finished:
    """Make a backup of the current state, exactly once, and wait until it is completed.

    Raises:
        StoppedError: it is time to stop.
        UserError: it was not completed, so there must be no restore.
    """
    maker = Maker(AccountView(run.lists, run.clock), run)
    made: Finished | None = None
    async with anyio.create_task_group() as watching:
        watching.start_soon(maker.watch.run)
        with suppress(StoppedError):
            made = await maker(create, frozenset())
        watching.cancel_scope.cancel()
    run.clock.checkpoint()
    if made is None or made.outcome is not Outcome.SUCCEEDED:
        raise UserError(
            f"the safety backup was not made ({made.explanation if made else 'not started'}), nothing was restored",
            "Fix the cause, or restore without --safety-backup.",
        )
    return made


async def restore_once(server_id: Id, backup_id: Id, run: Run) -> None:
    """Restore a server from a backup.

    Raises:
        StoppedError: it is time to stop; nothing was sent.
        UserError: the answer was lost; it says what to check.
        ApiError: it was certainly not begun.
    """
    run.clock.checkpoint()
    try:
        await run.changes.restore(server_id, backup_id)
    except OutcomeUnknownError as lost:
        raise UserError(f"the restore may have begun: {lost}", IN_DOUBT) from lost
