"""Reads a paged list: completely, or not at all.

If the list changes between two pages, an entry may silently be missing. So its count, the distinct entries and the
number of pages must agree; otherwise the list is read again.
"""

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

import httpx

from reconcile.actual.backoff import backoff
from reconcile.actual.errors import (
    ApiError,
    BusyError,
    FinalError,
    IncompleteListError,
    NotSentError,
    OutcomeUnknownError,
)
from reconcile.actual.http import ANNOUNCED, Http, Response
from reconcile.actual.inventory import Backup, OddEntry, Server
from reconcile.actual.responses import WRONG_SERVICE, date_in
from reconcile.actual.wire import LARGEST_LIST, Item, MalformedError, Page
from reconcile.clock import StoppedError
from reconcile.tasks import side_by_side

_AT_FAULT = (
    "reconcile does not plan from an incomplete list. If this keeps happening, the problem is on the service's side."
)

Value = TypeVar("Value")
Params = Mapping[str, str | int]

PAGE_SIZE = 1000
"""The official clients request as many; the service may return fewer."""

_READINGS = 3
_PAUSE = 1.0
"""How often a changing list is read, and the seconds in between."""

_MAY_PASS = (NotSentError, BusyError, OutcomeUnknownError)
"""The errors after which a read is tried again."""

_MAY_REJECT_PAGE_SIZE = frozenset(range(400, 500)) - {401, 403}
"""The statuses after which a list is requested without `page_size`; 401 and 403 are about the token."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Query(Generic[Item]):
    """A list to read: its path, its filter, and how to decode its pages."""

    path: str
    params: Params
    decode: Callable[[bytes, datetime], Page[Item]]
    progress: Callable[[int, int], None] = lambda _, __: None
    """Called with the number of entries read so far, and their total."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CompleteList(Generic[Item]):
    """A complete list. `date` is the time by the service's clock at `observed_at` by ours."""

    items: tuple[Item, ...]
    unidentified: tuple[OddEntry, ...]
    pages: int
    observed_at: datetime
    date: datetime | None


class Pages:
    """Reads complete lists, each request up to `attempts` times, with pauses of up to `longest_pause` seconds."""

    def __init__(self, http: Http, attempts: int, longest_pause: float = math.inf) -> None:
        self._http = http
        self._attempts = attempts
        self._longest_pause = longest_pause
        self._asks_for_size = True

    async def whole(self, query: Query[Item]) -> CompleteList[Item]:
        """Read a list, again if necessary, until it is complete.

        Raises:
            ApiError: the service does not respond, rejects the request, or lists fewer entries than it counts.
            StoppedError: interrupted, or out of time.
        """
        for reading in range(1, _READINGS + 1):
            first, response = await self._first(query)
            pages = await self._side_by_side(query, first, response)
            if not pages or _why_incomplete(pages):
                pages = await self._one_by_one(query, first, response)
            if not (problem := _why_incomplete(pages)):
                return _complete(query, pages, response)
            error = IncompleteListError(response.request, problem, _AT_FAULT)
            if reading < _READINGS:
                await self._pause(_PAUSE, error)
        raise error

    async def read(
        self, target: str | httpx.URL, decode: Callable[[bytes, datetime], Value], params: Params | None = None
    ) -> tuple[Value, Response]:
        """Read one response, again if necessary. `decode` gets its body and when it arrived. Raises as `whole`."""
        waited = 0.0
        for attempt in range(1, self._attempts + 1):
            try:
                response = await self._http.request("GET", target, params=params)
                return decode(response.body, response.received_at), response
            except MalformedError as malformed:
                problem = f"the response is not as documented: {malformed}"
                error: ApiError = OutcomeUnknownError(response.request, problem, WRONG_SERVICE)
            except _MAY_PASS as failed:
                error = failed
            # After a 429, `Http` makes all requests wait, as after a 503 that is not about one server.
            asked_for = (error.retry_after or 0.0) if isinstance(error, OutcomeUnknownError) else 0.0
            clock = self._http.clock
            if asked_for > min(self._longest_pause, clock.seconds_left) and not clock.reason:
                break
            if attempt < self._attempts:
                seconds = max(asked_for, backoff(attempt))
                waited += seconds
                if waited > ANNOUNCED:
                    self._http.announce(f"Trying again in {seconds:.0f}s: {error}")
                await self._pause(seconds, error)
        raise error

    async def _pause(self, seconds: float, error: ApiError) -> None:
        try:
            await self._http.clock.sleep(seconds)
        except StoppedError as stopped:
            raise StoppedError(stopped.reason, f"trying again after {error}") from error

    async def _first(self, query: Query[Item]) -> tuple[Page[Item], Response]:
        """Read the first page, as large as the service allows."""
        params = {**query.params, "page_size": PAGE_SIZE} if self._asks_for_size else query.params
        try:
            page, response = await self.read(query.path, query.decode, params)
        except FinalError as error:
            if not self._asks_for_size or error.status not in _MAY_REJECT_PAGE_SIZE:
                raise
            page, response = await self.read(query.path, query.decode, query.params)
            self._asks_for_size = False
        if page.count > LARGEST_LIST:
            problem = f"the list counts {page.count:,} entries, and reconcile reads at most {LARGEST_LIST:,}"
            raise FinalError(response.request, problem, WRONG_SERVICE)
        query.progress(len(page.results), page.count)
        return page, response

    async def _side_by_side(self, query: Query[Item], first: Page[Item], response: Response) -> list[Page[Item]] | None:
        """Read all pages at once; return None if the service does not number them as expected."""
        url_of = self._numbered(first, response)
        if not url_of:
            return None
        last = _most_pages(first)
        pages = {1: first}
        seen = set(map(_key, first.results))
        numbers = iter(range(2, last + 1))

        async def read() -> None:
            for number in numbers:
                page, response = await self.read(url_of(number), query.decode)
                new = set(map(_key, page.results)) - seen
                if page.count != first.count or not 0 < len(new) <= first.count - len(seen):
                    raise IncompleteListError(response.request, "not the page that was expected")
                seen.update(new)
                pages[number] = page
                query.progress(len(seen), first.count)

        try:
            await side_by_side(*[read] * min(self._http.parallelism, last - 1))
        except (IncompleteListError, FinalError):
            return None
        return [pages[number] for number in sorted(pages)]

    def _numbered(self, first: Page[Item], response: Response) -> Callable[[int], httpx.URL] | None:
        """Return a function from page number to URL, if `next` is the same URL with only the page number added."""
        if first.next is None or _most_pages(first) == 1:
            return None
        following = self._http.link(response, first.next)
        expected = sorted([*response.head.url.params.multi_items(), ("page", "2")])
        if following.path != response.head.url.path or sorted(following.params.multi_items()) != expected:
            return None
        return lambda number: following.copy_set_param("page", number)

    async def _one_by_one(self, query: Query[Item], first: Page[Item], response: Response) -> list[Page[Item]]:
        """Follow `next` from page to page, for as long as the list may become complete."""
        pages, new = [first], set(map(_key, first.results))
        seen = set(new)
        while (
            pages[-1].next is not None
            and pages[-1].count == first.count
            and len(pages) < _most_pages(first)
            and new
            and len(seen) <= first.count
        ):
            try:
                page, response = await self.read(self._http.link(response, pages[-1].next), query.decode)
            except FinalError as error:
                if error.status != httpx.codes.NOT_FOUND:
                    raise
                break  # the list has become shorter meanwhile
            new = set(map(_key, page.results)) - seen
            seen.update(new)
            pages.append(page)
            query.progress(len(seen), first.count)
        return pages


