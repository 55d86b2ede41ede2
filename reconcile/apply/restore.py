"""Restoring a server: sent once, and never again, whatever becomes of the answer.

The hazard: a restore overwrites the server's disk. One whose answer was lost may be under way; sent again it would
overwrite what was written since, and no list tells what became of it. So nothing here repeats anything.
"""

from typing import Protocol

from reconcile.actual.errors import OutcomeUnknownError
from reconcile.diagnostics import UserError
from reconcile.ids import Id


class Restores(Protocol):
    """Sends one restore."""

    async def restore(self, server_id: Id, backup_id: Id) -> None:
        """Send it; raises as `actual.writer.Writer` says."""
        ...


async def restore_once(service: Restores, server_id: Id, backup_id: Id) -> None:
    """Have a server restored from a backup.

    Raises:
        UserError: the answer was lost; it says what to check.
        ApiError: it was certainly not begun.
    """
    try:
        await service.restore(server_id, backup_id)
    except OutcomeUnknownError as lost:
        raise UserError(
            f"it is not known whether the restore has begun: {lost}",
            "Do not send it again. Look at the server in the web panel: if it is being restored, wait; if it goes on "
            "as before after some minutes, the restore was not begun, and the command may be run again.",
        ) from lost
