"""One backup, from the create to the list that shows it completed; only then may anything depend on it."""

from dataclasses import dataclass, replace
from datetime import datetime

import anyio

from reconcile.actual.errors import ApiError
from reconcile.actual.inventory import Backup, State
from reconcile.apply.account import AccountView
from reconcile.apply.create import Altered, CreateOnce, Made, NotMade, is_as_sent
from reconcile.apply.in_progress import InProgressLimit
from reconcile.apply.run import Run
from reconcile.apply.watch import Watch
from reconcile.clock import Stop, StoppableClock, StoppedError
from reconcile.diagnostics import Diagnostic
from reconcile.durations import age_text
from reconcile.ids import Id
from reconcile.outcomes import Finished, Noted, Outcome, Started, Waiting
from reconcile.plan.model import Create
from reconcile.plan.series import MISDATED_BEYOND, is_misdated


class Maker:
    """Makes backups exactly once and waits for them, as many at a time as the service can carry.

    `watch` must be running wherever something is waited for.
    """

    def __init__(self, view: AccountView, run: Run) -> None:
        self.watch = Watch(view, run.clock)
        self.notes: list[Diagnostic] = []
        self._clock = run.clock
        self._emit = run.emit
        self._limit = InProgressLimit(run.options.max_in_progress)
        self._slots = anyio.CapacityLimiter(self._limit.size)
        self._create = CreateOnce(view, run.changes, run.clock, self._halve)

    async def __call__(self, create: Create, planned_on: frozenset[Id], *, wait: bool = True) -> Finished:
        """Make a backup of a series in which the plan saw the backups `planned_on`; wait until it is completed.

        Raises:
            StoppedError: stopped before anything was sent.
        """
        slot = _Slot(self._slots)
        await slot.take()
        try:
            return await self._make(create, planned_on, slot, wait=wait)
        finally:
            slot.give_back()

    async def _make(self, create: Create, planned_on: frozenset[Id], slot: "_Slot", *, wait: bool) -> Finished:
        async def pause(seconds: float) -> None:
            # Without the slot: what the service rejects is not in progress, and must not keep the others waiting.
            slot.give_back()
            await self._clock.sleep(seconds)
            await slot.take()

        self._clock.checkpoint()
        self._emit(Started(action=create))
        attempt = _Attempt(create, self._clock, self._clock.monotonic(), self._clock.now())
        try:
            sent = await self._create(create, planned_on, pause)
        except ApiError as error:
            return attempt.ended(Outcome.FAILED, error.explanation)
        match sent:
            case NotMade(outcome, explanation, is_refused):
                return replace(attempt.ended(outcome, explanation), is_refused=is_refused)
            case Altered(backup):
                return self._altered(attempt, backup)
            case Made(backup) if wait:
                return await self._see_completed(attempt, backup, slot)
            case Made(backup):
                return attempt.ended(Outcome.SUCCEEDED, "sent, not waited for", backup)

    async def _see_completed(self, attempt: "_Attempt", backup: Backup, slot: "_Slot") -> Finished:
        begun = self._clock.monotonic()

        def report(current: Backup) -> None:
            if self._limit.is_hung(self._clock.monotonic() - begun):
                slot.give_back()
            self._emit(Waiting(address=attempt.create.address, backup=current, elapsed=attempt.elapsed))

        report(backup)
        try:
            settled = await self.watch.settled(backup, report)
        except StoppedError as stopped:
            why = "interrupted" if stopped.reason is Stop.INTERRUPTED else "not completed in time"
            explanation = f"{why}; #{backup.id} is still in progress, the next apply will count it"
            return attempt.ended(Outcome.UNKNOWN, explanation, backup)
        except ApiError as error:
            return attempt.ended(Outcome.UNKNOWN, f"#{backup.id} was begun, but {error.explanation}", backup)
        if settled and not is_as_sent(attempt.create, settled):
            self._create.note_altered(settled)
            return self._altered(attempt, settled)
        if why_not := _why_it_does_not_count(backup, settled, attempt.started_at, self._clock.now()):
            self._halve(attempt.started)
            return attempt.ended(Outcome.FAILED, why_not)
        self._limit.completed(self._clock.monotonic() - begun)
        self._resize()
        return attempt.ended(Outcome.SUCCEEDED, "completed", settled)

    def _altered(self, attempt: "_Attempt", stored: Backup) -> Finished:
        sent = attempt.create.description
        note = Diagnostic(
            summary=f"the service stored another description than the one sent, as backup #{stored.id}",
            detail=(
                f"Sent was {sent!r}, stored is {stored.description!r}. No more backups are made, since none would be "
                f"recognised. Write {stored.description!r} in the file, or delete #{stored.id}."
            ),
            address=str(attempt.create.address),
        )
        self.notes.append(note)
        self._emit(Noted(diagnostic=note))
        return attempt.ended(Outcome.FAILED, f"stored as {stored.description!r}, #{stored.id}")

    def _halve(self, started: float) -> None:
        self._limit.pushed_back(started_at=started, now=self._clock.monotonic())
        self._resize()

    def _resize(self) -> None:
        self._slots.total_tokens = self._limit.size


@dataclass(eq=False, slots=True)
class _Slot:
    """The place of one backup among those in progress; whoever holds it, any task may give it back."""

    slots: anyio.CapacityLimiter
    is_taken: bool = False

    async def take(self) -> None:
        await self.slots.acquire_on_behalf_of(self)
        self.is_taken = True

    def give_back(self) -> None:
        if self.is_taken:
            self.slots.release_on_behalf_of(self)
        self.is_taken = False


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One create, and when it was begun: by the monotonic clock, in seconds, and by the time of day."""

    create: Create
    clock: StoppableClock
    started: float
    started_at: datetime

    @property
    def elapsed(self) -> float:
        return self.clock.monotonic() - self.started

    def ended(self, outcome: Outcome, explanation: str, backup: Backup | None = None) -> Finished:
        return Finished(
            action=self.create, outcome=outcome, explanation=explanation, elapsed=self.elapsed, backup=backup
        )


def _why_it_does_not_count(made: Backup, settled: Backup | None, started_at: datetime, now: datetime) -> str | None:
    """Return why the planner would not count a new backup; None if it would (spec, section 4.2)."""
    if settled is None:
        return f"#{made.id} is no longer in the list"
    if settled.state is State.UNKNOWN:
        return f"#{settled.id} has the status {settled.status!r}, which reconcile does not know"
    if settled.state is not State.USABLE:
        return f"#{settled.id} ended as {settled.status!r}"
    if is_misdated(settled, now):
        ahead = age_text(settled.created_at - now)
        return f"#{settled.id} is completed, but dated {ahead} in the future: it does not count"
    if (behind := started_at - settled.created_at) > MISDATED_BEYOND:
        return f"#{settled.id} is completed, but dated {age_text(behind)} before it was begun: it does not count"
    return None
