"""How one backup is made exactly once, on a service whose create is not idempotent and whose answers get lost.

The hazard: a create that was sent may have been carried out although no answer came. Sent again at once it makes two;
given up at once it makes none. Only the list can tell which it was, and the list may lag behind by some seconds. So
after every lost answer the series is listed; what is there now and was not before is ours; only when the list, read
again after a pause, still shows nothing new is the create repeated.
"""

import unicodedata
from dataclasses import dataclass

from reconcile.actual.clock import Clock, StoppedError
from reconcile.actual.errors import ApiError, BusyError, NotSentError, OutcomeUnknownError, RefusedError
from reconcile.actual.inventory import MANUAL, Backup, Health, Id
from reconcile.apply.account import Account
from reconcile.apply.service import Changes
from reconcile.plan.address import id_order
from reconcile.plan.events import Outcome
from reconcile.plan.model import Create

SETTLE = 30.0
"""Seconds until the list is believed when it shows nothing new after a lost answer."""

MOST_SENT = 3
"""How often a create whose answer is lost is sent at the most."""

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 60.0
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
    """Sends creates; one at a time on one server, which the caller sees to."""

    def __init__(self, account: Account, service: Changes, clock: Clock) -> None:
        self._account = account
        self._service = service
        self._clock = clock

    async def __call__(self, create: Create, planned_on: frozenset[Id]) -> Made | Altered | NotMade:
        """Make one backup of a series in which the plan saw the backups `planned_on`.

        Raises:
            StoppedError: before anything was sent.
            ApiError: the list could not be read, before anything was sent.
        """
        lost = rejected = 0
        while True:
            before = await self._account.fresh(create.server_id)
            if others := _newcomers(create, before, planned_on):
                # After a lost answer, what was not there before is ours, however late the list shows it.
                return Made(_best(others)) if lost else _somebody_else_made(others)
            if lost == MOST_SENT:
                return NotMade(Outcome.UNKNOWN, f"sent {lost} times without an answer, and the list shows none")
            try:
                await self._clock.sleep(0)  # nothing new is started once it is time to stop
                backup = await self._service.create(create.server_id, create.description)
            except OutcomeUnknownError as error:
                lost += 1
                self._account.changed(create.server_id)
                if (settled := await self._settle(create, before, error)) is not None:
                    return settled
            except (BusyError, NotSentError) as error:
                rejected += 1
                if gave_up := await self._pause(error, rejected, lost):
                    return gave_up
            except RefusedError as error:
                return NotMade(Outcome.UNKNOWN if lost else Outcome.FAILED, str(error))
            else:
                self._account.changed(create.server_id)
                return Made(backup) if _is_as_sent(create, backup) else Altered(backup)

    async def _settle(
        self, create: Create, before: tuple[Backup, ...], lost: OutcomeUnknownError
    ) -> Made | Altered | NotMade | None:
        """Find out from the list what became of a create whose answer was lost; None if it was not carried out."""
        known = frozenset(it.id for it in before)
        try:
            return await self._look_for(create, known) or await self._look_again_for(create, known)
        except StoppedError as stopped:
            return NotMade(Outcome.UNKNOWN, f"{lost}; {stopped.reason} before the list could tell")
        except ApiError as unreadable:
            return NotMade(Outcome.UNKNOWN, f"{lost}; and then {unreadable}")

    async def _look_again_for(self, create: Create, known: frozenset[Id]) -> Made | Altered | None:
        await self._clock.sleep(SETTLE)
        return await self._look_for(create, known)

    async def _look_for(self, create: Create, known: frozenset[Id]) -> Made | Altered | None:
        listed = await self._account.fresh(create.server_id)
        if ours := _newcomers(create, listed, known):
            return Made(_best(ours))
        altered = [it for it in listed if it.id not in known and _is_variant(create.description, it.description)]
        return Altered(_best(altered)) if altered else None

    async def _pause(self, error: BusyError | NotSentError, rejected: int, lost: int) -> NotMade | None:
        """Wait before a create that was certainly not carried out is sent again; None if it may be."""
        asked = error.retry_after if isinstance(error, BusyError) else None
        if isinstance(error, NotSentError) and rejected >= _MOST_NOT_SENT:
            return NotMade(Outcome.UNKNOWN if lost else Outcome.FAILED, str(error))
        try:
            await self._clock.sleep(asked or min(_FIRST_PAUSE * 2 ** (rejected - 1), _LONGEST_PAUSE))
        except StoppedError as stopped:
            if not lost:
                raise
            return NotMade(Outcome.UNKNOWN, f"{error}; {stopped.reason} before the list could tell")
        return None


def _newcomers(create: Create, listed: tuple[Backup, ...], known: frozenset[Id]) -> list[Backup]:
    """Return the backups of the series that are not `known`; a failed one is none that anybody has made."""
    series = (it for it in listed if it.description == create.description)
    return [it for it in series if it.id not in known and it.health is not Health.FAILED]


def _best(backups: list[Backup]) -> Backup:
    return max(backups, key=lambda it: (it.created_at, id_order(it.id)))


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
