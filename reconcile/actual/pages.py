"""Reads a paged list: completely, or not at all.

If the list changes between two pages, an entry may silently be missing. So its count, the distinct entries and the
number of pages must agree; otherwise the list is read again.
"""

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
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
from reconcile.actual.wire import LARGEST_LIST, Item, MalformedError, Page
from reconcile.clock import StoppedError
from reconcile.tasks import side_by_side

_AT_FAULT = (
    "reconcile does not plan from an incomplete list. If this keeps happening, the problem is on the service's side."
)

Result = TypeVar("Result")

PAGE_SIZE = 1000
"""The official clients request as many; the service may return fewer."""

_READINGS = 3
_PAUSE = 1.0
"""How often a changing list is read, and the seconds in between."""

_MAY_PASS = (NotSentError, BusyError, OutcomeUnknownError)
"""The errors after which a read is tried again."""

_MAY_REFUSE_PAGE_SIZE = frozenset(range(400, 500)) - {401, 403}
"""The statuses after which a list is requested without `page_size`; 401 and 403 are about the token."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Query(Generic[Item]):
    """A list to read: its path, its filter, and how to read its pages."""

    path: str
    params: Mapping[str, str | int]
    read: Callable[[bytes, datetime], Page[Item]]
    progress: Callable[[int, int], None]
    """Called with the number of entries read so far, and their total."""
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
        pages = await self._side_by_side(query, first, response)
        if not pages or _why_incomplete(pages):
            pages = await self._one_by_one(query, first, response)
        if problem := _why_incomplete(pages):
            raise IncompleteListError(response.request, problem, _AT_FAULT)
        entries = {_key(entry): entry for page in pages for entry in page.results}
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
                page, response = await self._page(query, url_of(number))
                new = set(map(_key, page.results)) - seen
                if page.count != first.count or not 0 < len(new) <= first.count - len(seen):
                    raise IncompleteListError(response.request, "not the page that was expected")
                seen.update(new)
                pages[number] = page
                query.progress(len(seen), first.count)

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
                page, response = await self._page(query, self._http.link(response, pages[-1].next))
            except RefusedError as refused:
                if refused.status != httpx.codes.NOT_FOUND:
                    raise
                break  # the list has become shorter meanwhile
            new = set(map(_key, page.results)) - seen
            seen.update(new)
            pages.append(page)
            query.progress(len(seen), first.count)
        return pages

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
