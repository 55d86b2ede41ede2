"""How one backup is deleted: only while a fresh list shows it as planned, and never on the word of an old one.

A delete names one backup by its id, so sending it twice does no harm; deleting what is no longer what the plan saw
does. A lost answer is settled by the list: what it no longer shows is deleted.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from reconcile.actual.errors import ApiError, BusyError, RefusedError
from reconcile.actual.inventory import Backup
from reconcile.apply.account import Account
from reconcile.apply.backoff import backoff
from reconcile.apply.service import Changes
from reconcile.clock import Clock, StoppedError
from reconcile.plan.events import Outcome
from reconcile.plan.model import Delete

Objection = Callable[[tuple[Backup, ...]], str | None]
"""Says from a fresh list of the server why its backup must stay after all; None if it may go."""

_MOST_SENT = 6
_NOT_FOUND = 404
_IDENTITY = ("server_id", "description", "backup_type", "created_at", "state")


@dataclass(frozen=True, slots=True)
class Deleted:
    """It is no longer there; `words` says by whose hand, where that was not simply ours."""

    words: str


@dataclass(frozen=True, slots=True)
class NotDeleted:
    """It is there, or we can't tell."""

    outcome: Outcome
    words: str


class DeleteAsPlanned:
    """Sends deletes."""

    def __init__(self, account: Account, service: Changes, clock: Clock) -> None:
        self._account = account
        self._service = service
        self._clock = clock

    async def __call__(self, delete: Delete, objection: Objection) -> Deleted | NotDeleted:
        """Delete a backup, provided that a fresh list shows it as planned and there is no `objection`.

        Raises:
            StoppedError: before anything was sent.
            ApiError: the list could not be read.
        """
        trouble: ApiError | None = None
        for sent in range(1, _MOST_SENT + 1):
            if (verdict := await self._look(delete, objection, trouble)) is not None:
                return verdict
            try:
                await self._service.delete(delete.backup.id)
            except RefusedError as refused:
                if refused.status != _NOT_FOUND:
                    return NotDeleted(Outcome.FAILED, str(refused))
                self._account.gone(delete.backup.id)
                return Deleted("deleted" if trouble else "was gone already")
            except ApiError as error:
                trouble = error
                self._account.changed(delete.backup.server_id)
                await self._pause(error, sent)
            else:
                self._account.gone(delete.backup.id)
                return Deleted("deleted")
        last = await self._look(delete, objection, trouble)
        return last or NotDeleted(Outcome.FAILED, f"{trouble} ({_MOST_SENT} attempts)")

    async def _look(
        self, delete: Delete, objection: Objection, trouble: ApiError | None
    ) -> Deleted | NotDeleted | None:
        """Return what a fresh list says has become of it, or None if it is there as planned and may be deleted."""
        try:
            listed = await self._account.fresh(delete.backup.server_id)
            current = next((it for it in listed if it.id == delete.backup.id), None)
            if current is None:
                return Deleted("deleted" if trouble else "was gone already")
            if why_not := _changed(delete.backup, current) or objection(listed):
                return NotDeleted(Outcome.SKIPPED, why_not)
            await self._clock.sleep(0)  # nothing new is started once it is time to stop
        except (ApiError, StoppedError) as hindrance:
            if trouble is None:
                raise
            return NotDeleted(Outcome.UNKNOWN, f"{trouble}; and then {hindrance}")
        return None

    async def _pause(self, error: ApiError, sent: int) -> None:
        asked = error.retry_after if isinstance(error, BusyError) else None
        # Told to stop while waiting, the next look still settles the lost answer; only then nothing more is sent.
        with suppress(StoppedError):
            await self._clock.sleep(asked or backoff(sent))


def _changed(planned: Backup, current: Backup) -> str | None:
    for name in _IDENTITY:
        was, is_now = getattr(planned, name), getattr(current, name)
        if was != is_now:
            return f"it has changed since the plan: {name} was {str(was)!r}, is {str(is_now)!r}"
    return None
