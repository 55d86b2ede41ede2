"""Deletes one backup: only while a fresh list shows it as planned, and never because of an old list.

A delete names one backup by its id, so sending it twice is harmless. The hazard is a backup that is no longer what the
plan saw. The list resolves a lost response: a backup that it no longer shows is deleted. A response alone proves
nothing: the service may respond 204 and delete nothing, every night.
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
"""Maximum number of times that a delete is sent, if its responses get lost."""


@dataclass(kw_only=True, slots=True)
class Deletion:
    """One delete: `send` it, then `confirm` it.

    `why_not` returns, from a fresh list of the server, why the backup must be kept after all; None if the delete may be
    sent. The deletes on one server share `rejections`: a server that is always busy must not take ten minutes for each.
    """

    delete: Delete
    why_not: Callable[[tuple[Backup, ...]], Objection | None]
    run: Run
    rejections: Rejections
    _started: float = field(init=False)
    _lost: OutcomeUnknownError | None = None
    _times_lost: int = 0

    async def send(self) -> Finished | None:
        """Send the delete; return None once it was accepted, or else how it ended.

        Raises:
            StoppedError: stopped before anything was sent.
        """
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
        """Return how the delete ended, or None, after a pause, if it may be sent again."""
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
            return self._ended(Outcome.UNKNOWN, f"accepted, but not confirmed by a list: {hindrance}")
        if still_listed:
            return self._ended(Outcome.FAILED, f"accepted, but still listed as {still_listed.status!r}")
        if odd := self.run.view.possible_entry(self.delete.backup):
            return self._ended(Outcome.UNKNOWN, f"accepted, but {_doubt(odd)}")
        return self._ended(Outcome.SUCCEEDED, "deleted")

    async def _look(self) -> Finished | None:
        """Return how the delete ended according to a fresh list, or None if the delete may be sent."""
        listed = await self.run.view.fresh(self.delete.backup.server_id)
        if all(backup.id != self.delete.backup.id for backup in listed):
            if odd := self.run.view.possible_entry(self.delete.backup):
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
    """Explain why a backup that the list no longer shows may still exist."""
    if odd.id is None:
        return "the list has a new entry without a readable id, which may be this backup"
    return f"the list still has its id, with a changed or unreadable {' and '.join(odd.unreadable)}"
