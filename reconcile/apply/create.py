"""Creates one backup exactly once, on a service whose create is not idempotent and whose responses get lost.

The first hazard: the service may have carried out a create although no response came. Sending it again at once may
create two backups; giving up may leave none. Only the list shows which, and the list may lag behind by some seconds.
So this module lists the series after every lost response; a backup that was not there before is ours. It repeats the
create only when the list, read again after a pause, still shows no new backup.

The second hazard: if the service stores or lists a backup differently from how it was sent, the next run does not
recognise it, and every run creates another. So a create counts only once a list shows the backup as it was sent.
"""

import math
from dataclasses import dataclass, field, replace
from datetime import datetime

import anyio

from reconcile.actual.errors import AcceptedError, ApiError
from reconcile.actual.inventory import Backup, State
from reconcile.apply.attempt import Attempt
from reconcile.apply.slots import Permit
from reconcile.apply.watch import NEVER_LISTED
from reconcile.clock import Stop, StoppedError
from reconcile.ids import Id, id_order
from reconcile.outcomes import Announced, Finished, Outcome, Waiting
from reconcile.plan.as_sent import altered, hidden, is_as_sent, why_it_does_not_count
from reconcile.plan.look_alikes import is_variant
from reconcile.plan.model import Create, SeriesPlan
from reconcile.plan.series_state import is_usable

SETTLE = 30.0
"""Seconds after a lost response until a list without a new backup is trusted."""

MOST_SENT = 3
"""Maximum number of times that a create is sent, if its responses get lost."""

_CLOSED = "not started: this run creates no more backups"


