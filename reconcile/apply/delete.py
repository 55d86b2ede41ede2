"""Deletes one backup: only while a fresh list shows it as planned, and never because of an old list.

A delete names one backup by its id, so sending it twice is harmless. The hazard is a backup that is no longer what the
plan saw. The list resolves a lost response: a backup that it no longer shows is deleted. A response alone proves
nothing: the service may respond 204 or 404 and delete nothing, every night.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from reconcile.actual.backoff import backoff
from reconcile.actual.errors import ApiError
from reconcile.actual.inventory import Backup, OddEntry
from reconcile.apply.attempt import PATIENCE, Attempt
from reconcile.clock import StoppedError
from reconcile.outcomes import Finished, Outcome, outcome_of
from reconcile.plan.guards import Objection
from reconcile.plan.model import Delete
from reconcile.wording import count_text

_MOST_LOST = 6
"""Maximum number of times that a delete is sent, if its responses get lost."""


@dataclass(kw_only=True)
class Deletion(Attempt):
    """One delete: `send` it, then `confirm` it.

    `why_not` returns, from a fresh list of the server, why the backup must be kept after all; None if the delete may be
    sent. The deletes of one task share their `turn`: a server that is always busy must not take ten minutes for each.
    """

    action: Delete
    why_not: Callable[[tuple[Backup, ...]], Objection | None]

    async def confirm(self) -> Finished:
        """Wait until a list no longer shows the backup that the service said it deleted (spec, section 4.6)."""
        try:
            still_listed = await self.run.delete_watch.wait_until_gone(self.action.backup)
        except (ApiError, StoppedError) as hindrance:
            return self._ended(Outcome.UNKNOWN, f"accepted, but not confirmed by a list: {hindrance}")
        if still_listed:
            return self._ended(Outcome.FAILED, f"accepted, but still listed as {still_listed.status!r}")
        if odd := self.run.view.possible_entry(self.action.server_id, self.action.backup.id):
            return self._ended(Outcome.UNKNOWN, f"accepted, but {_doubt(odd)}")
        return self._ended(Outcome.SUCCEEDED, "deleted")

    async def _look(self) -> Finished | None:
        listed = await self.run.view.fresh(self.action.server_id)
        if all(backup.id != self.action.backup.id for backup in listed):
            if odd := self.run.view.possible_entry(self.action.server_id, self.action.backup.id):
                return self._ended(Outcome.UNKNOWN if self._lost else Outcome.SKIPPED, _doubt(odd))
            return self._ended(Outcome.SUCCEEDED, "deleted" if self._lost else "no longer listed")
        if objection := self.why_not(listed):
            return self._ended(outcome_of(objection), "", objection=objection)
        return None

    async def _request(self) -> Backup:
        backup = self.action.backup
        await self.run.writer.delete(backup.id)
        self.run.view.record_deleted(backup)
        return backup

    async def _after_loss(self) -> Backup | Finished | None:
        # If stopped while waiting, the next look still resolves the lost response; nothing more is sent.
        with suppress(StoppedError):
            await self.run.clock.sleep(backoff(self._times_lost))
        self.turn.rejections.append(self.run.clock.monotonic() - self._tried_at)
        if self._times_lost < _MOST_LOST and sum(self.turn.rejections) < PATIENCE:
            return None
        return await self._look() or self._failed(f"{self._lost} ({count_text(self._times_lost, 'attempt')})")


def _doubt(odd: OddEntry) -> str:
    """Explain why a backup that the list no longer shows may still exist."""
    if odd.id is None:
        return "the list has a new entry without a readable id, which may be this backup"
    return f"the list still has its id, with a changed or unreadable {' and '.join(odd.unreadable)}"
