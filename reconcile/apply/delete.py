"""How one backup is deleted: only while a fresh list shows it as planned, and never because of an old list.

A delete names one backup by its id, so sending it twice is harmless. The hazard is a backup that is no longer what the
plan saw. A lost answer is resolved by the list: what it no longer shows is deleted.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from reconcile.actual.backoff import wait_after
from reconcile.actual.errors import ApiError, BusyError, RefusedError
from reconcile.actual.inventory import Backup
from reconcile.apply.account import AccountView
from reconcile.apply.service import Changes
from reconcile.clock import StoppableClock, StoppedError
from reconcile.outcomes import Outcome
from reconcile.plan.model import Delete

Objection = Callable[[tuple[Backup, ...]], str | None]
"""Says from a fresh list of the server why the backup must stay after all; None if it may go."""

_MOST_LOST = 6
_NOT_FOUND = 404
_IDENTITY = ("server_id", "description", "backup_type", "created_at", "state")


@dataclass(frozen=True, slots=True)
class Deleted:
    """The backup is no longer there; `explanation` says whether this run deleted it."""

    explanation: str


@dataclass(frozen=True, slots=True)
class NotDeleted:
    """It is there, or it is unknown whether it is; `is_refused` where trying again would not help."""

    outcome: Outcome
    explanation: str
    is_refused: bool = False


class DeleteAsPlanned:
    """Sends deletes."""

    def __init__(self, view: AccountView, changes: Changes, clock: StoppableClock) -> None:
        self._view = view
        self._changes = changes
        self._clock = clock

    async def __call__(self, delete: Delete, objection: Objection) -> Deleted | NotDeleted:
        """Delete a backup, provided that a fresh list shows it as planned and there is no `objection`.

        Raises:
            StoppedError: before anything was sent.
            ApiError: the list could not be read.
        """
        lost: ApiError | None = None
        sent = times_lost = 0
        while times_lost < _MOST_LOST:
            if (verdict := await self._look(delete, objection, lost)) is not None:
                return verdict
            sent += 1
            try:
                await self._changes.delete(delete.backup.id)
            except RefusedError as refused:
                if refused.status != _NOT_FOUND:
                    return NotDeleted(Outcome.FAILED, refused.explanation, is_refused=True)
                self._view.gone(delete.backup)
                return Deleted("deleted" if lost else "was gone already")
            except ApiError as error:
                lost = error
                # A server that is busy rejects it for sure, and is asked again until the deadline, as for a create.
                times_lost += not isinstance(error, BusyError)
                self._view.changed(delete.backup.server_id)
                # If stopped while waiting, the next look still resolves the lost answer, and nothing more is sent.
                with suppress(StoppedError):
                    await self._clock.sleep(wait_after(error, sent))
            else:
                self._view.gone(delete.backup)
                return Deleted("deleted")
        last = await self._look(delete, objection, lost)
        return last or NotDeleted(Outcome.FAILED, f"{lost} ({sent} attempts)")

    async def _look(self, delete: Delete, objection: Objection, lost: ApiError | None) -> Deleted | NotDeleted | None:
        """Return what a fresh list says has become of it, or None if it is there as planned and may be deleted."""
        try:
            listed = await self._view.fresh(delete.backup.server_id)
            current = next((backup for backup in listed if backup.id == delete.backup.id), None)
            if current is None:
                return Deleted("deleted" if lost else "was gone already")
            if why_not := _changed(delete.backup, current) or objection(listed):
                return NotDeleted(Outcome.SKIPPED, why_not)
            self._clock.checkpoint()
        except (ApiError, StoppedError) as hindrance:
            if lost is None:
                raise
            return NotDeleted(Outcome.UNKNOWN, f"{lost}; and then {hindrance}")
        return None


def _changed(planned: Backup, current: Backup) -> str | None:
    for name in _IDENTITY:
        was, is_now = getattr(planned, name), getattr(current, name)
        if was != is_now:
            return f"it has changed since the plan: {name} was {str(was)!r}, is {str(is_now)!r}"
    return None
