"""How one backup is deleted: only while a fresh list shows it as planned, and never because of an old list.

A delete names one backup by its id, so sending it twice is harmless. The hazard is a backup that is no longer what the
plan saw. A lost response is resolved by the list: what it no longer shows is deleted. A response alone proves nothing
either: the service may say 204 and delete nothing, every night.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from reconcile.actual.backoff import backoff
from reconcile.actual.errors import ApiError, BusyError, NotSentError, OutcomeUnknownError, OutdatedError, RefusedError
from reconcile.actual.inventory import Backup, OddEntry
from reconcile.apply.rejections import Rejections
from reconcile.apply.run import Run
from reconcile.clock import StoppedError
from reconcile.outcomes import Finished, Outcome, Started, outcome_of
from reconcile.plan.guards import Objection
from reconcile.plan.model import Delete

_MOST_LOST = 6
"""How often a delete is sent at most, if its responses get lost."""


@dataclass(kw_only=True, slots=True)
class Deletion:
    """One delete: `send` it, then `confirm` it.

    `why_not` says from a fresh list of the server why the backup must stay after all; None if the delete may be sent.
    `rejections` is shared by the deletes on one server: a server that is busy for ever must not take ten minutes each.
    """

    delete: Delete
    why_not: Callable[[tuple[Backup, ...]], Objection | None]
    run: Run
    rejections: Rejections
    _started: float = field(init=False)
    _lost: OutcomeUnknownError | None = None
    _times_lost: int = 0

    async def send(self) -> Finished | None:
        """Send the delete; None once it was accepted, or else how it ended. Raises StoppedError if nothing was sent."""
        run = self.run
        run.clock.checkpoint()
        self._started = run.clock.monotonic()
        run.emit(Started(action=self.delete))
        try:
            while True:
                if ended := await self._look():
                    return ended
                run.clock.checkpoint()
                try:
                    await run.changes.delete(self.delete.backup.id)
                except ApiError as error:
                    if ended := await self._not_accepted(error):
                        return ended
                else:
                    self.rejections.accepted()
                    self.run.view.gone(self.delete.backup)
                    return None
        except (ApiError, StoppedError) as hindrance:
            if self._lost:
                return self._ended(Outcome.UNKNOWN, f"{self._lost}; and then {hindrance}")
            if rejected := self.rejections.last.get(self.delete.address):
                return self._ended(Outcome.FAILED, f"{rejected}; and then {hindrance}")
            if isinstance(hindrance, ApiError):
                return self._ended(Outcome.FAILED, hindrance.explanation)
            raise

    async def _not_accepted(self, error: ApiError) -> Finished | None:
        """Return how the delete has ended, or None after a pause if it may be sent again."""
        match error:
            case RefusedError(status=404):
                self.run.view.gone(self.delete.backup)
                return self._gone()
            case OutcomeUnknownError():
                self._lost = error
                self._times_lost += 1
                self.run.view.changed(self.delete.backup.server_id)
                # If stopped while waiting, the next look still resolves the lost response; nothing more is sent.
                with suppress(StoppedError):
                    await self.run.clock.sleep(backoff(self._times_lost))
                if self._times_lost < _MOST_LOST:
                    return None
                return await self._look() or self._ended(Outcome.FAILED, f"{error} ({_MOST_LOST} attempts)")
            case OutdatedError():
                return None
            case BusyError() | NotSentError():
                self.run.view.changed(self.delete.backup.server_id)
                why_not = await self.rejections.pause(self.delete, error)
                return self._ended(Outcome.FAILED, why_not) if why_not else None
            case _:
                return self._ended(Outcome.FAILED, error.explanation, is_refused=True)

    async def confirm(self) -> Finished:
        """Wait until a list no longer shows the backup that the service said it deleted (spec, section 4.6)."""
        try:
            still_listed = await self.run.watch.gone(self.delete.backup)
        except (ApiError, StoppedError) as hindrance:
            return self._ended(Outcome.UNKNOWN, f"accepted, but not seen deleted: {hindrance}")
        if still_listed:
            return self._ended(Outcome.FAILED, f"accepted, still listed as {still_listed.status!r}")
        if odd := self.run.view.trace(self.delete.backup):
            return self._ended(Outcome.UNKNOWN, f"accepted, but {_doubt(odd)}")
        return self._ended(Outcome.SUCCEEDED, "deleted")

    async def _look(self) -> Finished | None:
        """Return what a fresh list says has become of the backup, or None if it may be deleted."""
        listed = await self.run.view.fresh(self.delete.backup.server_id)
        if all(backup.id != self.delete.backup.id for backup in listed):
            if odd := self.run.view.trace(self.delete.backup):
                return self._ended(Outcome.UNKNOWN if self._lost else Outcome.SKIPPED, _doubt(odd))
            return self._gone()
        if objection := self.why_not(listed):
            return self._ended(outcome_of(objection), "", objection=objection)
        return None

    def _gone(self) -> Finished:
        return self._ended(Outcome.SUCCEEDED, "deleted" if self._lost else "no longer listed")

    def _ended(
        self, outcome: Outcome, explanation: str, *, objection: Objection | None = None, is_refused: bool = False
    ) -> Finished:
        return Finished(
            action=self.delete,
            outcome=outcome,
            explanation=explanation,
            objection=objection,
            elapsed=self.run.clock.monotonic() - self._started,
            is_refused=is_refused,
        )


def _doubt(odd: OddEntry) -> str:
    """Say why a backup that the list no longer names may still be there."""
    if odd.id is None:
        return "an entry without a readable id has appeared in the list, and may be this backup"
    return f"it is still listed, with another or an unreadable {' and '.join(odd.unreadable)}"
