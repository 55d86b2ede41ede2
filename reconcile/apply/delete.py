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
from reconcile.apply.round import Round
from reconcile.clock import StoppedError
from reconcile.outcomes import Finished, Outcome, Rejected, Started, outcome_of
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
    round: Round
    rejections: Rejections
    _started: float = field(init=False)
    _lost: OutcomeUnknownError | None = None
    _times_lost: int = 0
    _rejected: ApiError | None = None
    """The last rejection: certainly not carried out."""

    async def send(self) -> Finished | None:
        """Send the delete; None once it was accepted, or else how it ended. Raises StoppedError if nothing was sent."""
        run = self.round.run
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
                    self.round.view.gone(self.delete.backup)
                    return None
        except (ApiError, StoppedError) as hindrance:
            if self._lost:
                return self._ended(Outcome.UNKNOWN, f"{self._lost}; and then {hindrance}")
            if self._rejected:
                return self._ended(Outcome.FAILED, f"{self._rejected}; and then {hindrance}")
            if isinstance(hindrance, ApiError):
                return self._ended(Outcome.FAILED, hindrance.explanation)
            raise

    async def _not_accepted(self, error: ApiError) -> Finished | None:  # noqa: PLR0911 - one for each kind of error
        """Return how the delete has ended, or None after a pause if it may be sent again."""
        run = self.round.run
        match error:
            case RefusedError(status=404):
                self.round.view.gone(self.delete.backup)
                return self._gone()
            case OutcomeUnknownError():
                self._lost = error
                self._times_lost += 1
                self.round.view.changed(self.delete.backup.server_id)
                # If stopped while waiting, the next look still resolves the lost response; nothing more is sent.
                with suppress(StoppedError):
                    await run.clock.sleep(backoff(self._times_lost))
                if self._times_lost < _MOST_LOST:
                    return None
                return await self._look() or self._ended(Outcome.FAILED, f"{error} ({_MOST_LOST} attempts)")
            case OutdatedError():
                return None
            case BusyError() | NotSentError():
                is_first = self._rejected is None
                self._rejected = error
                seconds = self.rejections.pause_after(error, run.clock.seconds_left)
                if isinstance(seconds, str):
                    return self._ended(Outcome.FAILED, seconds)
                if is_first:
                    run.emit(Rejected(action=self.delete, explanation=error.explanation, seconds=seconds))
                self.round.view.changed(self.delete.backup.server_id)
                await run.clock.sleep(seconds)
                return None
            case _:
                return self._ended(Outcome.FAILED, error.explanation, is_refused=True)

    async def confirm(self) -> Finished:
        """Wait until a list no longer shows the backup that the service said it deleted (spec, section 4.6)."""
        try:
            still_listed = await self.round.watch.gone(self.delete.backup)
        except (ApiError, StoppedError) as hindrance:
            return self._ended(Outcome.UNKNOWN, f"accepted, but not seen deleted: {hindrance}")
        if still_listed:
            return self._ended(Outcome.FAILED, f"accepted, still listed as {still_listed.status!r}")
        if odd := self.round.view.trace(self.delete.backup):
            return self._ended(Outcome.UNKNOWN, f"accepted, but {_doubt(odd)}")
        return self._ended(Outcome.SUCCEEDED, "deleted")

    async def _look(self) -> Finished | None:
        """Return what a fresh list says has become of the backup, or None if it may be deleted."""
        listed = await self.round.view.fresh(self.delete.backup.server_id)
        if all(backup.id != self.delete.backup.id for backup in listed):
            if odd := self.round.view.trace(self.delete.backup):
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
            elapsed=self.round.run.clock.monotonic() - self._started,
            is_refused=is_refused,
        )


def _doubt(odd: OddEntry) -> str:
    """Say why a backup that the list no longer names may still be there."""
    if odd.id is None:
        return "an entry without a readable id has appeared in the list, and may be this backup"
    return f"it is still listed, with another or an unreadable {' and '.join(odd.unreadable)}"
