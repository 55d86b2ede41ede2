"""Sends single requests to the service, with the token, the deadline, pauses and size limits.

This module never repeats a request; whether it may be sent again depends on what it does (pages.py, apply/).
"""

import logging
import ssl
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import anyio
import httpx

from reconcile.actual.credentials import Access, redact, redact_bytes
from reconcile.actual.errors import (
    AcceptedError,
    ApiError,
    BusyError,
    FinalError,
    NotSentError,
    OutcomeUnknownError,
    OutdatedError,
)
from reconcile.actual.responses import (
    WRONG_SERVICE,
    connection_error,
    retry_after,
    seconds_in,
    status_error,
)
from reconcile.actual.transport import transport_to
from reconcile.clock import Stop, StoppableClock, StoppedError
from reconcile.durations import age_text
from reconcile.limits import MEBIBYTE

log = logging.getLogger(__name__)

PARALLELISM = 10
LARGEST_RESPONSE = 64 * MEBIBYTE
"""Maximum bytes, decoded. A page of 10,000 backups is about 4 MB."""

MOST_VALUES = 3_000_000
"""Maximum JSON values, counted by commas: a page of 250,000 backups, which takes some hundred MB of memory. 64 MB of
`{},` would take 3 GB."""

_LONGEST_TEXT = 500
"""Maximum characters of the service's text in a message."""

_TIMEOUT = httpx.Timeout(connect=10.0, read=60.0, write=30.0, pool=60.0)
_WHOLE_REQUEST = 180.0
"""Maximum seconds, because a service that sends a byte now and then would never exceed the read time-out."""

ANNOUNCED = 5.0
"""Seconds. A longer wait is announced, at most once in that time."""

_ENCODINGS = {"", "identity", "gzip", "deflate"}
"""One encoding at a time: a chunk of 64 KiB decodes to at most 64 MiB; encoded twice, to 64 GiB."""

FRESH = 5.0
"""A few seconds (spec, section 4.4): the maximum age of a list that a change relies on, and of a response in a cache.
A change may wait as long for its turn, because its list ages meanwhile."""

