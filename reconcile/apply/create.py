"""How one backup is made exactly once, on a service whose create is not idempotent and whose answers get lost.

The hazard: a create that was sent may have been carried out although no answer came. Sent again at once it makes two;
given up at once it makes none. Only the list shows which it was, and the list may lag behind by some seconds. So
after every lost answer the series is listed; what is there now and was not before is ours; only when the list, read
again after a pause, still shows nothing new is the create repeated.
"""

import unicodedata
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from reconcile.actual.backoff import wait_after
from reconcile.actual.errors import ApiError, BusyError, NotSentError, OutcomeUnknownError, RefusedError
from reconcile.actual.inventory import MANUAL, Backup, State
from reconcile.apply.account import AccountView
from reconcile.apply.service import Changes
from reconcile.clock import StoppableClock, StoppedError
from reconcile.ids import Id, id_order
from reconcile.outcomes import Outcome
from reconcile.plan.model import Create

SETTLE = 30.0
"""Seconds after a lost answer until a list that shows nothing new is trusted."""

MOST_SENT = 3
"""How often a create is sent at most, if its answers get lost."""

Pause = Callable[[float], Awaitable[None]]

_ALTERING = "not started: the service alters descriptions, so no more backups are made"
_MOST_NOT_SENT = 10
_SHORTEST_CUT = 16


@dataclass(frozen=True, slots=True)
class Made:
    """The service has made the backup as requested."""

    backup: Backup


@dataclass(frozen=True, slots=True)
class Altered:
    """The service has stored another description, so the next run would not recognise the backup."""

    backup: Backup


@dataclass(frozen=True, slots=True)
class NotMade:
    """It was not made by us, or it is unknown whether it was; `is_refused` where trying again would not help."""

    outcome: Outcome
    explanation: str
    is_refused: bool = False


class CreateOnce:
    """Sends creates. The caller makes sure that there is one at a time on one server.

    Once the service has stored another description than the one sent, no more are sent: the next run would not
    recognise such backups, and would make them again every time.
    """

    def __init__(
        self, view: AccountView, changes: Changes, clock: StoppableClock, pushed_back: Callable[[float], None]
    ) -> None:
        """Make one for a run; `pushed_back` is called with the time of each request that the service throttled."""
        self._view = view
        self._changes = changes
        self._clock = clock
        self._pushed_back = pushed_back
        self._is_altering = False

    async def __call__(self, create: Create, planned_on: frozenset[Id], pause: Pause) -> Made | Altered | NotMade:
        """Make one backup of a series in which the plan saw the backups `planned_on`.

        `pause` is called with the seconds to wait before a create that was rejected is sent again.

        Raises:
            StoppedError, ApiError: stopped, or the list could not be read, before anything was sent.
        """
        attempts = _Attempts()
        try:
            while True:
                before = await self._view.fresh(create.server_id, by_itself=True)
                if verdict := self._may_send(create, before, planned_on, attempts):
                    return verdict
                if sent := await self._send(create, before, attempts, pause):
                    return sent
        except (StoppedError, ApiError) as hindrance:
            if attempts.lost is None:
                raise
            return NotMade(Outcome.UNKNOWN, f"{attempts.lost}; and then {hindrance}")

    def note_altered(self, backup: Backup) -> Altered:
        """Send no more creates, because the service has stored this one under another description."""
        self._is_altering = True
        return Altered(backup)

    def _may_send(
        self, create: Create, before: tuple[Backup, ...], planned_on: frozenset[Id], attempts: "_Attempts"
    ) -> Made | NotMade | None:
        """Return None if a fresh list shows that one is still to be made, and it may be sent (again)."""
        if attempts.lost and (ours := _newcomers(create, before, attempts.known | planned_on)):
            return Made(_best(ours))  # what was not there before is ours, however late the list shows it
        # Somebody may still use the description from before a rename: that one is never ours, and counts all the same.
        members = [backup for backup in before if backup.description in (create.description, *create.renamed_from)]
        new = [backup for backup in members if backup.id not in planned_on]
        if others := [backup for backup in new if backup.state is not State.FAILED]:
            ids = ", ".join(f"#{backup.id}" for backup in others)
            return NotMade(attempts.or_unknown(Outcome.SKIPPED), f"another client created {ids} meanwhile")
        if self._is_altering:
            return NotMade(attempts.or_unknown(Outcome.NOT_STARTED), _ALTERING)
        if attempts.are_used_up:
            explanation = f"sent {MOST_SENT} times, the list shows none; the last time {attempts.lost}"
            return NotMade(Outcome.UNKNOWN, explanation)
        return None

    async def _send(
        self, create: Create, before: tuple[Backup, ...], attempts: "_Attempts", pause: Pause
    ) -> Made | Altered | NotMade | None:
        """Send one create; None if it was not carried out and may be sent again."""
        self._clock.checkpoint()
        known = frozenset(backup.id for backup in before)
        sent_at = self._clock.monotonic()
        try:
            backup = await self._changes.create(create.server_id, create.description)
        except OutcomeUnknownError as error:
            if error.is_pushback:
                self._pushed_back(sent_at)
            attempts.lose(error, known)
            self._view.changed(create.server_id)
            return await self._look_for(create, known) or await self._look_again_for(create, known)
        except (BusyError, NotSentError) as error:
            if error.is_pushback:
                self._pushed_back(sent_at)
            attempts.rejected += 1
            if isinstance(error, NotSentError) and attempts.rejected >= _MOST_NOT_SENT:
                return NotMade(attempts.or_unknown(Outcome.FAILED), str(error))
            # A server that is busy may be so with somebody's backup of this very series.
            self._view.changed(create.server_id)
            await pause(wait_after(error, attempts.rejected))
            return None
        except RefusedError as error:
            return NotMade(attempts.or_unknown(Outcome.FAILED), error.explanation, is_refused=True)
        self._view.changed(create.server_id)
        if backup.id in known:
            # The service deduplicates. If this counted as a new backup, retention would delete it as the old one.
            return NotMade(Outcome.FAILED, f"the service answered with #{backup.id}, which was there before")
        return Made(backup) if is_as_sent(create, backup) else self.note_altered(backup)

    async def _look_again_for(self, create: Create, known: frozenset[Id]) -> Made | Altered | None:
        await self._clock.sleep(SETTLE)
        return await self._look_for(create, known)

    async def _look_for(self, create: Create, known: frozenset[Id]) -> Made | Altered | None:
        listed = await self._view.fresh(create.server_id)
        if ours := _newcomers(create, listed, known):
            return Made(_best(ours))
        altered = [
            backup
            for backup in listed
            if backup.id not in known and _is_variant(create.description, backup.description)
        ]
        return self.note_altered(_best(altered)) if altered else None


