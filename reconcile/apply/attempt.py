"""Sends one change until the service accepts it, or until sending it again would be unsafe or useless.

A change whose response was lost is not sent again before a list, read after the loss, shows that this is safe. A
rejected change was certainly not carried out, and is sent again for some minutes (spec, section 4.4).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import timedelta

from reconcile.actual.backoff import backoff
from reconcile.actual.errors import ApiError, BusyError, FinalError, NotSentError, OutcomeUnknownError, OutdatedError
from reconcile.actual.inventory import Backup
from reconcile.apply.run import Run
from reconcile.apply.slots import Turn
from reconcile.clock import StoppedError
from reconcile.durations import age_text
from reconcile.outcomes import Finished, Outcome, Rejected, Started
from reconcile.plan.guards import Objection
from reconcile.plan.model import Action, Create

PATIENCE = 600.0
"""Maximum seconds of failed attempts and pauses. If a quota is full, for example, reporting that helps more."""


@dataclass(kw_only=True)
class Attempt(ABC):
    """One change, from the first list to the response that accepts it."""

    action: Action
    run: Run
    turn: Turn
    _is_started: bool = False
    _started: float = field(init=False)
    _tried_at: float = field(init=False)
    """When the last attempt started, which is once it had its turn, by the monotonic clock."""
    _lost: OutcomeUnknownError | None = None
    """The error of the last request that may have been carried out."""
    _times_lost: int = 0
    _rejected: ApiError | None = None
    """The last error after which the run paused: a rejection, or a list that failed."""

    @abstractmethod
    async def _look(self) -> Backup | Finished | None:
        """Return None if a fresh list shows that the change may be sent (again); else how it ended."""

    @abstractmethod
    async def _request(self) -> Backup | Finished:
        """Send the change once; return the backup that it created or deleted, or how it ended."""

    @abstractmethod
    async def _after_loss(self) -> Backup | Finished | None:
        """Return how a change ended whose response was lost; or None, after a pause, if it may be sent again."""

    async def send(self) -> Backup | Finished:
        """Send the change; return the backup once the service has accepted it, or else how the change ended.

        The caller gives up the turn. A pause gives it up too.

        Raises:
            StoppedError: stopped before anything was sent.
        """
        try:
            while True:
                is_sent = False
                try:
                    await self.turn.take()
                    self._tried_at = self.run.clock.monotonic()
                    self._start()
                    if ended := await self._look():
                        return ended
                    self.run.clock.checkpoint()
                    is_sent = True
                    accepted = await self._request()
                except ApiError as error:
                    self.turn.give_up()
                    if ended := await (self._not_accepted(error) if is_sent else self._not_listed(error)):
                        return ended
                else:
                    self.turn.rejections.clear()
                    return accepted
        except (ApiError, StoppedError) as hindrance:
            then = f"then the run was {hindrance}" if isinstance(hindrance, StoppedError) else f"then {hindrance}"
            if self._lost:
                return self._ended(Outcome.UNKNOWN, f"{self._lost}; {then}")
            if self._rejected:
                return self._ended(Outcome.FAILED, f"{self._rejected}; {then}")
            if isinstance(hindrance, ApiError):
                return self._ended(Outcome.FAILED, hindrance.explanation)
            raise

    def _start(self) -> None:
        if not self._lost:  # otherwise, a list must still show whether the change was carried out
            self.run.clock.checkpoint()
        if not self._is_started:
            self._is_started, self._started = True, self.run.clock.monotonic()
            self.run.emit(Started(action=self.action))

    async def _not_listed(self, error: ApiError) -> Finished | None:
        """Return how the change ended; or None, after a pause in which it holds up no other, to list again.

        Raises:
            FinalError: this error.
        """
        if isinstance(error, FinalError):
            raise error
        # The changes of a server share its failures: a list that always fails must not take ten minutes for each.
        why_not = await self._pause(error, self.run.view.failures[self.action.server_id])
        return self._ended(Outcome.UNKNOWN if self._lost else Outcome.FAILED, why_not) if why_not else None

    async def _not_accepted(self, error: ApiError) -> Backup | Finished | None:
        """Return how the change ended; or None, after a pause, if it may be sent again."""
        match error:
            case OutcomeUnknownError():
                self._lost = error
                self._times_lost += 1
                self.run.view.record_change(self.action.server_id)
                ended = await self._after_loss()
                if ended or not error.retry_after:
                    return ended
            case OutdatedError():
                return None
            case BusyError() | NotSentError():
                # The server may be busy because another client is creating a backup in this very series.
                self.run.view.record_change(self.action.server_id)
            case _:
                return self._failed(error.explanation, is_final=isinstance(error, FinalError))
        why_not = await self._pause(error, self.turn.rejections)
        return self._failed(why_not) if why_not else None

    async def _pause(self, error: ApiError, failures: list[float]) -> str | None:
        """Wait until the change may be sent again, and return None; or return why it is not sent again.

        `failures` are the seconds of the failed attempts before this one, with the pauses. The first rejection of an
        action is shown at once. A pause that would exceed the deadline, or `PATIENCE`, is not started.

        Raises:
            StoppedError: stopped while waiting.
        """
        is_first = self._rejected is None
        self._rejected = error
        asked_for = error.retry_after or 0.0
        seconds = asked_for or backoff(len(failures) + 1)
        if asked_for >= min(self.run.clock.seconds_left, PATIENCE):
            return (
                f"rejected, and must not be sent again for {age_text(timedelta(seconds=seconds))}: {error.explanation}"
            )
        took = self.run.clock.monotonic() - self._tried_at
        waited = sum(failures) + took
        if waited + seconds > PATIENCE:
            return f"given up after {age_text(timedelta(seconds=waited))}: {error.explanation}"
        failures.append(took + seconds)
        if is_first:
            self.run.emit(Rejected(action=self.action, explanation=error.explanation, seconds=seconds))
        await self.run.clock.sleep(seconds)
        return None

    def _failed(self, explanation: str, outcome: Outcome = Outcome.FAILED, *, is_final: bool = False) -> Finished:
        """End without success; the outcome is unknown where the response to a create was lost earlier.

        A delete is sent again only once a later list still shows the backup, so it was not carried out.
        """
        is_unknown = self._lost is not None and isinstance(self.action, Create)
        return self._ended(Outcome.UNKNOWN if is_unknown else outcome, explanation, is_final=is_final)

    def _ended(
        self,
        outcome: Outcome,
        explanation: str,
        backup: Backup | None = None,
        *,
        objection: Objection | None = None,
        is_final: bool = False,
    ) -> Finished:
        return Finished(
            action=self.action,
            outcome=outcome,
            explanation=explanation,
            objection=objection,
            elapsed=self.run.clock.monotonic() - self._started,
            backup=backup,
            is_final=is_final,
        )
