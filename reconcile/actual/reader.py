"""Reads the account as complete lists. This half of the client can't change anything."""

from collections.abc import Awaitable
from dataclasses import replace
from functools import partial

from reconcile.actual.errors import FinalError
from reconcile.actual.http import Http
from reconcile.actual.inventory import AUTOMATIC, MANUAL, Backup, Inventory, OddEntry, Server, check_clock
from reconcile.actual.pages import CompleteList, Pages, Query, Value
from reconcile.actual.wire import read_account, read_backups, read_servers
from reconcile.ids import Id
from reconcile.tasks import side_by_side

ATTEMPTS, PATIENT_ATTEMPTS = 5, 8
"""Attempts for a read: some seconds' worth while a person waits, two minutes' worth if backups depend on it."""

_QUICK_ATTEMPTS, _QUICK_PAUSE = 2, 5.0
"""Attempts, and seconds of a pause for one server, for a list that a change relies on: it is read again later."""

_LONGEST_PAUSE = 60.0
"""Seconds of a pause for one server, for a list that is not read again: the others may be waiting for it."""

_NO_PERMISSION = {403, 404}


class Reader:
    """Lists servers and backups; tries every request up to `attempts` times, within the deadline.

    With `asks_account`, observing also requests the account of the token.
    """

    def __init__(self, http: Http, attempts: int = ATTEMPTS, *, asks_account: bool = False) -> None:
        self.http = http
        self._lists, self._patient_lists = Pages(http, attempts), Pages(http, attempts, _LONGEST_PAUSE)
        self._quick_lists = Pages(http, _QUICK_ATTEMPTS, _QUICK_PAUSE)
        self._asks_account = asks_account
        self.pages = 1
        """Number of requests that the last list of the whole account took."""
        self.progress: tuple[int, int] | None = None
        """While observing: the number of backups read so far, and their total (0 if not known yet)."""

    async def observe(
        self, *, automatic: bool = False, server_id: Id | None = None, checks_clock: bool = True
    ) -> Inventory:
        """List all servers, and the manual backups of all or of one; with `automatic`, the automatic ones too.

        Raises:
            ApiError: the service does not respond, rejects the request, or lists fewer entries than it counts.
            UserError: with `checks_clock`, our clock and the service's differ by more than `LARGEST_SKEW`.
            StoppedError: interrupted, or out of time.
        """
        listing: CompleteList[Backup]
        servers: CompleteList[Server] | None
        self.progress = (0, 0)
        try:
            with self.http.clock.interruptible():
                listing, servers, account = await side_by_side(
                    partial(self._backups, automatic=automatic, server_id=server_id, lists=self._lists),
                    self.servers,
                    self._account,
                )
        finally:
            self.progress = None
        inventory = Inventory(
            base_url=self.http.base_url,
            servers=servers.items if servers else None,
            backups=tuple(backup for backup in listing.items if server_id in {None, backup.server_id}),
            unidentified=(*listing.unidentified, *(servers.unidentified if servers else ())),
            observed_at=listing.observed_at,
            service_time=listing.date,
            account=account,
        )
        if checks_clock:
            check_clock(inventory)
        return inventory

    async def backups(
        self, server_id: Id | None = None, *, automatic: bool = False, is_quick: bool = False
    ) -> tuple[Backup | OddEntry, ...]:
        """List only backups, as `observe` does, and raise as it does; with `is_quick`, after two attempts.

        Also returns the entries that can't be read, and those of an unknown type or another server: such an entry may
        be a backup that is otherwise missing.
        """
        lists = self._quick_lists if is_quick else self._patient_lists
        listing = await self._backups(automatic=automatic, server_id=server_id, lists=lists)
        entries = (
            backup
            if server_id in {None, backup.server_id}
            else OddEntry(kind="backup", id=backup.id, unreadable=("server.id",), server_id=backup.server_id)
            for backup in listing.items
        )
        return (*entries, *listing.unidentified)

    async def servers(self) -> CompleteList[Server] | None:
        """List only the servers, and raise as `observe` does; None if the token has no permission to list them."""
        return await _if_permitted(self._lists.whole(Query(path="/servers/", params={}, decode=read_servers)))

    async def _account(self) -> str | None:
        if not self._asks_account:
            return None
        found = await _if_permitted(self._lists.read("/account/me/", lambda body, _: read_account(body)))
        return found[0] if found else None

    async def _backups(self, *, automatic: bool, server_id: Id | None, lists: Pages) -> CompleteList[Backup]:
        params: dict[str, str | int] = {} if automatic else {"backup_type": MANUAL}
        if server_id is not None:
            params["server_id"] = server_id
        query = Query(path="/backups/", params=params, decode=read_backups, progress=self._show_progress)
        listing = await lists.whole(query)
        if server_id is None:
            self.pages = listing.pages
        # The service filters too, but no automatic backup must ever pass this point.
        return replace(
            listing,
            items=tuple(backup for backup in listing.items if automatic or backup.backup_type == MANUAL),
            unidentified=(
                *listing.unidentified,
                *(
                    OddEntry(kind="backup", id=backup.id, unreadable=("backup_type",), server_id=backup.server_id)
                    for backup in listing.items
                    if not automatic and backup.backup_type not in {MANUAL, AUTOMATIC}
                ),
            ),
        )

    def _show_progress(self, read: int, total: int) -> None:
        if self.progress:
            self.progress = (read, total)


async def _if_permitted(reading: Awaitable[Value]) -> Value | None:
    """Return what is read; None if the token has no permission to read it."""
    try:
        return await reading
    except FinalError as error:
        if error.status in _NO_PERMISSION:
            return None
        raise