@dataclass(slots=True)
class _Attempts:
    """What became of the requests so far: rejected ones were certainly not carried out, lost ones may have been."""

    rejected: int = 0
    lost: OutcomeUnknownError | None = None
    known: frozenset[Id] = frozenset()
    """What was there before the first create whose answer was lost: none of it is ours."""
    _times_lost: int = 0

    def lose(self, error: OutcomeUnknownError, known: frozenset[Id]) -> None:
        self.known = known if self.lost is None else self.known
        self.lost = error
        self._times_lost += 1

    @property
    def are_used_up(self) -> bool:
        return self._times_lost == MOST_SENT

    def or_unknown(self, outcome: Outcome) -> Outcome:
        """Return `outcome`, or that it is unknown if an earlier answer was lost."""
        return Outcome.UNKNOWN if self.lost else outcome


def is_as_sent(create: Create, stored: Backup) -> bool:
    """Return whether the service has stored what was sent."""
    sent = (create.server_id, create.description, MANUAL)
    return (stored.server_id, stored.description, stored.backup_type) == sent


def _newcomers(create: Create, listed: tuple[Backup, ...], known: frozenset[Id]) -> list[Backup]:
    """Return the backups with the description that is sent that are not `known`."""
    return [backup for backup in listed if backup.description == create.description and backup.id not in known]


def _best(backups: list[Backup]) -> Backup:
    """Return the newest, one that has not failed if there is one."""
    return max(backups, key=lambda backup: (backup.state is not State.FAILED, backup.created_at, id_order(backup.id)))


def _is_variant(sent: str, stored: str | None) -> bool:
    """Return whether `stored` may be what the service made of `sent`: trimmed, folded, or cut to a maximum length.

    Asked only of backups that appeared while an answer was lost; a wrong yes stops further creates, a wrong no
    would send this one again for ever.
    """
    if not stored or stored == sent:
        return False
    return _folded(stored) == _folded(sent) or (len(stored) >= _SHORTEST_CUT and sent.startswith(stored.strip()))


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
