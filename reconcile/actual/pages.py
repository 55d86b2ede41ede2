"""Reads a paged list: completely, or not at all.

If the list changes between two pages, an entry may silently be missing. So its count, the distinct entries and the
number of pages must agree; otherwise the list is read again.
"""

from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Generic, TypeVar

import httpx

from reconcile.actual.backoff import backoff
from reconcile.actual.errors import (
    ApiError,
    BusyError,
    IncompleteListError,
    NotSentError,
    OutcomeUnknownError,
    RefusedError,
)
from reconcile.actual.http import ANNOUNCED, Http, Response
from reconcile.actual.inventory import Backup, OddEntry, Server
from reconcile.actual.responses import WRONG_SERVICE
from reconcile.actual.wire import Item, MalformedError, Page
from reconcile.clock import StoppedError
from reconcile.tasks import side_by_side

Progress = Callable[[int, int], None]
"""Called with the number of entries read so far, and their total."""

Result = TypeVar("Result")

PAGE_SIZE = 1000
"""The official clients request as many; the service may return fewer."""

LARGEST_LIST = 250_000
"""Maximum entries: far more than an account has, and some hundred megabytes of memory."""

_READINGS = 3
_PAUSE = 1.0
"""How often a changing list is read, and the seconds in between."""

_MAY_PASS = (NotSentError, BusyError, OutcomeUnknownError)
"""The errors after which a read is tried again."""

_MAY_REFUSE_PAGE_SIZE = frozenset(range(400, 500)) - {401, 403}


@dataclass(frozen=True, kw_only=True, slots=True)
class Query(Generic[Item]):
    """A list to read: its path, its filter, and how to read its pages."""

    path: str
    params: Mapping[str, str | int]
    read: Callable[[bytes, datetime], Page[Item]]
    progress: Progress
    needs_ids: bool = True
    """Whether to refuse a list without any ids. The list of one server may consist of a single odd entry."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CompleteList(Generic[Item]):
    """A complete list. `date` is the time by the service's clock at `observed_at` by ours."""

    items: tuple[Item, ...]
    unidentified: tuple[OddEntry, ...]
    pages: int
    observed_at: datetime
    date: datetime | None


