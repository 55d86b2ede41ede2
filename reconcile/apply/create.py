"""How one backup is made exactly once, on a service whose create is not idempotent and whose answers get lost.

The hazard: a create that was sent may have been carried out although no answer came. Sent again at once it makes two;
given up at once it makes none. Only the list can tell which it was, and the list may lag behind by some seconds. So
after every lost answer the series is listed; what is there now and was not before is ours; only when the list, read
again after a pause, still shows nothing new is the create repeated.
"""

import unicodedata
from dataclasses import dataclass

from reconcile.actual.errors import ApiError, BusyError, NotSentError, OutcomeUnknownError, RefusedError
from reconcile.actual.inventory import MANUAL, Backup, State
from reconcile.apply.account import Account
from reconcile.apply.backoff import backoff
from reconcile.apply.service import Changes
from reconcile.clock import Clock, StoppedError
from reconcile.ids import Id, id_order
from reconcile.plan.events import Outcome
from reconcile.plan.model import Create

SETTLE = 30.0
"""Seconds until the list is believed when it shows nothing new after a lost answer."""

MOST_SENT = 3
"""How often a create whose answer is lost is sent at the most."""

_ALTERING = "not started: the service alters descriptions, so no more backups are made"
_MOST_NOT_SENT = 10
_SHORTEST_CUT = 16


@dataclass(frozen=True, slots=True)
class Made:
    """The service has it, and it is the one we asked for."""

    backup: Backup


@dataclass(frozen=True, slots=True)
class Altered:
    """The service has it under another description: the next run would not recognise it."""

    backup: Backup


@dataclass(frozen=True, slots=True)
class NotMade:
    """It was not made by us, or we can't tell."""

    outcome: Outcome
    words: str


class CreateOnce:
    """Sends creates; one at a time on one server, which the caller sees to.

    Once the service has stored another description than the one sent, no more are sent: the next run would not
    recognise such backups, and would make them again for ever.
    """

    def __init__(self, account: Account, service: Changes, clock: Clock) -> None:
        self._account = account
        self._service = service
        self._clock = clock
        self._is_altering = False

    async def __call__(self, create: Create, planned_on: frozenset[Id]) -> Made | Altered | NotMade:
        """Make one backup of a series in which the plan saw the backups `planned_on`.

        Raises:
            StoppedError, ApiError: stopped, or the list could not be read, before anything was sent.
        """
        tries = _Tries()
        try:
            while True:
                before = await self._account.fresh(create.server_id)
                verdict = self._may_send(create, before, planned_on, tries) or await self._send(create, before, tries)
                if verdict is not None:
                    return verdict
        except (StoppedError, ApiError) as hindrance:
            if tries.lost is None:
                raise
            return NotMade(Outcome.UNKNOWN, f"{tries.lost}; and then {hindrance}")

    def _may_send(
        self, create: Create, before: tuple[Backup, ...], planned_on: frozenset[Id], tries: "_Tries"
    ) -> Made | NotMade | None:
        """Return None if a fresh list shows that one is still to be made, and we may send (again)."""
        new = _newcomers(create, before, planned_on)
        if new and tries.lost:
            return Made(_best(new))  # what was not there before is ours, however late the list shows it
        if others := [it for it in new if it.state is not State.FAILED]:
            return _somebody_else_made(others)
        if self._is_altering:
            return NotMade(Outcome.UNKNOWN if tries.lost else Outcome.NOT_STARTED, _ALTERING)
        if tries.most_lost:
            return NotMade(Outcome.UNKNOWN, f"sent {MOST_SENT} times, the list shows none; the last time {tries.lost}")
        return None

    async def _send(
        self, create: Create, before: tuple[Backup, ...], tries: "_Tries"
    ) -> Made | Altered | NotMade | None:
        """Send one create; None if it was not carried out and may be sent again."""
        await self._clock.sleep(0)  # nothing new is started once it is time to stop
        try:
            backup = await self._service.create(create.server_id, create.description)
        except OutcomeUnknownError as error:
            tries.lose(error)
            self._account.changed(create.server_id)
            known = frozenset(it.id for it in before)
            return await self._look_for(create, known) or await self._look_again_for(create, known)
        except (BusyError, NotSentError) as error:
            tries.rejected += 1
            if isinstance(error, NotSentError) and tries.rejected >= _MOST_NOT_SENT:
                return NotMade(Outcome.UNKNOWN if tries.lost else Outcome.FAILED, str(error))
            asked = error.retry_after if isinstance(error, BusyError) else None
            await self._clock.sleep(asked or backoff(tries.rejected))
            return None
        except RefusedError as error:
            return NotMade(Outcome.UNKNOWN if tries.lost else Outcome.FAILED, str(error))
        self._account.changed(create.server_id)
        return Made(backup) if _is_as_sent(create, backup) else self._altered(backup)

    async def _look_again_for(self, create: Create, known: frozenset[Id]) -> Made | Altered | None:
        await self._clock.sleep(SETTLE)
        return await self._look_for(create, known)

    async def _look_for(self, create: Create, known: frozenset[Id]) -> Made | Altered | None:
        listed = await self._account.fresh(create.server_id)
        if ours := _newcomers(create, listed, known):
            return Made(_best(ours))
        altered = [it for it in listed if it.id not in known and _is_variant(create.description, it.description)]
        return self._altered(_best(altered)) if altered else None

    def _altered(self, backup: Backup) -> Altered:
        self._is_altering = True
        return Altered(backup)


@dataclass(slots=True)
class _Tries:
    """What became of the requests so far: rejected ones were certainly not carried out, lost ones may have been."""

    rejected: int = 0
    lost: OutcomeUnknownError | None = None
    _times_lost: int = 0

    def lose(self, error: OutcomeUnknownError) -> None:
        self.lost = error
        self._times_lost += 1

    @property
    def most_lost(self) -> bool:
        return self._times_lost == MOST_SENT


def _newcomers(create: Create, listed: tuple[Backup, ...], known: frozenset[Id]) -> list[Backup]:
    """Return the backups of the series that are not `known`."""
    return [it for it in listed if it.description == create.description and it.id not in known]


def _best(backups: list[Backup]) -> Backup:
    """Return the newest, one that has not failed if there is one."""
    return max(backups, key=lambda it: (it.state is not State.FAILED, it.created_at, id_order(it.id)))


def _somebody_else_made(others: list[Backup]) -> NotMade:
    ids = ", ".join(f"#{it.id}" for it in others)
    return NotMade(Outcome.SKIPPED, f"somebody else made {ids} meanwhile")


def _is_as_sent(create: Create, stored: Backup) -> bool:
    sent = (create.server_id, create.description, MANUAL)
    return (stored.server_id, stored.description, stored.backup_type) == sent


def _is_variant(sent: str, stored: str | None) -> bool:
    """Tell whether `stored` may be what the service made of `sent`: trimmed, folded, or cut to a maximum length.

    Asked only of backups that appeared while an answer was lost; a wrong yes stops further creates, a wrong no
    would send this one again for ever.
    """
    if not stored or stored == sent:
        return False
    return _folded(stored) == _folded(sent) or (len(stored) >= _SHORTEST_CUT and sent.startswith(stored.strip()))


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
