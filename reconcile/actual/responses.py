"""Classifies requests that get a response other than a 2xx, or none at all."""

import os
import re
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from socket import gaierror

import httpx

from reconcile.actual.errors import ApiError, BusyError, FinalError, NotSentError, OutcomeUnknownError
from reconcile.actual.wire import error_text

Show = Callable[[str], str]
"""Prepares text from the service for a message: masks the token, and shortens it."""

WRONG_SERVICE = (
    "Check the base URL, which should end in /api/v1. If it is correct, the problem is in a proxy or the service."
)

_BUSY = {409, 423, 425, 429}
_REDIRECTS = {301, 302, 303, 307, 308}
_ADVICE = {
    401: "The token is wrong or was revoked; create a new one in the web panel under Account → Developers.",
    403: "Give the token the permission (servers:read to plan, servers:* to apply); see reconcile help connection.",
    404: "If every request fails with 404, check the base URL, which should end in /api/v1.",
}
_ABOUT_PERMISSIONS = re.compile(r"permission|scope|token|credential|forbidden|authori[sz]", re.IGNORECASE)
_UNREACHABLE = "Check the base URL, the network, and any proxy."
_NO_TRUST = (
    "Install the system's CA certificates. If a company's own CA or proxy signs certificates here, add that CA to the "
    "system's trust store, or name it in SSL_CERT_FILE; see reconcile help connection."
)
_NO_TLS = "Check that the host and port of the base URL speak https, and check any proxy."
_LONGEST_PAUSE = 24 * 3600.0
"""Seconds: longer than any run, and still a time that an event loop can wait."""


def connection_error(request: str, error: Exception, show: Show, kind: type[ApiError]) -> ApiError:
    """Classify the error of a request without a complete response; `kind` is what it means at that step."""
    chain = list(_chain(error))
    is_slow = isinstance(error, httpx.TimeoutException)
    errors = (each for each in chain if isinstance(each, OSError) and not isinstance(each, ssl.SSLError | gaierror))
    texts = (*(os.strerror(each.errno) for each in errors if each.errno), *map(str, chain))
    text = "timed out" if is_slow else show(next(filter(None, texts), type(error).__name__))
    tls_error = next((each for each in chain if isinstance(each, ssl.SSLError)), None)
    match error:
        case httpx.ConnectError() if isinstance(tls_error, ssl.SSLCertVerificationError):
            return FinalError(request, f"the service's certificate is not trusted ({text})", _NO_TRUST)
        case httpx.ConnectError() if tls_error and not _may_pass(tls_error):
            return FinalError(request, f"no TLS connection ({text})", _NO_TLS)
        case httpx.ProxyError():
            return NotSentError(
                request,
                f"the proxy could not connect ({text})",
                "Check HTTPS_PROXY and ALL_PROXY; see reconcile help connection.",
            )
        case _ if kind is NotSentError or isinstance(
            error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout
        ):
            return NotSentError(request, f"could not connect ({text})", _UNREACHABLE)
        case _:
            return kind(request, f"no complete response ({text})")


def status_error(
    request: str, response: httpx.Response, body: bytes, retry_after: float | None, show: Show
) -> ApiError:
    """Classify a response that is not a 2xx by whether the request was carried out, and may be sent again."""
    status = response.status_code
    text, phrase = show(error_text(body)), httpx.codes.get_reason_phrase(status)
    text = "" if text.removesuffix(".").casefold() == phrase.casefold() else text  # "Not found." explains nothing
    problem = f"{status} {phrase}".rstrip() + (f": {text}" if text else "")
    if status in _BUSY:
        advice = "The service is busy; try again later."
        return BusyError(request, problem, advice, status=status, retry_after=retry_after)
    if status >= httpx.codes.INTERNAL_SERVER_ERROR or status == httpx.codes.REQUEST_TIMEOUT:
        # RFC 9110, section 15: a status that does not exist, such as 999, counts as a server error.
        advice = "The service has a problem; try again later."
        return OutcomeUnknownError(request, problem, advice, status=status, retry_after=retry_after)
    if response.is_client_error:
        return FinalError(request, problem, _advice(status, text), status=status)
    if status in _REDIRECTS and (location := response.headers.get("Location")):
        advice = "Redirects are not followed, because they could leak the token. Check the base URL."
        return FinalError(request, f"{problem}, redirected to {show(location)}", advice, status=status)
    return FinalError(request, f"unexpected response {problem}", WRONG_SERVICE, status=status)


def _advice(status: int, text: str) -> str:
    """Return what to do, unless the service itself explains the error, for example by a quota or a protected backup."""
    is_explained = bool(text) and not (status == httpx.codes.FORBIDDEN and _ABOUT_PERMISSIONS.search(text))
    return "" if is_explained and status != httpx.codes.UNAUTHORIZED else _ADVICE.get(status, "")


def retry_after(response: httpx.Response, now: datetime) -> float | None:
    """Return the seconds to wait before the next request, at most a day; None if the service does not send them."""
    value = response.headers.get("Retry-After", "")
    if (seconds := seconds_in(value)) is not None:
        return seconds
    date = date_in(value)
    return min(max(0.0, (date - now).total_seconds()), _LONGEST_PAUSE) if date else None


def seconds_in(value: str) -> float | None:
    """Read a header with a whole number of seconds, at most a day; None for any other value."""
    return min(float(value), _LONGEST_PAUSE) if value.isascii() and value.isdigit() else None


def date_in(value: str) -> datetime | None:
    """Read a header with a date; None for any other value."""
    try:
        date = parsedate_to_datetime(value)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _may_pass(error: ssl.SSLError) -> bool:
    """Return whether a later handshake may succeed. A load balancer that restarts may end it, or lack a certificate."""
    is_cut_off = isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError | ssl.SSLSyscallError)
    return is_cut_off or error.reason == "TLSV1_ALERT_INTERNAL_ERROR"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Return an error and its causes: libraries wrap what the system says, often without its text."""
    while error:
        yield error
        error = error.__cause__ or error.__context__