_SHORTEST_PAUSE = 1.0
"""Seconds of pause after a 429 without Retry-After."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Response:
    """A complete 2xx response: its status, URL and headers are in `head`; `received_at` is by our clock."""

    request: str
    head: httpx.Response
    body: bytes
    received_at: datetime


class Http(AbstractAsyncContextManager["Http"]):
    """The service at one base URL, with one token; an async context manager, used inside that of its clock.

    At most `parallelism` requests are in flight; others wait for their turn. Long pauses call `announce` with a
    sentence that explains them.

    Raises:
        UserError: a setting for proxies or certificates can't be used.
    """

    def __init__(
        self,
        access: Access,
        clock: StoppableClock,
        *,
        parallelism: int = PARALLELISM,
        transport: httpx.AsyncBaseTransport | None = None,
        announce: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.base_url = access.base_url
        self.clock = clock
        self.parallelism = parallelism
        self._token = access.token
        url = httpx.URL(access.base_url)
        self._client = httpx.AsyncClient(
            headers={
                "Host": url.netloc.decode(),  # httpx itself can't send one that starts with xn-- and is not in Punycode
                "Authorization": f"Bearer {access.token}",
                "Accept": "application/json",
                "Accept-Encoding": "gzip, deflate",
                "Cache-Control": "no-cache",
                "User-Agent": "vps-reconcile",
            },
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            timeout=_TIMEOUT,
            transport=transport or transport_to(url),
            trust_env=False,
            event_hooks={"response": [self._check]},
        )
        self._limiter = anyio.CapacityLimiter(parallelism)
        self._resume_at = 0.0
        self._pause_reason = ""
        self._pause_is_too_long = False
        self._announce = announce
        self._announced_at = float("-inf")

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def request(
        self,
        method: str,
        target: str | httpx.URL,
        *,
        params: Mapping[str, str | int] | None = None,
        json: object = None,
    ) -> Response:
        """Send one request, once. `target` is a path below the base URL, or a URL as `link` returns it.

        Raises:
            NotSentError, BusyError, FinalError, OutcomeUnknownError, OutdatedError: see `reconcile.actual.errors`.
            StoppedError: not sent before the run was stopped, or a GET without a response before the deadline.
        """
        # Not by the client's base URL, which httpx would parse three times for each request.
        url = httpx.URL(self.base_url + target, params=params) if isinstance(target, str) else target
        request = self._client.build_request(method, url, json=json)
        name = self._name(request)
        asked_at = self.clock.monotonic()
        async with self._limiter:
            while (left := self._resume_at - self.clock.monotonic()) > 0:
                try:
                    await self.clock.sleep(left)
                except StoppedError as stopped:
                    raise StoppedError(stopped.reason, self._pause_reason) from None
            if method != "GET":
                self.clock.checkpoint()  # a change that waited for its turn must not start after an interrupt
                if self.clock.monotonic() - asked_at > FRESH:
                    raise OutdatedError(name, "not sent: the list it relies on is too old")
            try:
                return await self._send(request, name)
            except BusyError:
                if method == "GET" and self._pause_is_too_long:
                    raise StoppedError(Stop.DEADLINE, self._pause_reason) from None
                raise

    def link(self, response: Response, text: str) -> httpx.URL:
        """Return the URL of a link in this response, for the next request.

        Raises:
            FinalError: the link is not a URL, or has another origin, which must not get the token.
        """
        try:
            url = response.head.url.join(text)
        except (httpx.InvalidURL, ValueError):
            raise FinalError(response.request, "the link to the next page is not a URL", WRONG_SERVICE) from None
        ours, other = (f"{each.scheme}://{each.netloc.decode()}" for each in (response.head.url, url))
        if other != ours:
            raise FinalError(
                response.request,
                f"the next page is on another origin, {self._shown(other)} instead of {ours}",
                "It is not requested, because the token would be sent there. Check the base URL.",
            )
        return url

    def announce(self, text: str) -> None:
        """Say why the run waits, once for all requests that wait at the same time."""
        if self.clock.monotonic() - self._announced_at >= ANNOUNCED:
            self._announced_at = self.clock.monotonic()
            self._announce(text)

    async def _send(self, request: httpx.Request, name: str) -> Response:
        started = self.clock.monotonic()
        kind: type[ApiError] = OutcomeUnknownError  # what it means if no more arrives

        async def trace(step: str, details: Mapping[str, Any]) -> None:
            nonlocal kind
            if step.endswith("connect_tcp.started"):
                kind = NotSentError
            elif step.endswith("send_request_headers.started"):
                is_for_proxy = details["request"].method == b"CONNECT"
                kind = NotSentError if is_for_proxy else OutcomeUnknownError

        request.extensions["trace"] = trace  # httpcore calls it before and after each step
        try:
            with self.clock.request(), anyio.fail_after(_WHOLE_REQUEST):
                head = await self._client.send(request, stream=True)
                kind = AcceptedError
                async with aclosing(head):
                    body = await self._body(name, head)
                    response = Response(request=name, head=head, body=body, received_at=self.clock.now())
        except StoppedError as stopped:
            if request.method == "GET" or kind is NotSentError:
                raise StoppedError(stopped.reason, f"waiting for {name}") from None
            advice = "The next run will find out whether it succeeded."
            if stopped.reason is Stop.DEADLINE:
                advice += " To allow more time, increase --timeout."
            raise OutcomeUnknownError(name, f"no response: {stopped.reason}", advice) from stopped
        except TimeoutError as error:
            raise kind(name, f"no complete response within {_WHOLE_REQUEST:.0f} seconds") from error
        except Exception as error:
            # httpx lets through what TLS raises after the handshake, and what a SOCKS proxy causes.
            if kind is not NotSentError and not isinstance(error, httpx.HTTPError | ssl.SSLError):
                raise
            log.debug("%s failed: %s", name, type(error).__name__)
            raise connection_error(name, error, self._shown, kind) from error
        log.debug("%s %d in %.2fs", name, head.status_code, self.clock.monotonic() - started)
        return response

    async def _check(self, response: httpx.Response) -> None:
        """Raise the error of a response that is not a 2xx; httpx calls this before it handles redirects.

        If such a response asks for a pause, all requests pause.
        """
        if response.is_success:
            age = seconds_in(response.headers.get("Age", "")) or 0.0  # in caches: RFC 9111, section 5.1
            if response.request.method == "GET" and age > FRESH:
                problem = f"the response comes from a cache, and is {age_text(timedelta(seconds=age))} old"
                advice = "Exclude the service from the cache, probably that of a proxy."
                raise OutcomeUnknownError(self._name(response.request), problem, advice)
            return
        status, name, body = response.status_code, self._name(response.request), b""
        log.debug("%s %d", name, status)
        # The status says what became of the request, and the body only why.
        with suppress(httpx.HTTPError, ssl.SSLError, AcceptedError):
            body = await self._body(name, response)
        seconds = retry_after(response, self.clock.now())
        error = status_error(name, response, body, seconds, self._shown)
        is_about_account = response.request.method == "GET" and "server_id" not in response.request.url.params
        if status == httpx.codes.TOO_MANY_REQUESTS:
            self._pause(_SHORTEST_PAUSE if seconds is None else seconds, error)
        elif status == httpx.codes.SERVICE_UNAVAILABLE and seconds and is_about_account:
            self._pause(seconds, error)  # another request may be rejected only because of its server
        raise error

    async def _body(self, name: str, response: httpx.Response) -> bytes:
        """Return the body of a response.

        Raises:
            AcceptedError: it can't be used.
            httpx.HTTPError, ssl.SSLError: it was cut off.
        """
        if response.headers.get("Content-Encoding", "").strip().lower() not in _ENCODINGS:
            raise AcceptedError(name, "the response has an encoding that was not requested", WRONG_SERVICE)
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > LARGEST_RESPONSE:
                raise AcceptedError(name, f"the response is larger than {LARGEST_RESPONSE // MEBIBYTE} MiB")
        if body.count(b",") > MOST_VALUES:
            raise AcceptedError(name, f"the response contains more than {MOST_VALUES:,} values")
        # The service may echo the token anywhere. If the text is cut or wrapped later, the token can't be recognised.
        return redact_bytes(bytes(body), self._token)

    def _name(self, request: httpx.Request) -> str:
        return redact(f"{request.method} {request.url}", self._token)

    def _pause(self, seconds: float, error: ApiError) -> None:
        """Make all requests wait, because the limit applies to the account."""
        resume_at = self.clock.monotonic() + seconds
        if resume_at <= self._resume_at:
            return
        self._resume_at = resume_at
        length, left = (age_text(timedelta(seconds=each)) for each in (seconds, self.clock.seconds_left))
        self._pause_is_too_long = seconds >= self.clock.seconds_left
        self._pause_reason = f"waiting {length}, as requested by the service ({error})"
        if self._pause_is_too_long:
            self._pause_reason += f"; --timeout leaves only {left}"
            self.clock.stop(Stop.DEADLINE)  # this run can send no more requests
        elif seconds > ANNOUNCED:
            self.announce(f"Waiting {length}, as requested by the service: {error}")

    def _shown(self, text: str) -> str:
        redacted = redact(text, self._token)
        return redacted if len(redacted) <= _LONGEST_TEXT else redacted[: _LONGEST_TEXT - 1] + "…"
