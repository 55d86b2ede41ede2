"""One request at a time to the service: the token, time-outs, pauses, size limits, and what each answer means.

Nothing here repeats anything; whether a request may be sent again depends on what it does (reader.py, apply/).
"""

import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Self

import anyio
import httpx

from reconcile.actual.credentials import Access
from reconcile.actual.errors import ApiError, BusyError, NotSentError, OutcomeUnknownError, RefusedError
from reconcile.actual.wire import words
from reconcile.clock import Clock

log = logging.getLogger(__name__)

MEGABYTE = 1024 * 1024
LARGEST_ANSWER = 64 * MEGABYTE
"""In bytes, decoded. A page of 10,000 backups is about 4 MB."""

_TIMEOUTS = httpx.Timeout(connect=10, read=60, write=30, pool=60)
_WHOLE_REQUEST = 180.0
"""Seconds. A service that sends a byte now and then would never trip the read time-out."""

_KEEPALIVE = 2.0
"""Seconds. Shorter than any server's, so that no request leaves on a connection that is being closed."""

_BUSY = {409, 423, 425, 429}
_ADVICE = {
    401: "The token is wrong or was revoked; make one in the web panel under Account → Developers.",
    403: "The token lacks a permission; give it one that may do this (servers:*), or use another.",
    404: "If nothing at all is found, check the base URL: it ends in /api/v1.",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A 2xx answer, read to its end; `date` is the service's own clock, where it tells it."""

    request: str
    status: int
    body: bytes
    date: datetime | None
    headers: Mapping[str, str]


class Http:
    """The service at one base URL, with one token; an async context manager."""

    def __init__(self, access: Access, clock: Clock, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.base_url = access.base_url
        self.clock = clock
        self._resume_at = 0.0
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {access.token}", "Accept": "application/json"},
            timeout=_TIMEOUTS,
            limits=httpx.Limits(keepalive_expiry=_KEEPALIVE),
            # A redirect could carry the token to another origin; it is an error instead.
            follow_redirects=False,
            transport=transport,
        )

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.__aexit__(kind, error, trace)

    async def request(
        self, method: str, path: str, *, params: Mapping[str, str | int] | None = None, json: object = None
    ) -> Answer:
        """Send one request, once. `path` is below the base URL, or a whole URL of the same origin.

        Raises:
            NotSentError, BusyError, RefusedError, OutcomeUnknownError: see there.
        """
        url = httpx.URL(path if "://" in path else self.base_url + path)
        if params:
            url = url.copy_merge_params(dict(params))
        name = f"{method} {url}"
        await self._pause_is_over()
        started = self.clock.monotonic()
        try:
            with anyio.fail_after(_WHOLE_REQUEST):
                status, headers, body = await self._exchange(method, url, json, name)
        except TimeoutError as error:
            raise OutcomeUnknownError(name, f"no whole answer within {_WHOLE_REQUEST:.0f} seconds") from error
        except (
            httpx.ConnectError,
            httpx.ConnectTimeout,
            httpx.PoolTimeout,
            httpx.UnsupportedProtocol,
        ) as error:
            log.debug("%s not sent: %s", name, error)
            raise NotSentError(
                name, _no_connection(error), "Check the base URL, the network, and any proxy."
            ) from error
        except httpx.HTTPError as error:
            log.debug("%s answer lost: %r", name, error)
            raise OutcomeUnknownError(name, _lost(error)) from error
        log.debug("%s %d in %.2fs", name, status, self.clock.monotonic() - started)
        if not httpx.codes.is_success(status):
            raise self._error(name, status, headers, body)
        return Answer(request=name, status=status, body=body, date=_date(headers.get("Date")), headers=headers)

    async def _exchange(self, method: str, url: httpx.URL, json: object, name: str) -> tuple[int, httpx.Headers, bytes]:
        async with self._client.stream(method, url, json=json) as response:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > LARGEST_ANSWER:
                    raise OutcomeUnknownError(name, f"the answer is larger than {LARGEST_ANSWER // MEGABYTE} MB")
            return response.status_code, response.headers, bytes(body)

    async def _pause_is_over(self) -> None:
        while (left := self._resume_at - self.clock.monotonic()) > 0:
            await self.clock.sleep(left)

    def _error(self, name: str, status: int, headers: httpx.Headers, body: bytes) -> ApiError:
        retry_after = self._retry_after(headers.get("Retry-After"))
        if retry_after and status in {429, 503}:
            # The limit is the account's, not the request's: everything waits, not only this.
            self._resume_at = max(self._resume_at, self.clock.monotonic() + retry_after)
        said = words(body)
        problem = f"{status} {httpx.codes.get_reason_phrase(status)}".rstrip() + (f": {said}" if said else "")
        if status in _BUSY:
            return BusyError(name, problem, retry_after)
        if httpx.codes.is_server_error(status) or status == httpx.codes.REQUEST_TIMEOUT:
            return OutcomeUnknownError(name, problem, "The service has a problem; try again later.")
        if httpx.codes.is_redirect(status):
            host = httpx.URL(headers.get("Location", "")).host or "another path"
            advice = "A redirect is never followed, it could carry the token away. Check the base URL."
            return RefusedError(name, status, f"{problem}, to {host}", advice)
        return RefusedError(name, status, problem, _ADVICE.get(status, ""))

    def _retry_after(self, value: str | None) -> float | None:
        if value is None:
            return None
        if value.isascii() and value.isdigit():
            return float(value)
        date = _date(value)
        return max(0.0, (date - self.clock.now()).total_seconds()) if date else None


def _date(value: str | None) -> datetime | None:
    try:
        date = parsedate_to_datetime(value or "")
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _no_connection(error: httpx.HTTPError) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "could not connect in time"
    if isinstance(error.__cause__ and error.__cause__.__cause__, ssl.SSLError):
        return f"no trusted TLS connection ({error})"
    return f"could not connect ({error})"


def _lost(error: httpx.HTTPError) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    return f"the answer broke off ({str(error) or type(error).__name__})"
