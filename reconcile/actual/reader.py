"""Reading the account: whole lists, retried; this side of the service can change nothing."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

import httpx
from pydantic import TypeAdapter, ValidationError
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from reconcile.actual.errors import (
    BusyError,
    IncompleteListError,
    NotSentError,
    OutcomeUnknownError,
    RefusedError,
)
from reconcile.actual.http import Answer, Http
from reconcile.actual.inventory import MANUAL, Backup, Inventory, Server
from reconcile.actual.wire import Page, WireBackup, WireServer, explain
from reconcile.ids import Id

ATTEMPTS, PATIENT_ATTEMPTS = 5, 8
"""How often a read is tried: some seconds where a person waits, up to a minute where a night's backups hang on it."""

_REREADS = 3
_REREAD_PAUSE = 1.0
_NO_PERMISSION = {403, 404}

Item = TypeVar("Item", WireBackup, WireServer)
Result = TypeVar("Result")

_BACKUPS = TypeAdapter(Page[WireBackup])
_SERVERS = TypeAdapter(Page[WireServer])


class Reader:
    """The part of the service that only lists; every read is tried up to `attempts` times."""

    def __init__(self, http: Http, attempts: int = ATTEMPTS) -> None:
        self._http = http
        self._attempts = attempts

    async def observe(self) -> Inventory:
        """List all servers and all manual backups.

        Raises:
            ApiError: the service does not answer, refuses, or does not list all that it says it has.
        """
        backups, date = await self._whole_list(_BACKUPS, "/backups/", {"backup_type": MANUAL})
        return Inventory(
            base_url=self._http.base_url,
            servers=await self._servers(),
            backups=_manual(backups),
            observed_at=self._http.clock.now(),
            service_time=date,
        )

    async def backups(self, server_id: Id | None = None) -> tuple[Backup, ...]:
        """List the manual backups of one server, or of all; raises as `observe` does."""
        only = {} if server_id is None else {"server_id": server_id}
        backups, _ = await self._whole_list(_BACKUPS, "/backups/", {"backup_type": MANUAL, **only})
        return tuple(it for it in _manual(backups) if server_id in {None, it.server_id})

    async def backups_of_any_type(self) -> tuple[Backup, ...]:
        """List all backups of the account, automatic ones too; raises as `observe` does."""
        backups, _ = await self._whole_list(_BACKUPS, "/backups/", {})
        return tuple(it.known() for it in backups)

    async def _servers(self) -> tuple[Server, ...] | None:
        try:
            servers, _ = await self._whole_list(_SERVERS, "/servers/", {})
        except RefusedError as refused:
            if refused.status in _NO_PERMISSION:
                return None
            raise
        return tuple(it.known() for it in servers)

    async def _whole_list(
        self, shape: TypeAdapter[Page[Item]], path: str, params: dict[str, str | int]
    ) -> tuple[list[Item], datetime | None]:
        """Read a list until it is whole: it may have changed between two of its pages."""
        whole = AsyncRetrying(
            sleep=self._http.clock.sleep,
            retry=retry_if_exception_type(IncompleteListError),
            stop=stop_after_attempt(_REREADS),
            wait=lambda _: _REREAD_PAUSE,
            reraise=True,
        )
        return await whole(self._pages, shape, path, params)

    async def _pages(
        self, shape: TypeAdapter[Page[Item]], path: str, params: dict[str, str | int]
    ) -> tuple[list[Item], datetime | None]:
        found: dict[Id, Item] = {}
        page, first = await self._page(shape, path, params)
        found.update((item.id, item) for item in page.results)
        answer, seen = first, {path}
        while page.next is not None:
            following = self._same_origin(page.next, answer)
            if following in seen:
                raise IncompleteListError(answer.request, "its next page is one that was read already")
            seen.add(following)
            page, answer = await self._page(shape, following, {})
            found.update((item.id, item) for item in page.results)
        if len(found) != page.count:
            raise IncompleteListError(
                first.request,
                f"the list is incomplete: it counts {page.count} and holds {len(found)}",
                "Nothing is planned from a part. If this stays, the service is at fault.",
            )
        return list(found.values()), first.date

    async def _page(
        self, shape: TypeAdapter[Page[Item]], path: str, params: dict[str, str | int]
    ) -> tuple[Page[Item], Answer]:
        async def read() -> tuple[Page[Item], Answer]:
            answer = await self._http.request("GET", path, params=params)
            try:
                return shape.validate_json(answer.body), answer
            except ValidationError as error:
                raise OutcomeUnknownError(answer.request, _not_a_list(answer.body, error), _WHERE) from error

        return await self._retried(read)

    async def _retried(self, read: Callable[[], Awaitable[Result]]) -> Result:
        patient = AsyncRetrying(
            sleep=self._http.clock.sleep,
            retry=retry_if_exception_type((NotSentError, BusyError, OutcomeUnknownError)),
            stop=stop_after_attempt(self._attempts),
            wait=wait_random_exponential(multiplier=0.5, max=20),
            reraise=True,
        )
        return await patient(read)

    def _same_origin(self, following: str, answer: Answer) -> str:
        base = httpx.URL(self._http.base_url)
        try:
            url = base.join(following)
        except httpx.InvalidURL:
            raise IncompleteListError(answer.request, "its next page is not a URL") from None
        if (url.scheme, url.host, url.port) != (base.scheme, base.host, base.port):
            advice = "It is not followed: it would be sent the token. Check the base URL."
            raise RefusedError(answer.request, 200, f"its next page is on another origin, {url.host}", advice)
        return str(url)


_WHERE = "Check the base URL: it ends in /api/v1. If it is right, a proxy or the service is at fault."


def _not_a_list(body: bytes, error: ValidationError) -> str:
    if body.lstrip()[:1] == b"<":
        return "answered with HTML instead of JSON"
    return f"the answer is not as documented ({explain(error)})"


def _manual(backups: list[WireBackup]) -> tuple[Backup, ...]:
    # The filter is the service's; ours would not let an automatic one through either.
    return tuple(it.known() for it in backups if it.backup_type == MANUAL)