@dataclass(kw_only=True)
class Creation(Attempt):
    """One create, from the first list to the list that shows the backup as completed.

    On one server, the caller starts the next creation only once `moved_on` is set: this creation has ended, or its
    backup hangs.
    """

    action: Create
    series: SeriesPlan
    rank: float = 0
    moved_on: anyio.Event = field(default_factory=anyio.Event)
    _slot: Permit = field(init=False)
    _dated_from: datetime = field(init=False)
    """When this creation started: a backup that is much older is not the new one."""
    _sent_at: float = field(init=False)
    """When the last request was sent, by the monotonic clock."""
    _latest: Backup = field(init=False)
    """The new backup, as it was last seen."""
    _known: frozenset[Id] = frozenset()
    """The backups on the server in the list that the last request relied on."""
    _before_lost: frozenset[Id] = frozenset()
    """The backups listed before the first create whose response was lost: none of them is ours."""

    async def carry_out(self) -> Finished:
        """Create the backup and, if the run waits, wait until it is completed.

        Raises:
            StoppedError: stopped before anything was sent.
        """
        self._slot = Permit(lambda: self.run.slots.acquire(self.rank), self.run.slots.release)
        try:
            await self._slot.take()
            if self.run.slots.is_closed:
                return Finished(action=self.action, outcome=Outcome.NOT_STARTED, explanation=_CLOSED)
            self._dated_from = self.run.clock.now()
            sent = await self.send()
            self.turn.give_up()
            return sent if isinstance(sent, Finished) else await self._see_completed(sent)
        finally:
            self.turn.give_up()
            self._slot.give_up()
            self.moved_on.set()

    async def _look(self) -> Backup | Finished | None:
        """Return None if a fresh list shows that the create may be sent (again); else the backup, or how it ended."""
        before = await self.run.view.fresh(self.action.server_id, by_itself=True)
        self._known = frozenset(backup.id for backup in before)
        if self._lost and (found := self._find(before)):
            return found
        if new := self._new_members(before):
            return self._failed(f"the series gained {', '.join(new)} meanwhile", Outcome.SKIPPED)
        if self.run.slots.is_closed:
            return self._failed(_CLOSED, Outcome.NOT_STARTED)
        if self._times_lost == MOST_SENT:
            return self._failed(f"sent {MOST_SENT} times, but no list shows it; last error: {self._lost}")
        return None

    def _new_members(self, listed: tuple[Backup, ...]) -> list[str]:
        """Return the ids of the listed backups that count for the series now, and did not when the run was planned.

        Another client may have created them, perhaps with the description from before a rename; or they were stalled.
        """
        planned, idle, now = self.series.ids, self.series.idle, self.run.clock.now()
        return [
            f"#{backup.id}"
            for backup in listed
            if backup.description in self.series.descriptions
            and (is_usable(backup, now) if backup.id in idle else backup.id not in planned)
            and backup.state is not State.FAILED
        ]

    async def _request(self) -> Backup | Finished:
        self._sent_at = self.run.clock.monotonic()
        try:
            backup = await self.run.writer.create(self.action.server_id, self.action.description)
        except ApiError as error:
            if error.is_pushback:
                self.run.slots.pushed_back(sent_at=self._sent_at, now=self.run.clock.monotonic())
            raise
        self.run.view.record_change(self.action.server_id)
        if backup.id in self._known:
            # The service deduplicates. If this counted as the new backup, retention would delete it as the old one.
            return self._ended(Outcome.FAILED, f"the service responded with #{backup.id}, which already existed")
        if backup.description is None:
            # The response does not say what was stored; the list will.
            backup = replace(backup, description=self.action.description)
        (backup,) = self.run.view.min_sizes.judged([backup])
        return backup if is_as_sent(self.action, backup) else self._altered(backup)

    async def _after_loss(self) -> Backup | Finished | None:
        if self._times_lost == 1:
            self._before_lost = self._known
        is_accepted, clock = isinstance(self._lost, AcceptedError), self.run.clock
        gives_up_at = clock.monotonic() + (NEVER_LISTED if is_accepted else SETTLE)
        self.run.emit(Announced(text=f"{self.action.address}: looking for the backup in the list: {self._lost}"))
        while not (found := self._find(await self.run.view.fresh(self.action.server_id, is_quick=False))):
            if clock.monotonic() >= gives_up_at:
                break
            await clock.sleep(SETTLE)
        if found or not is_accepted:
            return found
        self.run.stop_creating(hidden(self.action))
        return self._ended(Outcome.UNKNOWN, f"{self._lost}; no list shows the backup")

    async def _pause(self, error: ApiError, failures: list[float]) -> str | None:
        # A rejected create is not in progress, and must not delay those that were not sent yet.
        self._slot.give_up()
        self.rank = math.inf
        if why_not := await super()._pause(error, failures):
            return why_not
        await self._slot.take()
        return None

    def _find(self, listed: tuple[Backup, ...]) -> Backup | Finished | None:
        """Return the result of a create whose response was lost, or None if the list shows no new backup.

        A backup that was not there before is ours, however late the list shows it. If a new entry can't be read, it may
        be ours, so nothing more is sent.
        """
        sent, known = self.action.description, self._before_lost | self.series.ids
        new = [backup for backup in listed if backup.id not in known]
        if ours := [backup for backup in new if backup.description == sent]:
            return _best(ours)
        if variants := [backup for backup in new if is_variant(sent, backup.description)]:
            return self._altered(_best(variants))
        unclear = next((backup for backup in new if "description" in backup.unreadable), None)
        odd = unclear or self.run.view.possible_entry(self.action.server_id)
        if odd is None or isinstance(self._lost, AcceptedError):
            return None
        fields = " and ".join(odd.unreadable)
        return self._ended(Outcome.UNKNOWN, f"{self._lost}; a new entry with an unreadable {fields} may be the backup")

    async def _see_completed(self, backup: Backup) -> Finished:  # noqa: C901, PLR0911 - one for each way in which it ends
        """Wait until a list shows the new backup as completed, or, if the run does not wait, until a list shows it."""
        slots, waits = self.run.slots, self.run.options.wait
        self._latest = backup
        try:
            if not slots.is_confirmed:
                self._report(backup)
                listed = await self.run.watch.listed(backup)
                if listed is None:
                    return self._hidden()
                if not is_as_sent(self.action, listed):
                    return self._altered(listed)
                self._latest = listed
                if listed.is_identified:  # otherwise, it is not certain until it is completed
                    slots.confirm()
            if not waits:
                if self._has_ended_badly:
                    return self._judged(self._latest)
                return self._ended(Outcome.SUCCEEDED, "started", self._latest)
            self._report(self._latest)
            settled = await self.run.watch.settled(self._latest, self._report, is_new=self._latest is backup)
        except StoppedError as stopped:
            if self._has_ended_badly:
                return self._judged(self._latest)
            why = "interrupted" if stopped.reason is Stop.INTERRUPTED else "not completed in time"
            standing = (
                f"its status is {self._latest.status!r}, which reconcile does not know"
                if self._latest.state is State.UNKNOWN
                else "counted by the next apply"
            )
            return self._ended(Outcome.IN_PROGRESS, f"{why}; {standing}", self._latest)
        except ApiError as error:
            return self._ended(
                Outcome.UNKNOWN, f"#{backup.id} was started, but the list can't be read: {error.explanation}", backup
            )
        if settled is None and self._latest is backup:
            return self._hidden()
        return self._judged(settled)

    @property
    def _has_ended_badly(self) -> bool:
        """Whether the new backup was last seen neither usable nor in progress."""
        return self._latest.state not in {State.USABLE, State.PENDING, State.UNKNOWN}

    def _report(self, current: Backup) -> None:
        """Report a backup that is still in progress; once it hangs, let the others continue."""
        clock = self.run.clock
        self._latest = current
        if self.run.slots.is_hung(clock.monotonic() - self._sent_at):
            self._slot.give_up()
            self.moved_on.set()
        elapsed = clock.monotonic() - self._started
        self.run.emit(Waiting(address=self.action.address, backup=current, elapsed=elapsed))

    def _judged(self, settled: Backup | None) -> Finished:
        """Decide whether a new backup that has ended counts."""
        clock, slots = self.run.clock, self.run.slots
        if settled and not is_as_sent(self.action, settled):
            return self._altered(settled)
        if why_not := why_it_does_not_count(self._latest, settled, self._dated_from, clock.now()):
            slots.pushed_back(sent_at=self._sent_at, now=clock.monotonic())
            return self._ended(Outcome.FAILED, why_not)
        slots.completed(clock.monotonic() - self._sent_at)
        return self._ended(Outcome.SUCCEEDED, "completed", settled)

    def _altered(self, stored: Backup) -> Finished:
        self.run.stop_creating(altered(self.action, stored))
        return self._ended(Outcome.FAILED, f"the service stored #{stored.id} differently from how it was sent")

    def _hidden(self) -> Finished:
        self.run.stop_creating(hidden(self.action, self._latest))
        return self._ended(Outcome.FAILED, f"the service accepted #{self._latest.id}, but no list shows it")


def _best(backups: list[Backup]) -> Backup:
    """Return the newest backup that has not failed, or the newest failed one if all have failed."""
    return max(backups, key=lambda backup: (backup.state is not State.FAILED, backup.created_at, id_order(backup.id)))