class Pages:
    """Reads complete lists, each request up to `attempts` times."""

    def __init__(self, http: Http, attempts: int) -> None:
        self._http = http
        self._attempts = attempts
        self._asks_for_size = True

    async def whole(self, query: Query[Item]) -> CompleteList[Item]:
        """Read a list, again if necessary, until it is complete.

        Raises:
            ApiError: the service does not respond, rejects the request, or lists fewer entries than it counts.
            StoppedError: interrupted, or out of time.
        """
        return await self._repeated(partial(self._listing, query), (IncompleteListError,), _READINGS, lambda _: _PAUSE)

    async def single(self, path: str) -> Response:
        """Read a response that is not a list, again if necessary; raises as `whole` does."""
        return await self._repeated(partial(self._http.request, "GET", path), _MAY_PASS, self._attempts, backoff)

    async def _listing(self, query: Query[Item]) -> CompleteList[Item]:
        first, response = await self._first(query)
        pages = await self._side_by_side(query, first, response) or await self._one_by_one(query, first, response)
        entries = {_key(entry): entry for page in pages for entry in page.results}
        if len(entries) != first.count:
            problem = f"the list is incomplete: the service reports {first.count} entries but returned {len(entries)}"
            raise IncompleteListError(response.request, problem, _AT_FAULT)
        ids = [entry.id for entry in entries.values() if entry.id is not None]
        if query.needs_ids and entries and not ids:
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
            date=response.date,
        )

    async def _first(self, query: Query[Item]) -> tuple[Page[Item], Response]:
        """Read the first page, as large as the service allows."""
        if self._asks_for_size:
            try:
                page, response = await self._page(query, query.path, {**query.params, "page_size": PAGE_SIZE})
            except RefusedError as refused:
                if refused.status not in _MAY_REFUSE_PAGE_SIZE:
                    raise
                page, response = await self._page(query, query.path, query.params)
                self._asks_for_size = False
        else:
            page, response = await self._page(query, query.path, query.params)
        if page.count > LARGEST_LIST:
            problem = f"the list counts {page.count:,} entries, and reconcile reads at most {LARGEST_LIST:,}"
            raise RefusedError(response.request, problem, WRONG_SERVICE)
        query.progress(len(page.results), page.count)
        return page, response

    async def _side_by_side(self, query: Query[Item], first: Page[Item], response: Response) -> list[Page[Item]] | None:
        """Read all pages at once; return None if a page does not match the first."""
        url_of = self._numbered(first, response)
        if not url_of:
            return None
        size, last = len(first.results), _most_pages(first)
        pages = {1: first}
        ids = set(map(_key, first.results))
        numbers = iter(range(2, last + 1))

        async def read() -> None:
            for number in numbers:
                page, response = await self._page(query, url_of(number))
                known = len(ids)
                ids.update(map(_key, page.results))
                length = size if number < last else first.count - size * (last - 1)
                is_last = page.next is None
                if (page.count, len(ids) - known, is_last) != (first.count, length, number == last):
                    raise IncompleteListError(response.request, "not the page that was expected")
                pages[number] = page
                query.progress(len(ids), first.count)

        try:
            await side_by_side(*[read] * min(self._http.parallelism, last - 1))
        except (IncompleteListError, RefusedError):
            return None
        return [pages[number] for number in sorted(pages)]

    def _numbered(self, first: Page[Item], response: Response) -> Callable[[int], httpx.URL] | None:
        """Return a function from page number to URL, if `next` is the same URL with only the page number added."""
        if first.next is None or _most_pages(first) == 1:
            return None
        following = self._http.link(response, first.next)
        expected = sorted([*response.url.params.multi_items(), ("page", "2")])
        if following.path != response.url.path or sorted(following.params.multi_items()) != expected:
            return None
        return lambda number: following.copy_set_param("page", number)

    async def _one_by_one(self, query: Query[Item], first: Page[Item], response: Response) -> list[Page[Item]]:
        """Follow `next` from page to page."""
        pages, most = [first], _most_pages(first)
        ids = set(map(_key, first.results))
        page = first
        while page.next is not None:
            if len(pages) == most:
                problem = f"the list has more pages than its count of {first.count} allows"
                raise IncompleteListError(response.request, problem, _AT_FAULT)
            page, response = await self._next(query, page.next, response)
            if page.count != first.count:
                problem = f"the list changed while it was read: its count was {first.count}, then {page.count}"
                raise IncompleteListError(response.request, problem, "Try again.")
            known = len(ids)
            ids.update(map(_key, page.results))
            if len(ids) > first.count:
                raise IncompleteListError(
                    response.request,
                    f"the list contains more than the {first.count} entries that the service reports",
                    _AT_FAULT,
                )
            if len(ids) == known:
                raise IncompleteListError(response.request, "the page contains no new entries", _AT_FAULT)
            pages.append(page)
            query.progress(len(ids), first.count)
        return pages

    async def _next(self, query: Query[Item], text: str, response: Response) -> tuple[Page[Item], Response]:
        try:
            return await self._page(query, self._http.link(response, text))
        except RefusedError as refused:
            if refused.status != httpx.codes.NOT_FOUND:
                raise
            problem = "the list changed while it was read: the next page is gone"
            raise IncompleteListError(response.request, problem, "Try again.") from refused

    async def _page(
        self, query: Query[Item], target: str | httpx.URL, params: Mapping[str, str | int] | None = None
    ) -> tuple[Page[Item], Response]:
        async def read() -> tuple[Page[Item], Response]:
            response = await self._http.request("GET", target, params=params)
            try:
                return query.read(response.body, response.received_at), response
            except MalformedError as error:
                problem = f"the response is not as documented: {error}"
                raise OutcomeUnknownError(response.request, problem, WRONG_SERVICE) from error

        return await self._repeated(read, _MAY_PASS, self._attempts, backoff)

    async def _repeated(
        self,
        read: Callable[[], Awaitable[Result]],
        errors: tuple[type[ApiError], ...],
        attempts: int,
        pause: Callable[[int], float],
    ) -> Result:
        """Read again after one of these errors, up to `attempts` times; the last error is raised."""
        waited = 0.0
        for attempt in range(1, attempts):
            try:
                return await read()
            except errors as error:
                problem = error
            seconds = pause(attempt)
            waited += seconds
            if waited > ANNOUNCED:
                self._http.announce(f"Trying again in {seconds:.0f}s: {problem}")
            try:
                await self._http.clock.pause(seconds)
            except StoppedError as stopped:
                raise StoppedError(stopped.reason, f"trying again after {problem}") from problem
        return await read()


_AT_FAULT = (
    "reconcile does not plan from an incomplete list. If this keeps happening, the problem is on the service's side."
)


def _key(entry: Backup | Server | OddEntry) -> Hashable:
    """Return what distinguishes an entry of a list from the others: its id, or the entry itself if it has none."""
    return entry if entry.id is None else entry.id


def _most_pages(first: Page[Item]) -> int:
    return -(-first.count // len(first.results)) if first.results else 1
