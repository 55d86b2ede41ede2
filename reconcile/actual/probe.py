"""What the service is really like, for `reconcile doctor`: a few reads, each looked at closely; nothing is changed."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from reconcile.actual.errors import ApiError, RefusedError
from reconcile.actual.http import Answer, Http
from reconcile.actual.inventory import LARGEST_SKEW
from reconcile.actual.inventory import State as BackupState
from reconcile.actual.reader import Reader

SMALL_SKEW = timedelta(minutes=1)

_BACKUP_FIELDS = {
    "id",
    "server",
    "backup_type",
    "status",
    "size_mb",
    "created_at",
    "expires_at",
    "description",
}
_SERVER_FIELDS = {
    "id",
    "name",
    "hostname",
    "status",
    "ip_address",
    "location",
    "plan",
    "os",
    "created_at",
    "updated_at",
}
_READS = {"*:*", "servers:*", "servers:read", "backups:*", "backups:read", "*:read"}
_WRITES = {"*:*", "servers:*", "servers:write", "backups:*", "backups:write", "*:write"}
_LIMIT_HEADERS = ("ratelimit", "x-ratelimit", "retry-after")


class State(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"
    """With this, apply could not work."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What one check found, and what to do about it; no secret and no name of a server is in it."""

    check: str
    state: State
    words: str
    advice: str = ""


class Probe:
    """Reads what may be read, and says what it found."""

    def __init__(self, http: Http) -> None:
        self._http = http

    async def findings(self) -> list[Finding]:
        """Check the token, both lists, the clock and the limits; where nothing answers, that is all there is to say."""
        try:
            first = await self._http.request("GET", "/backups/")
        except ApiError as error:
            return [_failed("service", error)]
        return [
            await self._token(),
            *_first_page("backups", first, _BACKUP_FIELDS, lambda it: it.get("status")),
            await self._whole_list(),
            *await self._servers(),
            self._clock(first),
            _limits(first.headers),
        ]

    async def _token(self) -> Finding:
        unread = "The permissions could not be read."
        try:
            answer = await self._http.request("GET", "/account/me/")
            token = json.loads(answer.body)["token"]
            name, permissions = str(token["name"]), [str(it) for it in token["permissions"]]
        except ApiError as error:
            return Finding(check="permissions", state=State.WARNING, words=_problem(error), advice=unread)
        except (ValueError, TypeError, KeyError):
            words = "GET /account/me/ does not answer as documented"
            return Finding(check="permissions", state=State.WARNING, words=words, advice=unread)
        return _enough(f"token {name!r} has {', '.join(permissions) or 'none'}", set(permissions))

    async def _whole_list(self) -> Finding:
        try:
            backups = await Reader(self._http).backups_of_any_type()
        except ApiError as error:
            return _failed("whole list", error)
        return Finding(check="whole list", state=State.OK, words=f"{len(backups)} backups read, as many as it counts")

    async def _servers(self) -> list[Finding]:
        try:
            answer = await self._http.request("GET", "/servers/")
        except RefusedError as error:
            words = f"{_problem(error)}: names are checked against the backups' own"
            return [Finding(check="servers", state=State.WARNING, words=words, advice="Give the token servers:read.")]
        except ApiError as error:
            return [_failed("servers", error)]
        return list(_first_page("servers", answer, _SERVER_FIELDS, lambda _: None))

    def _clock(self, answer: Answer) -> Finding:
        if answer.date is None:
            words = "the service does not tell its own (no Date header)"
            return Finding(check="clock", state=State.WARNING, words=words, advice="See that ours is right (ntp).")
        skew = abs(self._http.clock.now() - answer.date)
        words = f"{skew.total_seconds():.0f}s between ours and the service's"
        if skew <= SMALL_SKEW:
            return Finding(check="clock", state=State.OK, words=words)
        state = State.WARNING if skew <= LARGEST_SKEW else State.ERROR
        return Finding(check="clock", state=state, words=words, advice="Set the clock (ntp): what is due hangs on it.")


def _first_page(check: str, answer: Answer, documented: set[str], status: Any) -> Iterator[Finding]:  # noqa: ANN401 - a function of an entry
    try:
        page = json.loads(answer.body)
        entries = [it for it in page["results"] if isinstance(it, dict)]
        counts = isinstance(page["count"], int)
    except (ValueError, TypeError, KeyError):
        kind = "HTML" if answer.body.lstrip()[:1] == b"<" else "something else"
        words = f"the list is not as documented, it is {kind}"
        yield Finding(check=check, state=State.ERROR, words=words, advice="Check the base URL: it ends in /api/v1.")
        return
    paging = "has next" if page.get("next") else "next is null" if "next" in page else "has no next"
    counted = f"count {page['count']}" if counts else "no count"
    state = State.OK if counts else State.ERROR
    yield Finding(check=check, state=state, words=f"{len(entries)} on the first page, {counted}, {paging}")
    unknown = sorted({str(it) for it in map(status, entries) if it and BackupState.of(str(it)) is BackupState.UNKNOWN})
    if unknown:
        words = "unknown statuses: " + ", ".join(unknown)
        advice = "Nothing of such a series is deleted. Please report them."
        yield Finding(check=check, state=State.WARNING, words=words, advice=advice)
    new = sorted({key for entry in entries for key in entry} - documented)
    missing = sorted({key for entry in entries for key in documented - set(entry)})
    if new or missing:
        words = f"fields: new {', '.join(new) or 'none'}; missing {', '.join(missing) or 'none'}"
        yield Finding(check=check, state=State.WARNING, words=words, advice="What is new is ignored.")


def _enough(has: str, permissions: set[str]) -> Finding:
    if _WRITES & permissions:
        return Finding(check="permissions", state=State.OK, words=f"{has}: enough for plan, apply and restore")
    if _READS & permissions:
        words = f"{has}: enough for plan, not for apply and restore"
        advice = "For apply, make a token that may write, such as servers:*."
        return Finding(check="permissions", state=State.ERROR, words=words, advice=advice)
    words = f"{has}: reconcile does not know these"
    return Finding(check="permissions", state=State.WARNING, words=words, advice="Try reconcile plan.")


def _limits(headers: Mapping[str, str]) -> Finding:
    told = [f"{name}: {value}" for name, value in headers.items() if name.lower().startswith(_LIMIT_HEADERS)]
    return Finding(check="rate limit", state=State.OK, words="; ".join(told) or "the service tells none")


def _failed(check: str, error: ApiError) -> Finding:
    (diagnostic,) = error.diagnostics
    return Finding(check=check, state=State.ERROR, words=diagnostic.summary, advice=diagnostic.detail)


def _problem(error: ApiError) -> str:
    return error.diagnostics[0].summary
