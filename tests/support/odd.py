"""Responses that are not as documented, one oddity at a time: every field, every status, at every kind of request."""

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import httpx

from support.build import config
from support.schedules import item
from support.world import World

WEB, DB, APP = ({"id": number, "name": name} for number, name in ((1, "web"), (2, "db"), (3, "app")))
FILE = config(
    """
    [settings]
    account = "ops@example.com"

    [servers.web]
    id = 1
    backups = [{ description = "nightly", every = "1d", keep = 1 }]

    [servers.db]
    id = 2
    prune = "7d"
    backups = [{ description = "nightly", every = "1d", keep = 1 }]

    [fleets.rest]
    match = "*"
    location = "here"
    [[fleets.rest.backups]]
    description = "nightly"
    every = "1d"
    keep = 1
    """
)
ODD, DB_OLD, DB_JUNK = 11, 21, 22
"""The backup whose entry is odd, on `web`; and what is to be deleted on `db`."""

ABSENT = object()
VALUES: dict[str, object] = {
    "absent": ABSENT,
    "null": None,
    "a list": [],
    "an object": {"id": 1},
    "a truth value": True,
    "empty": "",
    "text": "4000.00",
    "huge": 10**30,
    "long": "x" * 10_000,
    "negative": -1,
    "a fraction": 0.5,
    "hostile": "\x1b[31m/../%2f",
    "half a surrogate pair": "\ud83d",
}
_WRONG = {"a list", "an object", "a truth value", "huge", "negative", "half a surrogate pair"}
_NO_ID = {*_WRONG, "absent", "null", "empty", "a fraction", "long"} - {"negative"}
UNREADABLE: dict[str, set[str]] = {
    "id": _NO_ID,
    "server": {"absent", "null", "a list", "a truth value", "empty", "text", "half a surrogate pair"},
    "server.id": _NO_ID,
    "backup_type": set(VALUES),
    "status": _WRONG,
    "size_mb": {*_WRONG, "empty", "long", "hostile"},
    "created_at": set(VALUES),
    "expires_at": {*_WRONG, "empty", "long", "hostile", "text"},
    "description": {*_WRONG, "absent", "a fraction"},
}
"""For each field, the values that can't be read, so that a warning must name the field."""

BACKUP_FIELDS = (
    "id",
    "server",
    "server.id",
    "server.name",
    "backup_type",
    "status",
    "size_mb",
    "created_at",
    "expires_at",
    "description",
)
SERVER_FIELDS = ("id", "name", "location", "status")
PAGE_FIELDS = ("count", "next", "results")
ACCOUNT_FIELDS = ("account", "account.email", "token")
HEADERS: dict[str, dict[str, str | None]] = {
    "no Date": {"Date": None},
    "a Date that is none": {"Date": "yesterday"},
    "a Date of long ago": {"Date": "Thu, 01 Jan 1970 00:00:00 GMT"},
    "a Date in 9999": {"Date": "Fri, 31 Dec 9999 23:59:59 GMT"},
    "gzip that is none": {"Content-Encoding": "gzip"},
    "an unknown encoding": {"Content-Encoding": "zstd-of-tomorrow"},
    "an odd charset": {"Content-Type": "application/json; charset=klingon"},
}
STATUSES = (
    *(200, 201, 202, 204, 206, 301, 302, 304, 307, 400, 401, 402, 403, 404, 405, 406, 408, 409, 410, 413, 415, 418),
    *(421, 422, 423, 424, 425, 426, 428, 429, 431, 451, 500, 501, 502, 503, 504, 505, 507, 508, 511, 520, 529, 599),
)
RETRY_AFTER = ("-1", "soon", "0", "99999999", "Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT")
REQUESTS = ("GET backups", "GET servers", "GET account", "POST backups", "DELETE backups")

Alter = Callable[[httpx.Response], httpx.Response]


@dataclass(frozen=True)
class Cell:
    """One oddity: which request it is the response to, how it is altered, and whether once or for ever."""

    name: str
    request: str
    alter: Alter
    is_once: bool = False
    field: str | None = None
    """The field of a single entry that is odd; None where the response as a whole is."""
    named: str | None = None
    """What the messages must name: the field that can't be read, or the status."""
    is_carried_out: bool = True
    """Whether the service does what was asked; not where its status says that it did not."""


