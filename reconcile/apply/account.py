"""The account as it was last listed, and when: no change may rely on an old list."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from operator import attrgetter

from reconcile.actual.errors import ApiError
from reconcile.actual.http import FRESH
from reconcile.actual.inventory import Backup, Inventory, OddEntry, State
from reconcile.actual.reader import Reader
from reconcile.clock import Clock
from reconcile.desired.min_sizes import DEFAULT, MinSizes
from reconcile.ids import Id
from reconcile.tasks import side_by_side

_AVOIDED_FOR = 10
"""If looking with the list of the account fails, it is avoided for this many times the time that it took."""

_NEVER = float("-inf")

_ids = attrgetter("kind", "server_id", "id")


@dataclass(frozen=True, slots=True)
class Listing:
    """The manual backups of one server, and when (by the monotonic clock) the list that shows them was requested."""

    asked_at: float
    backups: tuple[Backup, ...]
    odd: Mapping[Id | None, OddEntry] = field(default_factory=dict)
    """The unreadable entries that have an id, by it."""
    new_odd: tuple[OddEntry, ...] = ()
    """The unreadable entries that were not listed when the run was planned."""
    is_whole: bool = False
    """Whether the list was that of the whole account."""


class AccountView:
    """The backups by server. Requests a list only when it is needed, and not twice within `FRESH` seconds."""

    def __init__(self, reader: Reader, clock: Clock) -> None:
        self.min_sizes = DEFAULT
        """The minimum sizes, which decide which listed backups are undersized."""
        self._reader = reader
        self._clock = clock
        self._latest: dict[Id, Listing] = {}
        self._elsewhere = Listing(_NEVER, ())
        """What the last whole list shows of a server that it does not mention."""
        self._planned_odd = Counter[object]()
        self.failures = defaultdict[Id, list[float]](list)
        """The seconds of each failed look at a server since its list was last read, with the pause after it."""
        self._changed_at: dict[Id, float] = {}
        self._account_again_at = _NEVER
        """When a look may use the list of the whole account again."""

    def start_from(self, inventory: Inventory, asked_at: float, min_sizes: MinSizes) -> None:
        """Start from the inventory of the plan, which was requested at `asked_at` by the monotonic clock."""
        self.min_sizes = min_sizes
        self._planned_odd = Counter(map(_ids, inventory.unidentified))
        self._take((*inventory.manual, *inventory.unidentified), asked_at)

    def _take(self, entries: Iterable[Backup | OddEntry], asked_at: float) -> None:
        whole = self._listing(entries, asked_at)
        grouped: dict[Id, list[Backup]] = {}
        for backup in whole.backups:
            grouped.setdefault(backup.server_id, []).append(backup)
        newer = {server_id: known for server_id, known in self._latest.items() if known.asked_at >= asked_at}
        self._elsewhere = replace(whole, backups=(), is_whole=True)
        self._latest = {
            server_id: replace(self._elsewhere, backups=tuple(held)) for server_id, held in grouped.items()
        } | newer

    async def fresh(self, server_id: Id, *, by_itself: bool = False, is_quick: bool = True) -> tuple[Backup, ...]:
        """Return the manual backups of a server from a list that was requested after our last change to it.

        With `by_itself`, a list of the whole account must have a single page: if the account changes between two
        pages, a backup may be on neither. With `is_quick`, a list that fails is soon an error.

        Raises:
            ApiError, StoppedError: the list could not be read.
        """
        known = self._known(server_id)
        is_young = self._clock.monotonic() - known.asked_at <= FRESH
        is_pieced = by_itself and known.is_whole and self._reader.pages > 1
        if is_pieced or not is_young or known.asked_at <= self._changed_at.get(server_id, _NEVER):
            known = await self._list(server_id, is_quick=is_quick)
        return known.backups

    async def refresh(self, servers: Collection[Id]) -> dict[Id, Listing | ApiError]:
        """List these servers again, one by one or with the whole account, whichever takes fewer requests.

        Returns each server's list, or the error that prevented reading it.

        Raises:
            StoppedError: the run was stopped.
        """
        ways = [self._by_server]
        if self._clock.monotonic() >= self._account_again_at:
            is_cheaper = len(servers) > 1 and len(servers) >= self._reader.pages
            ways.insert(0 if is_cheaper else 1, self._by_account)
        listings: dict[Id, Listing | ApiError] = {}
        for way in ways:
            # The list of one server may fail where that of the account does not, and the reverse.
            if missing := [server for server in servers if not isinstance(listings.get(server), Listing)]:
                listings |= await way(missing)
        return listings

    async def _by_server(self, servers: Collection[Id]) -> dict[Id, Listing | ApiError]:
        listings: dict[Id, Listing | ApiError] = {}
        waiting = iter(servers)

        async def read() -> None:
            for server_id in waiting:
                try:
                    listings[server_id] = await self._list(server_id)
                except ApiError as error:
                    listings[server_id] = error

        # All at once, they would delay the changes beside them until the lists that these rely on are too old.
        await side_by_side(*[read] * min(self._reader.http.parallelism, len(servers)))
        return listings

    async def _by_account(self, servers: Collection[Id]) -> dict[Id, Listing | ApiError]:
        asked_at = self._clock.monotonic()
        try:
            self._take(await self._reader.backups(is_quick=True), asked_at)
        except ApiError as error:
            # Many deletes, for example, change a list of several pages faster than it can be read.
            now = self._clock.monotonic()
            self._account_again_at = now + _AVOIDED_FOR * (now - asked_at)
            return dict.fromkeys(servers, error)
        return {server_id: self._known(server_id) for server_id in servers}

    def record_change(self, server_id: Id) -> None:
        """Record that a change to this server was sent: earlier lists no longer show its state."""
        self._changed_at[server_id] = self._clock.monotonic()

    def record_deleted(self, backup: Backup) -> None:
        """Record that a backup is certainly deleted; its server's list stays as fresh as it was."""
        known = self._known(backup.server_id)
        left = tuple(each for each in known.backups if each.id != backup.id)
        self._latest[backup.server_id] = replace(known, backups=left)

    def possible_entry(self, server_id: Id, backup_id: Id | None = None) -> OddEntry | None:
        """Return the unreadable entry that may be this backup, which the latest list does not show otherwise.

        The entry has the backup's id; or it has none, and was not listed when the run was planned. Without a
        `backup_id`, such a new entry may have any id: that of a new backup is not known.
        """
        known, here = self._known(server_id), {None, server_id}
        new = (entry for entry in known.new_odd if entry.server_id in here and None in {backup_id, entry.id})
        return known.odd.get(backup_id) or next(new, None)

    def _known(self, server_id: Id) -> Listing:
        return self._latest.get(server_id, self._elsewhere)

    async def _list(self, server_id: Id, *, is_quick: bool = True) -> Listing:
        # The age of a list counts from its request: the list may not show what happened since.
        asked_at = self._clock.monotonic()
        listing = self._listing(await self._reader.backups(server_id, is_quick=is_quick), asked_at)
        self.failures.pop(server_id, None)
        if listing.asked_at >= self._known(server_id).asked_at:
            self._latest[server_id] = listing
        return listing

    def _listing(self, entries: Iterable[Backup | OddEntry], asked_at: float) -> Listing:
        """Return what a list shows, without backups that are being deleted: they count as gone (spec, section 1)."""
        found = tuple(entries)
        held = (each for each in found if isinstance(each, Backup) and each.state is not State.BEING_DELETED)
        odd = [each for each in found if isinstance(each, OddEntry) and each.kind == "backup"]
        by_id: dict[Id | None, OddEntry] = {entry.id: entry for entry in odd if entry.id is not None}
        counts = Counter[object]()
        new: list[OddEntry] = []
        for entry in odd:
            counts[ids := _ids(entry)] += 1
            if counts[ids] > self._planned_odd[ids]:
                new.append(entry)
        return Listing(asked_at, self.min_sizes.judged(held), by_id, tuple(new))