def _complete(query: Query[Item], pages: Sequence[Page[Item]], response: Response) -> CompleteList[Item]:
    """Return the list that these pages hold; `response` is that of the first page.

    Raises:
        OutcomeUnknownError: its ids can't be used.
    """
    entries = {_key(entry): entry for page in pages for entry in page.results}
    ids = [entry.id for entry in entries.values() if entry.id is not None]
    # The list of one server may consist of a single odd entry.
    if "server_id" not in query.params and entries and not ids:
        problem = "the response is not as documented: no entry of the list has an id"
        raise OutcomeUnknownError(response.request, problem, WRONG_SERVICE)
    if len(set(map(type, ids))) > 1 and len(set(map(str, ids))) < len(ids):
        # A request to delete one of them would have the URL of the other.
        problem = 'two entries of the list have ids that differ only in their type, such as 7 and "7"'
        raise OutcomeUnknownError(response.request, problem, WRONG_SERVICE)
    return CompleteList(
        items=tuple(entry for entry in entries.values() if not isinstance(entry, OddEntry)),
        unidentified=tuple(entry for entry in entries.values() if isinstance(entry, OddEntry)),
        pages=len(pages),
        observed_at=response.received_at,
        date=date_in(response.head.headers.get("Date", "")),
    )


def _key(entry: Backup | Server | OddEntry) -> Hashable:
    """Return what distinguishes an entry of a list from the others: its id, or the entry itself if it has none."""
    return entry if entry.id is None else entry.id


def _why_incomplete(pages: Sequence[Page[Item]]) -> str | None:
    count = pages[0].count
    if changed := [page.count for page in pages if page.count != count]:
        return f"the list changed while it was read: its count was {count}, then {changed[0]}"
    entries = {_key(entry) for page in pages for entry in page.results}
    if len(entries) != count:
        return f"the list is incomplete: the service reports {count} entries but returned {len(entries)}"
    return None if pages[-1].next is None else f"the list has more pages than its count of {count} allows"


def _most_pages(first: Page[Item]) -> int:
    return -(-first.count // len(first.results)) if first.results else 1