class OddWorld(World):
    """Alters the responses to one kind of request."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.cell: Cell | None = None
        self.altered = 0

    def handle(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/v1").strip("/")
        kind = f"{request.method} {path.partition('/')[0]}"
        is_altered = self.cell is not None and kind == self.cell.request and not (self.cell.is_once and self.altered)
        self.altered += is_altered
        if path == "account/me":
            response = httpx.Response(200, json={"account": {"email": "ops@example.com"}, "token": {"name": "ci"}})
        elif is_altered and self.cell and not self.cell.is_carried_out:
            response = httpx.Response(200, json={})
        else:
            response = super().handle(request)
        return self.cell.alter(response) if is_altered and self.cell else response


def odd_world(cell: Cell) -> OddWorld:
    """Return a world of three servers that are due, and whose old backups are to be deleted."""
    servers = [{**server, "location": "here", "status": "active"} for server in (WEB, DB, APP)]
    backups = [item(ODD, WEB, "nightly", 2), item(DB_OLD, DB, "nightly", 2), item(DB_JUNK, DB, "by hand", 9)]
    world = OddWorld(config=FILE, servers=servers, backups=backups)
    world.cell = cell
    return world


def cells() -> Iterator[Cell]:
    """Return every oddity."""
    yield from _of_fields()
    for request in REQUESTS:
        yield from _of_responses(request)
    yield Cell("backups: listed twice", "GET backups", _twice)
    yield Cell("backups: reordered", "GET backups", _reversed)
    yield Cell("backups: unknown neighbours", "GET backups", _with_neighbours)


def _of_fields() -> Iterator[Cell]:
    for name, value in VALUES.items():
        for field in BACKUP_FIELDS:
            named = field.partition(".")[0] if name in UNREADABLE.get(field, ()) else None
            yield Cell(f"backup {field}: {name}", "GET backups", entry_with(field, value), field=field, named=named)
            yield Cell(f"created {field}: {name}", "POST backups", body_with(field, value))
        for field in SERVER_FIELDS:
            yield Cell(f"server {field}: {name}", "GET servers", entry_with(field, value), field=f"server {field}")
        for field in PAGE_FIELDS:
            for request in REQUESTS[:2]:
                yield Cell(f"{request} {field}: {name}", request, body_with(field, value))
        for field in ACCOUNT_FIELDS:
            yield Cell(f"account {field}: {name}", "GET account", body_with(field, value))


def _of_responses(request: str) -> Iterator[Cell]:
    for name, headers in HEADERS.items():
        yield Cell(f"{request}: {name}", request, headers_with(headers))
    for name, body in BODIES.items():
        yield Cell(f"{request}: {name}", request, body_of(body))
    for status in STATUSES:
        is_rejection = 300 <= status < 500 and status != 408
        is_read = request.startswith("GET")
        # A change that was carried out all the same is found in the list. A 404 says that a backup is gone; and whether
        # the token has permission to list servers, or to ask whose it is, is said in other words.
        is_named = (status >= 300 if is_read else is_rejection) and not (
            status in {403, 404} and request != "POST backups"
        )
        cell = Cell(
            f"{request}: {status} for ever",
            request,
            status_of(status),
            named=str(status) if is_named else None,
            is_carried_out=is_read or not is_rejection,
        )
        yield cell
        yield replace(cell, name=f"{request}: {status} once", is_once=True, named=None)
    for seconds in RETRY_AFTER:
        throttled = status_of(429, {"Retry-After": seconds})
        yield Cell(f"{request}: Retry-After {seconds}", request, throttled, is_once=True)


BODIES: dict[str, bytes] = {
    "an empty body": b"",
    "HTML": b"<html><body>Sign in</body></html>",
    "null": b"null",
    "a list": b"[]",
    "a number": b"7",
    "cut off": b'{"count": 3, "results": [{"id"',
    "not UTF-8": b'{"count": "\xff\xfe"}',
    "very deep": b"[" * 5000 + b"]" * 5000,
}


def _rewritten(response: httpx.Response, body: bytes) -> httpx.Response:
    headers = {name: value for name, value in response.headers.items() if name.lower() != "content-length"}
    return httpx.Response(response.status_code, headers=headers, content=body)


def _changed(record: dict[str, Any], field: str, value: object) -> dict[str, Any]:
    changed = deepcopy(record)
    *above, name = field.split(".")
    inner = changed
    for key in above:
        inner = inner[key] if isinstance(inner.get(key), dict) else inner.setdefault(key, {})
    if value is ABSENT:
        inner.pop(name, None)
    else:
        inner[name] = value
    return changed


def entry_with(field: str, value: object) -> Alter:
    """Alter a field of the first entry, which is that of `ODD`, or of the server it is on."""

    def alter(response: httpx.Response) -> httpx.Response:
        page = response.json()
        page["results"] = [
            _changed(entry, field, value) if entry["id"] in {ODD, WEB["id"]} else entry for entry in page["results"]
        ]
        return _rewritten(response, json.dumps(page).encode())

    return alter


def body_with(field: str, value: object) -> Alter:
    """Alter a field of the body itself."""

    def alter(response: httpx.Response) -> httpx.Response:
        return _rewritten(response, json.dumps(_changed(response.json(), field, value)).encode())

    return alter


def body_of(body: bytes) -> Alter:
    return lambda response: _rewritten(response, body)


def headers_with(headers: dict[str, str | None]) -> Alter:
    def alter(response: httpx.Response) -> httpx.Response:
        kept = {
            name: value for name, value in response.headers.items() if name not in {each.lower() for each in headers}
        }
        new = {name: value for name, value in headers.items() if value is not None}
        odd = httpx.Response(response.status_code, headers=kept, stream=httpx.ByteStream(response.content))
        odd.headers.update(new)
        return odd

    return alter


def status_of(status: int, headers: dict[str, str] | None = None) -> Alter:
    detail = {"detail": f"odd {status}"}
    return lambda _: httpx.Response(status, headers=headers, json=None if status == 204 else detail)


def _twice(response: httpx.Response) -> httpx.Response:
    page = response.json()
    page["results"] *= 2
    page["count"] = len(page["results"])
    return _rewritten(response, json.dumps(page).encode())


def _reversed(response: httpx.Response) -> httpx.Response:
    page = response.json()
    page["results"].reverse()
    return _rewritten(response, json.dumps(page).encode())


def _with_neighbours(response: httpx.Response) -> httpx.Response:
    page = response.json()
    page["results"] = [{**entry, "checksum": None, "next": {"id": 9}, "": []} for entry in page["results"]]
    page["previous"] = 7
    return _rewritten(response, json.dumps(page).encode())
