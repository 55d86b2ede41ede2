"""The account as it was last listed, and how long ago that was: nothing is changed on the word of an old list."""

from dataclasses import dataclass

from reconcile.actual.inventory import Backup
from reconcile.apply.service import Lists
from reconcile.clock import Clock
from reconcile.ids import Id

FRESH = 5.0
"""Seconds. The spec's "a few": a list older than this is no ground to create or delete on."""


@dataclass(frozen=True, slots=True)
class _View:
    listed_at: float
    backups: tuple[Backup, ...]


class Account:
    """Lists what is needed when it is needed, and not twice within `FRESH` seconds."""

    def __init__(self, lists: Lists, clock: Clock) -> None:
        self._lists = lists
        self._clock = clock
        self._views: dict[Id, _View] = {}
        self._whole = _View(float("-inf"), ())
        self._changed_at: dict[Id, float] = {}

    async def fresh(self, server_id: Id) -> tuple[Backup, ...]:
        """Return the manual backups of a server from a list that began after our last change to it.

        Raises:
            ApiError, StoppedError: the list could not be had.
        """
        known = max(self._views.get(server_id, self._whole), self._whole, key=lambda view: view.listed_at)
        is_young = self._clock.monotonic() - known.listed_at <= FRESH
        if not is_young or known.listed_at <= self._changed_at.get(server_id, float("-inf")):
            known = await self._list(server_id)
        return tuple(it for it in known.backups if it.server_id == server_id)

    async def refresh(self, servers: frozenset[Id]) -> tuple[Backup, ...]:
        """List anew at least these servers, with one list; returns what it held."""
        (only,) = servers if len(servers) == 1 else (None,)
        return (await self._list(only)).backups

    def changed(self, server_id: Id) -> None:
        """Note that we sent a change to this server: lists from before no longer tell."""
        self._changed_at[server_id] = self._clock.monotonic()

    def gone(self, backup_id: Id) -> None:
        """Note that a backup is deleted for certain: what else the lists show is as fresh as it was."""
        self._whole = _without(self._whole, backup_id)
        self._views = {server_id: _without(view, backup_id) for server_id, view in self._views.items()}

    async def _list(self, server_id: Id | None) -> _View:
        # The age of a list counts from when it was asked for: what happened since, it may not show.
        asked_at = self._clock.monotonic()
        view = _View(asked_at, await self._lists.backups(server_id))
        if server_id is None:
            self._whole = view
        else:
            self._views[server_id] = view
        return view


def _without(view: _View, backup_id: Id) -> _View:
    return _View(view.listed_at, tuple(it for it in view.backups if it.id != backup_id))
